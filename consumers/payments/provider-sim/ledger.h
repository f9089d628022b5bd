/* What the simulated provider has charged and refunded, per idempotency key,
 * kept in an append-only file so that a restart forgets nothing. */
#ifndef WB_PROVIDER_SIM_LEDGER_H
#define WB_PROVIDER_SIM_LEDGER_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

enum ledger_kind {
	LEDGER_NONE,
	LEDGER_CHARGED,
	LEDGER_DECLINED,
	LEDGER_REFUNDED
};

struct ledger_entry {
	char *key;
	enum ledger_kind kind;
	int64_t amount_minor;
	unsigned effects; /* times that money moved: never above 1 */
	unsigned calls;   /* times that this key was sent */
	char reference[40];
};

/* Reads the file (creating it); "" = keep nothing. IO with a note. */
enum wb_err ledger_open(const char *path, struct wb_note *note);
void ledger_close(void);

/* The entry of this key, made when it is new. Counts a call. */
struct ledger_entry *ledger_call(const char *key);

/* NULL when the key was never sent. */
const struct ledger_entry *ledger_find(const char *key);

/* The outcome of this key, durable on return: money moves only here. */
void ledger_record(struct ledger_entry *entry, enum ledger_kind kind,
                   int64_t amount_minor);

const char *ledger_kind_name(enum ledger_kind kind);

/* Appends {"items":[…],"next":…} with the entries behind the key after ("":
 * from the first on), sorted by key, limit of them at most. next: the after of
 * the following page, or null. An item:
 * {"key":…,"status":…,"amount_minor":…,"effects":…,"calls":…} */
void ledger_print(struct wb_buf *buf, const char *after, size_t limit);

/* One entry as an object. */
void ledger_print_entry(struct wb_buf *buf, const struct ledger_entry *entry);

#endif
