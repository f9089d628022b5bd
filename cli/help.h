/* --help at every level. */
#ifndef WB_CLI_HELP_H
#define WB_CLI_HELP_H

#include "base/buf.h"
#include "cli.h"

/* `waybill --help` */
void wb_help_commands(const struct wb_command *const *commands,
                      size_t n_commands);

/* `waybill outbox --help`: its verbs. */
void wb_help_command(const struct wb_command *command);

/* What wb_params_load prints in front of the parameters. */
void wb_help_usage(struct wb_buf *usage, const struct wb_verb *verb);

#endif
