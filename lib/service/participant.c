/* A process that is a consumer, with or without a second job beside it. The
 * statics are the process's own, for a service's calls have no argument. */
#include "service/participant.h"

#include "service/service.h"

/* Sets of parameters: pg, amqp, consumer; and a job's. */
enum { OWN_SETS = 3, MAX_JOB_SETS = 4 };

static struct {
	struct wb_pg_params pg;
	struct wb_amqp_params amqp;
	struct wb_consumer_params consumer;
} params;

static struct {
	struct wb_consumer_config config;
	struct wb_consumer *consumer;
	const struct wb_side_job *job; /* NULL = none */
	wb_service_drained_fn drained;
} process;

static enum wb_err
start(struct wb_loop *loop, struct wb_note *note)
{
	enum wb_err err = wb_amqp_params_check(&params.amqp, note);

	if (err == WB_OK)
		err = wb_consumer_params_check(&params.consumer, note);
	if (err == WB_OK && process.job != NULL)
		err = process.job->start(loop, &params.pg, note);
	if (err != WB_OK)
		return err;
	process.config.instance = wb_service_instance();
	process.consumer = wb_consumer_new(
	    loop, &process.config, &params.consumer, &params.pg, &params.amqp);
	return WB_OK;
}

static void
on_job_drained(void *arg)
{
	(void)arg;
	process.drained();
}

/* The job goes last: what the engine committed may be work for it. */
static void
on_consumer_drained(void *arg)
{
	if (process.job != NULL)
		process.job->drain(on_job_drained, arg);
	else
		process.drained();
}

static void
drain(wb_service_drained_fn drained)
{
	process.drained = drained;
	wb_consumer_drain(process.consumer, on_consumer_drained, NULL);
}

/* Also after a start that failed. */
static void
stop(void)
{
	wb_consumer_free(process.consumer);
	process.consumer = NULL;
	if (process.job != NULL)
		process.job->stop();
}

int
wb_participant_main(const struct wb_participant *participant, int argc,
                    char **argv)
{
	const struct wb_side_job *job = participant->job;
	struct wb_param_set sets[OWN_SETS + MAX_JOB_SETS] = {
		{ wb_pg_params_table, wb_pg_params_count, &params.pg },
		{ wb_amqp_params_table, wb_amqp_params_count, &params.amqp },
		{ wb_consumer_params_table, wb_consumer_params_count,
		  &params.consumer },
	};
	struct wb_service service = {
		.name = participant->name,
		.usage = participant->usage,
		.params = sets,
		.n_params = OWN_SETS,
		.start = start,
		.drain = drain,
		.stop = stop,
	};

	process.config.name = participant->name;
	process.config.handlers = participant->handlers;
	process.config.is_patient = participant->is_patient;
	process.config.is_unordered = participant->is_unordered;
	process.job = job;
	if (job != NULL) {
		WB_ASSERT(job->n_params <= MAX_JOB_SETS);
		process.config.on_committed = job->on_committed;
		for (size_t i = 0; i < job->n_params; i++)
			sets[service.n_params++] = job->params[i];
	}
	return wb_service_main(&service, argc, argv);
}
