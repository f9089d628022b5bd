/* consumers/inventory and schema/inventory. Every move is one call of move_stock(),
 * schema/inventory/006_move_stock.sql, which holds the order's row: one step.
 *
 * Variant:
 *   NO_STOCK_TOMBSTONE  a release that finds no reservation answers, and leaves nothing
 */

/* Inventory's shipment.created was lost: the one event that nobody asks for again,
 * since the order is confirmed without it. What was shipped counts as reserved until
 * the dead letter is replayed. */
bool is_stock_untold = false;

/* reserve_stock(), schema/inventory/003_reserve_stock.sql; on_order_placed.c.
 * UNKNOWN_SKU does nothing and is retried: a late message. */
inline reserve_stock()
{
	if
	:: reservation == NONE ->
		if
		:: reservation = RESERVED; emit(STOCK_RESERVED)
		:: reservation = REJECTED; emit(STOCK_REJECTED)
		fi
	:: reservation == RESERVED || reservation == SHIPPED -> emit_again(STOCK_RESERVED)
	:: reservation == REJECTED -> emit_again(STOCK_REJECTED)
	:: reservation == RELEASED -> emit_again(STOCK_RELEASED)
	fi
}

/* release_stock(), schema/inventory/004_release_stock.sql; release.c. */
inline release_stock()
{
	if
	:: reservation == NONE ->
#ifndef NO_STOCK_TOMBSTONE
		reservation = RELEASED;
#endif
		emit(STOCK_RELEASED)
	:: reservation == RESERVED -> reservation = RELEASED; emit(STOCK_RELEASED)
	:: reservation == RELEASED -> emit_again(STOCK_RELEASED)
	:: reservation == REJECTED -> emit_again(STOCK_REJECTED)
	/* SHIPPED: a conflict, so a dead letter at once */
	:: else -> assert(false) /* what was shipped is not released */
	fi
}

/* ship_stock(), schema/inventory/005_ship_stock.sql; on_shipment_created.c. */
inline ship_stock()
{
	if
	:: reservation == RESERVED -> reservation = SHIPPED
	:: reservation == SHIPPED
	/* MISSING, or a conflict */
	:: else -> assert(false) /* only what is reserved is shipped */
	fi
}

active proctype inventory()
{
	byte release;

end:
	do
	:: atomic {
		is_under_way(ORDER_PLACED) ->
		reserve_stock();
		printf("inventory: order.placed: stock %e\n", reservation);
		ack(ORDER_PLACED)
	}
	:: atomic {
		if
		/* on_payment_declined.c */
		:: is_under_way(PAYMENT_DECLINED) -> release = PAYMENT_DECLINED;
			printf("inventory: payment.declined\n")
		/* on_payment_refunded.c */
		:: is_under_way(PAYMENT_REFUNDED) -> release = PAYMENT_REFUNDED;
			printf("inventory: payment.refunded\n")
		/* on_payment_voided.c */
		:: is_under_way(PAYMENT_VOIDED) -> release = PAYMENT_VOIDED;
			printf("inventory: payment.voided\n")
		fi;
		release_stock();
		printf("  (stock %e)\n", reservation);
		ack(release);
		release = 0
	}
	:: atomic {
		is_under_way(SHIPMENT_CREATED_STOCK) ->
		ship_stock();
		printf("inventory: shipment.created: stock %e\n", reservation);
		ack(SHIPMENT_CREATED_STOCK)
	}
	od
}
