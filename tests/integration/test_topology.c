/* `waybill topology` against a real broker: what is applied is checked, what
 * was changed by hand is seen, and a service's user can do its own work
 * only. */
#include "support/amqp_fixture.h"
#include "support/mgmt.h"

#include "base/attr.h"

#include <json-c/json.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define VHOST "wb_test_topology"

static char *url;
static const char *bin_dir; /* where `waybill` lies: beside this test */
static char secrets_dir[64];
static const char *const users[] = { "orders",   "inventory", "payments",
	                             "shipping", "history",   "notifications",
	                             "relay" };
static struct wb_buf output; /* of the last run, both streams */

static void
write_secret(const char *user)
{
	char path[128];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/%s", secrets_dir, user);
	file = fopen(path, "w");
	assert_non_null(file);
	(void)fprintf(file, "secret-\"of\"-%s\n", user);
	assert_int_equal(fclose(file), 0);
}

static int
group_set_up(void **state)
{
	size_t i;

	(void)state;
	url = wb_test_vhost_create(VHOST);
	(void)snprintf(secrets_dir, sizeof(secrets_dir),
	               "/tmp/wb-test-secrets-XXXXXX");
	assert_non_null(mkdtemp(secrets_dir));
	for (i = 0; i < WB_ARRAY_LEN(users); i++)
		write_secret(users[i]);
	assert_int_equal(setenv("WB_AMQP_BROKERS", url, 1), 0);
	assert_int_equal(setenv("WB_MANAGEMENT_URL",
	                        wb_test_need_env("WB_TEST_MGMT_URL"), 1),
	                 0);
	(void)unsetenv("WB_SECRETS_DIR");
	return 0;
}

static int
group_tear_down(void **state)
{
	char path[128];
	size_t i;

	(void)state;
	for (i = 0; i < WB_ARRAY_LEN(users); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", secrets_dir,
		               users[i]);
		(void)unlink(path);
	}
	(void)rmdir(secrets_dir);
	wb_test_vhost_delete(VHOST);
	wb_buf_fini(&output);
	free(url);
	return 0;
}

