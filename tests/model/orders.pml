/* producers/orders, consumers/orders and schema/orders.
 *
 * Variants:
 *   NO_SWEEP_REPEAT         the sweeper leaves out what was asked to cancel before
 *   REFUSAL_DOESNT_CONFIRM  shipment.void_refused only sets the flag on the order
 */

bool is_cancel_requested = false; /* orders.cancel_requested_at */

/* POST /orders, then POST /orders/{id}/cancel at any moment or never:
 * request_cancel(), schema/orders/004_cancel.sql. */
active proctype customer()
{
	atomic {
		order = PENDING;
		emit(ORDER_PLACED);
		printf("orders-api: order PENDING, order.placed\n")
	}
end:
	atomic {
		!is_calm;
		if
		:: order == PENDING && !is_cancel_requested ->
			is_cancel_requested = true;
			emit(CANCEL_REQUESTED);
			printf("orders-api: the customer cancels, order.cancel_requested\n")
		:: else
		fi
	}
}

#ifdef NO_SWEEP_REPEAT
#define may_sweep (order == PENDING && !is_cancel_requested)
#else
#define may_sweep (order == PENDING)
#endif

/* consumers/orders/sweeper.c: sweep_orders(), schema/orders/004_cancel.sql. It asks
 * too early and too often here, for a deadline may be any moment. In the calm it
 * waits for what it has asked. */
active proctype sweeper()
{
	do
	:: atomic {
		may_sweep && (!is_calm || is_quiet) ->
		is_cancel_requested = true;
		is_asked = true;
		emit(CANCEL_REQUESTED);
		printf("sweeper: order.cancel_requested\n")
	}
	:: atomic { has_ended -> break }
	od
}

/* end_orders(), schema/orders/008_end_orders.sql, as consumers/orders/end.c reads its
 * answer. MISSING can't be: the order commits with order.placed. CONFLICT would be a
 * dead letter at once. */
inline end_order(to_status)
{
	if
	:: order == PENDING -> order = to_status
	:: order == to_status /* UNCHANGED */
	/* CONFLICT */
	:: else -> assert(false) /* an order that has ended stays as it is */
	fi
}

active proctype orders()
{
end:
	do
	:: atomic {
		/* on_shipment_created.c */
		is_under_way(SHIPMENT_CREATED) ->
		end_order(CONFIRMED);
		printf("orders: shipment.created: order %e\n", order);
		ack(SHIPMENT_CREATED)
	}
	:: atomic {
		/* on_shipment_void_refused.c, REFUSED: proof of the shipment */
		is_under_way(SHIPMENT_VOID_REFUSED) ->
#ifndef REFUSAL_DOESNT_CONFIRM
		end_order(CONFIRMED);
#endif
		printf("orders: shipment.void_refused: order %e\n", order);
		ack(SHIPMENT_VOID_REFUSED)
	}
	:: atomic {
		/* on_stock_rejected.c */
		is_under_way(STOCK_REJECTED) ->
		end_order(REJECTED);
		printf("orders: stock.rejected: order %e\n", order);
		ack(STOCK_REJECTED)
	}
	:: atomic {
		/* on_stock_released.c */
		is_under_way(STOCK_RELEASED) ->
		end_order(CANCELLED);
		printf("orders: stock.released: order %e\n", order);
		ack(STOCK_RELEASED)
	}
	od
}
