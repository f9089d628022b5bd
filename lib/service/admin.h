/* The port for /health, /ready and /metrics. Not for others than service.c. */
#ifndef WB_SERVICE_ADMIN_H
#define WB_SERVICE_ADMIN_H

#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "loop/loop.h"

struct wb_admin;

void wb_admin_free(struct wb_admin *admin);

/* Listens at once; listen ("127.0.0.1:0") must outlive it. NULL with a note
 * when the address can't be had. */
struct wb_admin *wb_admin_new(struct wb_loop *loop, char *listen,
                              struct wb_note *note) WB_OWNED_BY(wb_admin_free);

uint16_t wb_admin_port(const struct wb_admin *admin);

#endif
