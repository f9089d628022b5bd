#include "capture.h"

#include "base/health.h"

#include <string.h>

static int
live_through_an_outage(void *arg)
{
	struct wb_health *postgres = wb_health("postgres");
	struct wb_health *queue = wb_health("queue \"orders\"");

	(void)arg;
	if (wb_health_all_ready() || wb_health("postgres") != postgres)
		return 1;
	wb_health_set(postgres, false, "connecting");
	wb_health_set(postgres, true, "connections=%d", 3);
	if (wb_health_all_ready())
		return 2;
	wb_health_set(queue, true, "consuming");
	if (!wb_health_all_ready())
		return 3;
	wb_health_set(postgres, true, "connections=%d", 4);
	wb_health_set(postgres, false, "lost");
	return wb_health_all_ready() ? 4 : 0;
}

static void
only_changes_are_logged(void **state)
{
	struct capture got;

	(void)state;
	capture_run(&got, live_through_an_outage, NULL);
	assert_int_equal(got.exit_code, 0);
	assert_int_equal(capture_n_lines(got.err), 3);
	assert_contains(got.err, "WB-READY dependency=\"postgres\" "
	                         "detail=\"connections=3\"\n");
	assert_contains(got.err, "warn - WB-NOT-READY "
	                         "dependency=\"postgres\" why=\"lost\"\n");
}

static void
it_is_printed_as_json(void **state)
{
	struct wb_buf buf = { .data = NULL };
	struct wb_health *postgres, *queue;
	char detail[1000];

	(void)state;
	assert_true(wb_health_all_ready()); /* no dependency at all */
	wb_health_print(&buf);
	assert_string_equal(buf.data,
	                    "{\"status\":\"ready\",\"dependencies\":[]}");
	postgres = wb_health("postgres");
	queue = wb_health("queue \"x\"");
	wb_health_set(postgres, true, "say \"%s\"", "hi");
	wb_buf_clear(&buf);
	wb_health_print(&buf);
	assert_string_equal(buf.data,
	                    "{\"status\":\"not_ready\",\"dependencies\":["
	                    "{\"name\":\"postgres\",\"ready\":true,"
	                    "\"detail\":\"say \\\"hi\\\"\"},"
	                    "{\"name\":\"queue \\\"x\\\"\",\"ready\":false,"
	                    "\"detail\":\"starting\"}]}");
	memset(detail, 'd', sizeof(detail) - 1);
	detail[sizeof(detail) - 1] = '\0';
	wb_health_set(queue, true, "%s", detail);
	wb_buf_clear(&buf);
	wb_health_print(&buf);
	assert_contains(buf.data, "{\"status\":\"ready\",");
	assert_contains(buf.data, "dddd\"}]}");
	wb_buf_fini(&buf);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_changes_are_logged),
		cmocka_unit_test(it_is_printed_as_json),
	};

	return cmocka_run_group_tests_name("health", tests, NULL, NULL);
}
