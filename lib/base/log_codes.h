/* The catalogue of log codes: name, code, what an operator should know.
 * docs/log-codes.md is written from it (tests/contracts/log_codes.py). */
#ifndef WB_BASE_LOG_CODES_H
#define WB_BASE_LOG_CODES_H

/* clang-format off: one row, one line */
#define WB_LOG_TABLE(X)                                                        \
	X(ASSERT, "WB-ASSERT", "A bug of ours: the process aborts.")           \
	X(START, "WB-START", "The process is up.")                             \
	X(READY, "WB-READY", "A dependency became ready.")                     \
	X(NOT_READY, "WB-NOT-READY", "A dependency is gone; work pauses.")     \
	X(DRAIN, "WB-DRAIN", "Told to stop; finishing what is in hand.")       \
	X(STOP, "WB-STOP", "The process leaves.")                              \
	X(NOTIFY, "WB-NOTIFY", "The service manager could not be told.")       \
	X(CONFIG, "WB-CONFIG", "A parameter is wrong.")                        \
	X(PG_CONNECTED, "WB-PG-CONNECTED", "Connected to Postgres.")           \
	X(PG_LOST, "WB-PG-LOST", "Postgres connection lost; reconnecting.")    \
	X(PG_ERROR, "WB-PG-ERROR", "Postgres refused a statement.")            \
	X(PG_DEADLINE, "WB-PG-DEADLINE",                                       \
	  "A transaction took too long; its connection was dropped.")          \
	X(AMQP_STATE, "WB-AMQP-STATE",                                         \
	  "A step of a RabbitMQ connection (debug).")                          \
	X(AMQP_CONNECTED, "WB-AMQP-CONNECTED", "Connected to RabbitMQ.")       \
	X(AMQP_LOST, "WB-AMQP-LOST",                                           \
	  "RabbitMQ connection lost; reconnecting.")                           \
	X(AMQP_CHANNEL, "WB-AMQP-CHANNEL", "RabbitMQ closed a channel.")       \
	X(AMQP_BLOCKED, "WB-AMQP-BLOCKED",                                     \
	  "RabbitMQ has an alarm and takes no messages.")                      \
	X(AMQP_UNBLOCKED, "WB-AMQP-UNBLOCKED",                                 \
	  "RabbitMQ takes messages again.")                                    \
	X(AMQP_CANCELLED, "WB-AMQP-CANCELLED",                                 \
	  "RabbitMQ cancelled the consumer; subscribing again.")               \
	X(HTTP_LISTEN, "WB-HTTP-LISTEN", "Listening for HTTP.")                \
	X(HTTP_REQUEST, "WB-HTTP-REQUEST",                                     \
	  "A request was answered, or a connection moved on (debug).")         \
	X(HTTP_ERROR, "WB-HTTP-ERROR", "An HTTP request failed inside.")       \
	X(OVERLOAD, "WB-OVERLOAD",                                             \
	  "Orders are refused since the outbox is too old, or again taken.")   \
	X(IDEMPOTENCY, "WB-IDEMPOTENCY",                                       \
	  "Old idempotency keys could not be given back.")                     \
	X(AUTH_KEYS, "WB-AUTH-KEYS",                                           \
	  "The keys for tokens were read, or could not be read again.")        \
	X(AUTH_OPEN, "WB-AUTH-OPEN",                                           \
	  "There are no keys: everybody may do everything.")                   \
	X(CONSUMER_STATE, "WB-CONSUMER-STATE",                                 \
	  "A step of a consumer (debug).")                                     \
	X(CONSUMER_RETRY, "WB-CONSUMER-RETRY",                                 \
	  "A message failed and is scheduled again.")                          \
	X(CONSUMER_PARK, "WB-CONSUMER-PARK",                                   \
	  "A message went to the dead-letter queue.")                          \
	X(CONSUMER_BATCH, "WB-CONSUMER-BATCH",                                 \
	  "A batch failed; its members run one by one.")                       \
	X(RELAY_PARKED, "WB-RELAY-PARKED",                                     \
	  "An event can't be published and was parked.")                       \
	X(RELAY_NACK, "WB-RELAY-NACK",                                         \
	  "The broker refused an event; it will be tried again.")              \
	X(RELAY_CONFIRM, "WB-RELAY-CONFIRM",                                   \
	  "Confirms did not come in time; the batch is rolled back.")          \
	X(RELAY_SLOT, "WB-RELAY-SLOT",                                         \
	  "The state of a relay's batch changed (debug only).")                \
	X(RELAY_EXPIRED, "WB-RELAY-EXPIRED",                                   \
	  "Days of published events were given back.")                         \
	X(RELAY_WAKE, "WB-RELAY-WAKE", "How this relay learns of new rows.")   \
	X(PAYMENT, "WB-PAYMENT", "A call to the payment provider failed.")     \
	X(PAYMENT_PARKED, "WB-PAYMENT-PARKED",                                 \
	  "The provider refuses a refund for good: money is kept that should " \
	  "not be. Clear it with the provider, then retry_payment().")         \
	X(BREAKER, "WB-BREAKER",                                               \
	  "The circuit breaker of the payment provider moved.")                \
	X(MAIL, "WB-MAIL", "A mail was given up.")                             \
	X(MAIL_SERVER, "WB-MAIL-SERVER",                                       \
	  "The mail server can't be reached, or can be again.")                \
	X(SWEEP, "WB-SWEEP",                                                   \
	  "Orders past their deadline were asked to cancel.")                  \
	X(MIGRATE, "WB-MIGRATE", "A schema migration.")                        \
	X(TOPOLOGY, "WB-TOPOLOGY", "A declaration of the broker's topology.")
/* clang-format on */

#endif
