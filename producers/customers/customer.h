/* How a customer looks in an answer and in an event. */
#ifndef WB_CUSTOMERS_CUSTOMER_H
#define WB_CUSTOMERS_CUSTOMER_H

#include "base/buf.h"
#include "base/uuid.h"

struct customer {
	struct wb_uuid id;
	const char *name;
	const char *email;
};

/* Appends {"customer_id":…,"name":…,"email":…}. */
void customer_print(struct wb_buf *buf, const struct customer *customer);

#endif
