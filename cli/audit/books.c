#include "books.h"

#include "base/mem.h"
#include "provider.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char refund_mark[] = "-refund";

struct audit_books {
	struct audit *audit;
	struct audit_provider *provider;
};

/* A call's entry, as far as it outlives the provider's page. */
struct entry {
	bool is_here, has_moved; /* money has */
	int64_t amount_minor;
	char reference[64];
};

void
audit_books_free(struct audit_books *books)
{
	if (books == NULL)
		return;
	audit_provider_free(books->provider);
	free(books);
}

struct audit_books *
audit_books_new(struct audit *audit)
{
	struct audit_books *books = wb_zalloc(sizeof(*books));

	books->audit = audit;
	books->provider =
	    audit_provider_new(audit->cli, audit->params->provider_url);
	return books;
}

static void
check_once(struct audit *audit, const struct audit_charge *charge)
{
	audit_checked(audit, AUDIT_CHARGES, 1);
	if (charge->effects > 1)
		audit_broken(audit, AUDIT_CHARGES,
		             "money moved %" PRId64 " times under the key %s",
		             charge->effects, charge->key);
}

/* Moved under a key of no payment of ours. One that was made after payments was
 * read may be there already. */
static void
check_stray(struct audit *audit, const struct audit_charge *charge)
{
	char id[WB_UUID_TEXT_BYTES];

	(void)snprintf(id, sizeof(id), "%s", charge->key);
	if (charge->effects > 0 && !audit_is_young(audit, id))
		audit_broken(audit, AUDIT_CHARGES,
		             "%" PRId64
		             " %s under the key %s, which no payment has",
		             charge->amount_minor, charge->status, charge->key);
}

/* Is the provider's current entry that of the order (with mark behind it)? Then
 * it is taken. */
static struct entry
take(struct audit_books *books, const char *order_id, const char *mark)
{
	const struct audit_charge *charge = audit_provider_at(books->provider);
	size_t bytes = strlen(order_id);
	struct entry entry = { .is_here = false };

	if (charge == NULL || strncmp(charge->key, order_id, bytes) != 0 ||
	    strcmp(charge->key + bytes, mark) != 0)
		return entry;
	check_once(books->audit, charge);
	entry.is_here = true;
	entry.has_moved = charge->effects > 0;
	entry.amount_minor = charge->amount_minor;
	(void)snprintf(entry.reference, sizeof(entry.reference), "%s",
	               charge->reference);
	audit_provider_next(books->provider);
	return entry;
}

static void
skip_strays(struct audit_books *books, const char *until)
{
	const struct audit_charge *charge;

	while ((charge = audit_provider_at(books->provider)) != NULL &&
	       (until == NULL || strcmp(charge->key, until) < 0)) {
		check_once(books->audit, charge);
		check_stray(books->audit, charge);
		audit_provider_next(books->provider);
	}
}

/* What a payment's status says of the provider's books. Payments was read
 * first: what was CAPTURED then may be refunded by now, unless its order was
 * confirmed even before. Anything under way says nothing. */
static const char *
find_fault(const struct audit *audit, const struct audit_paid *paid,
           const struct entry *charge, const struct entry *refund)
{
	bool is_captured = strcmp(paid->status, "CAPTURED") == 0;
	bool is_refunded = strcmp(paid->status, "REFUNDED") == 0;

	if (is_captured || is_refunded) {
		if (!charge->has_moved)
			return "the provider has taken nothing";
		if (charge->amount_minor != paid->amount_minor)
			return "the provider has taken another amount";
		if (strcmp(charge->reference, paid->reference) != 0)
			return "the provider knows it by another reference";
	}
	if (is_captured && refund->has_moved &&
	    (audit->params->is_quiet ||
	     strcmp(paid->order_status, "CONFIRMED") == 0))
		return "the provider has given it back";
	if (is_refunded &&
	    (!refund->has_moved || refund->amount_minor != paid->amount_minor))
		return "the provider has not given it back";
	if ((strcmp(paid->status, "DECLINED") == 0 ||
	     strcmp(paid->status, "VOIDED") == 0) &&
	    charge->has_moved && !refund->has_moved)
		return "the provider has taken it";
	return NULL;
}

void
audit_books_check(struct audit_books *books, const char *order_id,
                  const struct audit_paid *paid)
{
	struct audit *audit = books->audit;
	bool is_unknown = strcmp(paid->status, "NONE") == 0;
	struct entry charge, refund;
	const char *fault;

	/* Its keys are strays; but that of an order under way may have become
	 * one after payments was read. */
	if (is_unknown && (audit->params->is_quiet ||
	                   strcmp(paid->order_status, "PENDING") != 0))
		return;
	skip_strays(books, order_id);
	charge = take(books, order_id, "");
	refund = take(books, order_id, refund_mark);
	if (is_unknown)
		return;
	audit_checked(audit, AUDIT_BOOKS, 1);
	fault = find_fault(audit, paid, &charge, &refund);
	if (fault != NULL)
		audit_broken(audit, AUDIT_BOOKS,
		             "order %s: payment %s of %" PRId64
		             ", but %s (charged %" PRId64 ", refunded %" PRId64
		             ")",
		             order_id, paid->status, paid->amount_minor, fault,
		             charge.has_moved ? charge.amount_minor : 0,
		             refund.has_moved ? refund.amount_minor : 0);
}

enum wb_err
audit_books_end(struct audit_books *books, struct wb_note *note)
{
	skip_strays(books, NULL);
	return audit_provider_end(books->provider, note);
}
