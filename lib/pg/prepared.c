/* The statements that a connection has prepared, by name: some dozens, so a
 * list of hashes is searched. The names are copied: a statement's struct need
 * not live as long as the connection. */
#include "pg/internal.h"

#include "base/attr.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

struct wb_pg_prepared_entry {
	uint32_t hash;
	char *name;
};

static uint32_t
hash_of(const char *name)
{
	uint32_t hash = 2166136261u; /* FNV-1a */

	for (; *name != '\0'; name++)
		hash = (hash ^ (unsigned char)*name) * 16777619u;
	return hash;
}

static size_t
find(const struct wb_pg_prepared *prepared, const char *name, uint32_t hash)
{
	for (size_t i = 0; i < prepared->n; i++)
		if (prepared->entries[i].hash == hash &&
		    strcmp(prepared->entries[i].name, name) == 0)
			return i;
	return prepared->n;
}

void
wb_pg_prepared_fini(struct wb_pg_prepared *prepared)
{
	wb_pg_prepared_clear(prepared);
	free(prepared->entries);
	*prepared = (struct wb_pg_prepared){ 0 };
}

void
wb_pg_prepared_clear(struct wb_pg_prepared *prepared)
{
	for (size_t i = 0; i < prepared->n; i++)
		free(prepared->entries[i].name);
	prepared->n = 0;
}

bool
wb_pg_prepared_add(struct wb_pg_prepared *prepared, const char *name)
{
	uint32_t hash = hash_of(name);

	if (find(prepared, name, hash) < prepared->n)
		return true;
	if (prepared->n == prepared->cap) {
		prepared->cap = prepared->cap > 0 ? prepared->cap * 2 : 16;
		prepared->entries =
		    wb_realloc(prepared->entries,
		               prepared->cap * sizeof(*prepared->entries));
	}
	prepared->entries[prepared->n++] = (struct wb_pg_prepared_entry){
		.hash = hash,
		.name = wb_strdup(name),
	};
	return false;
}

void
wb_pg_prepared_forget(struct wb_pg_prepared *prepared, const char *name)
{
	size_t at = find(prepared, name, hash_of(name));

	if (at == prepared->n)
		return;
	free(prepared->entries[at].name);
	prepared->entries[at] = prepared->entries[--prepared->n];
}
