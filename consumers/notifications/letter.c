/* The letters. */
#include "letter.h"

#include "event/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ISO 4217: the currencies in use that do not have two decimals. */
static const char no_decimals[] =
    "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF";
static const char three_decimals[] = "BHD IQD JOD KWD LYD OMR TND";

static int
decimals_of(const char *currency)
{
	if (strlen(currency) == 3 && strstr(no_decimals, currency) != NULL)
		return 0;
	if (strlen(currency) == 3 && strstr(three_decimals, currency) != NULL)
		return 3;
	return 2;
}

void
letter_add_money(struct wb_buf *buf, int64_t amount_minor, const char *currency)
{
	int decimals = decimals_of(currency);
	int64_t unit = decimals == 0 ? 1 : decimals == 2 ? 100 : 1000;

	wb_buf_printf(buf, "%s %" PRId64, currency, amount_minor / unit);
	if (decimals > 0)
		wb_buf_printf(buf, ".%0*" PRId64, decimals,
		              amount_minor % unit);
}

static enum wb_err
add_line(struct json_object *lines, size_t i, const char *currency,
         struct wb_buf *buf, struct wb_note *note)
{
	char path[64];
	const char *name = NULL;
	int64_t quantity = 0, price = 0;
	enum wb_err err;

	(void)snprintf(path, sizeof(path), "/%zu/name", i);
	err = wb_data_text(lines, path, note, &name);
	(void)snprintf(path, sizeof(path), "/%zu/quantity", i);
	if (err == WB_OK)
		err = wb_data_int(lines, path, 1, INT64_MAX, note, &quantity);
	(void)snprintf(path, sizeof(path), "/%zu/unit_price_minor", i);
	if (err == WB_OK)
		err = wb_data_int(lines, path, 0, INT64_MAX, note, &price);
	if (err != WB_OK)
		return err;
	wb_buf_printf(buf, "  %" PRId64 " x %s, ", quantity, name);
	letter_add_money(buf, price, currency);
	wb_buf_adds(buf, " each\n");
	return WB_OK;
}

static enum wb_err
add_order(const struct wb_event *event, struct wb_buf *buf,
          struct wb_note *note)
{
	struct json_object *lines = NULL;
	const char *currency = NULL;
	int64_t total = 0;
	enum wb_err err =
	    wb_data_text(event->data, "/order/currency", note, &currency);

	if (err == WB_OK)
		err = wb_data_int(event->data, "/order/total_minor", 0,
		                  INT64_MAX, note, &total);
	if (err == WB_OK)
		err = wb_data_array(event->data, "/order/lines", note, &lines);
	if (err != WB_OK)
		return err;
	wb_buf_printf(buf, "Order %s\n\n", event->subject);
	for (size_t i = 0; i < wb_data_length(lines); i++) {
		err = add_line(lines, i, currency, buf, note);
		if (err != WB_OK)
			return err;
	}
	wb_buf_adds(buf, "\nTotal: ");
	letter_add_money(buf, total, currency);
	wb_buf_adds(buf, "\n");
	return WB_OK;
}

enum wb_err
letter_confirmed(const struct wb_event *event, struct wb_buf *buf,
                 struct wb_note *note)
{
	const char *carrier = NULL, *number = NULL;
	enum wb_err err;

	wb_buf_adds(buf, "thank you: your order is confirmed, and on its "
	                 "way.\n\n");
	err = add_order(event, buf, note);
	if (err == WB_OK)
		err = wb_data_text(event->data, "/shipment/carrier", note,
		                   &carrier);
	if (err == WB_OK)
		err = wb_data_text(event->data, "/shipment/tracking_number",
		                   note, &number);
	if (err == WB_OK)
		wb_buf_printf(buf, "\nCarrier: %s\nTracking number: %s\n",
		              carrier, number);
	return err;
}

/* Why an order does not go on, and what became of the money; NULL where the
 * cause does not tell whether any was taken. */
static const struct cause {
	const char *code;
	const char *reason;
	const char *money;
} causes[] = {
	{ "OUT_OF_STOCK", "We do not have enough of it.",
	  "You have not been charged." },
	{ "PAYMENT_DECLINED", "The payment was declined.",
	  "You have not been charged." },
	{ "UNDELIVERABLE", "No carrier delivers to this address.",
	  "The payment has been refunded in full." },
	{ "CUSTOMER_REQUEST", "You asked us to cancel it.", NULL },
	{ "OPERATOR_REQUEST", "We had to cancel it.", NULL },
	{ "TIMEOUT", "We could not complete it in time.", NULL },
	{ NULL, "We could not complete it.", NULL },
};

static enum wb_err
add_cause(const struct wb_event *event, struct wb_buf *buf,
          struct wb_note *note, const struct cause **ret_cause)
{
	const char *code = NULL, *detail = NULL;
	const struct cause *cause = causes;
	enum wb_err err = wb_data_text(event->data, "/cause/code", note, &code);

	if (err == WB_OK)
		err = wb_data_text(event->data, "/cause/detail", note, &detail);
	if (err != WB_OK)
		return err;
	while (cause->code != NULL && strcmp(cause->code, code) != 0)
		cause++;
	wb_buf_printf(buf, "Reason: %s", cause->reason);
	if (*detail != '\0')
		wb_buf_printf(buf, " (%s)", detail);
	wb_buf_adds(buf, "\n\n");
	*ret_cause = cause;
	return WB_OK;
}

/* An order is rejected before anybody asks for its money. */
enum wb_err
letter_rejected(const struct wb_event *event, struct wb_buf *buf,
                struct wb_note *note)
{
	const struct cause *cause = NULL;
	enum wb_err err;

	wb_buf_adds(buf, "we are sorry: we could not accept your order.\n\n");
	err = add_cause(event, buf, note, &cause);
	if (err == WB_OK)
		wb_buf_printf(buf, "Order %s\n\nYou have not been charged.\n",
		              event->subject);
	return err;
}

enum wb_err
letter_cancelled(const struct wb_event *event, struct wb_buf *buf,
                 struct wb_note *note)
{
	const struct cause *cause = NULL;
	enum wb_err err;

	wb_buf_adds(buf, "your order was cancelled.\n\n");
	err = add_cause(event, buf, note, &cause);
	if (err != WB_OK)
		return err;
	/* The event comes after the refund, if there was something to refund:
	 * the other sentence is true in both cases. */
	wb_buf_printf(buf, "Order %s\n\n%s\n", event->subject,
	              cause->money != NULL
	                  ? cause->money
	                  : "If you had been charged already, the payment "
	                    "has been refunded in full.");
	return WB_OK;
}
