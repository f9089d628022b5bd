/* A certificate authority and server certificates for tests, made anew. */
#ifndef WB_TESTS_TLS_FILES_H
#define WB_TESTS_TLS_FILES_H

#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

struct wb_test_ca {
	EVP_PKEY *key;
	X509 *cert;
	char path[64]; /* a PEM file in /tmp, for the clients */
};

void wb_test_ca_make(struct wb_test_ca *ca);
void wb_test_ca_fini(struct wb_test_ca *ca);

/* A server's context with a certificate for names, "IP:127.0.0.1,DNS:host". */
SSL_CTX *wb_test_ca_server(const struct wb_test_ca *ca, const char *names);

#endif
