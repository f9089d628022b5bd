/* A topology that a file gives, read once and kept. */
#include "topology_model.h"

#include "base/buf.h"
#include "base/mem.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	MOST_BYTES = 1 << 20,
	MOST_NAME = 200, /* the broker takes 255 bytes, ".dlq" included */
};

struct file {
	const char *path;
	char *text;
	const char **names;
	size_t n_names;
	struct wb_topology_binding *bindings;
	size_t n_bindings;
	unsigned line;
	struct wb_note *note;
};

static enum wb_err
complain(const struct file *file, const char *what, const char *word)
{
	return wb_fail(file->note, WB_ERR_BAD_CONFIG, "%s:%u: %s: %s",
	               file->path, file->line, word, what);
}

static enum wb_err
read_text(struct file *file)
{
	FILE *in = fopen(file->path, "r");
	size_t n;

	if (in == NULL)
		return wb_fail(file->note, WB_ERR_IO, "%s: %s", file->path,
		               strerror(errno));
	file->text = wb_zalloc(MOST_BYTES + 1);
	n = fread(file->text, 1, MOST_BYTES, in);
	if (ferror(in) || n == MOST_BYTES || strlen(file->text) != n) {
		(void)fclose(in);
		return wb_fail(file->note, WB_ERR_IO,
		               "%s: can't be read, or is no such table",
		               file->path);
	}
	(void)fclose(in);
	return WB_OK;
}

/* What may stand in a regular expression of rights and in a URL as it is. */
static bool
is_plain(const char *word, const char *more)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789_";
	size_t n = 0;

	while (word[n] != '\0' && (strchr(letters, word[n]) != NULL ||
	                           strchr(more, word[n]) != NULL))
		n++;
	return n <= MOST_NAME && word[n] == '\0';
}

static enum wb_err
add_consumer(struct file *file, const char *name)
{
	if (!is_plain(name, "-"))
		return complain(file, "is no plain name", name);
	for (size_t i = 0; i < file->n_names; i++)
		if (strcmp(file->names[i], name) == 0)
			return complain(file, "stands there twice", name);
	file->names =
	    wb_realloc(file->names, (file->n_names + 1) * sizeof(char *));
	file->names[file->n_names++] = name;
	return WB_OK;
}

static enum wb_err
add_binding(struct file *file, const char *queue, const char *type)
{
	struct wb_event_type *event;

	if (!is_plain(type, ".-"))
		return complain(file, "is no type of events", type);
	for (size_t i = 0; i < file->n_bindings; i++)
		if (strcmp(file->bindings[i].queue, queue) == 0 &&
		    strcmp(file->bindings[i].event->name, type) == 0)
			return complain(file, "stands there twice", type);
	event = wb_zalloc(sizeof(*event));
	event->name = type;
	file->bindings = wb_realloc(
	    file->bindings, (file->n_bindings + 1) * sizeof(*file->bindings));
	file->bindings[file->n_bindings++] =
	    (struct wb_topology_binding){ .queue = queue, .event = event };
	return WB_OK;
}

/* line is cut up into words. */
static enum wb_err
read_line(struct file *file, char *line)
{
	static const char blanks[] = " \t\r";
	char *rest = NULL, *consumer, *type;
	enum wb_err err;

	line[strcspn(line, "#")] = '\0';
	consumer = strtok_r(line, blanks, &rest);
	if (consumer == NULL)
		return WB_OK;
	err = add_consumer(file, consumer);
	while (err == WB_OK && (type = strtok_r(NULL, blanks, &rest)) != NULL)
		err = add_binding(file, consumer, type);
	return err;
}

enum wb_err
wb_topology_load(const char *path, struct wb_note *note)
{
	struct file file = { .path = path, .note = note };
	enum wb_err err = read_text(&file);
	char *line = file.text, *next;

	for (; err == WB_OK && line != NULL; line = next) {
		next = strchr(line, '\n');
		if (next != NULL)
			*next++ = '\0';
		file.line++;
		err = read_line(&file, line);
	}
	if (err == WB_OK && file.n_names == 0)
		err = wb_fail(note, WB_ERR_BAD_CONFIG, "%s: has no consumer",
		              path);
	if (err == WB_OK) {
		wb_topology_use(file.names, file.n_names, file.bindings,
		                file.n_bindings);
		return WB_OK;
	}
	for (size_t i = 0; i < file.n_bindings; i++)
		free((void *)(uintptr_t)file.bindings[i].event);
	free(file.bindings);
	free(file.names);
	free(file.text);
	return err;
}
