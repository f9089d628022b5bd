/* AMQP reply codes as errors of ours. */
#include "amqp/internal.h"

enum wb_err
wb_amqp_reply_err(uint16_t code)
{
	switch (code) {
	case 0:                      /* no answer at all */
	case AMQP_CONNECTION_FORCED: /* an operator or a shutdown */
	case AMQP_INTERNAL_ERROR:
		return WB_ERR_BROKER_LOST;
	default: /* what we asked for was refused: 403, 404, 405, 406, 530 … */
		return WB_ERR_BROKER_REFUSED;
	}
}
