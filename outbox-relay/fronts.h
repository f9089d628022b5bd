/* How far this relay knows each lane to be: below a lane's front, an xid, all
 * events are done. Taken from the cursors that the relay reads and moves; a
 * cursor never goes back, so a front is never too high, only too low while
 * another relay is at work. Looking at all lanes above their fronts costs the
 * server a small part of what looking at their cursors does. */
#ifndef RELAY_FRONTS_H
#define RELAY_FRONTS_H

#include "cursor.h"

struct fronts {
	uint64_t xids[CURSOR_LANES];
};

/* Forgets everything: the database may be another one now. Each lane may have
 * something to do then. */
void fronts_forget(struct fronts *fronts);

/* A committed cursor of the lane sees all transactions below xmin. */
void fronts_note(struct fronts *fronts, int32_t lane, uint64_t xmin);

#endif
