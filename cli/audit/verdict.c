/* What the parts have found, kept and printed. */
#include "audit.h"

#include "base/mem.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name, *says;
} invariants[AUDIT_COUNT] = {
#define X(id, name, says) [AUDIT_##id] = { name, says },
	AUDIT_INVARIANTS(X)
#undef X
};

void
audit_checked(struct audit *audit, enum audit_invariant id, int64_t n)
{
	audit->verdicts[id].checked += n;
}

void
audit_unprovable(struct audit *audit, enum audit_invariant id, int64_t n)
{
	audit->verdicts[id].unprovable += n;
}

void
audit_skip(struct audit *audit, enum audit_invariant id, const char *why)
{
	audit->verdicts[id].why_not = why;
}

void
audit_broken(struct audit *audit, enum audit_invariant id, const char *fmt, ...)
{
	struct audit_verdict *verdict = &audit->verdicts[id];
	struct wb_buf text = { 0 };
	char line[512];
	va_list args;

	verdict->broken++;
	if (verdict->n_findings == (size_t)audit->params->findings)
		return;
	va_start(args, fmt);
	(void)vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	wb_buf_adds(&text, line);
	verdict->findings =
	    wb_realloc(verdict->findings,
	               (verdict->n_findings + 1) * sizeof(*verdict->findings));
	verdict->findings[verdict->n_findings++] = text.data;
}

void
audit_fini(struct audit *audit)
{
	for (size_t i = 0; i < AUDIT_COUNT; i++) {
		struct audit_verdict *verdict = &audit->verdicts[i];

		while (verdict->n_findings > 0)
			free(verdict->findings[--verdict->n_findings]);
		free(verdict->findings);
	}
	wb_arena_free(audit->arena);
}

/* ---- printing ---- */

struct state {
	const char *word, *key;
	enum wb_style style;
};

static struct state
state_of(const struct audit_verdict *verdict)
{
	if (verdict->broken > 0)
		return (struct state){ "BROKEN", "broken", WB_STYLE_BAD };
	if (verdict->why_not != NULL ||
	    (verdict->checked == 0 && verdict->unprovable > 0))
		return (struct state){ "not provable", "not_provable",
			               WB_STYLE_WARN };
	return (struct state){ "ok", "ok", WB_STYLE_GOOD };
}

static void
print_line(struct audit *audit, size_t i)
{
	const struct audit_verdict *verdict = &audit->verdicts[i];
	struct state state = state_of(verdict);

	printf("%s%-12s%s  %-17s %s\n", wb_style(audit->cli, state.style),
	       state.word, wb_style(audit->cli, WB_STYLE_NONE),
	       invariants[i].name, invariants[i].says);
	printf("%14schecked %" PRId64, "", verdict->checked);
	if (verdict->broken > 0)
		printf(", broken %" PRId64, verdict->broken);
	if (verdict->unprovable > 0)
		printf(", too old to be proved %" PRId64, verdict->unprovable);
	if (verdict->why_not != NULL)
		printf(": %s", verdict->why_not);
	puts("");
	for (size_t j = 0; j < verdict->n_findings; j++)
		printf("%14s- %s\n", "", verdict->findings[j]);
	if (verdict->broken > (int64_t)verdict->n_findings)
		printf("%14s… and %" PRId64 " more\n", "",
		       verdict->broken - (int64_t)verdict->n_findings);
}

static void
print_json(struct audit *audit, size_t i)
{
	const struct audit_verdict *verdict = &audit->verdicts[i];
	struct wb_json *json = wb_cli_json(audit->cli);

	wb_json_object(json, NULL);
	wb_json_text(json, "name", invariants[i].name);
	wb_json_text(json, "says", invariants[i].says);
	wb_json_text(json, "state", state_of(verdict).key);
	wb_json_i64(json, "checked", verdict->checked);
	wb_json_i64(json, "broken", verdict->broken);
	wb_json_i64(json, "too_old", verdict->unprovable);
	wb_json_text(json, "why_not_checked", verdict->why_not);
	wb_json_array(json, "findings");
	for (size_t j = 0; j < verdict->n_findings; j++)
		wb_json_text(json, NULL, verdict->findings[j]);
	wb_json_close(json);
	wb_json_close(json);
}

/* Of audit_counts, as they are printed. */
static const struct {
	const char *key, *words;
	size_t offset;
} counts[] = {
	{ "orders", "orders", offsetof(struct audit_counts, orders) },
	{ "events", "events", offsetof(struct audit_counts, events) },
	{ "in_flight", "deliveries in flight",
	  offsetof(struct audit_counts, in_flight) },
	{ "scheduled", "scheduled", offsetof(struct audit_counts, scheduled) },
	{ "dead_letters", "dead letters",
	  offsetof(struct audit_counts, dead_letters) },
	{ "discarded", "given up by an operator",
	  offsetof(struct audit_counts, discarded) },
	{ "queued", "messages in queues",
	  offsetof(struct audit_counts, queued) },
};

static int64_t
count_at(const struct audit *audit, size_t i)
{
	int64_t value;

	memcpy(&value, (const char *)&audit->counts + counts[i].offset,
	       sizeof(value));
	return value;
}

static void
print_counts(struct audit *audit)
{
	struct wb_json *json =
	    audit->cli->is_json ? wb_cli_json(audit->cli) : NULL;

	if (json != NULL)
		wb_json_object(json, "counts");
	else
		puts("");
	for (size_t i = 0; i < WB_ARRAY_LEN(counts); i++)
		if (json != NULL)
			wb_json_i64(json, counts[i].key, count_at(audit, i));
		else
			printf("%s%" PRId64 " %s", i == 0 ? "" : ", ",
			       count_at(audit, i), counts[i].words);
	if (json != NULL)
		wb_json_close(json);
	else
		puts("");
}

bool
audit_print(struct audit *audit)
{
	bool holds = true, is_json = audit->cli->is_json;

	for (size_t i = 0; i < AUDIT_COUNT; i++)
		holds = holds && audit->verdicts[i].broken == 0;
	if (is_json) {
		wb_json_bool(wb_cli_json(audit->cli), "holds", holds);
		wb_json_bool(wb_cli_json(audit->cli), "quiet",
		             audit->params->is_quiet);
		wb_json_array(wb_cli_json(audit->cli), "invariants");
	}
	for (size_t i = 0; i < AUDIT_COUNT; i++)
		if (is_json)
			print_json(audit, i);
		else
			print_line(audit, i);
	if (is_json)
		wb_json_close(wb_cli_json(audit->cli));
	print_counts(audit);
	return holds;
}
