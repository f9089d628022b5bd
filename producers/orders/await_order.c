#include "await_order.h"

#include "live_params.h"
#include "waiters.h"

#include "base/clock.h"
#include "base/mem.h"

#include <stdlib.h>

struct awaited {
	struct waiter waiter; /* first: it is known by it */
	struct await await;
	struct wb_http_request *request;
};

static void
free_awaited(struct awaited *awaited)
{
	waiters_remove(&awaited->waiter);
	if (awaited->await.free_arg != NULL)
		awaited->await.free_arg(awaited->await.arg);
	free(awaited);
}

static void
tell(struct waiter *waiter, const struct wb_pg_result *result, size_t row)
{
	struct awaited *awaited = (struct awaited *)waiter;
	const struct await *await = &awaited->await;

	await->fn(awaited->request, &waiter->order_id, result, row, await->arg);
	free_awaited(awaited);
}

static void
on_due(struct waiter *waiter)
{
	tell(waiter, NULL, 0);
}

static void
on_gone(void *arg)
{
	free_awaited(arg);
}

int64_t
await_wanted_s(const struct wb_http_request *request)
{
	if (!waiters_have_room())
		return 0;
	return wb_http_prefer_wait_s(request, live_params.max_wait_s);
}

void
await_order(struct wb_http_request *request, const struct await *await)
{
	struct awaited *awaited = wb_zalloc(sizeof(*awaited));
	int64_t wait_ms = await->wait_s * 1000;

	awaited->await = *await;
	awaited->request = request;
	awaited->waiter = (struct waiter){
		.order_id = await->order_id,
		.version = await->version,
		.for_end = true,
		.on_news = tell,
		.due_us = wb_mono_us() + wait_ms * 1000,
		.on_due = on_due,
	};
	wb_http_extend_deadline(request, wait_ms);
	wb_http_on_gone(request, on_gone, awaited);
	waiters_add(&awaited->waiter);
}
