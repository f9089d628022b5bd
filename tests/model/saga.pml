/* The order saga (docs/saga.md) for one order, so small that spin tries every way
 * that it can take. tests/model/check.sh runs it; docs/saga.md says what it found.
 *
 * One file per service, each handler beside the SQL function that it mirrors. Here:
 * what lies between the services, what goes wrong, and what must hold.
 *
 * Parameters, by -D:
 *   LOSSES=n     how many messages are lost for good (1)
 *   ANY_LOSSES   any number of them
 *   CHARGERS=n   processes that call the provider (2)
 *   TO_REST      see weather()
 * Each other -D takes away one thing that the saga needs; the file of the service
 * says which. Then an invariant must break.
 *
 * What the model leaves out:
 *   - other orders. Rows of two orders share nothing but stock, so whether there is
 *     enough of it is any answer here; a SKU not heard of yet is a late message.
 *   - time. A deadline passes at any moment, a retry comes at any moment, and a
 *     lease has always run out. The circuit breaker only delays.
 *   - what an event says beside its type: amounts, addresses, the cause.
 *   - the inbox and the order that the relay keeps. Here each duplicate is handled
 *     once more, and messages overtake each other freely; both only add ways.
 *   - a provider that never answers: then nobody can know the outcome.
 *   - notifications and history, which decide nothing.
 *
 * A trap: never begin an option of an if or do with an if that has an else. Spin
 * takes that for the else of the outer one, and silently tries fewer ways.
 */
#ifndef LOSSES
#define LOSSES 1
#endif
#ifndef CHARGERS
#define CHARGERS 2
#endif

mtype = {
	NONE, /* no row */
	/* orders.status, schema/orders/001_orders.sql */
	PENDING, CONFIRMED, REJECTED, CANCELLED,
	/* reservations.status, schema/inventory/001_stock.sql; and REJECTED */
	RESERVED, RELEASED, SHIPPED,
	/* payments.status, schema/payments/001_payments.sql */
	REQUESTED, ATTEMPTING, CAPTURED, DECLINED,
	VOIDING, VOIDED, REFUNDING, REFUNDED,
	/* shipments.status, schema/shipping/001_shipments.sql; and VOIDED */
	CREATED, FAILED
}

mtype order = NONE;
mtype reservation = NONE;
mtype payment = NONE;
mtype shipment = NONE;

/* The messages: an event, once per queue that it is routed to, since each copy has
 * a fate of its own. */
#define ORDER_PLACED            0 /* to inventory */
#define STOCK_RESERVED          1 /* to payments */
#define STOCK_REJECTED          2 /* to orders */
#define STOCK_RELEASED          3 /* to orders */
#define PAYMENT_CAPTURED        4 /* to shipping */
#define PAYMENT_DECLINED        5 /* to inventory */
#define PAYMENT_REFUNDED        6 /* to inventory */
#define PAYMENT_VOIDED          7 /* to inventory */
#define SHIPMENT_CREATED        8 /* to orders */
#define SHIPMENT_CREATED_STOCK  9 /* to inventory */
#define SHIPMENT_FAILED        10 /* to payments */
#define SHIPMENT_VOIDED        11 /* to payments */
#define SHIPMENT_VOID_REFUSED  12 /* to orders */
#define CANCEL_REQUESTED       13 /* to shipping */
#define N_MESSAGES             14

/* The outbox, the relay, the exchange and the queues in one: a set of bits. What is
 * emitted is in it from the commit on, until it is acked; in between it may be
 * delivered at any time and any number of times. So two equal events are one that
 * is delivered twice. */
unsigned under_way : N_MESSAGES = 0;

#define is_under_way(m) (((under_way >> (m)) & 1) == 1)
#define emit(m)         under_way = under_way | (1 << (m))
#define take_away(m)    under_way = under_way & ~(1 << (m))

/* The same answer once more, to who asks again. */
#ifdef NO_REPEATED_ANSWERS
#define emit_again(m) skip
#else
#define emit_again(m) emit(m)
#endif

/* No fault happens any more; only with TO_REST. */
bool is_calm = false;

