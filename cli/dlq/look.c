#include "look.h"

#include "base/mem.h"
#include "reader.h"

#include <stdbool.h>
#include <stdlib.h>

struct wb_look {
	struct wb_cli *cli;
	struct wb_amqp *amqp;
	struct wb_timer deadline;
	bool is_open, is_late;
	struct wb_note why;

	/* of the reading in hand */
	wb_look_fn fn;
	void *arg;
	bool has_ended;
	enum wb_err err;
};

static void
on_ready(void *arg)
{
	struct wb_look *look = arg;

	look->is_open = true;
	wb_loop_stop(look->cli->loop);
}

static void
on_lost(void *arg, const char *why)
{
	struct wb_look *look = arg;

	(void)wb_fail(&look->why, WB_ERR_BROKER_LOST, "RabbitMQ: %s", why);
}

static void
on_deadline(void *arg)
{
	struct wb_look *look = arg;

	look->is_late = true;
	wb_loop_stop(look->cli->loop);
}

static void
on_closed(void *arg)
{
	struct wb_look *look = arg;

	wb_amqp_free(look->amqp);
	look->amqp = NULL;
	wb_loop_stop(look->cli->loop);
}

void
wb_look_close(struct wb_look *look)
{
	if (look == NULL)
		return;
	wb_timer_fini(&look->deadline);
	wb_amqp_close(look->amqp, on_closed, look);
	while (look->amqp != NULL)
		wb_loop_run(look->cli->loop);
	free(look);
}

enum wb_err
wb_look_open(struct wb_cli *cli, struct wb_look **ret_look,
             struct wb_note *note)
{
	static const struct wb_amqp_events events = {
		.on_ready = on_ready,
		.on_lost = on_lost,
	};
	struct wb_look *look = wb_zalloc(sizeof *look);

	look->cli = cli;
	wb_timer_init(&look->deadline, cli->loop, on_deadline, look);
	wb_timer_start_ms(&look->deadline, cli->common.wait_ms);
	look->amqp =
	    wb_amqp_new(cli->loop, &cli->amqp, cli->name, &events, look);
	while (!look->is_open && !look->is_late)
		wb_loop_run(cli->loop);
	wb_timer_stop(&look->deadline);
	if (look->is_open) {
		*ret_look = look;
		return WB_OK;
	}
	(void)wb_fail(note, WB_ERR_BROKER_LOST, "%s",
	              look->why.text[0] == '\0' ? "RabbitMQ does not answer"
	                                        : look->why.text);
	wb_look_close(look);
	return WB_ERR_BROKER_LOST;
}

struct wb_amqp *
wb_look_amqp(struct wb_look *look)
{
	return look->amqp;
}

/* ---- reading ---- */

static void
on_letter(void *arg, const struct wb_letter *letter)
{
	struct wb_look *look = arg;

	look->fn(look->arg, letter);
}

static void
on_end(void *arg)
{
	struct wb_look *look = arg;

	look->has_ended = true;
	wb_loop_stop(look->cli->loop);
}

static void
on_failed(void *arg, enum wb_err err, const char *why)
{
	struct wb_look *look = arg;

	look->err = wb_fail(&look->why, err, "%s", why);
	look->has_ended = true;
	wb_loop_stop(look->cli->loop);
}

/* What was counted and has not come is with others by now, or was. */
static void
warn_of_others(const struct wb_look *look, const char *consumer,
               const struct wb_reader *reader)
{
	size_t found = wb_reader_found(reader), read = wb_reader_read(reader);

	if (wb_reader_others(reader) > 0)
		wb_cli_complain(look->cli,
		                "%s.dlq is read by %zu others: what they hold "
		                "can't be seen",
		                consumer, wb_reader_others(reader));
	else if (read < found)
		wb_cli_complain(look->cli,
		                "%s.dlq: %zu of %zu dead letters could be "
		                "read; others have taken the rest",
		                consumer, read, found);
}

enum wb_err
wb_look_read(struct wb_look *look, const char *consumer, wb_look_fn fn,
             void *arg, struct wb_look_counts *ret_counts, struct wb_note *note)
{
	static const struct wb_reader_events events = {
		.on_letter = on_letter,
		.on_end = on_end,
		.on_failed = on_failed,
	};
	struct wb_reader *reader;
	enum wb_err err;

	if (!wb_amqp_is_ready(look->amqp))
		return wb_fail(note, WB_ERR_BROKER_LOST, "%s", look->why.text);
	look->fn = fn;
	look->arg = arg;
	look->has_ended = false;
	look->err = WB_OK;
	reader =
	    wb_reader_new(look->cli->loop, look->amqp, consumer, &events, look);
	while (!look->has_ended)
		wb_loop_run(look->cli->loop);
	err = look->err;
	if (err != WB_OK)
		(void)wb_fail(note, err, "%s.dlq: %s", consumer,
		              look->why.text);
	else
		warn_of_others(look, consumer, reader);
	*ret_counts = (struct wb_look_counts){
		.messages = wb_reader_found(reader),
		.others = wb_reader_others(reader),
	};
	wb_reader_free(reader);
	return err;
}