/* Returns the exit status; what it printed is in output. */
static int
waybill(const char *arguments)
{
	struct wb_buf command = { 0 };
	char piece[512];
	FILE *pipe;
	size_t n;
	int status;

	/* A path may hold what the shell takes for something else. */
	assert_int_equal(setenv("TEST_BIN_DIR", bin_dir, 1), 0);
	wb_buf_printf(&command, "\"$TEST_BIN_DIR/waybill\" topology %s 2>&1",
	              arguments);
	(void)fflush(NULL);
	/* NOLINTNEXTLINE(cert-env33-c): a shell is wanted, for the 2>&1 */
	pipe = popen(wb_buf_text(&command), "r");
	assert_non_null(pipe);
	wb_buf_clear(&output);
	while ((n = fread(piece, 1, sizeof(piece), pipe)) > 0)
		wb_buf_add(&output, piece, n);
	status = pclose(pipe);
	wb_buf_fini(&command);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void
assert_run(const char *arguments, int status, const char *printed)
{
	int got = waybill(arguments);

	if (got != status || strstr(wb_buf_text(&output), printed) == NULL)
		fail_msg("%s: status %d, printed:\n%s", arguments, got,
		         wb_buf_text(&output));
}

/* A vhost without anything in it. */
static int
set_up(void **state)
{
	(void)state;
	free(url);
	url = wb_test_vhost_create(VHOST);
	return 0;
}

static void
test_called_wrongly(void **state)
{
	(void)state;
	assert_run("", 2, "no verb, see");
	assert_run("destroy", 2, "no verb \"destroy\"");
	assert_run("check --management-url=", 2, "needs --management-url");
	assert_run("apply --management-url= --secrets-dir=/tmp", 2,
	           "--secrets-dir needs --management-url");
	assert_run("check --amqp-brokers=amqp://h:0", 2, "the port is not");
}

static void
test_unreachable(void **state)
{
	(void)state;
	assert_run("apply --wait-ms=300 --amqp-brokers=amqp://127.0.0.1:1", 1,
	           "127.0.0.1:1: Connection refused");
	assert_run("check --wait-ms=300 --management-url=http://127.0.0.1:1", 1,
	           "GET /api/overview");
}

static void
test_apply_then_check(void **state)
{
	(void)state;
	assert_run("check", 1, "exchange waybill.events: missing");
	assert_run("check", 1, "queue history.dlq: missing");
	assert_run("check --json", 1,
	           "{\"differences\":[\"exchange waybill.events: missing\",");
	assert_run("apply", 0, "the broker has what the table says");
	assert_run("apply", 0, "12 queues, 38 bindings");
	assert_run("check", 0, "the broker has what the table says");
	assert_run("check --json", 0, "{\"differences\":[]}");
	assert_run("apply --json", 0,
	           "{\"exchange\":\"waybill.events\",\"queues\":12,"
	           "\"bindings\":38,\"differences\":[]}");
}

/* What was done by hand, behind the table's back. */
static void
test_check_sees_changes(void **state)
{
	const char *path = "/api/bindings/" VHOST
	                   "/e/waybill.events/q/inventory/order.placed.v1";

	(void)state;
	assert_run("apply", 0, "declared");
	assert_int_equal(wb_test_mgmt("DELETE", path, NULL, NULL), 204);
	assert_run("check", 1,
	           "binding order.placed.v1 -> inventory: missing\n"
	           "differences: 1");
	assert_int_equal(wb_test_mgmt("POST",
	                              "/api/bindings/" VHOST
	                              "/e/waybill.events/q/orders",
	                              "{\"routing_key\":\"stray\"}", NULL),
	                 201);
	assert_run("check", 1, "binding stray -> orders: not in the table");
	assert_int_equal(wb_test_mgmt("DELETE",
	                              "/api/queues/" VHOST "/payments.dlq",
	                              NULL, NULL),
	                 204);
	assert_int_equal(
	    wb_test_mgmt("PUT", "/api/queues/" VHOST "/payments.dlq",
	                 "{\"durable\":true,\"arguments\":{\"x-queue-type\":"
	                 "\"classic\",\"x-max-length\":7}}",
	                 NULL),
	    201);
	assert_run("check", 1,
	           "queue payments.dlq: argument x-queue-type is \"classic\", "
	           "want \"quorum\"");
	assert_run("check", 1,
	           "queue payments.dlq: has the argument x-max-length \"7\"");
}

/* ---- another table ---- */

static void
assert_table(const char *verb, const char *text, int status,
             const char *printed)
{
	char path[] = "/tmp/test_topology.XXXXXX";
	struct wb_buf arguments = { 0 };
	int fd = mkstemp(path);
	FILE *out;

	assert_true(fd >= 0);
	out = fdopen(fd, "w");
	assert_non_null(out);
	assert_true(fputs(text, out) >= 0);
	assert_int_equal(fclose(out), 0);
	wb_buf_printf(&arguments, "%s --table=%s", verb, path);
	assert_run(wb_buf_text(&arguments), status, printed);
	wb_buf_fini(&arguments);
	assert_int_equal(unlink(path), 0);
}

static void
test_another_table(void **state)
{
	static const char table[] = "# trips\n"
	                            "flight trip.requested.v1\t# the first\n"
	                            "\n"
	                            "trips flight.booked.v1 car-2.booked.v1";

	(void)state;
	assert_table("check", table, 1, "queue flight.dlq: missing");
	assert_table("apply", table, 0, "4 queues, 3 bindings");
	assert_table("check", table, 0, "the broker has what the table says");
	assert_table("check", "flight trip.cancelled.v1", 1,
	             "binding trip.requested.v1 -> flight: not in the table");
	assert_run("check", 1, "queue inventory: missing");
}

/* Nothing is declared by a table that has a fault anywhere, and the complaint
 * says where it is. */
static void
test_bad_tables(void **state)
{
	static const struct {
		const char *text, *printed;
	} bad[] = {
		{ "", ": has no consumer" },
		{ "# only this\n\n", ": has no consumer" },
		{ "a x.v1\nb y.v1\na z.v1\n", ":3: a: stands there twice" },
		{ "a x.v1 y.v1\nb x.v1 y.v1 x.v1\n",
		  ":2: x.v1: stands there twice" },
		{ "a x.v1\nFlight y.v1\n", ":2: Flight: is no plain name" },
		{ "a.dlq x.v1\n", ":1: a.dlq: is no plain name" },
		{ "a x.v1 trip/y.v1\n", ":1: trip/y.v1: is no type of events" },
		{ "a Trip.v1\n", ":1: Trip.v1: is no type of events" },
	};

	(void)state;
	for (size_t i = 0; i < WB_ARRAY_LEN(bad); i++) {
		assert_table("apply", bad[i].text, 2, bad[i].printed);
		assert_table("export", bad[i].text, 2, bad[i].printed);
	}
	assert_run("apply --table=/nowhere/t", 1,
	           "/nowhere/t: No such file or directory");
	assert_run("apply --table=/tmp", 1, "/tmp: ");
	assert_run("check", 1, "exchange waybill.events: missing");
}

/* What exists and is different is not overwritten. */
static void
test_apply_refused(void **state)
{
	(void)state;
	assert_int_equal(
	    wb_test_mgmt("PUT", "/api/exchanges/" VHOST "/waybill.events",
	                 "{\"type\":\"topic\",\"durable\":true}", NULL),
	    201);
	assert_run("apply", 1, "PRECONDITION_FAILED");
	assert_run("check", 1,
	           "exchange waybill.events: type is topic, want direct");
}

/* The definitions, imported into an empty vhost, are what check wants. */
static void
test_export_can_be_imported(void **state)
{
	struct json_object *definitions;
	struct wb_buf text = { 0 };

	(void)state;
	assert_int_equal(waybill("export"), 0);
	wb_buf_adds(&text, wb_buf_text(&output));
	definitions = json_tokener_parse(wb_buf_text(&text));
	assert_non_null(definitions);
	assert_null(json_object_object_get(definitions, "users"));
	(void)json_object_put(definitions);
	assert_in_range(
	    wb_test_mgmt("POST", "/api/definitions", wb_buf_text(&text), NULL),
	    200, 204);
	wb_buf_fini(&text);
	assert_run("check", 0, "the broker has what the table says");
}

/* On 3.x the argument would mean the opposite. */
static void
test_export_of_versions(void **state)
{
	(void)state;
	assert_run("export --rabbitmq-major=4", 0,
	           "\"arguments\":{\"x-queue-type\":\"quorum\","
	           "\"x-delivery-limit\":-1}");
	assert_int_equal(waybill("export --rabbitmq-major=3"), 0);
	assert_null(strstr(wb_buf_text(&output), "-1"));
}

/* ---- rights ---- */

static struct wb_loop *loop;

/* A connection as a service's user. */
static void
open_as(struct wb_test_amqp *amqp, struct wb_test_channel *channel,
        const char *user)
{
	const char *host = strchr(url, '@');
	char brokers[256];

	assert_non_null(host);
	(void)snprintf(brokers, sizeof(brokers),
	               "amqp://%s:secret-%%22of%%22-%s%s", user, user, host);
	wb_test_amqp_open(amqp, loop, brokers);
	wb_test_channel_open(channel, amqp);
}

static void
assert_denied(struct wb_test_channel *channel)
{
	wb_test_amqp_until(loop, &channel->n_closed, 1);
	assert_int_equal(channel->code, 403);
	wb_test_channel_fini(channel);
	wb_test_channel_open(channel, channel->amqp);
}

static void
publish_event(struct wb_test_channel *channel, const char *exchange,
              const char *key)
{
	struct wb_amqp_message message = { .exchange = exchange,
		                           .routing_key = key,
		                           .is_mandatory = true,
		                           .body = "{}",
		                           .body_bytes = 2 };

	(void)wb_amqp_publish(channel->channel, &message);
}

static void
test_consumers_rights(void **state)
{
	struct wb_test_amqp amqp;
	struct wb_test_channel channel;

	(void)state;
	loop = wb_loop_new();
	open_as(&amqp, &channel, "payments");
	wb_amqp_consume(channel.channel, "payments", "c", wb_test_on_reply,
	                &channel);
	assert_int_equal(wb_test_reply(&channel), WB_OK);
	publish_event(&channel, "waybill.events", "stock.reserved.v1");
	assert_denied(&channel);
	publish_event(&channel, "", "payments");
	assert_denied(&channel);
	wb_amqp_consume(channel.channel, "orders", "c", NULL, NULL);
	assert_denied(&channel);
	wb_amqp_consume(channel.channel, "payments.dlq", "c", NULL, NULL);
	assert_denied(&channel);
	wb_amqp_declare_queue(channel.channel, "mine", NULL, 0, NULL, NULL);
	assert_denied(&channel);
	wb_amqp_bind_queue(channel.channel, "payments", "waybill.events",
	                   "order.placed.v1", NULL, NULL);
	assert_denied(&channel);
	wb_amqp_delete_queue(channel.channel, "payments", NULL, NULL);
	assert_denied(&channel);
	wb_test_channel_fini(&channel);
	wb_test_amqp_fini(&amqp);
	wb_loop_free(loop);
}

static void
test_relays_rights(void **state)
{
	struct wb_test_amqp amqp;
	struct wb_test_channel channel;

	(void)state;
	loop = wb_loop_new();
	open_as(&amqp, &channel, "relay");
	wb_amqp_confirm_select(channel.channel, wb_test_on_reply, &channel);
	assert_int_equal(wb_test_reply(&channel), WB_OK);
	publish_event(&channel, "waybill.events", "stock.reserved.v1");
	publish_event(&channel, "", "payments.dlq");
	wb_test_amqp_until(loop, &channel.n_settled, 2);
	assert_int_equal(channel.n_nacked + channel.n_returned, 0);
	publish_event(&channel, "amq.topic", "x");
	assert_denied(&channel);
	wb_amqp_consume(channel.channel, "payments", "c", NULL, NULL);
	assert_denied(&channel);
	wb_amqp_declare_queue(channel.channel, "mine", NULL, 0, NULL, NULL);
	assert_denied(&channel);
	wb_test_channel_fini(&channel);
	wb_test_amqp_fini(&amqp);
	wb_loop_free(loop);
}

static void
test_users(void **state)
{
	char arguments[128];

	(void)state;
	(void)snprintf(arguments, sizeof(arguments), "apply --secrets-dir=%s",
	               secrets_dir);
	assert_run(arguments, 0, "7 users and their rights set");
	test_consumers_rights(state);
	test_relays_rights(state);
}

static void
test_missing_secret(void **state)
{
	(void)state;
	assert_run("apply --secrets-dir=/no/such/dir", 1,
	           "/no/such/dir/orders: No such file");
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_called_wrongly),
		cmocka_unit_test(test_unreachable),
		cmocka_unit_test_setup(test_apply_then_check, set_up),
		cmocka_unit_test_setup(test_check_sees_changes, set_up),
		cmocka_unit_test_setup(test_another_table, set_up),
		cmocka_unit_test_setup(test_bad_tables, set_up),
		cmocka_unit_test_setup(test_apply_refused, set_up),
		cmocka_unit_test_setup(test_export_can_be_imported, set_up),
		cmocka_unit_test(test_export_of_versions),
		cmocka_unit_test_setup(test_users, set_up),
		cmocka_unit_test(test_missing_secret),
	};
	char *slash;

	(void)argc;
	(void)wb_test_need_env("WB_TEST_AMQP_URL");
	(void)wb_test_need_env("WB_TEST_MGMT_URL");
	slash = strrchr(argv[0], '/');
	if (slash != NULL)
		*slash = '\0';
	bin_dir = slash == NULL ? "." : argv[0];
	return cmocka_run_group_tests(tests, group_set_up, group_tear_down);
}
