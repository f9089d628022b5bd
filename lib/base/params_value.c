/* One parameter: from its text to its field. */
#include "base/params_priv.h"

#include "base/log.h"
#include "base/mem.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *
wb_param_source_name(enum wb_param_source source)
{
	static const char *const names[] = {
		[WB_PARAM_DEFAULT] = "default",
		[WB_PARAM_FILE] = "file",
		[WB_PARAM_ENVIRONMENT] = "environment",
		[WB_PARAM_FLAG] = "flag",
	};

	return names[source];
}

char *
wb_param_env_name(const struct wb_param *param, char name[WB_PARAM_ENV_BYTES])
{
	int n = snprintf(name, WB_PARAM_ENV_BYTES, "WB_%s", param->name);
	char *at;

	WB_ASSERT(n > 0 && n < WB_PARAM_ENV_BYTES);
	for (at = name; *at != '\0'; at++) {
		if (*at == '-')
			*at = '_';
		else
			*at = (char)toupper((unsigned char)*at);
	}
	return name;
}

int64_t
wb_param_text_max(const struct wb_param *param)
{
	return param->max > 0 ? param->max : WB_PARAM_TEXT_MAX;
}

char *
wb_param_allowed(const struct wb_param *param,
                 char text[WB_PARAM_ALLOWED_BYTES])
{
	const char *unit = param->unit == NULL ? "" : param->unit;
	int n = 0;

	switch (param->type) {
	case WB_PARAM_INT:
		n = snprintf(
		    text, WB_PARAM_ALLOWED_BYTES,
		    "a whole number from %" PRId64 " to %" PRId64 "%s%s",
		    param->min, param->max, unit[0] == '\0' ? "" : " ", unit);
		break;
	case WB_PARAM_BOOL:
		n = snprintf(text, WB_PARAM_ALLOWED_BYTES,
		             "true, false, 1, 0, yes, no, on or off");
		break;
	case WB_PARAM_TEXT:
	case WB_PARAM_SECRET:
		n = snprintf(text, WB_PARAM_ALLOWED_BYTES,
		             "a text of %" PRId64 " to %" PRId64 " bytes%s",
		             param->min, wb_param_text_max(param),
		             param->type == WB_PARAM_SECRET
		                 ? ", or @ and the path of its file"
		                 : "");
		break;
	}
	WB_ASSERT(n > 0 && n < WB_PARAM_ALLOWED_BYTES);
	return text;
}

static bool
complain(const struct wb_param_slot *slot, const char *why)
{
	char allowed[WB_PARAM_ALLOWED_BYTES];
	const char *shown = slot->raw;

	/* The path of a secret is no secret. */
	if (slot->param->type == WB_PARAM_SECRET && shown[0] != '@')
		shown = shown[0] == '\0' ? "" : "***";
	wb_log_error(
	    WB_LOG_CONFIG,
	    "param=%s value=\"%s\" allowed=\"%s\" source=%s%s%s%s",
	    slot->param->name, shown, wb_param_allowed(slot->param, allowed),
	    wb_param_source_name(slot->source), why == NULL ? "" : " why=\"",
	    why == NULL ? "" : why, why == NULL ? "" : "\"");
	return false;
}

void
wb_params_complain(const char *name, const char *value, const char *allowed)
{
	wb_log_error(WB_LOG_CONFIG, "param=%s value=\"%s\" allowed=\"%s\"",
	             name, value, allowed);
}

bool
wb_param_parse_bool(const char *text, bool *ret_value)
{
	static const char *const words[][2] = {
		{ "false", "true" },
		{ "0", "1" },
		{ "no", "yes" },
		{ "off", "on" },
	};
	size_t i;

	for (i = 0; i < WB_ARRAY_LEN(words); i++) {
		if (strcmp(text, words[i][0]) == 0) {
			*ret_value = false;
			return true;
		}
		if (strcmp(text, words[i][1]) == 0) {
			*ret_value = true;
			return true;
		}
	}
	return false;
}

static bool
store_int(const struct wb_param_slot *slot)
{
	const char *digits = slot->raw[0] == '-' ? slot->raw + 1 : slot->raw;
	char *end;
	long long value;

	/* strtoll would take blanks and a plus, too. */
	if (!isdigit((unsigned char)digits[0]))
		return complain(slot, NULL);
	errno = 0;
	value = strtoll(slot->raw, &end, 10);
	if (*end != '\0' || errno != 0 || value < slot->param->min ||
	    value > slot->param->max)
		return complain(slot, NULL);
	*(int64_t *)slot->field = value;
	return true;
}

static bool
store_bool(const struct wb_param_slot *slot)
{
	if (!wb_param_parse_bool(slot->raw, slot->field))
		return complain(slot, NULL);
	return true;
}

char *
wb_param_read_file(const char *path, size_t max_bytes, const char **ret_why)
{
	FILE *file = fopen(path, "re");
	char *text;
	size_t bytes;

	if (file == NULL) {
		*ret_why = strerror(errno);
		return NULL;
	}
	text = wb_zalloc(max_bytes + 2);
	bytes = fread(text, 1, max_bytes + 1, file);
	*ret_why = NULL;
	if (ferror(file))
		*ret_why = strerror(errno);
	else if (bytes > max_bytes)
		*ret_why = "the file is too long";
	else if (strlen(text) != bytes)
		*ret_why = "the file has a NUL byte in it";
	(void)fclose(file); /* was only read */
	if (*ret_why == NULL)
		return text;
	free(text);
	return NULL;
}

/* Editors and `echo` end a file with a line end that is not the secret's. */
static void
strip_line_end(char *text)
{
	size_t length = strlen(text);

	if (length > 0 && text[length - 1] == '\n')
		text[--length] = '\0';
	if (length > 0 && text[length - 1] == '\r')
		text[--length] = '\0';
}

static bool
store_text(const struct wb_param_slot *slot)
{
	const struct wb_param *param = slot->param;
	const char *why = NULL;
	char *text;
	size_t length, max = (size_t)wb_param_text_max(param);

	if (param->type == WB_PARAM_SECRET && slot->raw[0] == '@') {
		/* Two more, for a line end. */
		text = wb_param_read_file(slot->raw + 1, max + 2, &why);
		if (text == NULL)
			return complain(slot, why);
		strip_line_end(text);
	} else {
		text = wb_strdup(slot->raw);
	}
	length = strlen(text);
	if (length > max || (int64_t)length < param->min) {
		free(text);
		return complain(slot, NULL);
	}
	*(char **)slot->field = text;
	return true;
}

bool
wb_param_store(const struct wb_param_slot *slot)
{
	switch (slot->param->type) {
	case WB_PARAM_INT:
		return store_int(slot);
	case WB_PARAM_BOOL:
		return store_bool(slot);
	case WB_PARAM_TEXT:
	case WB_PARAM_SECRET:
		return store_text(slot);
	}
	return false;
}
