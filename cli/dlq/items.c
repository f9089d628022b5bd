#include "items.h"

#include "base/mem.h"

#include <openssl/evp.h>

#include <stdlib.h>
#include <string.h>

void
wb_item_drop_letter(struct wb_item *item)
{
	free(item->letter);
	item->letter = NULL;
}

void
wb_item_let_go(struct wb_item *item)
{
	wb_item_drop_letter(item);
	while (item->copies != NULL) {
		struct wb_item_copy *next = item->copies->next;

		free(item->copies);
		item->copies = next;
	}
	item->tag = 0;
	item->is_seen = false;
}

void
wb_items_fini(struct wb_items *items)
{
	for (size_t i = 0; i < items->n; i++)
		wb_item_let_go(&items->list[i]);
	free(items->list);
	free(items->slots);
	*items = (struct wb_items){ 0 };
}

/* A digest and not a mere hash: a letter that is taken for another one would be
 * acknowledged without having been sent. */
struct wb_item_key
wb_item_key(const char *id, const char *replay, int64_t attempts)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	struct wb_item_key key;
	struct wb_buf text = { 0 };
	unsigned bytes = 0;

	wb_buf_printf(&text, "%s\n%s\n%lld", id, replay, (long long)attempts);
	WB_ASSERT(EVP_Digest(text.data, text.len, digest, &bytes, EVP_sha256(),
	                     NULL) == 1);
	memcpy(key.bytes, digest, sizeof key.bytes);
	wb_buf_fini(&text);
	return key;
}

/* The place of the key, or the free one where it belongs. */
static uint32_t *
find_slot(const struct wb_items *items, const struct wb_item_key *key)
{
	uint64_t hash;
	size_t i;

	memcpy(&hash, key->bytes, sizeof hash);
	for (i = hash & (items->n_slots - 1); items->slots[i] != 0;
	     i = (i + 1) & (items->n_slots - 1)) {
		const struct wb_item *item = &items->list[items->slots[i] - 1];

		if (memcmp(item->key.bytes, key->bytes, sizeof key->bytes) == 0)
			break;
	}
	return &items->slots[i];
}

struct wb_item *
wb_items_find(struct wb_items *items, const struct wb_item_key *key)
{
	uint32_t place;

	if (items->n_slots == 0)
		return NULL;
	place = *find_slot(items, key);
	return place == 0 ? NULL : &items->list[place - 1];
}

/* At most half of the slots are taken. */
static void
grow(struct wb_items *items)
{
	items->cap = items->cap == 0 ? 256 : 2 * items->cap;
	items->list = wb_realloc(items->list, items->cap * sizeof *items->list);
	free(items->slots);
	items->n_slots = 2 * items->cap;
	items->slots = wb_zalloc(items->n_slots * sizeof *items->slots);
	for (size_t i = 0; i < items->n; i++)
		*find_slot(items, &items->list[i].key) = (uint32_t)(i + 1);
}

struct wb_item *
wb_items_add(struct wb_items *items, const struct wb_item_key *key,
             const struct wb_uuid *event_id)
{
	struct wb_item *item;

	if (items->n == items->cap)
		grow(items);
	item = &items->list[items->n];
	*item = (struct wb_item){ .key = *key, .event_id = *event_id };
	*find_slot(items, key) = (uint32_t)++items->n;
	return item;
}

void
wb_item_add_tag(struct wb_item *item, uint64_t tag)
{
	struct wb_item_copy *copy;

	if (item->tag == 0) {
		item->tag = tag;
		return;
	}
	copy = wb_zalloc(sizeof *copy);
	copy->tag = tag;
	copy->next = item->copies;
	item->copies = copy;
}
