#include "base/err.h"

#include "base/attr.h"
#include "base/utf8.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

static const struct {
	const char *name;
	enum wb_verdict verdict;
	const char *text;
} errors[] = {
#define X(name, verdict, text) [WB_ERR_##name] = { #name, WB_##verdict, text },
	WB_ERR_TABLE(X)
#undef X
};

static const char *const verdicts[] = {
#define X(name) [WB_##name] = #name,
	WB_VERDICT_TABLE(X)
#undef X
};

const char *
wb_err_name(enum wb_err err)
{
	return (size_t)err < WB_ARRAY_LEN(errors) ? errors[err].name : "?";
}

const char *
wb_err_text(enum wb_err err)
{
	return (size_t)err < WB_ARRAY_LEN(errors) ? errors[err].text
	                                          : "unknown error";
}

enum wb_verdict
wb_err_verdict(enum wb_err err)
{
	/* The verdict on what nobody knows: it may pass. */
	return (size_t)err < WB_ARRAY_LEN(errors) ? errors[err].verdict
	                                          : WB_RETRY;
}

const char *
wb_verdict_name(enum wb_verdict verdict)
{
	return (size_t)verdict < WB_ARRAY_LEN(verdicts) ? verdicts[verdict]
	                                                : "?";
}

enum wb_err
wb_fail(struct wb_note *note, enum wb_err err, const char *fmt, ...)
{
	va_list args;
	int length;

	if (note == NULL)
		return err;
	va_start(args, fmt);
	length = vsnprintf(note->text, sizeof(note->text), fmt, args);
	va_end(args);
	if (length < 0)
		length = 0;
	/* Notes are stored as text in databases, which refuse half a
	 * character. */
	if ((size_t)length >= sizeof(note->text))
		length = (int)wb_utf8_trim(note->text, sizeof(note->text) - 1);
	note->text[length] = '\0';
	return err;
}
