/* A ring of commands whose results are awaited. It grows with the largest
 * transaction of its connection and is never shrunk. */
#include "pg/internal.h"

#include "base/attr.h"
#include "base/mem.h"

#include <stdlib.h>

enum { FIRST_CAP = 16 }; /* a power of two, as every later size */

void
wb_pg_pending_fini(struct wb_pg_pending *pending)
{
	free(pending->commands);
	*pending = (struct wb_pg_pending){ 0 };
}

void
wb_pg_pending_clear(struct wb_pg_pending *pending)
{
	pending->first = 0;
	pending->n = 0;
}

static void
grow(struct wb_pg_pending *pending)
{
	size_t old = pending->cap;

	pending->cap = old > 0 ? old * 2 : FIRST_CAP;
	pending->commands = wb_realloc(
	    pending->commands, pending->cap * sizeof(*pending->commands));
	/* What had wrapped round to the front now follows the old end. */
	for (size_t i = 0; i < pending->first; i++)
		pending->commands[old + i] = pending->commands[i];
}

void
wb_pg_pending_push(struct wb_pg_pending *pending,
                   const struct wb_pg_command *command)
{
	if (pending->n == pending->cap)
		grow(pending);
	pending->commands[(pending->first + pending->n) & (pending->cap - 1)] =
	    *command;
	pending->n++;
}

const struct wb_pg_command *
wb_pg_pending_head(const struct wb_pg_pending *pending)
{
	WB_ASSERT(pending->n > 0);
	return &pending->commands[pending->first];
}

void
wb_pg_pending_pop(struct wb_pg_pending *pending)
{
	WB_ASSERT(pending->n > 0);
	pending->first = (pending->first + 1) & (pending->cap - 1);
	pending->n--;
}
