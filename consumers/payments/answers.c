/* Payment status → event. */
#include "handlers.h"

const struct wb_answer payments_answers[] = {
	{ "CAPTURED", &shop_payment_captured, WB_OK },
	{ "DECLINED", &shop_payment_declined, WB_OK },
	{ "VOIDED", &shop_payment_voided, WB_OK },
	{ "REFUNDED", &shop_payment_refunded, WB_OK },
	{ "REQUESTED", NULL, WB_OK },
	{ "ATTEMPTING", NULL, WB_OK },
	{ "VOIDING", NULL, WB_OK },
	{ "REFUNDING", NULL, WB_OK },
	{ NULL, NULL, WB_OK },
};
