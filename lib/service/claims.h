/* A claim loop: wishes are rows of a table that handlers have recorded; each is
 * claimed (SKIP LOCKED, for a lease), fulfilled by a call to somebody else
 * while no transaction is open, and what came of it is recorded.
 *
 * On one Postgres connection of its own: what has ended while a transaction ran
 * is recorded together by the next one, and only then more is claimed. A wish
 * whose process dies is due again when its lease has run out; so a call must be
 * safe to repeat. */
#ifndef WB_SERVICE_CLAIMS_H
#define WB_SERVICE_CLAIMS_H

#include "loop/loop.h"
#include "pg/pg.h"

struct wb_claims;

/* A claimed wish: the first member of what a user of the loop keeps about it.
 * Owned by the loop. */
struct wb_claim {
	struct wb_claim *next, *before;
};

struct wb_claims_ops {
	/* ($1::int most, $2::bigint lease_ms), a row per wish. It must commit
	 * what tells, after a crash, that the call may have been made. */
	const struct wb_pg_stmt *claim;

	size_t claim_bytes; /* of the struct that begins with a wb_claim */

	/* Row → a zeroed claim; copies what it needs. */
	void (*read)(const struct wb_pg_result *result, size_t row,
	             struct wb_claim *claim);

	/* How many may begin now, of room. May be NULL. */
	int64_t (*allow)(int64_t room);

	/* The claims are durable: begin each one's call, which ends, at once or
	 * later, with wb_claims_end. */
	void (*begin)(struct wb_claim *claim);

	/* Adds to tx what came of n ended claims, first and those behind it,
	 * and commits it (now, or from a result's callback after a
	 * wb_tx_flush). Unless that is known to have happened it is called
	 * again with them: it must be safe to repeat. */
	void (*record)(struct wb_tx *tx, const struct wb_claim *first,
	               size_t n);

	/* Frees what the claim owns, not itself. */
	void (*fini)(struct wb_claim *claim);

	/* What else there is to do on this connection from time to time, in a
	 * transaction that it commits. May be NULL. */
	void (*upkeep)(struct wb_tx *tx);
};

struct wb_claims_config {
	int64_t max_calls; /* under way at a time (bulkhead) */
	int64_t lease_ms;  /* longer than any call */
	int64_t poll_ms;   /* how often to look for what is due again */
	int64_t upkeep_ms; /* how often upkeep is called */
};

/* What is claimed and not recorded is due again after its lease. No callbacks.
 * Free first whatever makes the calls. NULL is fine. */
void wb_claims_free(struct wb_claims *claims);

/* ops and pg outlive the loop; config is copied. */
struct wb_claims *wb_claims_new(struct wb_loop *loop,
                                const struct wb_claims_ops *ops,
                                const struct wb_claims_config *config,
                                const struct wb_pg_params *pg)
    WB_OWNED_BY(wb_claims_free);

/* There may be wishes. */
void wb_claims_wake(struct wb_claims *claims);

/* A call has ended; its outcome is in the claim, which goes on to record. May
 * be called within begin. */
void wb_claims_end(struct wb_claims *claims, struct wb_claim *claim);

/* Once: claims no more, waits for the calls under way, records them, then
 * done. */
void wb_claims_drain(struct wb_claims *claims, wb_loop_fn done, void *arg);

#endif
