/* What the three files of the parameters share; not for anyone else. */
#ifndef WB_BASE_PARAMS_PRIV_H
#define WB_BASE_PARAMS_PRIV_H

#include "base/params.h"

#define WB_PARAM_TEXT_MAX INT64_C(4096) /* for a row without max */

/* In the order in which they win. */
enum wb_param_source {
	WB_PARAM_DEFAULT,
	WB_PARAM_FILE,
	WB_PARAM_ENVIRONMENT,
	WB_PARAM_FLAG,
};

/* One row, its field, and the value that has won so far. */
struct wb_param_slot {
	const struct wb_param *param;
	void *field;
	const char *raw;
	enum wb_param_source source;
};

/* "default", "file", "environment", "flag" */
const char *wb_param_source_name(enum wb_param_source source);

/* WB_STATEMENT_TIMEOUT_MS of statement-timeout-ms. */
#define WB_PARAM_ENV_BYTES 80
char *wb_param_env_name(const struct wb_param *param,
                        char name[WB_PARAM_ENV_BYTES]);

/* "a whole number from 1 to 65535 (messages)" */
#define WB_PARAM_ALLOWED_BYTES 160
char *wb_param_allowed(const struct wb_param *param,
                       char text[WB_PARAM_ALLOWED_BYTES]);

int64_t wb_param_text_max(const struct wb_param *param);

/* Whether text is one of the words of a WB_PARAM_BOOL. */
bool wb_param_parse_bool(const char *text, bool *ret_value) WB_MUST_USE;

/* Turns slot->raw into the field; complains and returns false if it can't. */
bool wb_param_store(const struct wb_param_slot *slot) WB_MUST_USE;

/* The whole file, terminated; the caller frees it. NULL with *ret_why when it
 * can't be read, is longer than max_bytes, or has a NUL in it. */
char *wb_param_read_file(const char *path, size_t max_bytes,
                         const char **ret_why) WB_MUST_USE;

void wb_params_print_help(const struct wb_param_set *sets, size_t n_sets,
                          const char *usage, const char *program);
void wb_params_print_config(const struct wb_param_slot *slots, size_t n_slots);

#endif
