/* Forming a wave: which of the pending messages are handled together. */
#include "saga/engine.h"

#include <stdlib.h>
#include <string.h>

void
wb_batch_push(struct wb_consumer *c, struct wb_message *message)
{
	*c->pending_end = message;
	c->pending_end = &message->next;
	c->n_pending++;
}

void
wb_batch_forget(struct wb_consumer *c)
{
	struct wb_message *next;

	for (struct wb_message *m = c->pending; m != NULL; m = next) {
		next = m->next;
		wb_message_free(m);
	}
	c->pending = NULL;
	c->pending_end = &c->pending;
	c->n_pending = 0;
}

/* Moves *at from the pending list to the wave. */
static void
take(struct wb_consumer *c, struct wb_message **at)
{
	struct wb_message *message = *at;

	*at = message->next;
	if (c->pending_end == &message->next)
		c->pending_end = at;
	message->next = NULL;
	c->n_pending--;
	c->wave.messages[c->wave.n_messages++] = message;
}

/* FNV-1a. The set holds hashes only: two subjects that share one merely go
 * into different waves. */
static uint64_t
hash(const void *data, size_t bytes, uint64_t seed)
{
	const unsigned char *at = data;
	uint64_t h = UINT64_C(14695981039346656037) ^ seed;

	for (size_t i = 0; i < bytes; i++)
		h = (h ^ at[i]) * UINT64_C(1099511628211);
	return h == 0 ? 1 : h;
}

/* Adds to the set; true if it was there. */
static bool
see(struct wb_consumer *c, uint64_t key)
{
	size_t i = (size_t)(key ^ key >> 32) & (c->seen_size - 1);

	while (c->seen[i] != 0 && c->seen[i] != key)
		i = (i + 1) & (c->seen_size - 1);
	if (c->seen[i] == key)
		return true;
	c->seen[i] = key;
	return false;
}

/* Whether a copy of this one goes before it, or an event of the same subject
 * where the order counts.
 * Both keys are always added: what has to wait holds back those behind it. */
static bool
must_wait(struct wb_consumer *c, const struct wb_message *message)
{
	const char *subject = message->event.subject;
	bool is_id_seen, is_subject_seen;

	if (message->event.doc == NULL)
		return false;
	is_id_seen =
	    see(c, hash(message->id.bytes, sizeof message->id.bytes, 1));
	is_subject_seen = see(c, hash(subject, strlen(subject), 0));
	return is_id_seen || (is_subject_seen && !c->config->is_unordered);
}

void
wb_batch_form(struct wb_consumer *c)
{
	struct wb_message **at = &c->pending;
	size_t bytes = 0;

	WB_ASSERT(c->wave.n_messages == 0);
	if (c->pending != NULL && c->pending->is_redelivered) {
		take(c, at);
		return;
	}
	memset(c->seen, 0, c->seen_size * sizeof *c->seen);
	/* What was redelivered ends the wave: it will be alone in its own. */
	while (*at != NULL && !(*at)->is_redelivered &&
	       c->wave.n_messages < (size_t)c->params->batch_messages) {
		bytes += (*at)->body_bytes;
		if (c->wave.n_messages > 0 &&
		    bytes > (size_t)c->params->batch_bytes)
			break;
		wb_message_parse(c, *at);
		if (must_wait(c, *at)) {
			bytes -= (*at)->body_bytes;
			at = &(*at)->next;
		} else {
			take(c, at);
		}
	}
}

/* All transactions lock their rows in the order of their subjects. */
static int
compare_subjects(const void *a, const void *b)
{
	const struct wb_message *const *x = a, *const *y = b;

	/* What is no event touches no rows: it comes first. */
	if ((*x)->event.doc == NULL || (*y)->event.doc == NULL)
		return ((*x)->event.doc != NULL) - ((*y)->event.doc != NULL);
	return strcmp((*x)->event.subject, (*y)->event.subject);
}

void
wb_batch_prepare(struct wb_consumer *c)
{
	struct wb_wave *wave = &c->wave;

	if (wave->is_prepared)
		return;
	wave->is_prepared = true;
	for (size_t i = 0; i < wave->n_messages; i++) {
		struct wb_message *m = wave->messages[i];
		const struct wb_handler *handler;

		wb_message_parse(c, m);
		if (m->decided != WB_OK)
			continue;
		handler = m->route->handler;
		m->payload = wb_arena_alloc(wave->arena, handler->payload_size);
		m->decided = handler->parse(&m->event, m->payload, wave->arena,
		                            &m->note);
	}
	qsort(wave->messages, wave->n_messages, sizeof(struct wb_message *),
	      compare_subjects);
}

void
wb_batch_end(struct wb_consumer *c)
{
	struct wb_wave *wave = &c->wave;

	for (size_t i = wave->first; i < wave->n_messages; i++)
		wb_message_free(wave->messages[i]);
	wave->n_messages = 0;
	wave->first = 0;
	wave->is_prepared = false;
	wave->is_one_by_one = false;
	wave->waits = 0;
	wave->strikes = 0;
	wb_arena_reset(wave->arena);
}
