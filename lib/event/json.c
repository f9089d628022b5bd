/* Members of event data by JSON pointer. Not for writing JSON: that is
 * base/buf.h. */
#include "event/json.h"

#include <json-c/json.h>
#include <json-c/json_pointer.h>

#include <inttypes.h>

static enum wb_err
violation(struct wb_note *note, const char *path, const char *what)
{
	return wb_fail(note, WB_ERR_SCHEMA_VIOLATION, "%s: %s", path, what);
}

/* The member, or NULL and a note. */
static struct json_object *
find(struct json_object *object, const char *path, enum json_type type,
     const char *what, struct wb_note *note)
{
	struct json_object *value = NULL;

	if (json_pointer_get(object, path, &value) != 0) {
		(void)violation(note, path, "missing");
		return NULL;
	}
	if (value == NULL || !json_object_is_type(value, type)) {
		(void)violation(note, path, what);
		return NULL;
	}
	return value;
}

static const char *
find_text(struct json_object *object, const char *path, struct wb_note *note)
{
	struct json_object *value =
	    find(object, path, json_type_string, "must be text", note);

	return value == NULL ? NULL : json_object_get_string(value);
}

enum wb_err
wb_data_text(struct json_object *object, const char *path, struct wb_note *note,
             const char **ret)
{
	const char *text = find_text(object, path, note);

	if (text == NULL)
		return WB_ERR_SCHEMA_VIOLATION;
	*ret = text;
	return WB_OK;
}

enum wb_err
wb_data_uuid(struct json_object *object, const char *path, struct wb_note *note,
             struct wb_uuid *ret)
{
	const char *text = find_text(object, path, note);

	if (text == NULL)
		return WB_ERR_SCHEMA_VIOLATION;
	if (!wb_uuid_parse(text, ret))
		return violation(note, path, "must be a UUID");
	return WB_OK;
}

enum wb_err
wb_data_int(struct json_object *object, const char *path, int64_t min,
            int64_t max, struct wb_note *note, int64_t *ret)
{
	struct json_object *value =
	    find(object, path, json_type_int, "must be an integer", note);
	int64_t number;

	if (value == NULL)
		return WB_ERR_SCHEMA_VIOLATION;
	number = json_object_get_int64(value);
	/* json-c keeps integers up to 2^64 - 1 and clamps what it is asked
	 * for. */
	if (number < min || number > max ||
	    (number == INT64_MAX && json_object_get_uint64(value) > INT64_MAX))
		return wb_fail(note, WB_ERR_SCHEMA_VIOLATION,
		               "%s: must be from %" PRId64 " to %" PRId64, path,
		               min, max);
	*ret = number;
	return WB_OK;
}

enum wb_err
wb_data_object(struct json_object *object, const char *path,
               struct wb_note *note, struct json_object **ret)
{
	struct json_object *value =
	    find(object, path, json_type_object, "must be an object", note);

	if (value == NULL)
		return WB_ERR_SCHEMA_VIOLATION;
	*ret = value;
	return WB_OK;
}

enum wb_err
wb_data_array(struct json_object *object, const char *path,
              struct wb_note *note, struct json_object **ret)
{
	struct json_object *value =
	    find(object, path, json_type_array, "must be an array", note);

	if (value == NULL)
		return WB_ERR_SCHEMA_VIOLATION;
	*ret = value;
	return WB_OK;
}

const char *
wb_data_print(struct json_object *object)
{
	return json_object_to_json_string_ext(
	    object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
}

size_t
wb_data_length(struct json_object *array)
{
	return json_object_array_length(array);
}
