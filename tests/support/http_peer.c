#include "support/http_peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmocka.h>

static int
open_connection(uint16_t port)
{
	struct timeval wait = { WB_TEST_HTTP_WAIT_MS / 1000, 0 };
	struct sockaddr_in address = { .sin_family = AF_INET,
		                       .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)), 0);
	assert_int_equal(
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)), 0);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	(void)close(fd);
	return -1;
}

int
wb_test_http_connect(uint16_t port)
{
	int fd = open_connection(port);

	assert_true(fd >= 0);
	return fd;
}

bool
wb_test_http_can_connect(uint16_t port)
{
	int fd = open_connection(port);

	if (fd >= 0)
		(void)close(fd);
	return fd >= 0;
}

bool
wb_test_http_send_bytes(int fd, const void *data, size_t bytes)
{
	const char *at = data;

	while (bytes > 0) {
		ssize_t n = send(fd, at, bytes, MSG_NOSIGNAL);

		if (n <= 0)
			return false;
		at += n;
		bytes -= (size_t)n;
	}
	return true;
}

bool
wb_test_http_send(int fd, const char *text)
{
	return wb_test_http_send_bytes(fd, text, strlen(text));
}

/* Byte by byte, so that nothing behind the head is taken. */
static bool
read_head(int fd, struct wb_test_reply *reply)
{
	size_t n = 0;

	while (n + 1 < sizeof(reply->head)) {
		if (recv(fd, reply->head + n, 1, 0) != 1)
			break;
		reply->head[++n] = '\0';
		if (n >= 4 && strcmp(reply->head + n - 4, "\r\n\r\n") == 0)
			return true;
	}
	reply->head[n] = '\0';
	return false;
}

void
wb_test_http_read(int fd, struct wb_test_reply *reply, bool has_body)
{
	size_t length;

	reply->status = 0;
	reply->body_bytes = 0;
	reply->body[0] = '\0';
	if (!read_head(fd, reply) || strncmp(reply->head, "HTTP/1.", 7) != 0)
		return;
	reply->status = (int)strtol(reply->head + 9, NULL, 10);
	length = strtoul(wb_test_http_value(reply, "Content-Length"), NULL, 10);
	assert_true(length < sizeof(reply->body));
	while (has_body && reply->body_bytes < length) {
		ssize_t n = recv(fd, reply->body + reply->body_bytes,
		                 length - reply->body_bytes, 0);

		if (n <= 0)
			break;
		reply->body_bytes += (size_t)n;
	}
	reply->body[reply->body_bytes] = '\0';
	if (has_body)
		assert_int_equal(reply->body_bytes, length);
}

void
wb_test_http_ask(uint16_t port, const char *text, struct wb_test_reply *reply)
{
	int fd = wb_test_http_connect(port);

	assert_true(wb_test_http_send(fd, text));
	wb_test_http_read(fd, reply, strncmp(text, "HEAD ", 5) != 0);
	(void)close(fd);
}

bool
wb_test_http_is_closed(int fd)
{
	char byte;

	return recv(fd, &byte, 1, 0) == 0;
}

/* The line of the head that begins so, or NULL. */
static const char *
find_line(const struct wb_test_reply *reply, const char *begin)
{
	const char *line = strstr(reply->head, "\r\n");

	for (; line != NULL; line = strstr(line + 2, "\r\n")) {
		if (strncasecmp(line + 2, begin, strlen(begin)) == 0)
			return line + 2;
	}
	return NULL;
}

bool
wb_test_http_has_line(const struct wb_test_reply *reply, const char *line)
{
	const char *found = find_line(reply, line);

	return found != NULL && found[strlen(line)] == '\r';
}

const char *
wb_test_http_value(const struct wb_test_reply *reply, const char *name)
{
	static char value[512];
	char begin[128];
	const char *line;
	size_t n;

	value[0] = '\0';
	(void)snprintf(begin, sizeof(begin), "%s: ", name);
	line = find_line(reply, begin);
	if (line == NULL)
		return value;
	line += strlen(begin);
	n = strcspn(line, "\r");
	if (n >= sizeof(value))
		n = sizeof(value) - 1;
	memcpy(value, line, n);
	value[n] = '\0';
	return value;
}
