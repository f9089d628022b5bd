/* The parameters of an HTTP server. */
#include "http/server.h"

#include "base/attr.h"

#include <stddef.h>

#define FIELD(name) .offset = offsetof(struct wb_http_params, name)

const struct wb_param wb_http_params_table[] = {
	{ .name = "http-listen",
	  .type = WB_PARAM_TEXT,
	  FIELD(listen),
	  .def = "127.0.0.1:8080",
	  .min = 1,
	  .max = 256,
	  .unit = "",
	  .help = "numeric address and port of the API, \"0.0.0.0:8080\" or "
	          "\"[::1]:8080\"; port 0 = any" },
	{ .name = "http-share-port",
	  .type = WB_PARAM_BOOL,
	  FIELD(share_port),
	  .def = "false",
	  .unit = "",
	  .help = "other processes may listen there, too (SO_REUSEPORT), if "
	          "they share it as well: several workers on one port" },
	{ .name = "http-max-body-bytes",
	  .type = WB_PARAM_INT,
	  FIELD(max_body_bytes),
	  .def = "65536",
	  .min = 1024,
	  .max = 16777216,
	  .unit = "bytes",
	  .help = "a larger request body is answered 413" },
	{ .name = "http-max-header-bytes",
	  .type = WB_PARAM_INT,
	  FIELD(max_header_bytes),
	  .def = "16384",
	  .min = 1024,
	  .max = 1048576,
	  .unit = "bytes",
	  .help = "request line and headers together; more is answered 431" },
	{ .name = "http-max-connections",
	  .type = WB_PARAM_INT,
	  FIELD(max_connections),
	  .def = "900",
	  .min = 1,
	  .max = 1000000,
	  .unit = "connections",
	  .help = "at most so many at once; the others wait to be accepted" },
	{ .name = "http-read-deadline-ms",
	  .type = WB_PARAM_INT,
	  FIELD(read_deadline_ms),
	  .def = "10000",
	  .min = 10,
	  .max = 600000,
	  .unit = "ms",
	  .help = "for a whole request to arrive (then 408), for a new "
	          "connection to send anything at all, and for an answer to "
	          "be taken" },
	{ .name = "http-reply-deadline-ms",
	  .type = WB_PARAM_INT,
	  FIELD(reply_deadline_ms),
	  .def = "30000",
	  .min = 10,
	  .max = 600000,
	  .unit = "ms",
	  .help = "for this process to answer a request; then 503" },
	{ .name = "http-idle-timeout-ms",
	  .type = WB_PARAM_INT,
	  FIELD(idle_timeout_ms),
	  .def = "75000",
	  .min = 10,
	  .max = 3600000,
	  .unit = "ms",
	  .help = "a connection without a request is closed; longer than the "
	          "keep-alive of the proxy in front" },
};

const size_t wb_http_params_count = WB_ARRAY_LEN(wb_http_params_table);
