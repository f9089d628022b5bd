/* consumers/payments and schema/payments: the handlers. They only record wishes.
 *
 * Variants:
 *   NO_VOIDING            a void that finds ATTEMPTING takes the payment for voided
 *   NO_PAYMENT_TOMBSTONE  a void that finds no payment answers, and leaves nothing
 */

/* The outcome of a payment that has one, once more: answers.c. */
inline repeat_outcome()
{
	if
	:: payment == CAPTURED -> emit_again(PAYMENT_CAPTURED)
	:: payment == DECLINED -> emit_again(PAYMENT_DECLINED)
	:: payment == VOIDED -> emit_again(PAYMENT_VOIDED)
	:: payment == REFUNDED -> emit_again(PAYMENT_REFUNDED)
	:: else /* under way: its end will be told */
	fi
}

/* REQUEST of move_payment(), schema/payments/005_move_payment.sql. */
inline request_payment()
{
	if
	:: payment == NONE -> payment = REQUESTED
	:: else -> repeat_outcome()
	fi
}

/* VOID of move_payment(); void.c. */
inline void_payment()
{
	if
	:: payment == NONE ->
#ifndef NO_PAYMENT_TOMBSTONE
		payment = VOIDED;
#endif
		emit(PAYMENT_VOIDED)
	:: payment == REQUESTED -> payment = VOIDED; emit(PAYMENT_VOIDED)
#ifdef NO_VOIDING
	:: payment == ATTEMPTING -> payment = VOIDED; emit(PAYMENT_VOIDED)
#else
	:: payment == ATTEMPTING -> payment = VOIDING
#endif
	:: payment == CAPTURED -> payment = REFUNDING
	:: else -> repeat_outcome()
	fi
}

active proctype payments()
{
	byte cause;

end:
	do
	:: atomic {
		/* on_stock_reserved.c */
		is_under_way(STOCK_RESERVED) ->
		request_payment();
		printf("payments: stock.reserved: payment %e\n", payment);
		ack(STOCK_RESERVED)
	}
	:: atomic {
		if
		/* on_shipment_failed.c */
		:: is_under_way(SHIPMENT_FAILED) -> cause = SHIPMENT_FAILED;
			printf("payments: shipment.failed\n")
		/* on_shipment_voided.c */
		:: is_under_way(SHIPMENT_VOIDED) -> cause = SHIPMENT_VOIDED;
			printf("payments: shipment.voided\n")
		fi;
		void_payment();
		printf("  (payment %e)\n", payment);
		ack(cause);
		cause = 0
	}
	od
}
