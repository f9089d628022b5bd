/* What the provider has charged, page by page and sorted by key: GET
 * /charges?after=KEY&limit=N of the simulator. A real provider's books would be
 * read here. */
#ifndef WB_CLI_AUDIT_PROVIDER_H
#define WB_CLI_AUDIT_PROVIDER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "cli.h"

struct audit_provider;

/* One call to the provider, by its Idempotency-Key. */
struct audit_charge {
	const char *key;    /* the order's id; of a refund with "-refund" */
	const char *status; /* "captured", "declined", "refunded", "none" */
	const char *reference;
	int64_t amount_minor;
	int64_t effects; /* how often money moved */
};

void audit_provider_free(struct audit_provider *provider);
struct audit_provider *audit_provider_new(struct wb_cli *cli, const char *url)
    WB_OWNED_BY(audit_provider_free);

/* The current one, until the next call; NULL: there is no more, or it failed,
 * which audit_provider_end tells. Waits for a page where one is needed. */
const struct audit_charge *audit_provider_at(struct audit_provider *provider);

void audit_provider_next(struct audit_provider *provider);

enum wb_err audit_provider_end(const struct audit_provider *provider,
                               struct wb_note *note) WB_MUST_USE;

#endif
