/* Heartbeats: one frame per half interval in which nothing else was sent; the
 * broker is given up after two intervals of silence. Silence is counted in
 * ticks, not read off the clock, so that a process that was stopped for a while
 * first reads what has come in meanwhile. */
#include "amqp/internal.h"

#include "amqp/frames.h"

#define TICKS_UNTIL_DEAD 4u

static void
beat(struct wb_amqp *conn)
{
	uint8_t *at = wb_amqp_out_reserve(conn, WB_AMQP_FRAME_OVERHEAD);

	wb_amqp_out_commit(conn, at, wb_amqp_put_heartbeat(at));
}

void
wb_amqp_heartbeat_start(struct wb_amqp *conn)
{
	conn->ticks_silent = 0;
	conn->has_sent = false;
	if (conn->heartbeat_ms > 0)
		wb_timer_start_ms(&conn->heartbeat, conn->heartbeat_ms / 2);
}

/* A broker in alarm reads nothing from a connection that publishes, and expects
 * no heartbeats from it; but it goes on sending its own. */
void
wb_amqp_on_heartbeat_timer(void *arg)
{
	struct wb_amqp *conn;

	WB_CAST(conn, arg, WB_AMQP_MAGIC);
	wb_amqp_enter(conn);
	conn->ticks_silent++;
	if (conn->ticks_silent > TICKS_UNTIL_DEAD) {
		wb_amqp_lost(conn, "no heartbeat for %lld ms",
		             (long long)conn->heartbeat_ms * 2);
	} else {
		if (!conn->has_sent && !conn->is_blocked)
			beat(conn);
		conn->has_sent = false;
		wb_timer_start_ms(&conn->heartbeat, conn->heartbeat_ms / 2);
	}
	wb_amqp_leave(conn);
}
