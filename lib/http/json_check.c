#include "http/json_check.h"

#include "base/buf.h"
#include "base/utf8.h"

#include <json-c/json.h>
#include <json-c/json_object_iterator.h>

#include <inttypes.h>
#include <string.h>

/* RFC 6901: ~ and / of a name are escaped. */
static void
add_pointer(struct wb_buf *pointer, const char *base, const char *name)
{
	wb_buf_adds(pointer, base);
	wb_buf_adds(pointer, "/");
	for (; *name != '\0'; name++) {
		if (*name == '~')
			wb_buf_adds(pointer, "~0");
		else if (*name == '/')
			wb_buf_adds(pointer, "~1");
		else
			wb_buf_add(pointer, name, 1);
	}
}

static void
complain(struct wb_http_errors *errors, const char *base, const char *name,
         const char *what)
{
	struct wb_buf pointer = { .data = NULL };

	add_pointer(&pointer, base, name);
	wb_http_errors_add(errors, wb_buf_text(&pointer), "%s", what);
	wb_buf_fini(&pointer);
}

static bool
is_listed(const char *const *names, const char *name)
{
	for (; *names != NULL; names++) {
		if (strcmp(*names, name) == 0)
			return true;
	}
	return false;
}

void
wb_json_only(struct json_object *object, const char *base,
             const char *const *names, struct wb_http_errors *errors)
{
	struct json_object_iterator at = json_object_iter_begin(object);
	struct json_object_iterator end = json_object_iter_end(object);

	for (; !json_object_iter_equal(&at, &end); json_object_iter_next(&at)) {
		const char *name = json_object_iter_peek_name(&at);

		if (!is_listed(names, name))
			complain(errors, base, name, "unknown field");
	}
}

/* The member, of this type; else NULL and an error "must be ...". */
static struct json_object *
need(struct json_object *object, const char *base, const char *name,
     enum json_type type, const char *must_be, struct wb_http_errors *errors)
{
	struct json_object *member = NULL;

	if (!json_object_object_get_ex(object, name, &member))
		complain(errors, base, name, "is missing");
	else if (!json_object_is_type(member, type))
		complain(errors, base, name, must_be);
	else
		return member;
	return NULL;
}

static bool
is_plain_text(const char *text, size_t bytes)
{
	size_t i;

	for (i = 0; i < bytes; i++) {
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7F)
			return false;
	}
	return wb_utf8_is_valid(text, bytes);
}

const char *
wb_json_need_text(struct json_object *object, const char *base,
                  const char *name, size_t min, size_t max,
                  struct wb_http_errors *errors)
{
	struct json_object *member = need(object, base, name, json_type_string,
	                                  "must be a string", errors);
	struct wb_buf what = { .data = NULL };
	const char *text;
	size_t bytes;

	if (member == NULL)
		return NULL;
	text = json_object_get_string(member);
	bytes = (size_t)json_object_get_string_len(member);
	if (bytes >= min && bytes <= max && is_plain_text(text, bytes))
		return text;
	if (bytes < min || bytes > max)
		wb_buf_printf(&what, "must be %zu to %zu bytes long", min, max);
	else
		wb_buf_adds(&what, "must not hold control characters");
	complain(errors, base, name, wb_buf_text(&what));
	wb_buf_fini(&what);
	return NULL;
}

bool
wb_json_need_int(struct json_object *object, const char *base, const char *name,
                 int64_t min, int64_t max, int64_t *ret_value,
                 struct wb_http_errors *errors)
{
	struct json_object *member = need(object, base, name, json_type_int,
	                                  "must be an integer", errors);
	struct wb_buf what = { .data = NULL };
	int64_t value;

	if (member == NULL)
		return false;
	value = json_object_get_int64(member);
	/* json-c clamps what is above INT64_MAX, which it keeps unsigned. */
	if (value >= min && value <= max &&
	    (value < INT64_MAX ||
	     json_object_get_uint64(member) == (uint64_t)INT64_MAX)) {
		*ret_value = value;
		return true;
	}
	wb_buf_printf(&what, "must be from %" PRId64 " to %" PRId64, min, max);
	complain(errors, base, name, wb_buf_text(&what));
	wb_buf_fini(&what);
	return false;
}

struct json_object *
wb_json_need_array(struct json_object *object, const char *base,
                   const char *name, size_t min, size_t max,
                   struct wb_http_errors *errors)
{
	struct json_object *member = need(object, base, name, json_type_array,
	                                  "must be an array", errors);
	struct wb_buf what = { .data = NULL };
	size_t n;

	if (member == NULL)
		return NULL;
	n = json_object_array_length(member);
	if (n >= min && n <= max)
		return member;
	wb_buf_printf(&what, "must have %zu to %zu elements", min, max);
	complain(errors, base, name, wb_buf_text(&what));
	wb_buf_fini(&what);
	return NULL;
}

struct json_object *
wb_json_need_object(struct json_object *object, const char *base,
                    const char *name, struct wb_http_errors *errors)
{
	return need(object, base, name, json_type_object, "must be an object",
	            errors);
}
