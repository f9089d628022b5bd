/* shop/answers.h against the handlers of the saga and the topology: who looks
 * from outside expects what the services really do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/attr.h"
#include "consumers/inventory/handlers.h"
#include "consumers/orders/handlers.h"
#include "consumers/payments/handlers.h"
#include "consumers/shipping/handlers.h"
#include "shop/answers.h"
#include "topology_table.h"

static const struct {
	const char *consumer;
	const struct wb_handler *handler;
} handlers[] = {
#define X(name) { "inventory", &inventory_##name },
	INVENTORY_HANDLERS(X)
#undef X
#define X(name) { "payments", &payments_##name },
	    PAYMENTS_HANDLERS(X)
#undef X
#define X(name) { "shipping", &shipping_##name },
	        SHIPPING_HANDLERS(X)
#undef X
#define X(name) { "orders", &orders_##name },
	            ORDERS_HANDLERS(X)
#undef X
};

static const struct row {
	const char *consumer;
	const struct wb_event_type *on, *answer;
} answers[] = {
#define X(consumer, on, answer) { #consumer, &shop_##on, &shop_##answer },
	SHOP_ANSWERS(X)
#undef X
};

static bool
is_answer(const char *consumer, const struct wb_event_type *on,
          const struct wb_event_type *answer)
{
	for (size_t i = 0; i < WB_ARRAY_LEN(answers); i++)
		if (strcmp(answers[i].consumer, consumer) == 0 &&
		    answers[i].on == on && answers[i].answer == answer)
			return true;
	return false;
}

static void
what_handlers_emit_is_an_answer(void **state)
{
	(void)state;
	for (size_t i = 0; i < WB_ARRAY_LEN(handlers); i++) {
		const struct wb_handler *handler = handlers[i].handler;

		for (size_t j = 0; j < handler->n_emits; j++)
			if (!is_answer(handlers[i].consumer, handler->on,
			               handler->emits[j]))
				fail_msg("%s answers %s with %s",
				         handlers[i].consumer,
				         handler->on->name,
				         handler->emits[j]->name);
	}
}

static bool
is_emitted(const struct row *row)
{
	for (size_t i = 0; i < WB_ARRAY_LEN(handlers); i++) {
		const struct wb_handler *handler = handlers[i].handler;

		if (strcmp(handlers[i].consumer, row->consumer) != 0 ||
		    handler->on != row->on)
			continue;
		for (size_t j = 0; j < handler->n_emits; j++)
			if (handler->emits[j] == row->answer)
				return true;
	}
	return false;
}

static bool
is_routed(const struct row *row)
{
	static const struct {
		const char *consumer;
		const struct wb_event_type *type;
	} bindings[] = {
#define X(consumer, event) { #consumer, &shop_##event },
		TOPOLOGY_BINDINGS(X)
#undef X
	};

	for (size_t i = 0; i < WB_ARRAY_LEN(bindings); i++)
		if (strcmp(bindings[i].consumer, row->consumer) == 0 &&
		    bindings[i].type == row->on)
			return true;
	return false;
}

static void
every_answer_is_emitted_and_asked_for(void **state)
{
	(void)state;
	for (size_t i = 0; i < WB_ARRAY_LEN(answers); i++)
		if (!is_emitted(&answers[i]) || !is_routed(&answers[i]))
			fail_msg("%s never answers %s with %s",
			         answers[i].consumer, answers[i].on->name,
			         answers[i].answer->name);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_handlers_emit_is_an_answer),
		cmocka_unit_test(every_answer_is_emitted_and_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
