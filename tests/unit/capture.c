#include "capture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

static FILE *
open_temporary(void)
{
	FILE *file = tmpfile();

	assert_non_null(file);
	return file;
}

static void
read_back(FILE *file, char text[CAPTURE_BYTES])
{
	size_t bytes;

	rewind(file);
	bytes = fread(text, 1, CAPTURE_BYTES - 1, file);
	text[bytes] = '\0';
	assert_int_equal(fclose(file), 0);
}

void
capture_run(struct capture *capture, int (*fn)(void *arg), void *arg)
{
	FILE *out = open_temporary(), *err = open_temporary();
	int status = 0;
	pid_t pid;

	(void)fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (dup2(fileno(out), STDOUT_FILENO) < 0 ||
		    dup2(fileno(err), STDERR_FILENO) < 0)
			_exit(127);
		exit(fn(arg));
	}
	while (waitpid(pid, &status, 0) < 0)
		assert_int_equal(errno, EINTR);
	capture->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	capture->signum = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	read_back(out, capture->out);
	read_back(err, capture->err);
}

int
capture_n_lines(const char *text)
{
	int n = 0;

	for (; *text != '\0'; text++)
		n += *text == '\n';
	return n;
}

void
assert_contains(const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", part, text);
}

void
assert_lacks(const char *text, const char *part)
{
	if (strstr(text, part) != NULL)
		fail_msg("\"%s\" is in \"%s\"", part, text);
}
