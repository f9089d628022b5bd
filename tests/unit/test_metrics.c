#include "capture.h"

#include "base/metrics.h"

#include <math.h>
#include <string.h>

static char *
print_all(struct wb_buf *buf)
{
	wb_buf_clear(buf);
	wb_metrics_print(buf);
	return buf->data;
}

static void
the_same_name_and_labels_are_one(void **state)
{
	struct wb_counter *a, *b, *c;

	(void)state;
	a = wb_counter("wb_one_total", "code=\"200\"", "Help.");
	b = wb_counter("wb_one_total", "code=\"200\"", "Other help.");
	c = wb_counter("wb_one_total", "code=\"500\"", "Help.");
	assert_ptr_equal(a, b);
	assert_ptr_not_equal(a, c);
}

static void
counters_are_printed_by_family(void **state)
{
	struct wb_buf buf = { .data = NULL };

	(void)state;
	wb_counter_add(wb_counter("wb_two_total", "", "Back\\slash\nline."), 3);
	wb_gauge_set(wb_gauge("wb_between", "", "A gauge."), 1);
	wb_counter_add(wb_counter("wb_two_total", "a=\"b\",c=\"d\"", ""),
	               UINT64_MAX);
	assert_contains(print_all(&buf),
	                "# HELP wb_two_total Back\\\\slash\\nline.\n"
	                "# TYPE wb_two_total counter\n"
	                "wb_two_total 3\n"
	                "wb_two_total{a=\"b\",c=\"d\"} "
	                "18446744073709551615\n"
	                "# HELP wb_between A gauge.\n"
	                "# TYPE wb_between gauge\n"
	                "wb_between 1\n");
	wb_buf_fini(&buf);
}

static void
gauges_print_any_number(void **state)
{
	struct wb_gauge *gauge = wb_gauge("wb_three", "", "A gauge.");
	struct wb_buf buf = { .data = NULL };

	(void)state;
	assert_contains(print_all(&buf), "\nwb_three 0\n");
	wb_gauge_set(gauge, -0.25);
	assert_contains(print_all(&buf), "\nwb_three -0.25\n");
	wb_gauge_set(gauge, 0.1);
	assert_contains(print_all(&buf), "\nwb_three 0.1\n");
	wb_gauge_set(gauge, 1e15);
	assert_contains(print_all(&buf), "\nwb_three 1e+15\n");
	wb_gauge_set(gauge, (double)NAN);
	assert_contains(print_all(&buf), "\nwb_three NaN\n");
	wb_gauge_set(gauge, (double)INFINITY);
	assert_contains(print_all(&buf), "\nwb_three +Inf\n");
	wb_gauge_set(gauge, -(double)INFINITY);
	assert_contains(print_all(&buf), "\nwb_three -Inf\n");
	wb_buf_fini(&buf);
}

static double
read_it(void *arg)
{
	const double *value = arg;

	return *value;
}

static void
a_gauge_asks_for_its_value(void **state)
{
	struct wb_gauge *gauge = wb_gauge("wb_asking", "", "A gauge.");
	double value = 1;
	struct wb_buf buf = { .data = NULL };

	(void)state;
	wb_gauge_set(gauge, 5);
	wb_gauge_ask(gauge, read_it, &value);
	assert_contains(print_all(&buf), "\nwb_asking 1\n");
	value = 2;
	assert_contains(print_all(&buf), "\nwb_asking 2\n");
	wb_gauge_ask(gauge, NULL, NULL);
	assert_contains(print_all(&buf), "\nwb_asking 5\n");
	wb_buf_fini(&buf);
}

static void
a_gauge_gets_other_labels(void **state)
{
	struct wb_gauge *gauge = wb_gauge("wb_named", "who=\"\"", "A gauge.");
	struct wb_buf buf = { .data = NULL }, labels = { .data = NULL };

	(void)state;
	wb_buf_adds(&labels, "who=\"");
	wb_metrics_label(&labels, "a \"b\" \\ c\nd");
	wb_buf_adds(&labels, "\"");
	wb_gauge_relabel(gauge, wb_buf_text(&labels));
	wb_gauge_set(gauge, 2);
	assert_contains(print_all(&buf),
	                "# TYPE wb_named gauge\n"
	                "wb_named{who=\"a \\\"b\\\" \\\\ c\\nd\"} 2\n");
	wb_buf_fini(&labels);
	wb_buf_fini(&buf);
}

static void
histograms_accumulate(void **state)
{
	struct wb_histogram *histogram =
	    wb_histogram("wb_four_seconds", "q=\"x\"", "A histogram.");
	struct wb_buf buf = { .data = NULL };
	char *text;

	(void)state;
	wb_histogram_add_us(histogram, -7); /* a clock that went back */
	wb_histogram_add_us(histogram, 500);
	wb_histogram_add_us(histogram, 501);
	wb_histogram_add_us(histogram, 60000000);
	wb_histogram_add_us(histogram, 60000001);
	text = print_all(&buf);
	assert_contains(text, "# TYPE wb_four_seconds histogram\n"
	                      "wb_four_seconds_bucket{q=\"x\",le=\"0.0005\"} "
	                      "2\n"
	                      "wb_four_seconds_bucket{q=\"x\",le=\"0.001\"} "
	                      "3\n");
	assert_contains(text, "wb_four_seconds_bucket{q=\"x\",le=\"30\"} 3\n"
	                      "wb_four_seconds_bucket{q=\"x\",le=\"60\"} 4\n"
	                      "wb_four_seconds_bucket{q=\"x\",le=\"+Inf\"} 5\n"
	                      "wb_four_seconds_sum{q=\"x\"} 120.001002\n"
	                      "wb_four_seconds_count{q=\"x\"} 5\n");
	(void)wb_histogram("wb_five_seconds", "", "Without labels.");
	assert_contains(print_all(&buf),
	                "wb_five_seconds_bucket{le=\"+Inf\"} 0\n"
	                "wb_five_seconds_sum 0.000000\n"
	                "wb_five_seconds_count 0\n");
	wb_buf_fini(&buf);
}

/* Each line is a comment or `name[{labels}] value`, the text ends with a line
 * end, and each family is described once. */
static void
the_whole_is_well_formed(void **state)
{
	struct wb_buf buf = { .data = NULL };
	char *line, *end, *text = print_all(&buf);

	(void)state;
	assert_int_equal(text[buf.len - 1], '\n');
	for (line = text; *line != '\0'; line = end + 1) {
		end = line + strcspn(line, "\n");
		*end = '\0';
		if (line[0] == '#')
			continue;
		assert_int_equal(strncmp(line, "wb_", 3), 0);
		assert_non_null(strrchr(line, ' '));
		assert_true(strrchr(line, ' ')[1] != '\0');
	}
	text = print_all(&buf);
	text = strstr(text, "# TYPE wb_two_total ");
	assert_null(strstr(text + 1, "# TYPE wb_two_total "));
	wb_buf_fini(&buf);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_name_and_labels_are_one),
		cmocka_unit_test(counters_are_printed_by_family),
		cmocka_unit_test(gauges_print_any_number),
		cmocka_unit_test(a_gauge_asks_for_its_value),
		cmocka_unit_test(a_gauge_gets_other_labels),
		cmocka_unit_test(histograms_accumulate),
		cmocka_unit_test(the_whole_is_well_formed),
	};

	return cmocka_run_group_tests_name("metrics", tests, NULL, NULL);
}
