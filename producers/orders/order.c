#include "order.h"

#include <json-c/json.h>

#include <stdlib.h>

void
order_free(struct order *order)
{
	if (order == NULL)
		return;
	wb_idem_free(order->key);
	wb_http_errors_free(order->errors);
	json_object_put(order->body);
	wb_buf_fini(&order->data);
	free(order->currency);
	free(order->lines);
	free(order);
}

void
order_list_push(struct order_list *list, struct order *order)
{
	WB_ASSERT(order->list == NULL);
	order->list = list;
	order->prev = list->last;
	order->next = NULL;
	if (list->last != NULL)
		list->last->next = order;
	else
		list->first = order;
	list->last = order;
	list->n++;
}

void
order_list_remove(struct order *order)
{
	struct order_list *list = order->list;

	if (order->prev != NULL)
		order->prev->next = order->next;
	else
		list->first = order->next;
	if (order->next != NULL)
		order->next->prev = order->prev;
	else
		list->last = order->prev;
	list->n--;
	order->list = NULL;
}

static void
push_front(struct order_list *list, struct order *order)
{
	order->list = list;
	order->prev = NULL;
	order->next = list->first;
	if (list->first != NULL)
		list->first->prev = order;
	else
		list->last = order;
	list->first = order;
	list->n++;
}

void
order_list_prepend(struct order_list *list, struct order_list *from)
{
	while (from->last != NULL) {
		struct order *order = from->last;

		order_list_remove(order);
		push_front(list, order);
	}
}
