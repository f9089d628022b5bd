/* `waybill dlq edit`: a letter is corrected in the user's editor, checked, and
 * sent as a job of one. While the editor is open nothing is held: whoever takes
 * longer for it than the letter stays finds that out, and keeps the file. */
#include "verbs.h"

#include "base/json_scan.h"
#include "event/envelope.h"
#include "event/schema.h"
#include "find.h"
#include "layout.h"

#include <json-c/json.h>

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

#define PATH_BYTES 4096

struct editing {
	struct wb_cli *cli;
	const struct wb_dlq_job_params *params;
	const struct wb_letter *letter;
	char path[PATH_BYTES];
	struct wb_buf before, text; /* the file's */
	struct wb_buf body;         /* text without white space around tokens */
	struct wb_uuid id;
};

/* ---- the file ---- */

static enum wb_err
write_file(struct editing *editing, struct wb_note *note)
{
	const char *dir = getenv("TMPDIR");
	const struct wb_letter *letter = editing->letter;
	struct json_object *json = wb_letter_json(letter);
	FILE *file;
	int fd;
	bool is_written;

	if (json != NULL)
		wb_layout_lines(letter->body, letter->body_bytes,
		                &editing->before);
	else
		wb_buf_add(&editing->before, letter->body, letter->body_bytes);
	(void)json_object_put(json);
	(void)snprintf(editing->path, sizeof editing->path,
	               "%s/waybill-edit-XXXXXX",
	               dir == NULL || dir[0] == '\0' ? "/tmp" : dir);
	fd = mkstemp(editing->path);
	file = fd < 0 ? NULL : fdopen(fd, "w");
	if (file == NULL) {
		if (fd >= 0)
			(void)close(fd);
		return wb_fail(note, WB_ERR_IO, "%.150s: %s", editing->path,
		               strerror(errno));
	}
	is_written = fwrite(wb_buf_text(&editing->before), 1,
	                    editing->before.len, file) == editing->before.len;
	if (fclose(file) != 0 || !is_written)
		return wb_fail(note, WB_ERR_IO, "%.150s: can't be written",
		               editing->path);
	return WB_OK;
}

static enum wb_err
read_file(struct editing *editing, struct wb_note *note)
{
	FILE *file = fopen(editing->path, "re");
	char part[65536];
	size_t n;

	if (file == NULL)
		return wb_fail(note, WB_ERR_IO, "%.150s: %s", editing->path,
		               strerror(errno));
	wb_buf_clear(&editing->text);
	while ((n = fread(part, 1, sizeof part, file)) > 0)
		wb_buf_add(&editing->text, part, n);
	(void)fclose(file);
	return WB_OK;
}

/* ---- the editor ---- */

static const char *
editor(void)
{
	static const char *const variables[] = { "VISUAL", "EDITOR" };

	for (size_t i = 0; i < WB_ARRAY_LEN(variables); i++) {
		const char *value = getenv(variables[i]);

		if (value != NULL && value[0] != '\0')
			return value;
	}
	return "vi";
}

/* Ctrl-C is the editor's own affair meanwhile. */
static enum wb_err
run_editor(struct editing *editing, struct wb_note *note)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN }, before;
	struct wb_buf command = { 0 };
	char shell[] = "sh", flag[] = "-c", name[] = "sh";
	char *argv[] = { shell, flag, NULL, name, editing->path, NULL };
	pid_t pid;
	int failed, status = 0;

	wb_buf_printf(&command, "%s \"$1\"", editor());
	argv[2] = command.data;
	(void)sigaction(SIGINT, &ignore, &before);
	failed = posix_spawnp(&pid, "sh", NULL, NULL, argv, environ);
	if (failed == 0)
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
	(void)sigaction(SIGINT, &before, NULL);
	wb_buf_fini(&command);
	if (failed != 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return wb_fail(note, WB_ERR_FAILED,
		               "the editor (%.100s) failed; nothing is sent",
		               editor());
	return WB_OK;
}

/* ---- the check ---- */

static enum wb_err
check_id(const struct editing *editing, struct wb_note *note)
{
	struct json_object *json = wb_letter_json(editing->letter), *id = NULL;
	struct wb_uuid before;
	bool is_other = json_object_is_type(json, json_type_object) &&
	                json_object_object_get_ex(json, "id", &id) &&
	                json_object_is_type(id, json_type_string) &&
	                wb_uuid_parse(json_object_get_string(id), &before) &&
	                wb_uuid_compare(&before, &editing->id) != 0;

	(void)json_object_put(json);
	if (is_other)
		return wb_fail(note, WB_ERR_SCHEMA_VIOLATION,
		               "id: must stay: by it the inbox knows what has "
		               "been handled");
	return WB_OK;
}

/* The text as it is in the file: without its white space "1 000" would be
 * another number. */
