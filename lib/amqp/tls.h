/* TLS for amqps brokers: at least 1.2, always verified, against the host name
 * (or address) of the URL. */
#ifndef WB_AMQP_TLS_H
#define WB_AMQP_TLS_H

#include <openssl/ssl.h>

#include "amqp/amqp.h"
#include "base/err.h"

/* Reads the files of params. BAD_CONFIG with a note that names the file;
 * *ret_tls is NULL then. Free with SSL_CTX_free. */
enum wb_err wb_amqp_tls_new(const struct wb_amqp_params *params,
                            SSL_CTX **ret_tls, struct wb_note *note);

/* A session that accepts only a certificate for host (name or address; not
 * const for OpenSSL's sake, but only read). NULL: out of memory, or a host name
 * that no certificate can hold. */
SSL *wb_amqp_tls_session(SSL_CTX *tls, char *host);

/* Why the handshake failed, in words: the verdict on the certificate if there
 * is one, else openssl_error (0 = unknown). Returns text. */
char *wb_amqp_tls_reason(const SSL *session, unsigned long openssl_error,
                         char *text, size_t bytes);

#endif