/* lib/saga: a delivery is the handler's transaction, then the ack. A crash before the
 * commit undoes everything, so it is no step at all; one after it leaves the message
 * where it was. So does a duplicate of the relay's. */
inline ack(m)
{
	if
	:: take_away(m)
	:: !is_calm -> printf("  (comes again)\n")
	fi
}

byte losses = 0;
/* The sweeper has asked, and nothing has been lost since. */
bool is_asked = false;

#define is_undone (order == REJECTED || order == CANCELLED)
#define has_ended (order == CONFIRMED || is_undone)
/* Nothing is left to do. A frozen charger or a late request to the provider may
 * still be there; whatever they do, it must hold after it too. */
#define is_quiet (order != NONE && under_way == 0 && !is_wish)

#include "provider.pml"
#include "charger.pml"
#include "orders.pml"
#include "inventory.pml"
#include "payments.pml"
#include "shipping.pml"

/* A dead letter that nobody replays. (A replayed one is merely late.) */
#ifdef ANY_LOSSES
#define count_loss() skip
#else
#define count_loss() losses++
#endif
#define may_lose(m) losses < LOSSES && !is_calm && is_under_way(m) -> lost = m

active proctype dead_letters()
{
	byte lost;

end:
	do
	:: atomic {
		if
		:: may_lose(ORDER_PLACED); printf("lost: order.placed\n")
		:: may_lose(STOCK_RESERVED); printf("lost: stock.reserved\n")
		:: may_lose(STOCK_REJECTED); printf("lost: stock.rejected\n")
		:: may_lose(STOCK_RELEASED); printf("lost: stock.released\n")
		:: may_lose(PAYMENT_CAPTURED); printf("lost: payment.captured\n")
		:: may_lose(PAYMENT_DECLINED); printf("lost: payment.declined\n")
		:: may_lose(PAYMENT_REFUNDED); printf("lost: payment.refunded\n")
		:: may_lose(PAYMENT_VOIDED); printf("lost: payment.voided\n")
		:: may_lose(SHIPMENT_CREATED); printf("lost: shipment.created (orders')\n")
		:: may_lose(SHIPMENT_CREATED_STOCK);
			printf("lost: shipment.created (inventory's)\n");
			is_stock_untold = true
		:: may_lose(SHIPMENT_FAILED); printf("lost: shipment.failed\n")
		:: may_lose(SHIPMENT_VOIDED); printf("lost: shipment.voided\n")
		:: may_lose(SHIPMENT_VOID_REFUSED); printf("lost: shipment.void_refused\n")
		:: may_lose(CANCEL_REQUESTED); printf("lost: order.cancel_requested\n")
		fi;
		take_away(lost);
		lost = 0;
		count_loss();
		is_asked = false
	}
	od
}

/* What must hold whenever it is quiet; it runs only when that is broken, so that an
 * order for which nothing can happen any more is an invalid end state. The comment
 * behind an assertion is what check.sh calls it. */
active proctype auditor()
{
end:
	if
	:: is_quiet && !has_ended && is_asked ->
		assert(false) /* every order ends */
	:: is_quiet && order == CONFIRMED && money_taken != 1 ->
		assert(false) /* CONFIRMED: one payment, captured and not refunded */
	:: is_quiet && order == CONFIRMED && shipment != CREATED ->
		assert(false) /* CONFIRMED: one shipment */
	:: is_quiet && order == CONFIRMED && reservation != SHIPPED && !is_stock_untold ->
		assert(false) /* CONFIRMED: its stock has gone out */
	:: is_quiet && is_undone && money_taken != 0 ->
		assert(false) /* REJECTED or CANCELLED: no money kept */
	:: is_quiet && is_undone && reservation == RESERVED ->
		assert(false) /* REJECTED or CANCELLED: nothing reserved */
	:: is_quiet && is_undone && shipment == CREATED ->
		assert(false) /* REJECTED or CANCELLED: no shipment */
	fi
}

#ifdef TO_REST
/* Whatever has happened until some moment: if nothing goes wrong after it, the saga
 * comes to rest. The storm is "progress", so a run that goes on for ever without
 * progress is one that does so in the calm. */
active proctype weather()
{
progress_storm:
	atomic { order != NONE -> is_calm = true; printf("calm\n") }
}
#endif
