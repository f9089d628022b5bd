#include "customer.h"

#include <string.h>

void
customer_print(struct wb_buf *buf, const struct customer *customer)
{
	char id[WB_UUID_TEXT_BYTES];

	wb_buf_printf(buf, "{\"customer_id\":\"%s\",\"name\":",
	              wb_uuid_format(&customer->id, id));
	wb_buf_add_json_string(buf, customer->name, strlen(customer->name));
	wb_buf_adds(buf, ",\"email\":");
	wb_buf_add_json_string(buf, customer->email, strlen(customer->email));
	wb_buf_adds(buf, "}");
}
