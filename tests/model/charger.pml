/* consumers/payments: the charger, which turns wishes into calls of the provider.
 *
 * Variants:
 *   NO_ATTEMPTING       the claim commits nothing before the call
 *   NO_IDEMPOTENCY_KEY  (provider.pml) each call is a charge of its own
 */

#ifdef NO_ATTEMPTING
#define CLAIMED REQUESTED
#else
#define CLAIMED ATTEMPTING
#endif

#define is_wish (payment == REQUESTED || payment == ATTEMPTING || \
	payment == VOIDING || payment == REFUNDING)

/* settle_payments(), schema/payments/004_charger.sql; settle.c. An outcome that the
 * payment no longer waits for changes nothing, and UNKNOWN never does. */
inline settle_payments(outcome)
{
	if
	:: payment == CLAIMED && outcome == CAPTURED -> payment = CAPTURED; emit(PAYMENT_CAPTURED)
	:: payment == CLAIMED && outcome == DECLINED -> payment = DECLINED; emit(PAYMENT_DECLINED)
	:: payment == VOIDING && outcome == CAPTURED -> payment = REFUNDING
	:: payment == VOIDING && outcome == DECLINED -> payment = VOIDED; emit(PAYMENT_VOIDED)
	:: payment == REFUNDING && outcome == REFUNDED -> payment = REFUNDED; emit(PAYMENT_REFUNDED)
	:: else
	fi
}

/* What a charger is doing. */
mtype = { IDLE, TO_CHARGE, CHARGING, TO_REFUND, REFUNDS }

/* consumers/payments/charger.c: claim, call, settle, each a step of its own, and
 * between them all is in its memory. It may die there; what it has sent is on its way
 * none the less. There are two, and no lease: a second process, or one that was
 * frozen for so long that its claim has been taken over. */
active [CHARGERS] proctype charger()
{
	mtype doing = IDLE; /* or the outcome that it has to settle */

end:
	do
	:: atomic {
		/* on_claimed: claim_payments(), schema/payments/004_charger.sql */
		doing == IDLE && is_wish -> doing = TO_CHARGE;
		if
		:: payment == REQUESTED -> payment = CLAIMED
		:: payment == REFUNDING -> doing = TO_REFUND
		:: else
		fi;
		printf("charger %d: claims, payment %e\n", _pid, payment)
	}
	:: atomic {
		/* begin: provider_send(), provider.c */
		doing == TO_CHARGE -> doing = CHARGING; is_charge_sent = true;
		printf("charger %d: sends the charge\n", _pid)
	}
	:: atomic {
		doing == TO_REFUND -> doing = REFUNDS; is_refund_sent = true;
		printf("charger %d: sends the refund\n", _pid)
	}
	:: atomic {
		/* on_answer: provider_read(); the same to each call with this key */
		doing == CHARGING && charge_entry != NONE -> doing = charge_entry;
		printf("charger %d: hears %e\n", _pid, doing)
	}
	:: atomic {
		doing == REFUNDS && refund_entry != NONE -> doing = refund_entry;
		printf("charger %d: hears %e\n", _pid, doing)
	}
	:: atomic {
		doing == CAPTURED || doing == DECLINED || doing == REFUNDED ->
		settle_payments(doing);
		doing = IDLE;
		printf("charger %d: settles, payment %e\n", _pid, payment)
	}
	:: atomic {
		/* So ends a call without an answer too: it settles UNKNOWN, which only
		 * makes the wish due again. */
		doing != IDLE && !is_calm -> doing = IDLE;
		printf("charger %d: dies, or its call times out\n", _pid)
	}
	od
}
