/* Payment status → event. */
#include "handlers.h"

const struct wb_answer payments_answers[] = {
	{ "CAPTURED", WB_EV_PAYMENT_CAPTURED, WB_OK },
	{ "DECLINED", WB_EV_PAYMENT_DECLINED, WB_OK },
	{ "VOIDED", WB_EV_PAYMENT_VOIDED, WB_OK },
	{ "REFUNDED", WB_EV_PAYMENT_REFUNDED, WB_OK },
	{ "REQUESTED", WB_EV_COUNT, WB_OK },
	{ "ATTEMPTING", WB_EV_COUNT, WB_OK },
	{ "VOIDING", WB_EV_COUNT, WB_OK },
	{ "REFUNDING", WB_EV_COUNT, WB_OK },
	{ NULL, WB_EV_COUNT, WB_OK },
};
