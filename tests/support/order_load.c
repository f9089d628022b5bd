#include "support/order_load.h"

#include "base/buf.h"
#include "http/client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct wb_http_client *client;

static void send_next(struct wb_test_load *load);

static void
note_id(struct wb_test_load *load, const char *body)
{
	static const char member[] = "\"order_id\":\"";
	const char *at = strstr(body, member);

	assert_non_null(at);
	wb_buf_printf(&load->ids, "%c%.36s", load->ids.len == 0 ? '{' : ',',
	              at + strlen(member));
}

static void
on_response(const struct wb_http_response *response, void *arg)
{
	struct wb_test_load *load = arg;

	load->n_answered++;
	switch (response->status) {
	case 202:
		load->n_accepted++;
		note_id(load, response->body);
		break;
	case 422:
		load->n_refused++;
		break;
	case 503:
		load->n_unavailable++;
		load->n_unknown +=
		    strstr(response->body, "/outcome-unknown\"") != NULL;
		break;
	case 0:
		load->n_lost++;
		break;
	default:
		load->n_conflicts += response->status == 409;
		load->n_failed++;
		break;
	}
	if (load->on_answer != NULL)
		load->on_answer(load);
	send_next(load);
	if (load->n_answered == load->n_total)
		wb_loop_stop(load->api->loop);
}

static void
send_next(struct wb_test_load *load)
{
	const char *const headers[] = { "Content-Type: application/json",
		                        load->header, NULL };
	char url[64];
	const char *body = NULL;

	if (load->n_sent == load->n_total)
		return;
	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%u/orders",
	               (unsigned)load->api->port);
	body = load->body(load->n_sent++);
	wb_http_client_send(client,
	                    &(struct wb_http_call){
	                        .method = "POST",
	                        .url = url,
	                        .headers = headers,
	                        .body = body,
	                        .body_bytes = strlen(body),
	                        .deadline_ms = 20000,
	                    },
	                    on_response, load);
}

void
wb_test_load_run(struct wb_test_load *load)
{
	client = wb_http_client_new(load->api->loop);
	for (size_t i = 0; i < load->n_at_once; i++)
		send_next(load);
	assert_true(wb_test_run_until(load->api->loop, &load->n_answered,
	                              load->n_total));
	wb_http_client_free(client);
	assert_int_equal(load->n_accepted + load->n_refused +
	                     load->n_unavailable + load->n_failed +
	                     load->n_lost,
	                 load->n_total);
}

void
wb_test_load_check(struct wb_test_load *load)
{
	struct wb_buf sql = { 0 };
	char count[32];

	(void)snprintf(count, sizeof(count), "%zu", load->n_accepted);
	wb_buf_printf(&sql,
	              "SELECT count(*) FROM orders "
	              "WHERE order_id = ANY ('%s}'::uuid[])",
	              load->ids.len > 0 ? load->ids.data : "{");
	wb_test_sql_is(load->api, sql.data, count);
	wb_test_sql_is(load->api,
	               "SELECT count(*) FILTER (WHERE order_id IS NULL OR"
	               " event_id IS NULL OR e.sequence <> 1)"
	               " FROM orders FULL JOIN outbox_events e"
	               " ON aggregate_id = order_id::text",
	               "0");
	wb_test_sql_is(load->api,
	               "SELECT (SELECT count(*) FROM orders) ="
	               " (SELECT count(*) FROM outbox_events)",
	               "t");
	wb_buf_fini(&sql);
}

void
wb_test_load_fini(struct wb_test_load *load)
{
	wb_buf_fini(&load->ids);
}
