/* The examples of schema/events as the C code reads them: every valid one is
 * taken, every wrong envelope is refused as such, and what is wrong only within
 * data is left to the handlers. */
#include "event/envelope.h"
#include "shop/events.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* type: the name of the folder; name: that of the file. */
typedef void (*example_fn)(const char *type, const char *name,
                           const struct wb_buf *body);

static void
read_file(const char *path, struct wb_buf *ret_body)
{
	char chunk[4096];
	size_t bytes;
	FILE *file = fopen(path, "rb");

	assert_non_null(file);
	while ((bytes = fread(chunk, 1, sizeof(chunk), file)) > 0)
		wb_buf_add(ret_body, chunk, bytes);
	assert_int_equal(ferror(file), 0);
	assert_int_equal(fclose(file), 0);
}

static bool
has_prefix(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* fn for each file of the type whose name begins with prefix; how many. */
static size_t
each_of_type(const char *type, const char *prefix, example_fn fn)
{
	char folder[512], path[1024];
	struct dirent *entry;
	size_t count = 0;
	DIR *dir;

	(void)snprintf(folder, sizeof(folder), "%s/%s", WB_EVENT_EXAMPLES,
	               type);
	dir = opendir(folder);
	if (dir == NULL) {
		fail_msg("no folder %s", folder);
		return 0;
	}
	while ((entry = readdir(dir)) != NULL) {
		struct wb_buf body = { .data = NULL };

		if (!has_prefix(entry->d_name, prefix))
			continue;
		(void)snprintf(path, sizeof(path), "%s/%s", folder,
		               entry->d_name);
		read_file(path, &body);
		fn(type, entry->d_name, &body);
		wb_buf_fini(&body);
		count++;
	}
	(void)closedir(dir);
	return count;
}

static void
each(const char *prefix, size_t min_per_type, example_fn fn)
{
	for (size_t i = 0; i < shop_n_events; i++) {
		const char *type = shop_events[i]->name;
		size_t count = each_of_type(type, prefix, fn);

		if (count < min_per_type)
			fail_msg("%s: %zu examples", type, count);
	}
}

static void
expect_taken(const char *type, const char *name, const struct wb_buf *body)
{
	struct wb_note note = { .text = "" };
	struct wb_event event;

	if (wb_event_parse(body->data, body->len, &note, &event) != WB_OK)
		fail_msg("%s/%s: %s", type, name, note.text);
	assert_string_equal(event.type, type);
	assert_true(event.sequence > 0);
	assert_true(event.time_us > 0);
	assert_true(event.subject[0] != '\0');
	wb_event_fini(&event);
}

static void
test_valid_examples_are_taken(void **state)
{
	(void)state;
	each("valid-", 2, expect_taken);
}

/* What the reader does not look at: the names that a type is bound to, a
 * schema's address, and everything within data. */
static bool
is_for_others(const char *name)
{
	return has_prefix(name, "invalid-data.") ||
	       has_prefix(name, "invalid-dataschema-") ||
	       has_prefix(name, "invalid-source-const");
}

static void
expect_refused(const char *type, const char *name, const struct wb_buf *body)
{
	const char *reason = name + strlen("invalid-");
	struct wb_note note = { .text = "" };
	struct wb_event event;

	if (is_for_others(name)) {
		expect_taken(type, name, body);
		return;
	}
	if (wb_event_parse(body->data, body->len, &note, &event) !=
	    WB_ERR_BAD_MESSAGE)
		fail_msg("%s/%s was taken", type, name);
	/* The note begins with the member that the file is named after. */
	if (strncmp(note.text, reason, strcspn(reason, "-")) != 0)
		fail_msg("%s/%s: %s", type, name, note.text);
}

static void
test_wrong_envelopes_are_refused(void **state)
{
	(void)state;
	each("invalid-", 3, expect_refused);
}

static void
expect_no_part(const char *type, const char *name, const struct wb_buf *body)
{
	size_t whole = body->len;

	while (whole > 0 && body->data[whole - 1] != '}')
		whole--;
	for (size_t bytes = 0; bytes < whole; bytes++) {
		/* A block of its own: reading past its end is seen. */
		char *part = malloc(bytes > 0 ? bytes : 1);
		struct wb_note note = { .text = "" };
		struct wb_event event;

		assert_non_null(part);
		memcpy(part, body->data, bytes);
		if (wb_event_parse(part, bytes, &note, &event) !=
		    WB_ERR_BAD_MESSAGE)
			fail_msg("%s/%s: taken after %zu bytes", type, name,
			         bytes);
		assert_true(note.text[0] != '\0');
		free(part);
	}
}

static void
test_no_part_of_an_event_is_taken(void **state)
{
	(void)state;
	assert_int_equal(each_of_type("shipment.void_refused.v1", "valid-full",
	                              expect_no_part),
	                 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_valid_examples_are_taken),
		cmocka_unit_test(test_wrong_envelopes_are_refused),
		cmocka_unit_test(test_no_part_of_an_event_is_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
