/* The payment provider, an actor of its own: consumers/payments/provider-sim/ in
 * development, somebody else's in earnest. Calls are HTTP requests: one that its sender
 * has given up may still arrive, at any time. */

bool is_charge_sent = false;
bool is_refund_sent = false;
/* By idempotency key: what the provider says to each call with it. */
mtype charge_entry = NONE; /* CAPTURED, DECLINED */
mtype refund_entry = NONE; /* REFUNDED */
/* What it has done with the customer's money. */
byte n_charges = 0;
byte n_refunds = 0;

#define money_taken (n_charges - n_refunds)

/* post_charge: decides once per key. */
inline decide_charge()
{
	if
	:: charge_entry = CAPTURED; n_charges++;
		if
		:: n_charges > 1 -> assert(false) /* at most one effective charge per order */
		:: else
		fi
	:: charge_entry = DECLINED
	fi;
	printf("provider: charge %e\n", charge_entry)
}

active proctype provider()
{
end:
	do
	:: atomic {
		is_charge_sent -> is_charge_sent = false;
		if
#ifdef NO_IDEMPOTENCY_KEY
		:: decide_charge()
#else
		:: charge_entry == NONE -> decide_charge()
		:: else
#endif
		fi
	}
	:: atomic {
		is_refund_sent -> is_refund_sent = false;
		if
		:: refund_entry == NONE ->
			refund_entry = REFUNDED; n_refunds++;
			if
			:: n_refunds > n_charges -> assert(false) /* only what was charged is refunded */
			:: else
			fi;
			printf("provider: REFUNDED\n")
		:: else
		fi
	}
	od
}
