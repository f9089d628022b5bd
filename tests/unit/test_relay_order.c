/* Chains of one aggregate's events within a batch of the relay, and the
 * broker's word on each row. */
#include "capture.h"

#include <stdio.h>
#include <string.h>

#include "confirm.h"
#include "order.h"

static struct batch batch;

static int
set_up(void **state)
{
	(void)state;
	batch_init(&batch, 16, 1024);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	batch_fini(&batch);
	return 0;
}

static struct row *
add(const char *aggregate, int64_t seq, int64_t sequence, int64_t after)
{
	struct row *row = batch_add(&batch);

	row->aggregate_type = "order";
	row->aggregate_id = aggregate;
	row->id = seq;
	row->sequence = sequence;
	row->after = after;
	row->message.routing_key = "key";
	(void)snprintf(row->message_id, sizeof row->message_id, "id-%lld",
	               (long long)seq);
	return row;
}

static void
build(void)
{
	order_link(&batch);
	order_leave_early(&batch);
}

static void
reasons_are_plain_text(void **state)
{
	struct row *row = add("a", 10, 1, 0);

	(void)state;
	batch_fail(&batch, row, ROW_UNROUTABLE, "no exchange %.3s", "a\nы");
	assert_string_equal(row->reason, "no exchange a??");
}

static void
one_chain_per_aggregate(void **state)
{
	struct row *a1 = add("a", 10, 1, 0), *b1 = add("b", 11, 1, 0);
	struct row *a2 = add("a", 12, 2, 10), *a3 = add("a", 13, 3, 12);

	(void)state;
	build();
	assert_true(order_is_head(&batch, a1) && order_is_head(&batch, b1));
	assert_false(order_is_head(&batch, a2) || order_is_head(&batch, a3));
	assert_ptr_equal(order_next(&batch, a1), a2);
	assert_ptr_equal(order_next(&batch, a2), a3);
	assert_null(order_next(&batch, a3));
	assert_null(order_next(&batch, b1));
}

static void
aggregates_of_other_types_are_others(void **state)
{
	struct row *order = add("a", 10, 1, 0), *product = add("a", 11, 1, 0);

	(void)state;
	product->aggregate_type = "product";
	build();
	assert_true(order_is_head(&batch, order));
	assert_true(order_is_head(&batch, product));
}

static void
a_chain_tells_what_comes_next(void **state)
{
	struct row *a1 = add("a", 10, 1, 0), *a2 = add("a", 11, 2, 0);
	struct row *b5 = add("b", 12, 5, 0), *b7 = add("b", 13, 7, 0);

	(void)state;
	order_link(&batch);
	assert_true(order_is_next_here(&batch, a1));
	assert_true(order_is_next_here(&batch, a2));
	assert_false(order_is_next_here(&batch, b5));
	assert_false(order_is_next_here(&batch, b7));
}

/* A producer that draws seq before it locks the aggregate. */
static void
sequence_decides_not_seq(void **state)
{
	struct row *second = add("a", 10, 2, 12), *third = add("a", 11, 3, 10);
	struct row *first = add("a", 12, 1, 0);

	(void)state;
	build();
	assert_true(order_is_head(&batch, first));
	assert_ptr_equal(order_next(&batch, first), second);
	assert_ptr_equal(order_next(&batch, second), third);
}

static void
rows_without_their_predecessor_are_left(void **state)
{
	struct row *a5 = add("a", 10, 5, 3), *a6 = add("a", 11, 6, 10);
	struct row *b1 = add("b", 12, 1, 0);

	(void)state;
	build();
	assert_int_equal(a5->state, ROW_LEFT);
	assert_int_equal(a6->state, ROW_LEFT);
	assert_true(order_is_head(&batch, b1));
	assert_int_equal(batch.n_waiting, 1);
	assert_true(batch_has_marks(&batch));
}

/* It is written down that it waits. */
static void
a_held_row_without_its_predecessor_is_no_news(void **state)
{
	(void)state;
	add("a", 10, 5, 3)->is_held = true;
	build();
	assert_int_equal(batch.rows[0].state, ROW_LEFT);
	assert_false(batch_has_marks(&batch));
	batch_reset(&batch);
	(void)add("a", 10, 5, 3);
	build();
	assert_true(batch_has_marks(&batch));
	batch_reset(&batch);
	add("a", 10, 5, 3)->is_held = true;
	(void)add("a", 11, 6, 10);
	build();
	assert_true(batch_has_marks(&batch));
	batch_reset(&batch);
	assert_false(batch_has_marks(&batch));
}

static void
rows_behind_a_failed_one_are_left(void **state)
{
	struct row *a1 = add("a", 10, 1, 0), *a2 = add("a", 11, 2, 10);

	(void)state;
	batch_fail(&batch, a1, ROW_TOO_LARGE, "TOO_LARGE: %d", 5);
	build();
	assert_int_equal(a2->state, ROW_LEFT);
	assert_string_equal(a1->reason, "TOO_LARGE: 5");
	assert_true(batch_has_marks(&batch));
	assert_int_equal(batch.n_waiting, 0);
}

static void
unordered_rows_are_all_heads(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++)
		add("x", i, 1, 0)->aggregate_type = NULL;
	build();
	for (size_t i = 0; i < 3; i++)
		assert_true(order_is_head(&batch, &batch.rows[i]));
}

/* ---- confirms ---- */

static size_t n_settled;

static void
count(void *arg, struct row *row)
{
	assert_ptr_equal(arg, &batch);
	assert_true(row->state == ROW_ACKED || row->state == ROW_NACKED ||
	            row->state == ROW_UNROUTABLE);
	n_settled++;
}