static enum wb_err
check_body(struct editing *editing, struct wb_note *note)
{
	struct wb_schema *schema = NULL;
	struct wb_buf dir = { 0 };
	struct wb_event event;
	enum wb_err err;

	err = wb_event_parse(wb_buf_text(&editing->text), editing->text.len,
	                     note, &event);
	if (err != WB_OK)
		return err;
	wb_buf_clear(&editing->body);
	wb_layout_compact(wb_buf_text(&editing->text), editing->text.len,
	                  &editing->body);
	editing->id = event.id;
	err = check_id(editing, note);
	wb_buf_printf(&dir, "%s/events", editing->params->schema_dir);
	if (err == WB_OK)
		err = wb_schema_load(wb_buf_text(&dir), event.type, &schema,
		                     note);
	if (err == WB_OK)
		err = wb_schema_check(schema, event.doc, note);
	wb_schema_free(schema);
	wb_buf_fini(&dir);
	wb_event_fini(&event);
	return err;
}

static bool
wants_again(void)
{
	char answer[16];

	if (isatty(STDIN_FILENO) != 1)
		return false;
	(void)fputs("Edit again? [Y/n] ", stderr);
	return fgets(answer, sizeof answer, stdin) != NULL &&
	       answer[0] != 'n' && answer[0] != 'N';
}

/* Until it is right, or the user gives up. */
static enum wb_err
edit(struct editing *editing, bool *ret_is_changed, struct wb_note *note)
{
	for (;;) {
		struct wb_note why = { "" };
		enum wb_err err = run_editor(editing, note);

		if (err == WB_OK)
			err = read_file(editing, note);
		if (err != WB_OK)
			return err;
		*ret_is_changed = editing->text.len != editing->before.len ||
		                  memcmp(wb_buf_text(&editing->text),
		                         wb_buf_text(&editing->before),
		                         editing->text.len) != 0;
		if (!*ret_is_changed)
			return WB_OK;
		err = check_body(editing, &why);
		if (err == WB_OK)
			return WB_OK;
		if (err == WB_ERR_BAD_CONFIG || !wants_again())
			return wb_fail(note, err, "%.180s; nothing is sent",
			               why.text);
		wb_cli_complain(editing->cli, "%s", why.text);
	}
}

/* ---- the verb ---- */

static int
send_edited(struct editing *editing, struct wb_filter *filter)
{
	struct wb_job_wish wish = {
		.row.kind = WB_JOB_EDIT,
		.edited = wb_buf_text(&editing->body),
		.edited_bytes = editing->body.len,
		.edited_id = editing->id,
	};
	struct wb_filter_params one = editing->params->filter;
	struct wb_buf consumer = { 0 };
	size_t selected;
	int status;

	/* Its own queue only, whatever was asked for. */
	wb_buf_adds(&consumer, editing->letter->consumer);
	one.consumer = consumer.data;
	filter->params = &one;
	status = wb_dlq_run_jobs(editing->cli, editing->params, filter, &wish,
	                         &selected);
	filter->params = &editing->params->filter;
	wb_buf_fini(&consumer);
	if (status != WB_CLI_DONE || selected > 0)
		return status;
	wb_cli_complain(editing->cli,
	                "%s is no longer in %s.dlq; nothing is sent",
	                editing->letter->id, editing->letter->consumer);
	return WB_CLI_FAILED;
}

static int
edit_letter(struct editing *editing, struct wb_filter *filter)
{
	struct wb_cli *cli = editing->cli;
	struct wb_note note = { "" };
	bool is_changed = false;
	int status;
	enum wb_err err = write_file(editing, &note);

	if (err == WB_OK)
		err = edit(editing, &is_changed, &note);
	if (err != WB_OK) {
		status = wb_cli_fail(cli, err, &note);
	} else if (!is_changed) {
		(void)fputs("Nothing was changed; nothing is sent.\n", stderr);
		status = WB_CLI_DONE;
	} else {
		status = send_edited(editing, filter);
	}
	if (status == WB_CLI_DONE)
		(void)unlink(editing->path);
	else
		wb_cli_complain(cli, "what was edited is in %s", editing->path);
	return status;
}

int
wb_dlq_edit(struct wb_cli *cli, const void *params)
{
	const struct wb_dlq_job_params *p = params;
	struct editing editing = { .cli = cli, .params = p };
	struct wb_letter *letter = NULL;
	struct wb_filter filter;
	struct wb_note note = { "" };
	int status;
	enum wb_err err = wb_filter_init(&filter, &p->filter, &note);

	filter.one_id = cli->args[0];
	if (err == WB_OK)
		err = wb_dlq_find(cli, &filter, &letter, &note);
	editing.letter = letter;
	status = err == WB_OK ? edit_letter(&editing, &filter)
	                      : wb_cli_fail(cli, err, &note);
	free(letter);
	wb_buf_fini(&editing.before);
	wb_buf_fini(&editing.text);
	wb_buf_fini(&editing.body);
	wb_filter_fini(&filter);
	return status;
}
