/* Sorted rows from several databases, walked through side by side. */
#include "audit.h"

#include "base/clock.h"
#include "base/mem.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- SQL ---- */

/* The age bound grows by what has passed since the audit began, so that all
 * statements speak of the same moment. now() is that of the cursor's
 * transaction. */
static void
add_old(const struct audit *audit, struct wb_buf *sql)
{
	int64_t passed_ms = (wb_mono_us() - audit->begun_us) / 1000;

	if (audit->params->is_quiet)
		wb_buf_adds(sql, "timestamptz 'infinity'");
	else
		wb_buf_printf(sql, "(now() - %" PRId64 " * interval '1 ms')",
		              audit->params->max_age_ms + passed_ms);
}

static void
add_word(const struct audit *audit, struct wb_buf *sql, const char *word,
         size_t bytes, const char *service)
{
	if (bytes == 3 && memcmp(word, "old", 3) == 0)
		add_old(audit, sql);
	else if (bytes == 4 && memcmp(word, "kept", 4) == 0)
		wb_buf_printf(sql, "to_timestamp(%" PRId64 " / 1000.0)",
		              audit->kept_ms);
	else if (bytes == 4 && memcmp(word, "days", 4) == 0)
		wb_buf_printf(sql, "%" PRId64, audit->params->retention_days);
	else if (bytes == 7 && memcmp(word, "service", 7) == 0)
		wb_buf_adds(sql, service);
	else
		wb_assert_failed("a word of audit_sql", __FILE__, __LINE__);
}

const char *
audit_sql(struct audit *audit, const char *text, const char *service)
{
	struct wb_buf sql = { 0 };
	const char *kept;

	while (*text != '\0') {
		size_t bytes = strcspn(text, "{");

		wb_buf_add(&sql, text, bytes);
		text += bytes;
		if (*text == '\0')
			break;
		bytes = strcspn(++text, "}");
		add_word(audit, &sql, text, bytes, service);
		text += bytes + 1;
	}
	kept = wb_arena_strdup(audit->arena, wb_buf_text(&sql));
	wb_buf_fini(&sql);
	return kept;
}

/* ---- streams ---- */

enum wb_err
audit_stream_connect(struct audit *audit, struct audit_stream *stream,
                     const char *service, struct wb_note *note)
{
	enum wb_err err = wb_db_open(audit->cli, service, &stream->db, note);

	if (err != WB_OK)
		return err;
	/* Millions of rows are sorted; and compiling (JIT) only delays them. */
	wb_db_setting(stream->db, "work_mem", "32MB");
	wb_db_setting(stream->db, "jit", "off");
	/* Some streams wait for others to be sorted. */
	wb_db_setting(stream->db, "idle_in_transaction_session_timeout", "0");
	return WB_OK;
}

enum wb_err
audit_stream_start(struct audit *audit, struct audit_stream *stream,
                   const char *name, const char *sql, struct wb_note *note)
{
	struct wb_pg *pg;
	enum wb_err err = wb_db_connect(stream->db, &pg, note);

	if (err != WB_OK)
		return err;
	stream->stmt =
	    (struct wb_pg_stmt){ name, audit_sql(audit, sql,
		                                 wb_db_service(stream->db)) };
	stream->rows = wb_db_stream(stream->db, &stream->stmt, NULL);
	wb_rows_await_snapshot(stream->rows);
	return WB_OK;
}

void
audit_stream_next(struct audit_stream *stream)
{
	stream->has_row = wb_rows_next(stream->rows);
}

enum wb_err
audit_streams_close(struct audit_stream *streams, size_t n,
                    struct wb_note *note)
{
	enum wb_err first = WB_OK;

	for (size_t i = 0; i < n; i++) {
		struct wb_note why = { "" };
		enum wb_err err = wb_rows_end(streams[i].rows, &why);

		wb_db_close(streams[i].db);
		if (first == WB_OK && err != WB_OK) {
			first = err;
			*note = why;
		}
	}
	return first;
}

bool
audit_streams_key(const struct audit_stream *streams, size_t n,
                  struct wb_buf *key)
{
	const char *least = NULL;

	for (size_t i = 0; i < n; i++) {
		const char *at;

		if (!streams[i].has_row)
			continue;
		at = wb_rows_text(streams[i].rows, 0);
		if (least == NULL || strcmp(at, least) < 0)
			least = at;
	}
	if (least == NULL)
		return false;
	wb_buf_clear(key);
	wb_buf_adds(key, least);
	return true;
}

bool
audit_stream_is_at(const struct audit_stream *stream, const char *key)
{
	return stream->has_row &&
	       strcmp(wb_rows_text(stream->rows, 0), key) == 0;
}

/* ---- ids ---- */

/* 48 bits of time in front, and a 7 as the version: 8-4-7… */
int64_t
audit_id_ms(const char *id)
{
	char digits[13];

	if (strlen(id) != WB_UUID_TEXT_BYTES - 1 || id[14] != '7')
		return -1;
	memcpy(digits, id, 8);
	memcpy(digits + 8, id + 9, 4);
	digits[12] = '\0';
	return (int64_t)strtoll(digits, NULL, 16);
}

bool
audit_is_young(const struct audit *audit, const char *id)
{
	return !audit->params->is_quiet &&
	       audit_id_ms(id) >=
	           audit->begun_wall_ms - audit->params->max_age_ms;
}
