/* How the simulated provider behaves, per payment method; changed while it
 * runs:
 *   usual     as the method's name says
 *   slow      the answer takes slow-ms
 *   failing   503, and nothing has happened
 *   hanging   no answer, and nothing has happened
 *   lying     money moves, then the connection is dropped
 *   refusing  422, and nothing has happened */
#ifndef WB_PROVIDER_SIM_MODES_H
#define WB_PROVIDER_SIM_MODES_H

#include <stdbool.h>

#include "base/buf.h"

#define MODE_TABLE(X)                                                          \
	X(USUAL, "usual")                                                      \
	X(SLOW, "slow")                                                        \
	X(FAILING, "failing")                                                  \
	X(HANGING, "hanging")                                                  \
	X(LYING, "lying")                                                      \
	X(REFUSING, "refusing")

enum mode {
#define X(name, text) MODE_##name,
	MODE_TABLE(X) MODE_COUNT
#undef X
};

struct modes {
	enum mode charges, refunds;
};

/* MODE_COUNT for a word that is none. */
enum mode mode_parse(const char *text);

/* Of this method; else of "*"; else usual. */
struct modes modes_of(const char *method);

/* method: copied. */
void modes_set(const char *method, struct modes modes);
void modes_free(void);

/* Appends {"items":[{"payment_method":…,"charges":…,"refunds":…}]}. */
void modes_print(struct wb_buf *buf);

#endif
