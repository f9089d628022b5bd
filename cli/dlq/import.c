/* `waybill dlq import`: puts exported messages into their dead-letter queues. A
 * line that lies there already is left out, so that an import can be run again.
 */
#include "verbs.h"

#include "base/mem.h"
#include "items.h"
#include "look.h"
#include "sender.h"
#include "services.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct importing {
	struct wb_cli *cli;
	struct wb_look *look;
	struct wb_sender *sender;
	bool is_ready;
	const char *source; /* of the file, for complaints */
	size_t n_line;
	/* what lies in the queues that were asked so far */
	struct wb_items known;
	bool has_read[WB_N_SERVICES];
	size_t n_sent, n_there;
	enum wb_err err;
	struct wb_note *note;
	struct wb_timer deadline;
};

/* ---- what is there ---- */

static struct wb_item_key
key_of(const struct wb_letter *letter)
{
	struct wb_buf id = { 0 };
	struct wb_item_key key;

	wb_buf_printf(&id, "%s %s", letter->consumer, letter->id);
	key = wb_item_key(wb_buf_text(&id), letter->replay, letter->attempts);
	wb_buf_fini(&id);
	return key;
}

static void
remember(struct importing *importing, const struct wb_letter *letter)
{
	static const struct wb_uuid none;
	struct wb_item_key key = key_of(letter);

	if (wb_items_find(&importing->known, &key) == NULL)
		(void)wb_items_add(&importing->known, &key, &none);
}

static void
on_letter(void *arg, const struct wb_letter *letter)
{
	remember(arg, letter);
}

static enum wb_err
read_queue(struct importing *importing, const char *consumer)
{
	struct wb_look_counts counts;

	for (size_t i = 0; i < WB_N_SERVICES; i++) {
		if (strcmp(wb_services[i].name, consumer) != 0 ||
		    wb_services[i].queue == NULL)
			continue;
		if (importing->has_read[i])
			return WB_OK;
		importing->has_read[i] = true;
		return wb_look_read(importing->look, wb_services[i].name,
		                    on_letter, importing, &counts,
		                    importing->note);
	}
	return wb_fail(importing->note, WB_ERR_BAD_MESSAGE,
	               "%s:%zu: there is no consumer %.60s", importing->source,
	               importing->n_line, consumer);
}

/* ---- sending ---- */

static void
fail(struct importing *importing, enum wb_err err, const char *why)
{
	if (importing->err == WB_OK)
		importing->err = wb_fail(importing->note, err, "%s", why);
	wb_loop_stop(importing->cli->loop);
}

static void
on_ready(void *arg)
{
	struct importing *importing = arg;

	importing->is_ready = true;
	wb_loop_stop(importing->cli->loop);
}

static void
on_sent(void *arg, size_t which, enum wb_sent how)
{
	struct importing *importing = arg;

	(void)which;
	if (how == WB_SENT_SAFE)
		importing->n_sent++;
	else
		fail(importing, WB_ERR_BROKER_REFUSED,
		     how == WB_SENT_RETURNED
		         ? "RabbitMQ: a dead-letter queue is missing"
		         : "RabbitMQ refused a message");
	wb_loop_stop(importing->cli->loop);
}

static void
on_failed(void *arg, enum wb_err err, const char *why)
{
	fail(arg, err, why);
}

static void
on_deadline(void *arg)
{
	fail(arg, WB_ERR_TIMEOUT, "RabbitMQ does not confirm");
}

/* Until fewer than that many are on their way. */
static enum wb_err
await_room(struct importing *importing, size_t below)
{
	wb_timer_start_ms(&importing->deadline, importing->cli->common.wait_ms);
	while (importing->err == WB_OK &&
	       (!importing->is_ready ||
	        wb_sender_unconfirmed(importing->sender) >= below))
		wb_loop_run(importing->cli->loop);
	wb_timer_stop(&importing->deadline);
	return importing->err;
}

