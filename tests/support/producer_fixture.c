#include "support/producer_fixture.h"

#include "base/attr.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define MAX_ARGUMENTS 24
#define WAIT_MS       15000

/* ---- child processes ---- */

static int64_t
deadline_us(void)
{
	return wb_mono_us() + WAIT_MS * INT64_C(1000);
}

static pid_t
spawn(const char *const *arguments, const char *log)
{
	pid_t parent = getpid(), pid = -1;
	char *copies[MAX_ARGUMENTS + 1] = { NULL };
	int fd = -1;

	WB_ASSERT(arguments[0] != NULL);
	(void)unlink(log); /* or that of an earlier child would be read */
	pid = fork();
	assert_true(pid >= 0);
	if (pid > 0)
		return pid;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	fd = open(log, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (getppid() != parent || fd < 0 || dup2(fd, STDERR_FILENO) < 0 ||
	    dup2(fd, STDOUT_FILENO) < 0)
		_exit(126);
	for (size_t i = 0; i < MAX_ARGUMENTS && arguments[i] != NULL; i++)
		copies[i] = wb_strdup(arguments[i]);
	(void)execv(arguments[0], copies);
	_exit(127);
}

static char *
read_log(const struct wb_test_producer *p)
{
	struct wb_buf text = { 0 };
	char chunk[4096];
	FILE *file = fopen(p->log, "r");
	size_t n = 0;

	wb_buf_adds(&text, "");
	if (file == NULL)
		return text.data;
	while ((n = fread(chunk, 1, sizeof(chunk), file)) > 0)
		wb_buf_add(&text, chunk, n);
	(void)fclose(file);
	return text.data;
}

static void
fail_with_log(const struct wb_test_producer *p, const char *what)
{
	char *log = read_log(p);

	(void)fprintf(stderr, "%s\n", log);
	free(log);
	fail_msg("%s: %s", p->service, what);
}

static int
wait_end(struct wb_test_producer *p)
{
	int64_t end_us = deadline_us();
	int status = 0;

	while (waitpid(p->pid, &status, WNOHANG) == 0) {
		if (wb_mono_us() > end_us)
			fail_with_log(p, "does not end");
		wb_test_run_for(p->loop, 5);
	}
	p->pid = 0;
	if (!WIFEXITED(status))
		fail_with_log(p, "was killed");
	return WEXITSTATUS(status);
}

/* ---- the database ---- */

static void
make_roles(struct wb_test_producer *p)
{
	struct wb_buf sql = { 0 };

	wb_buf_printf(&sql,
	              "DO $$ DECLARE name text; BEGIN"
	              " FOREACH name IN ARRAY ARRAY['relay', '%s'] LOOP"
	              "  IF to_regrole(name) IS NULL THEN"
	              "   EXECUTE format('CREATE ROLE %%I', name);"
	              "  END IF; END LOOP; END $$",
	              p->service);
	wb_test_script(&p->db, sql.data);
	wb_buf_fini(&sql);
}

static void
migrate(struct wb_test_producer *p)
{
	struct wb_buf dsn = { 0 };
	const char *arguments[] = {
		WB_TEST_BIN_DIR "/waybill",         "migrate",  NULL,
		"--schema-dir=" WB_TEST_SCHEMA_DIR, p->service, NULL
	};

	wb_buf_printf(&dsn, "--dsn=%s", p->db.params.dsn);
	arguments[2] = dsn.data;
	p->pid = spawn(arguments, p->log);
	if (wait_end(p) != 0)
		fail_with_log(p, "was not migrated");
	wb_buf_fini(&dsn);
}

void
wb_test_producer_open(struct wb_test_producer *p, const char *service)
{
	memset(p, 0, sizeof(*p));
	p->service = service;
	(void)snprintf(p->database, sizeof(p->database), "wbtest_%s_%d",
	               service, (int)getpid());
	(void)snprintf(p->log, sizeof(p->log), "/tmp/%s.log", p->database);
	wb_log_setup("test", WB_LOG_ERROR);
	wb_test_database_create(p->database);
	p->loop = wb_loop_new();
	wb_test_conn_params(&p->db, wb_test_pg_dsn_of(p->database));
	wb_test_conn_open(&p->db, p->loop, "waybill-tests", NULL);
	make_roles(p);
	migrate(p);
}

void
wb_test_producer_close(struct wb_test_producer *p)
{
	char *dsn = p->db.params.dsn;

	if (p->pid > 0) {
		(void)kill(p->pid, SIGKILL);
		(void)waitpid(p->pid, NULL, 0);
	}
	wb_cut_proxy_free(p->proxy);
	wb_test_conn_close(&p->db);
	wb_loop_free(p->loop);
	wb_test_database_drop(p->database);
	(void)unlink(p->log);
	free(dsn);
}

void
wb_test_producer_proxy(struct wb_test_producer *p)
{
	char host[64];
	const char *port;

	(void)snprintf(
	    host, sizeof(host), "%s",
	    wb_test_select(&p->db, "SELECT host(inet_server_addr())"));
	port = wb_test_select(&p->db, "SELECT inet_server_port()");
	p->proxy =
	    wb_cut_proxy_new(p->loop, host, (uint16_t)strtoul(port, NULL, 10));
}

/* --dsn= with the service's role and, if there is one, the proxy. What stands
 * last in a DSN wins. */
static void
print_dsn(struct wb_buf *buf, const struct wb_test_producer *p)
{
	const char *dsn = p->db.params.dsn;
	bool is_uri = strstr(dsn, "://") != NULL;
	const char *first = !is_uri ? " " : strchr(dsn, '?') ? "&" : "?";
	const char *next = is_uri ? "&" : " ";

	wb_buf_printf(buf, "--dsn=%s%s", dsn, first);
	if (is_uri)
		wb_buf_printf(buf, "options=-c%%20role%%3D%s", p->service);
	else
		wb_buf_printf(buf, "options='-c role=%s'", p->service);
	if (p->proxy != NULL)
		wb_buf_printf(buf, "%shost=127.0.0.1%sport=%u%ssslmode=disable",
		              next, next, (unsigned)wb_cut_proxy_port(p->proxy),
		              next);
}

/* ---- the service ---- */

/* The port behind the last of such words, 0 if there is none yet. */
static uint16_t
find_port(const char *log, const char *word)
{
	const char *at = NULL, *next = log;

	while ((next = strstr(next, word)) != NULL)
		at = next += strlen(word);
	return at != NULL ? (uint16_t)strtoul(at, NULL, 10) : 0;
}

/* The last port listened on is that of the API: see WB-HTTP-LISTEN. */
static void
wait_for_ports(struct wb_test_producer *p)
{
	int64_t end_us = deadline_us();

	p->port = p->admin_port = 0;
	while (p->admin_port == 0) {
		char *log = NULL;

		if (waitpid(p->pid, NULL, WNOHANG) != 0)
			p->pid = 0;
		if (p->pid == 0 || wb_mono_us() > end_us)
			fail_with_log(p, "does not start");
		wb_test_run_for(p->loop, 5);
		log = read_log(p);
		p->admin_port = find_port(log, "admin_port=");
		p->port = find_port(log, "127.0.0.1:0 port=");
		free(log);
	}
}

void
wb_test_producer_start(struct wb_test_producer *p, const char *binary,
                       const char *const *more)
{
	const char *arguments[MAX_ARGUMENTS + 1] = { NULL };
	struct wb_buf path = { 0 }, dsn = { 0 };
	size_t n = 0;

	assert_int_equal(p->pid, 0);
	wb_buf_printf(&path, "%s/%s", WB_TEST_BIN_DIR, binary);
	print_dsn(&dsn, p);
	arguments[n++] = path.data;
	arguments[n++] = dsn.data;
	arguments[n++] = "--http-listen=127.0.0.1:0";
	arguments[n++] = "--pg-reconnect-cap-ms=100";
	for (; more != NULL && *more != NULL && n < MAX_ARGUMENTS; more++)
		arguments[n++] = *more;
	p->pid = spawn(arguments, p->log);
	wait_for_ports(p);
	wb_buf_fini(&path);
	wb_buf_fini(&dsn);
}

void
wb_test_producer_until_ready(struct wb_test_producer *p, int status)
{
	static const char text[] = "GET /ready HTTP/1.1\r\nHost: x\r\n"
	                           "Connection: close\r\n\r\n";
	int64_t end_us = deadline_us();

	for (;;) {
		wb_test_http_ask(p->admin_port, text, &p->reply);
		if (p->reply.status == status)
			return;
		if (wb_mono_us() > end_us)
			fail_with_log(p, p->reply.body);
		wb_test_run_for(p->loop, 20);
	}
}

void
wb_test_producer_wait(struct wb_test_producer *p)
{
	if (wait_end(p) != 0)
		fail_with_log(p, "did not leave with 0");
}

void
wb_test_producer_stop(struct wb_test_producer *p)
{
	assert_true(p->pid > 0);
	assert_int_equal(kill(p->pid, SIGTERM), 0);
	wb_test_producer_wait(p);
}

/* ---- requests ---- */

int
wb_test_ask(struct wb_test_producer *p, const char *method, const char *path,
            const char *headers, const char *body)
{
	struct wb_buf text = { 0 };

	wb_buf_printf(&text,
	              "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n",
	              method, path);
	if (headers != NULL)
		wb_buf_adds(&text, headers);
	else if (body != NULL)
		wb_buf_adds(&text, "Content-Type: application/json\r\n");
	if (body != NULL)
		wb_buf_printf(&text, "Content-Length: %zu\r\n", strlen(body));
	wb_buf_adds(&text, "\r\n");
	if (body != NULL)
		wb_buf_adds(&text, body);
	wb_test_http_ask(p->port, text.data, &p->reply);
	wb_buf_fini(&text);
	return p->reply.status;
}

void
wb_test_has(const struct wb_test_producer *p, const char *text)
{
	if (strstr(p->reply.body, text) == NULL)
		fail_msg("no %s in: %s", text, p->reply.body);
}

void
wb_test_is_problem(const struct wb_test_producer *p, int status,
                   const char *pointer)
{
	struct wb_buf text = { 0 };

	if (p->reply.status != status)
		fail_msg("%d, not %d: %s", p->reply.status, status,
		         p->reply.body);
	assert_string_equal(wb_test_http_value(&p->reply, "Content-Type"),
	                    "application/problem+json");
	wb_buf_printf(&text, "\"status\":%d", status);
	wb_test_has(p, text.data);
	wb_buf_clear(&text);
	wb_buf_printf(&text, "\"pointer\":\"%s\"", pointer ? pointer : "");
	if (pointer != NULL)
		wb_test_has(p, text.data);
	wb_buf_fini(&text);
}

void
wb_test_member(const struct wb_test_producer *p, const char *name, char *value,
               size_t bytes)
{
	struct wb_buf text = { 0 };
	const char *at = NULL;

	wb_buf_printf(&text, "\"%s\":\"", name);
	wb_test_has(p, text.data);
	at = strstr(p->reply.body, text.data) + text.len;
	(void)snprintf(value, bytes, "%.*s", (int)strcspn(at, "\""), at);
	wb_buf_fini(&text);
}

void
wb_test_next_link(const struct wb_test_producer *p, const char *list,
                  char *path, size_t bytes)
{
	const char *link = wb_test_http_value(&p->reply, "Link");
	size_t n = strcspn(link, ">");

	assert_int_equal(strncmp(link, "<?", 2), 0);
	assert_string_equal(link + n, ">; rel=\"next\"");
	(void)snprintf(path, bytes, "%s%.*s", list, (int)n - 1, link + 1);
}

void
wb_test_sql_is(struct wb_test_producer *p, const char *sql, const char *text)
{
	const char *got = wb_test_select(&p->db, sql);

	if (strcmp(got, text) != 0)
		fail_msg("%s gives %s, not %s", sql, got, text);
}
