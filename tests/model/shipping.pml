/* consumers/shipping and schema/shipping: the saga's point of no return.
 *
 * Variants:
 *   FAILED_IS_REFUSED      a cancel that finds FAILED is refused
 *   NO_SHIPPING_TOMBSTONE  a cancel that finds no shipment answers, and leaves nothing
 */

/* CREATE of move_shipment(), schema/shipping/004_move_shipment.sql;
 * on_payment_captured.c. */
inline create_shipment()
{
	if
	:: shipment == NONE ->
		if
		:: shipment = CREATED; emit(SHIPMENT_CREATED); emit(SHIPMENT_CREATED_STOCK)
		:: shipment = FAILED; emit(SHIPMENT_FAILED) /* country ZZ */
		fi
	:: shipment == CREATED ->
		emit_again(SHIPMENT_CREATED); emit_again(SHIPMENT_CREATED_STOCK)
	:: shipment == FAILED -> emit_again(SHIPMENT_FAILED)
	:: shipment == VOIDED -> emit_again(SHIPMENT_VOIDED)
	fi
}

/* VOID of move_shipment(); on_order_cancel_requested.c. */
inline void_shipment()
{
	if
	:: shipment == NONE ->
#ifndef NO_SHIPPING_TOMBSTONE
		shipment = VOIDED;
#endif
		emit(SHIPMENT_VOIDED)
	:: shipment == VOIDED -> emit_again(SHIPMENT_VOIDED)
#ifdef FAILED_IS_REFUSED
	:: shipment == FAILED -> emit(SHIPMENT_VOID_REFUSED)
#else
	:: shipment == FAILED -> emit(SHIPMENT_VOIDED)
#endif
	:: shipment == CREATED -> emit(SHIPMENT_VOID_REFUSED)
	fi
}

active proctype shipping()
{
end:
	do
	:: atomic {
		is_under_way(PAYMENT_CAPTURED) ->
		create_shipment();
		printf("shipping: payment.captured: shipment %e\n", shipment);
		ack(PAYMENT_CAPTURED)
	}
	:: atomic {
		is_under_way(CANCEL_REQUESTED) ->
		void_shipment();
		printf("shipping: order.cancel_requested: shipment %e\n", shipment);
		ack(CANCEL_REQUESTED)
	}
	od
}
