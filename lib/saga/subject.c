#include "saga/subject.h"

#include "event/json.h"

enum wb_err
wb_subject_id(const struct wb_event *event, const char *path,
              struct wb_note *note, struct wb_uuid *ret_id)
{
	struct wb_uuid subject;
	enum wb_err err = wb_data_uuid(event->data, path, note, ret_id);

	if (err != WB_OK)
		return err;
	if (!wb_uuid_parse(event->subject, &subject) ||
	    wb_uuid_compare(&subject, ret_id) != 0)
		return wb_fail(note, WB_ERR_SCHEMA_VIOLATION,
		               "%s is not the subject", path);
	return WB_OK;
}

enum wb_err
wb_subject_member(const struct wb_event *event, const char *path,
                  struct wb_arena *arena, struct wb_note *note,
                  const char **ret_json)
{
	struct json_object *object;
	enum wb_err err = wb_data_object(event->data, path, note, &object);

	if (err == WB_OK)
		*ret_json = wb_arena_strdup(arena, wb_data_print(object));
	return err;
}
