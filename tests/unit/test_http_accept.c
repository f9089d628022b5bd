/* http/accept.h: which types a header Accept takes. */
#include "base/attr.h"
#include "http/accept.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct {
	const char *accept;
	bool takes_json, takes_stream;
} cases[] = {
	{ NULL, true, true },
	{ "", true, true },
	{ "nonsense", true, true },
	{ "*/*", true, true },
	{ "application/json", true, false },
	{ "APPLICATION/JSON", true, false },
	{ "application/*", true, false },
	{ "text/event-stream", false, true },
	{ "text/html", false, false },
	{ "text/html, */*", true, true },
	{ "text/html,application/xhtml+xml,*/*;q=0.8", true, true },
	{ "text/html ; level=1 , application/json ; q=0.5", true, false },
	{ "application/json;charset=utf-8", true, false },
	{ "application/jsonx", false, false },
	{ "application/jso", false, false },
	{ "*/*;q=0", false, false },
	{ "*/*;q=0.0", false, false },
	{ "*/*;q=0.001", true, true },
	{ "application/json;q=0, */*", false, true },
	{ "*/*, application/json;q=0", false, true },
	{ "application/*;q=0, application/json", true, false },
	{ "application/json;x=1;q=0", false, false },
	{ ",,", true, true },
	{ "*/*,", true, true },
};

static void
ranges_are_weighed(void **state)
{
	(void)state;
	for (size_t i = 0; i < WB_ARRAY_LEN(cases); i++) {
		const char *accept = cases[i].accept;

		if (wb_http_accepts(accept, "application/json") !=
		        cases[i].takes_json ||
		    wb_http_accepts(accept, "text/event-stream") !=
		        cases[i].takes_stream)
			fail_msg("wrong about %s", accept);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ranges_are_weighed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
