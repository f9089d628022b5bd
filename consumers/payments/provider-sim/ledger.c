/* The simulated provider's memory: a tree by key over an append-only file. */
#include "ledger.h"

#include "base/mem.h"
#include "base/uuid.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void *root;
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

static int
compare(const void *a, const void *b)
{
	const struct ledger_entry *x = a, *y = b;

	return strcmp(x->key, y->key);
}

const struct ledger_entry *
ledger_find(const char *key)
{
	char *copy = wb_strdup(key);
	struct ledger_entry probe = { .key = copy };
	struct ledger_entry *const *found = tfind(&probe, &root, compare);

	free(copy);
	return found == NULL ? NULL : *found;
}

static struct ledger_entry *
entry_of(const char *key)
{
	struct ledger_entry *fresh = wb_zalloc(sizeof(*fresh));
	struct ledger_entry **found;

	fresh->key = wb_strdup(key);
	found = tsearch(fresh, &root, compare);
	WB_ASSERT(found != NULL);
	if (*found != fresh) {
		free(fresh->key);
		free(fresh);
	}
	return *found;
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
	while (root != NULL) {
		struct ledger_entry *entry = *(struct ledger_entry **)root;

		(void)tdelete(entry, &root, compare);
		free(entry->key);
		free(entry);
	}
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

static struct wb_buf *printing; /* twalk gives its callback no argument */

static void
print_node(const void *node, VISIT visit, int depth)
{
	(void)depth;
	if (visit != postorder && visit != leaf)
		return;
	if (printing->data[printing->len - 1] != '[')
		wb_buf_adds(printing, ",");
	ledger_print_entry(printing, *(struct ledger_entry *const *)node);
}

void
ledger_print(struct wb_buf *buf)
{
	wb_buf_adds(buf, "{\"items\":[");
	printing = buf;
	twalk(root, print_node);
	wb_buf_adds(buf, "]}");
}
