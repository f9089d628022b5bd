/* The parameters of an SMTP client, and what an address is. */
#include "http/smtp.h"

#include <string.h>

#define FIELD(name) .offset = offsetof(struct wb_smtp_params, name)

const struct wb_param wb_smtp_params_table[] = {
	{ .name = "smtp-url",
	  .type = WB_PARAM_TEXT,
	  FIELD(url),
	  .def = "smtp://127.0.0.1:1025",
	  .min = 1,
	  .max = 400,
	  .unit = "",
	  .help = "the mail server; smtps:// for TLS from the start" },
	{ .name = "smtp-login",
	  .type = WB_PARAM_SECRET,
	  FIELD(login),
	  .def = "",
	  .min = 0,
	  .max = 400,
	  .unit = "",
	  .help = "user:password for the mail server; empty: none" },
	{ .name = "smtp-starttls",
	  .type = WB_PARAM_BOOL,
	  FIELD(starttls),
	  .def = "false",
	  .unit = "",
	  .help = "with smtp://: insist on TLS after the greeting" },
	{ .name = "smtp-tls-ca",
	  .type = WB_PARAM_TEXT,
	  FIELD(tls_ca),
	  .def = "",
	  .min = 0,
	  .max = 4096,
	  .unit = "",
	  .help = "file with the authorities that may vouch for the mail "
	          "server; empty: the system's" },
};

const size_t wb_smtp_params_count = WB_ARRAY_LEN(wb_smtp_params_table);

static bool
starts_with(const char *text, const char *start)
{
	return strncmp(text, start, strlen(start)) == 0;
}

enum wb_err
wb_smtp_params_check(const struct wb_smtp_params *params, struct wb_note *note)
{
	bool is_tls = starts_with(params->url, "smtps://");

	if (!is_tls && !starts_with(params->url, "smtp://"))
		return wb_fail(note, WB_ERR_BAD_CONFIG,
		               "smtp-url must start with smtp:// or smtps://");
	if (strchr(params->url, '@') != NULL)
		return wb_fail(note, WB_ERR_BAD_CONFIG,
		               "smtp-url must hold no login: use smtp-login");
	if (*params->login != '\0' && !is_tls && !params->starttls)
		return wb_fail(note, WB_ERR_BAD_CONFIG,
		               "smtp-login needs smtps:// or smtp-starttls");
	return WB_OK;
}

enum { LOCAL_BYTES = 64, ADDRESS_BYTES = 254 };

#define ALNUM "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

bool
wb_smtp_is_address(const char *text)
{
	size_t local = strspn(text, ALNUM "!#$%&'*+-/=?^_`{|}~.");
	size_t domain;

	if (local == 0 || local > LOCAL_BYTES || text[local] != '@')
		return false;
	domain = strspn(text + local + 1, ALNUM "-.");
	return domain > 0 && text[local + 1 + domain] == '\0' &&
	       local + 1 + domain <= ADDRESS_BYTES;
}
