/* What `waybill audit` proves: a row per invariant. docs/audit.md explains each
 * one, and what to do when it is broken. */
#ifndef WB_CLI_AUDIT_INVARIANTS_H
#define WB_CLI_AUDIT_INVARIANTS_H

/* X(id, name, what it says): in the order of the output. */
#define AUDIT_INVARIANTS(X)                                                    \
	X(ORDER_ENDS, "orders.end", "every order ends")                        \
	X(ORDER_EXISTS, "orders.exist",                                        \
	  "every order that any service knows of exists")                      \
	X(PAYMENT, "orders.payment",                                           \
	  "CONFIRMED: one captured payment of its total; else nothing taken")  \
	X(SHIPMENT, "orders.shipment", "CONFIRMED: one shipment; else none")   \
	X(GOODS, "orders.goods",                                               \
	  "CONFIRMED: its very lines went out of stock; else none is held")    \
	X(VIEW, "orders.view",                                                 \
	  "history says of an order what orders says, and what its log says")  \
	X(TOLD, "orders.told",                                                 \
	  "the customer was told how the order ended, and nothing else")       \
	X(STOCK_SUM, "stock.sum",                                              \
	  "received = on hand + reserved + shipped, none of them below 0")     \
	X(STOCK_LEDGER, "stock.ledger",                                        \
	  "stock is what receipts and reservations add up to")                 \
	X(CHARGES, "provider.charges",                                         \
	  "the provider took money once per order at most")                    \
	X(BOOKS, "provider.books",                                             \
	  "the provider's books and the payments say the same")                \
	X(HANDLED, "events.handled",                                           \
	  "every event was handled by each consumer that it is for, or its "   \
	  "whereabouts are known")                                             \
	X(EMITTED, "events.emitted",                                           \
	  "every event that was handled had been emitted")                     \
	X(ONCE, "events.once", "every handled event took effect exactly once") \
	X(UNIQUE, "events.unique", "no event id is used twice")                \
	X(SEQUENCE, "events.sequence",                                         \
	  "the events of an aggregate are numbered without a gap, up to its "  \
	  "own number")                                                        \
	X(DEAD, "events.dead",                                                 \
	  "what was dead-lettered lies in the dead-letter queue")              \
	X(REPLICAS, "events.replicas",                                         \
	  "copies of products and customers are what the originals are")       \
	X(DRAINS, "outbox.drains", "what is due leaves the outboxes")          \
	X(PARKED, "outbox.parked", "nothing is parked in an outbox")           \
	X(REFUNDS, "payments.parked", "no payment waits for an operator")      \
	X(QUEUES, "queues.drain",                                              \
	  "the consumers' queues are empty once the system is quiet")

enum audit_invariant {
#define X(id, name, says) AUDIT_##id,
	AUDIT_INVARIANTS(X) AUDIT_COUNT
#undef X
};

#endif
