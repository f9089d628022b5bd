/* Reading event data: what a handler's parse uses. A missing or wrong member
 * gives SCHEMA_VIOLATION and a note with its JSON pointer; unknown members are
 * ignored. */
#ifndef WB_EVENT_JSON_H
#define WB_EVENT_JSON_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/uuid.h"

struct json_object;

/* object: of wb_event_parse, so that no text holds U+0000. path: JSON pointer
 * below it: "/order/lines". Texts are borrowed. */
enum wb_err wb_data_text(struct json_object *object, const char *path,
                         struct wb_note *note, const char **ret) WB_MUST_USE;
enum wb_err wb_data_uuid(struct json_object *object, const char *path,
                         struct wb_note *note, struct wb_uuid *ret) WB_MUST_USE;
enum wb_err wb_data_int(struct json_object *object, const char *path,
                        int64_t min, int64_t max, struct wb_note *note,
                        int64_t *ret) WB_MUST_USE;
enum wb_err wb_data_object(struct json_object *object, const char *path,
                           struct wb_note *note,
                           struct json_object **ret) WB_MUST_USE;
enum wb_err wb_data_array(struct json_object *object, const char *path,
                          struct wb_note *note,
                          struct json_object **ret) WB_MUST_USE;

/* Elements of an array. */
size_t wb_data_length(struct json_object *array);

/* The compact JSON text of object, borrowed until the next call on it. */
const char *wb_data_print(struct json_object *object);

#endif
