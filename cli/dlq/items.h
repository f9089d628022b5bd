/* The letters that a job has selected, found again by what tells one dead
 * letter from every other: its id, the job that last sent it, and its attempts.
 */
#ifndef WB_CLI_DLQ_ITEMS_H
#define WB_CLI_DLQ_ITEMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/uuid.h"
#include "letter.h"

/* OUT       its letter is not in hand (not read yet, or dropped for memory)
 * HELD      its letter is in hand
 * PUBLISHED on its way; the confirm is awaited
 * SAFE      confirmed: to be marked in the journal
 * MARKING   that is being committed
 * SENT      marked; its letter may be acknowledged
 * GONE      it was no longer in the queue */
enum wb_item_state {
	WB_ITEM_OUT,
	WB_ITEM_HELD,
	WB_ITEM_PUBLISHED,
	WB_ITEM_SAFE,
	WB_ITEM_MARKING,
	WB_ITEM_SENT,
	WB_ITEM_GONE,
};

#define WB_ITEM_KEY_BYTES 16
struct wb_item_key {
	uint8_t bytes[WB_ITEM_KEY_BYTES];
};

/* The same letter once more: the relay may publish it twice. */
struct wb_item_copy {
	struct wb_item_copy *next;
	uint64_t tag;
};

struct wb_item {
	struct wb_item_key key;
	struct wb_uuid event_id;
	struct wb_letter *letter; /* while HELD or PUBLISHED; owned */
	uint64_t tag;             /* of the reader in hand; 0 = none */
	struct wb_item_copy *copies;
	enum wb_item_state state;
	bool is_seen; /* by the reader in hand */
};

struct wb_items {
	struct wb_item *list;
	size_t n, cap;
	uint32_t *slots; /* hash: place in list + 1 */
	size_t n_slots;  /* power of two, or 0 */
};

void wb_items_fini(struct wb_items *items);

struct wb_item_key wb_item_key(const char *id, const char *replay,
                               int64_t attempts);

/* NULL when there is none. Valid until the next add. */
struct wb_item *wb_items_find(struct wb_items *items,
                              const struct wb_item_key *key);

/* A new one, OUT. */
struct wb_item *wb_items_add(struct wb_items *items,
                             const struct wb_item_key *key,
                             const struct wb_uuid *event_id);

/* Another delivery of it. */
void wb_item_add_tag(struct wb_item *item, uint64_t tag);

/* Forgets letter and tags: the reader that they came from is gone. */
void wb_item_let_go(struct wb_item *item);
void wb_item_drop_letter(struct wb_item *item);

#endif
