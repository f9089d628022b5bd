/* What the tests of base/params.h load: some parameters, in a child process,
 * since a load prints, reads the environment, and must leave nothing behind
 * (LeakSanitizer looks when the child leaves). */
#ifndef WB_TESTS_UNIT_PARAMS_CASE_H
#define WB_TESTS_UNIT_PARAMS_CASE_H

#include <stdbool.h>

#include "base/params.h"
#include "capture.h"

/* prefetch, clock-offset, fast, queue and password; pool-size is beside them in
 * a set of its own. */
#define PARAMS_CASE_ROWS 5
extern const struct wb_param params_case_rows[PARAMS_CASE_ROWS];

/* One load: the arguments, the environment ("NAME=value" pairs) and the text
 * of the file that "--config=FILE" names. */
struct run {
	const char *args[8];
	const char *env[4];
	const char *file;
	bool takes_rest;
};

/* Set-up and tear-down of a group: the file. */
int params_case_make_file(void **state);
int params_case_remove_file(void **state);

/* The child leaves with the enum wb_params_end. After WB_PARAMS_RUN it prints
 * what was loaded, and each word of the rest as a line "rest=…". */
void run_load(struct capture *got, struct run run);

#endif
