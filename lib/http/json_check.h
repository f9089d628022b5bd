/* Reading request bodies field by field: each wrong field adds one error with
 * its JSON pointer, so that a client learns of all of them at once. */
#ifndef WB_HTTP_JSON_CHECK_H
#define WB_HTTP_JSON_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "http/server.h"

/* base: pointer of the object itself, "" for the body, "/lines/0". The names
 * are NULL-ended; any other member adds "unknown field". */
void wb_json_only(struct json_object *object, const char *base,
                  const char *const *names, struct wb_http_errors *errors);

/* A required string of min..max bytes, valid UTF-8, without control characters.
 * NULL (and an error added) when absent or wrong; else valid as long as
 * object. */
const char *wb_json_need_text(struct json_object *object, const char *base,
                              const char *name, size_t min, size_t max,
                              struct wb_http_errors *errors);

/* A required integer (not 1.0, not "1") of min..max. False when wrong. */
bool wb_json_need_int(struct json_object *object, const char *base,
                      const char *name, int64_t min, int64_t max,
                      int64_t *ret_value, struct wb_http_errors *errors);

/* A required array of min..max elements, or NULL. */
struct json_object *wb_json_need_array(struct json_object *object,
                                       const char *base, const char *name,
                                       size_t min, size_t max,
                                       struct wb_http_errors *errors);

/* A required object, or NULL. */
struct json_object *wb_json_need_object(struct json_object *object,
                                        const char *base, const char *name,
                                        struct wb_http_errors *errors);

#endif
