/* main() of a consumer process: the engine with its handlers, and optionally a
 * second job beside it (a charger, a sweeper, a read API). */
#ifndef WB_SERVICE_PARTICIPANT_H
#define WB_SERVICE_PARTICIPANT_H

#include "saga/consumer.h"

/* A second job in the same process, on connections of its own. */
struct wb_side_job {
	/* Its parameters, filled before start. */
	const struct wb_param_set *params;
	size_t n_params;
	/* pg: the process's parameters for Postgres, which outlive the job. */
	enum wb_err (*start)(struct wb_loop *loop,
	                     const struct wb_pg_params *pg,
	                     struct wb_note *note);
	/* The engine has committed a batch: there may be work. May be NULL. */
	void (*on_committed)(void *unused);
	/* Take no new work, finish what is in hand, then call done(arg). */
	void (*drain)(wb_loop_fn done, void *arg);
	void (*stop)(void);
};

struct wb_participant {
	const char *name, *usage;
	const struct wb_handler *const *handlers; /* NULL-ended */
	const struct wb_side_job *job;            /* NULL: there is none */
	bool is_patient, is_unordered;            /* see consumer.h */
};

/* Parameters: pg, amqp, consumer, the service's own, and the job's. The engine
 * is drained first, then the job. Returns the exit status. */
int wb_participant_main(const struct wb_participant *participant, int argc,
                        char **argv);

#endif
