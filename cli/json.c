#include "json.h"

#include "base/attr.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

enum { FLUSH_BYTES = 65536 };

void
wb_json_init(struct wb_json *json, FILE *file)
{
	*json = (struct wb_json){ .file = file };
}

void
wb_json_fini(struct wb_json *json)
{
	wb_buf_fini(&json->text);
}

/* A stream that fails is noticed by the frame, by ferror. */
static void
flush(struct wb_json *json)
{
	if (json->file == NULL || json->text.len == 0)
		return;
	(void)fwrite(json->text.data, 1, json->text.len, json->file);
	wb_buf_clear(&json->text);
}

static void
begin(struct wb_json *json, const char *name)
{
	bool is_object = json->depth > 0 && json->ends[json->depth - 1] == '}';

	WB_ASSERT(is_object == (name != NULL));
	if (json->text.len >= FLUSH_BYTES)
		flush(json);
	if (json->has_member[json->depth])
		wb_buf_adds(&json->text, ",");
	json->has_member[json->depth] = true;
	if (name != NULL) {
		wb_buf_add_json_string(&json->text, name, strlen(name));
		wb_buf_adds(&json->text, ":");
	}
}

static void
open_it(struct wb_json *json, const char *name, const char *start, char end)
{
	begin(json, name);
	WB_ASSERT(json->depth < WB_JSON_MAX_OPEN);
	wb_buf_adds(&json->text, start);
	json->ends[json->depth++] = end;
	json->has_member[json->depth] = false;
}

void
wb_json_object(struct wb_json *json, const char *name)
{
	open_it(json, name, "{", '}');
}

void
wb_json_array(struct wb_json *json, const char *name)
{
	open_it(json, name, "[", ']');
}

void
wb_json_close(struct wb_json *json)
{
	WB_ASSERT(json->depth > 0);
	wb_buf_add(&json->text, &json->ends[--json->depth], 1);
}

void
wb_json_text(struct wb_json *json, const char *name, const char *text)
{
	if (text == NULL) {
		wb_json_null(json, name);
		return;
	}
	begin(json, name);
	wb_buf_add_json_string(&json->text, text, strlen(text));
}

void
wb_json_i64(struct wb_json *json, const char *name, int64_t value)
{
	begin(json, name);
	wb_buf_printf(&json->text, "%" PRId64, value);
}

/* JSON has no word for infinity. */
void
wb_json_double(struct wb_json *json, const char *name, double value)
{
	if (!isfinite(value)) {
		wb_json_null(json, name);
		return;
	}
	begin(json, name);
	wb_buf_printf(&json->text, "%.6g", value);
}

void
wb_json_bool(struct wb_json *json, const char *name, bool value)
{
	begin(json, name);
	wb_buf_adds(&json->text, value ? "true" : "false");
}

void
wb_json_null(struct wb_json *json, const char *name)
{
	begin(json, name);
	wb_buf_adds(&json->text, "null");
}

void
wb_json_raw(struct wb_json *json, const char *name, const char *text)
{
	begin(json, name);
	wb_buf_adds(&json->text, text);
}

void
wb_json_end_line(struct wb_json *json)
{
	wb_buf_adds(&json->text, "\n");
	json->has_member[json->depth] = false;
	flush(json);
}
