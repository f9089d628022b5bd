#include "lookup.h"

#include "base/arena.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

/* One entry per line or order at first; sorted and without duplicates once the
 * statement is sent. */
struct lookup {
	struct wb_arena *arena; /* SKUs, and texts of the answers */
	struct lookup_product *products;
	size_t n_products, cap_products;
	struct wb_uuid *customers; /* asked for; then those found */
	size_t n_customers, cap_customers;
	struct wb_pg_args *args;
	wb_loop_fn done;
	void *done_arg;
};

static const struct wb_pg_stmt find = {
	.name = "lookup",
	.sql = "SELECT customer_id, NULL::text, NULL::text, NULL::bigint,"
	       " NULL::text FROM customers WHERE customer_id = ANY ($1::uuid[])"
	       " UNION ALL SELECT NULL::uuid, sku, name, price_minor, currency"
	       " FROM products WHERE sku = ANY ($2::text[])",
};

enum { CUSTOMER_ID, SKU, NAME, PRICE_MINOR, CURRENCY };

static int
compare_products(const void *a, const void *b)
{
	const struct lookup_product *left = a, *right = b;

	return strcmp(left->sku, right->sku);
}

static int
compare_customers(const void *a, const void *b)
{
	return wb_uuid_compare(a, b);
}

/* Of sorted entries, the first of each kind; returns how many. */
static size_t
unique(void *entries, size_t n, size_t entry_bytes,
       int (*compare)(const void *, const void *))
{
	unsigned char *at = entries;
	size_t n_kept = n > 0 ? 1 : 0;

	for (size_t i = 1; i < n; i++) {
		unsigned char *kept = at + n_kept * entry_bytes;

		if (compare(kept - entry_bytes, at + i * entry_bytes) == 0)
			continue;
		memmove(kept, at + i * entry_bytes, entry_bytes);
		n_kept++;
	}
	return n_kept;
}

void
lookup_free(struct lookup *lookup)
{
	if (lookup == NULL)
		return;
	wb_pg_args_free(lookup->args);
	wb_arena_free(lookup->arena);
	free(lookup->products);
	free(lookup->customers);
	free(lookup);
}

struct lookup *
lookup_new(void)
{
	struct lookup *lookup = wb_zalloc(sizeof(*lookup));

	lookup->arena = wb_arena_new();
	lookup->args = wb_pg_args_new();
	return lookup;
}

void
lookup_clear(struct lookup *lookup)
{
	wb_arena_reset(lookup->arena);
	lookup->n_products = 0;
	lookup->n_customers = 0;
}

static void
reserve(void **entries, size_t *cap, size_t n, size_t entry_bytes)
{
	if (n <= *cap)
		return;
	*cap = n * 2;
	*entries = wb_realloc(*entries, *cap * entry_bytes);
}

void
lookup_add(struct lookup *lookup, const struct order *order)
{
	void *products = lookup->products, *customers = lookup->customers;

	reserve(&products, &lookup->cap_products,
	        lookup->n_products + order->n_lines, sizeof(*lookup->products));
	reserve(&customers, &lookup->cap_customers, lookup->n_customers + 1,
	        sizeof(*lookup->customers));
	lookup->products = products;
	lookup->customers = customers;
	lookup->customers[lookup->n_customers++] = order->customer_id;
	for (size_t i = 0; i < order->n_lines; i++)
		lookup->products[lookup->n_products++] =
		    (struct lookup_product){ .sku = order->lines[i].sku };
}

static struct lookup_product *
find_product(const struct lookup *lookup, const char *sku)
{
	const struct lookup_product key = { .sku = sku };

	return bsearch(&key, lookup->products, lookup->n_products, sizeof(key),
	               compare_products);
}

static void
keep_product(struct lookup *lookup, const struct wb_pg_result *result,
             size_t row)
{
	struct lookup_product *product =
	    find_product(lookup, wb_pg_text(result, row, SKU));

	WB_ASSERT(product != NULL); /* it was asked for */
	product->name =
	    wb_arena_strdup(lookup->arena, wb_pg_text(result, row, NAME));
	product->price_minor = wb_pg_i64(result, row, PRICE_MINOR);
	product->currency =
	    wb_arena_strdup(lookup->arena, wb_pg_text(result, row, CURRENCY));
}

static void
on_found(const struct wb_pg_result *result, void *arg)
{
	struct lookup *lookup = arg;

	/* There are not more than were asked for. */
	lookup->n_customers = 0;
	for (size_t row = 0; row < wb_pg_rows(result); row++) {
		if (wb_pg_is_null(result, row, CUSTOMER_ID))
			keep_product(lookup, result, row);
		else
			lookup->customers[lookup->n_customers++] =
			    wb_pg_uuid(result, row, CUSTOMER_ID);
	}
	qsort(lookup->customers, lookup->n_customers,
	      sizeof(*lookup->customers), compare_customers);
	lookup->done(lookup->done_arg);
}

static void
sort(struct lookup *lookup)
{
	qsort(lookup->products, lookup->n_products, sizeof(*lookup->products),
	      compare_products);
	lookup->n_products =
	    unique(lookup->products, lookup->n_products,
	           sizeof(*lookup->products), compare_products);
	qsort(lookup->customers, lookup->n_customers,
	      sizeof(*lookup->customers), compare_customers);
	lookup->n_customers =
	    unique(lookup->customers, lookup->n_customers,
	           sizeof(*lookup->customers), compare_customers);
}

bool
lookup_send(struct lookup *lookup, struct wb_tx *tx, wb_loop_fn done, void *arg)
{
	struct wb_pg_args *args = lookup->args;
	size_t ids = 0, skus = 0;

	if (lookup->n_customers == 0)
		return false;
	sort(lookup);
	wb_pg_args_clear(args);
	ids = wb_pg_arg_array(args, WB_PG_UUID);
	skus = wb_pg_arg_array(args, WB_PG_TEXT);
	for (size_t i = 0; i < lookup->n_customers; i++)
		wb_pg_elem_uuid(args, ids, &lookup->customers[i]);
	for (size_t i = 0; i < lookup->n_products; i++) {
		struct lookup_product *product = &lookup->products[i];

		/* Orders go while others are still being priced. */
		product->sku = wb_arena_strdup(lookup->arena, product->sku);
		wb_pg_elem_text(args, skus, product->sku);
	}
	lookup->done = done;
	lookup->done_arg = arg;
	wb_tx_query(tx, &find, args, on_found, lookup);
	return true;
}

bool
lookup_has_customer(const struct lookup *lookup,
                    const struct wb_uuid *customer_id)
{
	/* bsearch must not be given NULL, not even for none. */
	return lookup->n_customers > 0 &&
	       bsearch(customer_id, lookup->customers, lookup->n_customers,
	               sizeof(*customer_id), compare_customers) != NULL;
}

const struct lookup_product *
lookup_product(const struct lookup *lookup, const char *sku)
{
	const struct lookup_product *product = find_product(lookup, sku);

	return product != NULL && product->name != NULL ? product : NULL;
}