static enum wb_err
send_letter(struct importing *importing, const struct wb_letter *letter)
{
	struct wb_buf queue = { 0 };
	struct wb_amqp_message message = {
		.exchange = "",
		.is_mandatory = true,
		.props = letter->props,
		.body = letter->body,
		.body_bytes = letter->body_bytes,
	};
	enum wb_err err = await_room(importing, WB_SENDER_WINDOW);

	if (err != WB_OK)
		return err;
	wb_buf_printf(&queue, "%s.dlq", letter->consumer);
	message.routing_key = wb_buf_text(&queue);
	err = wb_sender_send(importing->sender, &message, importing->n_line);
	wb_buf_fini(&queue);
	return err == WB_OK
	           ? WB_OK
	           : wb_fail(importing->note, err, "%s:%zu: can't be sent",
	                     importing->source, importing->n_line);
}

/* ---- lines ---- */

static enum wb_err
import_line(struct importing *importing, const char *line, size_t bytes,
            struct wb_arena *arena)
{
	struct wb_letter letter;
	struct wb_item_key key;
	struct wb_note why = { "" };
	enum wb_err err = wb_letter_parse(line, bytes, arena, &why, &letter);

	if (err != WB_OK)
		return wb_fail(importing->note, err, "%s:%zu: %s",
		               importing->source, importing->n_line, why.text);
	err = read_queue(importing, letter.consumer);
	if (err != WB_OK)
		return err;
	key = key_of(&letter);
	if (wb_items_find(&importing->known, &key) != NULL) {
		importing->n_there++;
		return WB_OK;
	}
	remember(importing, &letter);
	return send_letter(importing, &letter);
}

static enum wb_err
import_lines(struct importing *importing, FILE *file)
{
	struct wb_arena *arena = wb_arena_new();
	char *line = NULL;
	size_t room = 0;
	ssize_t bytes;
	enum wb_err err = WB_OK;

	errno = 0;
	while (err == WB_OK && (bytes = getline(&line, &room, file)) > 0) {
		importing->n_line++;
		if (line[bytes - 1] == '\n')
			line[--bytes] = '\0';
		if (bytes > 0)
			err =
			    import_line(importing, line, (size_t)bytes, arena);
		wb_arena_reset(arena);
	}
	if (err == WB_OK && ferror(file) != 0)
		err = wb_fail(importing->note, WB_ERR_IO, "%s: %s",
		              importing->source, strerror(errno));
	free(line);
	wb_arena_free(arena);
	return err;
}

static enum wb_err
import_file(struct importing *importing, FILE *file)
{
	static const struct wb_sender_events events = {
		.on_ready = on_ready,
		.on_sent = on_sent,
		.on_failed = on_failed,
	};
	enum wb_err err =
	    wb_look_open(importing->cli, &importing->look, importing->note);

	if (err != WB_OK)
		return err;
	importing->sender =
	    wb_sender_new(wb_look_amqp(importing->look), &events, importing);
	err = import_lines(importing, file);
	/* Also after a line that is wrong: those before it are told. */
	if (importing->err == WB_OK)
		(void)await_room(importing, 1);
	if (err == WB_OK)
		err = importing->err;
	wb_sender_free(importing->sender);
	wb_look_close(importing->look);
	return err;
}

int
wb_dlq_import(struct wb_cli *cli, const void *params)
{
	bool is_stdin = strcmp(cli->args[0], "-") == 0;
	struct wb_note note = { "" };
	struct importing importing = { .cli = cli, .note = &note };
	FILE *file = is_stdin ? stdin : fopen(cli->args[0], "re");
	enum wb_err err;

	(void)params;
	importing.source = is_stdin ? "stdin" : cli->args[0];
	if (file == NULL) {
		(void)wb_fail(&note, WB_ERR_IO, "%.150s: %s", importing.source,
		              strerror(errno));
		return wb_cli_fail(cli, WB_ERR_IO, &note);
	}
	wb_timer_init(&importing.deadline, cli->loop, on_deadline, &importing);
	err = import_file(&importing, file);
	wb_timer_fini(&importing.deadline);
	wb_items_fini(&importing.known);
	if (!is_stdin)
		(void)fclose(file);
	if (cli->is_json) {
		wb_json_i64(wb_cli_json(cli), "imported",
		            (int64_t)importing.n_sent);
		wb_json_i64(wb_cli_json(cli), "there_already",
		            (int64_t)importing.n_there);
	} else {
		printf("%zu imported, %zu were there already\n",
		       importing.n_sent, importing.n_there);
	}
	return err == WB_OK ? WB_CLI_DONE : wb_cli_fail(cli, err, &note);
}
