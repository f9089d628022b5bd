/* TLS contexts and sessions of broker connections. */
#include "amqp/tls.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>

static enum wb_err
fail(SSL_CTX *tls, struct wb_note *note, const char *what, const char *file)
{
	char reason[128] = "";

	ERR_error_string_n(ERR_peek_last_error(), reason, sizeof(reason));
	ERR_clear_error();
	SSL_CTX_free(tls);
	return wb_fail(note, WB_ERR_BAD_CONFIG, "%s \"%s\": %s", what, file,
	               reason);
}

enum wb_err
wb_amqp_tls_new(const struct wb_amqp_params *params, SSL_CTX **ret_tls,
                struct wb_note *note)
{
	SSL_CTX *tls = SSL_CTX_new(TLS_client_method());
	const char *ca = params->tls_ca, *cert = params->tls_cert;

	*ret_tls = NULL;
	if (tls == NULL)
		return fail(NULL, note, "TLS", "context");
	(void)SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION);
	SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, NULL);
	if (ca[0] == '\0') {
		if (SSL_CTX_set_default_verify_paths(tls) != 1)
			return fail(tls, note, "amqp-tls-ca", "system's");
	} else if (SSL_CTX_load_verify_locations(tls, ca, NULL) != 1) {
		return fail(tls, note, "amqp-tls-ca", ca);
	}
	if (cert[0] != '\0') {
		if (SSL_CTX_use_certificate_chain_file(tls, cert) != 1)
			return fail(tls, note, "amqp-tls-cert", cert);
		if (SSL_CTX_use_PrivateKey_file(tls, params->tls_key,
		                                SSL_FILETYPE_PEM) != 1)
			return fail(tls, note, "amqp-tls-key", params->tls_key);
	}
	*ret_tls = tls;
	return WB_OK;
}

static bool
is_address(const char *host)
{
	unsigned char address[sizeof(struct in6_addr)];

	return inet_pton(AF_INET, host, address) == 1 ||
	       inet_pton(AF_INET6, host, address) == 1;
}

/* An address is looked for among the certificate's addresses and is no SNI. */
SSL *
wb_amqp_tls_session(SSL_CTX *tls, char *host)
{
	SSL *session = SSL_new(tls);
	bool is_set = false;

	if (session == NULL)
		return NULL;
	if (is_address(host)) {
		X509_VERIFY_PARAM *verify = SSL_get0_param(session);

		is_set = X509_VERIFY_PARAM_set1_ip_asc(verify, host) == 1;
	} else {
		is_set = SSL_set1_host(session, host) == 1 &&
		         SSL_set_tlsext_host_name(session, host) == 1;
	}
	if (!is_set) {
		SSL_free(session);
		session = NULL;
	}
	ERR_clear_error();
	return session;
}

char *
wb_amqp_tls_reason(const SSL *session, unsigned long openssl_error, char *text,
                   size_t bytes)
{
	long verdict = SSL_get_verify_result(session);
	const char *reason = ERR_reason_error_string(openssl_error);

	if (verdict != X509_V_OK)
		(void)snprintf(text, bytes, "the broker's certificate: %s",
		               X509_verify_cert_error_string(verdict));
	else if (ERR_GET_REASON(openssl_error) == SSL_R_WRONG_VERSION_NUMBER)
		(void)snprintf(text, bytes, "TLS: the port does not speak it");
	else
		(void)snprintf(text, bytes, "TLS: %s",
		               reason != NULL ? reason : "handshake failed");
	return text;
}
