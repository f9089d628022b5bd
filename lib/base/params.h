/* Parameters: one table row per key gives the environment variable
 * (WB_PREFETCH), the flag (--prefetch=N), the line of a --config=FILE
 * (prefetch = N), --help and --print-config. Later wins:
 * default, file, environment, flag. */
#ifndef WB_BASE_PARAMS_H
#define WB_BASE_PARAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

enum wb_param_type {
	WB_PARAM_INT,    /* int64_t, min..max */
	WB_PARAM_BOOL,   /* bool: true/false/1/0/yes/no/on/off */
	WB_PARAM_TEXT,   /* char *, never NULL, min..max bytes (min 1 = must
	                    not be empty; max 0 = 4096) */
	WB_PARAM_SECRET, /* as TEXT, shown as *** by --print-config; a value
	                    "@/path" is read from that file */
};

struct wb_param {
	const char *name; /* "prefetch", "statement-timeout-ms" */
	enum wb_param_type type;
	size_t offset; /* of the field in the set's target */
	const char *def;
	int64_t min, max;
	const char *unit; /* "ms", "messages", "" */
	const char *help;
};

/* One table and the struct that it fills. Text values are owned by the set
 * (freed by wb_params_free). */
struct wb_param_set {
	const struct wb_param *params;
	size_t n_params;
	void *target;
};

enum wb_params_end {
	WB_PARAMS_RUN,   /* go on */
	WB_PARAMS_SHOWN, /* --help, --version, --print-config: printed; exit 0
	                  */
	WB_PARAMS_WRONG, /* one line on stderr names parameter, value and what
	                    is allowed: exit 2 */
};

/* Each set's target is filled. A flag is `--name=value` or `--name value`; a
 * boolean's may stand alone for true. WB_CONFIG names the file like --config.
 * usage: a sentence for --help. Unknown flags and unknown file keys are wrong;
 * arguments that do not start with "--" are wrong unless ret_rest is given:
 * then they are moved, in order, to the end of argv and *ret_rest is the first
 * one's index (argc when there is none). A lone "--" ends the flags. Reads
 * files: for the time before the loop. The complaint is a log line
 * (WB-CONFIG), so call wb_log_setup before. wb_params_free is due whatever
 * the end. */
enum wb_params_end wb_params_load(const struct wb_param_set *sets,
                                  size_t n_sets, const char *usage, int argc,
                                  char **argv, int *ret_rest) WB_MUST_USE;

/* A check that needs several parameters failed: prints the same one line. */
void wb_params_complain(const char *name, const char *value,
                        const char *allowed);

void wb_params_free(const struct wb_param_set *sets, size_t n_sets);

#endif
