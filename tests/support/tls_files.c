#include "support/tls_files.h"

/* cmocka.h needs these three before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void
add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX context;
	X509_EXTENSION *extension;

	X509V3_set_ctx_nodb(&context);
	X509V3_set_ctx(&context, issuer, cert, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	assert_non_null(extension);
	assert_int_equal(X509_add_ext(cert, extension, -1), 1);
	X509_EXTENSION_free(extension);
}

/* Valid for an hour, not yet signed. */
static X509 *
make_cert(EVP_PKEY *key, const char *common_name)
{
	static long serial;
	X509 *cert = X509_new();
	X509_NAME *name = X509_get_subject_name(cert);

	assert_int_equal(X509_set_version(cert, X509_VERSION_3), 1);
	(void)ASN1_INTEGER_set(X509_get_serialNumber(cert), ++serial);
	(void)X509_gmtime_adj(X509_getm_notBefore(cert), -60);
	(void)X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
	(void)X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
	                                 (const unsigned char *)common_name, -1,
	                                 -1, 0);
	assert_int_equal(X509_set_pubkey(cert, key), 1);
	return cert;
}

void
wb_test_ca_make(struct wb_test_ca *ca)
{
	FILE *file;
	int fd;

	ca->key = EVP_EC_gen("P-256");
	assert_non_null(ca->key);
	ca->cert = make_cert(ca->key, "Waybill test CA");
	(void)X509_set_issuer_name(ca->cert, X509_get_subject_name(ca->cert));
	add_extension(ca->cert, ca->cert, NID_basic_constraints,
	              "critical,CA:TRUE");
	assert_true(X509_sign(ca->cert, ca->key, EVP_sha256()) > 0);
	(void)snprintf(ca->path, sizeof(ca->path), "/tmp/wb-test-ca-XXXXXX");
	fd = mkstemp(ca->path);
	assert_true(fd >= 0);
	file = fdopen(fd, "w");
	assert_non_null(file);
	assert_int_equal(PEM_write_X509(file, ca->cert), 1);
	assert_int_equal(fclose(file), 0);
}

void
wb_test_ca_fini(struct wb_test_ca *ca)
{
	X509_free(ca->cert);
	EVP_PKEY_free(ca->key);
	(void)unlink(ca->path);
}

SSL_CTX *
wb_test_ca_server(const struct wb_test_ca *ca, const char *names)
{
	SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = make_cert(key, "Waybill test server");

	(void)X509_set_issuer_name(cert, X509_get_subject_name(ca->cert));
	add_extension(cert, ca->cert, NID_subject_alt_name, names);
	assert_true(X509_sign(cert, ca->key, EVP_sha256()) > 0);
	assert_int_equal(SSL_CTX_use_certificate(tls, cert), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(tls, key), 1);
	X509_free(cert);
	EVP_PKEY_free(key);
	return tls;
}
