#include "params_case.h"

#include "base/attr.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct settings {
	int64_t prefetch, offset;
	bool is_fast;
	char *queue, *password;
};

struct more_settings {
	int64_t pool_size;
};

const struct wb_param params_case_rows[PARAMS_CASE_ROWS] = {
	{ .name = "prefetch",
	  .type = WB_PARAM_INT,
	  .offset = offsetof(struct settings, prefetch),
	  .def = "100",
	  .min = 1,
	  .max = 65535,
	  .unit = "messages",
	  .help = "Unacked messages | at once." },
	{ .name = "clock-offset",
	  .type = WB_PARAM_INT,
	  .offset = offsetof(struct settings, offset),
	  .def = "0",
	  .min = INT64_MIN,
	  .max = INT64_MAX,
	  .unit = "ms",
	  .help = "Any number." },
	{ .name = "fast",
	  .type = WB_PARAM_BOOL,
	  .offset = offsetof(struct settings, is_fast),
	  .def = "false",
	  .unit = "",
	  .help = "Be fast." },
	{ .name = "queue",
	  .type = WB_PARAM_TEXT,
	  .offset = offsetof(struct settings, queue),
	  .def = "orders",
	  .min = 1,
	  .max = 8,
	  .unit = "",
	  .help = "The queue." },
	{ .name = "password",
	  .type = WB_PARAM_SECRET,
	  .offset = offsetof(struct settings, password),
	  .def = "",
	  .max = 8,
	  .unit = "",
	  .help = "The password." },
};

static const struct wb_param more_rows[] = {
	{ .name = "pool-size",
	  .type = WB_PARAM_INT,
	  .offset = offsetof(struct more_settings, pool_size),
	  .def = "2",
	  .min = 1,
	  .max = 64,
	  .unit = "connections",
	  .help = "Pool." },
};

static char file_path[] = "/tmp/wb-test-params-XXXXXX";

static void
write_file(const char *text)
{
	FILE *file = fopen(file_path, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

int
params_case_make_file(void **state)
{
	int fd = mkstemp(file_path);

	(void)state;
	return fd < 0 ? -1 : close(fd);
}

int
params_case_remove_file(void **state)
{
	(void)state;
	return unlink(file_path);
}

static char *
at_file(const char *arg)
{
	static char texts[4][128];
	static size_t n;
	const char *mark = strstr(arg, "FILE");
	char *text = texts[n++ % WB_ARRAY_LEN(texts)];

	(void)snprintf(text, sizeof(texts[0]), "%.*s%s",
	               mark == NULL ? (int)strlen(arg) : (int)(mark - arg), arg,
	               mark == NULL ? "" : file_path);
	return text;
}

static int
load_and_print(void *arg)
{
	const struct run *run = arg;
	struct settings settings;
	struct more_settings more;
	const struct wb_param_set sets[] = {
		{ params_case_rows, WB_ARRAY_LEN(params_case_rows), &settings },
		{ more_rows, WB_ARRAY_LEN(more_rows), &more },
	};
	char program[] = "/usr/bin/thing", texts[8][160];
	char *argv[10] = { program };
	int argc = 1, rest = -1, i;
	enum wb_params_end end;

	/* The targets need not be zeroed. */
	memset(&settings, 0xA5, sizeof(settings));
	memset(&more, 0xA5, sizeof(more));
	for (i = 0; i < 4 && run->env[i] != NULL; i++) {
		char *equals, *pair = at_file(run->env[i]);

		equals = pair + strcspn(pair, "=");
		*equals = '\0';
		(void)setenv(pair, equals + 1, 1);
	}
	for (i = 0; i < 8 && run->args[i] != NULL; i++) {
		(void)snprintf(texts[i], sizeof(texts[i]), "%s",
		               at_file(run->args[i]));
		argv[argc++] = texts[i];
	}
	end = wb_params_load(sets, WB_ARRAY_LEN(sets), "does a thing.", argc,
	                     argv, run->takes_rest ? &rest : NULL);
	if (end == WB_PARAMS_RUN) {
		printf("prefetch=%lld offset=%lld fast=%d queue=%s "
		       "password=%s pool=%lld\n",
		       (long long)settings.prefetch, (long long)settings.offset,
		       (int)settings.is_fast, settings.queue, settings.password,
		       (long long)more.pool_size);
		for (i = rest; i >= 0 && i < argc; i++)
			printf("rest=%s\n", argv[i]);
	}
	wb_params_free(sets, WB_ARRAY_LEN(sets));
	return (int)end;
}

void
run_load(struct capture *got, struct run run)
{
	if (run.file != NULL)
		write_file(run.file);
	capture_run(got, load_and_print, &run);
}