/* Four rows with the tags 7 to 10. */
static void
send_four(void)
{
	static const char *const names[] = { "a", "b", "c", "d" };

	for (int i = 0; i < 4; i++)
		(void)add(names[i], i, 1, 0);
	build();
	for (size_t i = 0; i < 4; i++)
		confirm_sent(&batch, 7 + i, &batch.rows[i]);
	n_settled = 0;
}

static void
settle(uint64_t tag, bool is_multiple, bool is_ack)
{
	confirm_settle(&batch, tag, is_multiple, is_ack, count, &batch);
}

static void
confirms_in_any_order(void **state)
{
	(void)state;
	send_four();
	settle(9, false, true);
	settle(8, true, true);
	assert_int_equal(n_settled, 3);
	assert_int_equal(confirm_outstanding(&batch), 1);
	settle(10, true, false);
	assert_int_equal(confirm_outstanding(&batch), 0);
	assert_int_equal(batch.rows[3].state, ROW_NACKED);
	assert_int_equal(batch_count(&batch, ROW_ACKED), 3);
}

static void
stray_tags_are_ignored(void **state)
{
	(void)state;
	settle(1, true, true); /* nothing sent yet */
	send_four();
	settle(6, true, true);
	settle(11, true, true);
	settle(8, false, true);
	settle(8, false, true);
	assert_int_equal(n_settled, 1);
	assert_int_equal(confirm_outstanding(&batch), 3);
}

/* Two rows with one message id: the second return is the second row's. */
static void
returns_go_by_id_and_position(void **state)
{
	const struct wb_amqp_return returned = {
		.code = 312,
		.text = "NO_ROUTE",
		.routing_key = "key",
		.message_id = "id-1",
	};
	const struct wb_amqp_return other = {
		.code = 312,
		.text = "NO_ROUTE",
		.routing_key = "key",
		.message_id = "id-0",
	};

	(void)state;
	send_four();
	(void)strcpy(batch.rows[3].message_id, "id-1");
	assert_true(confirm_returned(&batch, &returned));
	assert_true(confirm_returned(&batch, &returned));
	assert_false(confirm_returned(&batch, &returned));
	assert_false(confirm_returned(&batch, &other));
	settle(10, true, true);
	assert_int_equal(batch.rows[0].state, ROW_ACKED);
	assert_int_equal(batch.rows[1].state, ROW_UNROUTABLE);
	assert_int_equal(batch.rows[2].state, ROW_ACKED);
	assert_int_equal(batch.rows[3].state, ROW_UNROUTABLE);
	assert_string_equal(batch.rows[1].reason, "UNROUTABLE: 312 NO_ROUTE");
}

/* One event for two queues, of which the second is missing. */
static void
returns_go_by_routing_key_too(void **state)
{
	const struct wb_amqp_return returned = {
		.code = 312,
		.text = "NO_ROUTE",
		.routing_key = "missing",
		.message_id = "id-1",
	};

	(void)state;
	send_four();
	(void)strcpy(batch.rows[2].message_id, "id-1");
	batch.rows[2].message.routing_key = "missing";
	assert_true(confirm_returned(&batch, &returned));
	settle(10, true, true);
	assert_int_equal(batch.rows[1].state, ROW_ACKED);
	assert_int_equal(batch.rows[2].state, ROW_UNROUTABLE);
}

static void
what_is_given_up_is_left(void **state)
{
	static const struct refusal refusal = { .limit_bytes = 4999 };

	(void)state;
	send_four();
	batch.rows[2].body_bytes = 5000;
	settle(7, false, true);
	confirm_give_up(&batch, &refusal);
	assert_int_equal(confirm_outstanding(&batch), 0);
	assert_int_equal(batch.rows[0].state, ROW_ACKED);
	assert_int_equal(batch.rows[1].state, ROW_LEFT);
	assert_int_equal(batch.rows[2].state, ROW_TOO_LARGE);
	assert_int_equal(batch.rows[3].state, ROW_LEFT);
}

static void
a_missing_exchange_is_the_fault_of_who_names_it(void **state)
{
	static const struct refusal refusal = { .exchange = "none" };

	(void)state;
	send_four();
	for (size_t i = 0; i < 4; i++)
		batch.rows[i].message.exchange = i == 1 ? "none" : "there";
	confirm_give_up(&batch, &refusal);
	assert_int_equal(batch.rows[0].state, ROW_LEFT);
	assert_int_equal(batch.rows[1].state, ROW_UNROUTABLE);
	assert_int_equal(batch.rows[2].state, ROW_LEFT);
}

static void
a_batch_is_used_again(void **state)
{
	(void)state;
	send_four();
	settle(10, true, true);
	batch_reset(&batch);
	assert_false(batch_has_marks(&batch));
	(void)add("z", 1, 1, 0);
	build();
	confirm_sent(&batch, 11, &batch.rows[0]);
	settle(10, true, true); /* of the batch before */
	assert_int_equal(confirm_outstanding(&batch), 1);
	settle(11, false, true);
	assert_int_equal(confirm_outstanding(&batch), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(reasons_are_plain_text),
		TEST(one_chain_per_aggregate),
		TEST(aggregates_of_other_types_are_others),
		TEST(a_chain_tells_what_comes_next),
		TEST(sequence_decides_not_seq),
		TEST(rows_without_their_predecessor_are_left),
		TEST(a_held_row_without_its_predecessor_is_no_news),
		TEST(rows_behind_a_failed_one_are_left),
		TEST(unordered_rows_are_all_heads),
		TEST(confirms_in_any_order),
		TEST(stray_tags_are_ignored),
		TEST(returns_go_by_id_and_position),
		TEST(returns_go_by_routing_key_too),
		TEST(what_is_given_up_is_left),
		TEST(a_missing_exchange_is_the_fault_of_who_names_it),
		TEST(a_batch_is_used_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
