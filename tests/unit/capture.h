/* Runs a function in a forked child and keeps what it printed and how it
 * ended: for code that prints, aborts, or reads the environment. */
#ifndef WB_TESTS_UNIT_CAPTURE_H
#define WB_TESTS_UNIT_CAPTURE_H

/* cmocka.h needs these three before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define CAPTURE_BYTES 16384

struct capture {
	int exit_code; /* -1 when a signal ended it */
	int signum;    /* 0 when it left by itself */
	char out[CAPTURE_BYTES], err[CAPTURE_BYTES];
};

/* The child leaves with what fn returns. Each stream is cut at
 * CAPTURE_BYTES. */
void capture_run(struct capture *capture, int (*fn)(void *arg), void *arg);

/* Lines of text, counted by their ends. */
int capture_n_lines(const char *text);

void assert_contains(const char *text, const char *part);
void assert_lacks(const char *text, const char *part);

#endif
