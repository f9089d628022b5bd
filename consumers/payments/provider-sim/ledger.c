/* The simulated provider's memory: sorted by key, over an append-only file. */
#include "ledger.h"

#include "base/mem.h"
#include "base/uuid.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Sorted by key. New keys mostly belong near the end: they begin with the time.
 */
static struct ledger_entry **entries;
static size_t n_entries, cap;
static int fd = -1;

static const char *const names[] = {
	[LEDGER_NONE] = "none",
	[LEDGER_CHARGED] = "captured",
	[LEDGER_DECLINED] = "declined",
	[LEDGER_REFUNDED] = "refunded",
};

const char *
ledger_kind_name(enum ledger_kind kind)
{
	return names[kind];
}

/* Of the first entry whose key is not below this one. */
static size_t
find_place(const char *key)
{
	size_t low = 0, high = n_entries;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(entries[middle]->key, key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct ledger_entry *
ledger_find(const char *key)
{
	size_t at = find_place(key);

	return at < n_entries && strcmp(entries[at]->key, key) == 0
	           ? entries[at]
	           : NULL;
}

static struct ledger_entry *
entry_of(const char *key)
{
	size_t at = find_place(key);

	if (at < n_entries && strcmp(entries[at]->key, key) == 0)
		return entries[at];
	if (n_entries == cap) {
		cap = cap == 0 ? 1024 : cap * 2;
		entries =
		    wb_realloc(entries, cap * sizeof(struct ledger_entry *));
	}
	memmove(entries + at + 1, entries + at,
	        (n_entries - at) * sizeof(struct ledger_entry *));
	n_entries++;
	entries[at] = wb_zalloc(sizeof(**entries));
	entries[at]->key = wb_strdup(key);
	return entries[at];
}

struct ledger_entry *
ledger_call(const char *key)
{
	struct ledger_entry *entry = entry_of(key);

	entry->calls++;
	return entry;
}

static void
apply(struct ledger_entry *entry, enum ledger_kind kind, int64_t amount_minor,
      const char *reference)
{
	entry->kind = kind;
	entry->amount_minor = amount_minor;
	if (kind != LEDGER_DECLINED)
		entry->effects++;
	(void)snprintf(entry->reference, sizeof(entry->reference), "%s",
	               reference);
}

void
ledger_record(struct ledger_entry *entry, enum ledger_kind kind,
              int64_t amount_minor)
{
	struct wb_uuid id = wb_uuid_v7();
	char reference[WB_UUID_TEXT_BYTES];
	struct wb_buf line = { 0 };

	apply(entry, kind, amount_minor, wb_uuid_format(&id, reference));
	wb_buf_printf(&line, "%d %" PRId64 " %s %s\n", (int)kind, amount_minor,
	              reference, entry->key);
	/* A short write would be half a line: a full disk stops us. */
	if (fd >= 0)
		WB_ASSERT(write(fd, line.data, line.len) == (ssize_t)line.len);
	wb_buf_fini(&line);
}

static void
replay(FILE *file)
{
	char reference[40], key[256];
	int64_t amount_minor;
	int kind;

	/* The simulator's own lines, so the numbers are in range. */
	/* NOLINTNEXTLINE(cert-err34-c) */
	while (fscanf(file, "%d %" SCNd64 " %39s %255[^\n]", &kind,
	              &amount_minor, reference, key) == 4)
		if (kind > LEDGER_NONE && kind <= LEDGER_REFUNDED)
			apply(entry_of(key), (enum ledger_kind)kind,
			      amount_minor, reference);
}

enum wb_err
ledger_open(const char *path, struct wb_note *note)
{
	FILE *file;

	if (*path == '\0')
		return WB_OK;
	fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	file = fd < 0 ? NULL : fdopen(dup(fd), "r");
	if (file == NULL)
		return wb_fail(note, WB_ERR_IO, "%s: %s", path,
		               strerror(errno));
	replay(file);
	(void)fclose(file);
	return WB_OK;
}

void
ledger_close(void)
{
	while (n_entries > 0) {
		free(entries[--n_entries]->key);
		free(entries[n_entries]);
	}
	free(entries);
	entries = NULL;
	cap = 0;
	if (fd >= 0)
		(void)close(fd);
	fd = -1;
}

void
ledger_print_entry(struct wb_buf *buf, const struct ledger_entry *entry)
{
	wb_buf_adds(buf, "{\"key\":");
	wb_buf_add_json_string(buf, entry->key, strlen(entry->key));
	wb_buf_printf(buf,
	              ",\"status\":\"%s\",\"amount_minor\":%" PRId64
	              ",\"effects\":%u,\"calls\":%u,\"reference\":\"%s\"}",
	              names[entry->kind], entry->amount_minor, entry->effects,
	              entry->calls, entry->reference);
}

void
ledger_print(struct wb_buf *buf, const char *after, size_t limit)
{
	size_t at = find_place(after), end;

	if (at < n_entries && strcmp(entries[at]->key, after) == 0)
		at++;
	end = n_entries - at > limit ? at + limit : n_entries;
	wb_buf_adds(buf, "{\"items\":[");
	for (size_t i = at; i < end; i++) {
		if (i > at)
			wb_buf_adds(buf, ",");
		ledger_print_entry(buf, entries[i]);
	}
	wb_buf_adds(buf, "],\"next\":");
	if (end < n_entries && end > at)
		wb_buf_add_json_string(buf, entries[end - 1]->key,
		                       strlen(entries[end - 1]->key));
	else
		wb_buf_adds(buf, "null");
	wb_buf_adds(buf, "}");
}
