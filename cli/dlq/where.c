#include "where.h"

#include "base/mem.h"

#include <json-c/json.h>

#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_CONDITIONS = 16, MOST_STEPS = 16 };

enum op { EQ, NE, LE, GE, LT, GT, HAS };

/* Longer ones first: "<=" begins with "<". */
static const struct {
	const char *text;
	enum op op;
} ops[] = {
	{ "!=", NE }, { "<=", LE }, { ">=", GE }, { "=", EQ },
	{ "<", LT },  { ">", GT },  { "~", HAS },
};

struct condition {
	const char *steps[MOST_STEPS]; /* in the copy of the text */
	size_t n_steps;
	enum op op;
	char *text; /* what it is compared with */
	bool is_number, is_integer;
	double number;
	int64_t integer;
};

struct wb_where {
	size_t n;
	struct condition conditions[MOST_CONDITIONS];
	char text[]; /* cut up into the steps and values */
};

void
wb_where_free(struct wb_where *where)
{
	free(where);
}

/* ---- parsing ---- */

static char *
skip_space(char *at)
{
	while (isspace((unsigned char)*at))
		at++;
	return at;
}

static bool
is_in_path(char c)
{
	return isalnum((unsigned char)c) || (c != '\0' && strchr("._-*", c));
}

static enum wb_err
parse_path(char **at, struct condition *condition, char **ret_end,
           struct wb_note *note)
{
	char *step = *at;

	while (is_in_path(**at))
		(*at)++;
	*ret_end = *at; /* where it is to be cut, once the operator is read */
	if (step == *at)
		return wb_fail(note, WB_ERR_BAD_CONFIG,
		               "a path such as data.order.total_minor must "
		               "stand at \"%.40s\"",
		               step);
	while (step <= *ret_end) {
		size_t bytes = 0;

		while (step + bytes < *ret_end && step[bytes] != '.')
			bytes++;
		if (bytes == 0 || condition->n_steps == MOST_STEPS)
			return wb_fail(note, WB_ERR_BAD_CONFIG,
			               "a path has 1 to %d steps with a dot "
			               "between them",
			               MOST_STEPS);
		condition->steps[condition->n_steps++] = step;
		if (step + bytes < *ret_end)
			step[bytes] = '\0';
		step += bytes + 1;
	}
	return WB_OK;
}

static enum wb_err
parse_op(char **at, struct condition *condition, struct wb_note *note)
{
	for (size_t i = 0; i < WB_ARRAY_LEN(ops); i++) {
		size_t bytes = strlen(ops[i].text);

		if (strncmp(*at, ops[i].text, bytes) != 0)
			continue;
		condition->op = ops[i].op;
		*at += bytes;
		return WB_OK;
	}
	return wb_fail(note, WB_ERR_BAD_CONFIG,
	               "one of = != < <= > >= ~ must stand at \"%.40s\"", *at);
}

static bool
is_and(const char *at)
{
	return strncmp(at, "and", 3) == 0 &&
	       (isspace((unsigned char)at[3]) || at[3] == '\0');
}

/* "quoted, with \" and \\", or all up to " and " or the end. */
static enum wb_err
parse_value(char **at, struct condition *condition, struct wb_note *note)
{
	char *from = *at, *to = *at, *end = *at;
	bool is_quoted = *from == '"';

	condition->text = to;
	if (is_quoted) {
		for (from++; *from != '"'; *to++ = *from++) {
			if (*from == '\\' && from[1] != '\0')
				from++;
			if (*from == '\0')
				return wb_fail(note, WB_ERR_BAD_CONFIG,
				               "a quote is not closed");
		}
		end = skip_space(from + 1);
		*to = '\0';
		*at = end;
		return WB_OK;
	}
	while (*end != '\0' &&
	       !(isspace((unsigned char)*end) && is_and(skip_space(end))))
		end++;
	*at = skip_space(end);
	while (end > from && isspace((unsigned char)end[-1]))
		end--;
	if (end == from)
		return wb_fail(note, WB_ERR_BAD_CONFIG,
		               "a value is missing behind an operator");
	*end = '\0';
	errno = 0;
	condition->integer = strtoll(from, &to, 10);
	condition->is_integer = errno == 0 && *to == '\0';
	condition->number = strtod(from, &to);
	condition->is_number = *to == '\0';
	return WB_OK;
}

static enum wb_err
parse_condition(char **at, struct condition *condition, struct wb_note *note)
{
	char *end = NULL;
	enum wb_err err = parse_path(at, condition, &end, note);

	if (err != WB_OK)
		return err;
	*at = skip_space(*at);
	err = parse_op(at, condition, note);
	*end = '\0';
	if (err != WB_OK)
		return err;
	*at = skip_space(*at);
	return parse_value(at, condition, note);
}

enum wb_err
wb_where_parse(const char *text, struct wb_where **ret_where,
               struct wb_note *note)
{
	size_t bytes = strlen(text) + 1;
	struct wb_where *where = wb_zalloc(sizeof *where + bytes);
	char *at = memcpy(where->text, text, bytes);
	enum wb_err err = WB_OK;

	at = skip_space(at);
	if (*at == '\0') {
		free(where);
		*ret_where = NULL;
		return WB_OK;
	}
	while (err == WB_OK && *at != '\0') {
		if (where->n > 0 && !is_and(at))
			err = wb_fail(note, WB_ERR_BAD_CONFIG,
			              "\"and\" must stand at \"%.40s\"", at);
		else if (where->n == MOST_CONDITIONS)
			err =
			    wb_fail(note, WB_ERR_BAD_CONFIG,
			            "more than %d conditions", MOST_CONDITIONS);
		if (err != WB_OK)
			break;
		if (where->n > 0)
			at = skip_space(at + 3);
		err =
		    parse_condition(&at, &where->conditions[where->n++], note);
	}
	if (err != WB_OK) {
		free(where);
		return err;
	}
	*ret_where = where;
	return WB_OK;
}

/* ---- matching ---- */

static bool
holds(enum op op, int order)
{
	switch (op) {
	case EQ:
		return order == 0;
	case NE:
		return order != 0;
	case LE:
		return order <= 0;
	case GE:
		return order >= 0;
	case LT:
		return order < 0;
	case GT:
		return order > 0;
	case HAS:
		break;
	}
	return false;
}

/* Integers exactly: an amount in minor units may have more digits than a double
 * holds. */
static bool
number_matches(const struct condition *condition, struct json_object *value)
{
	double number;

	if (!condition->is_number)
		return condition->op == NE;
	if (json_object_is_type(value, json_type_int) &&
	    condition->is_integer) {
		int64_t integer = json_object_get_int64(value);

		return holds(condition->op, (integer > condition->integer) -
		                                (integer < condition->integer));
	}
	number = json_object_get_double(value);
	return holds(condition->op, (number > condition->number) -
	                                (number < condition->number));
}

static bool
value_matches(const struct condition *condition, struct json_object *value)
{
	const char *text;

	if (condition->op != HAS &&
	    (json_object_is_type(value, json_type_int) ||
	     json_object_is_type(value, json_type_double)))
		return number_matches(condition, value);
	/* Of true, null or an object: as it is written. */
	text = value == NULL ? "null" : json_object_get_string(value);
	if (condition->op == HAS)
		return strstr(text, condition->text) != NULL;
	return holds(condition->op, strcmp(text, condition->text));
}

static bool step_matches(const struct condition *condition, size_t step,
                         struct json_object *json);

/* As deep as the path is long: at most MOST_STEPS. */
static bool
/* NOLINTNEXTLINE(misc-no-recursion) */
any_matches(const struct condition *condition, size_t step,
            struct json_object *json)
{
	struct json_object_iterator at, end;

	if (json_object_is_type(json, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(json); i++)
			if (step_matches(condition, step + 1,
			                 json_object_array_get_idx(json, i)))
				return true;
		return false;
	}
	if (!json_object_is_type(json, json_type_object))
		return false;
	at = json_object_iter_begin(json);
	end = json_object_iter_end(json);
	for (; !json_object_iter_equal(&at, &end); json_object_iter_next(&at))
		if (step_matches(condition, step + 1,
		                 json_object_iter_peek_value(&at)))
			return true;
	return false;
}

/* As deep as the path is long, too. */
static bool
/* NOLINTNEXTLINE(misc-no-recursion) */
step_matches(const struct condition *condition, size_t step,
             struct json_object *json)
{
	const char *name;
	struct json_object *member = NULL;
	char *end;
	unsigned long i;

	if (step == condition->n_steps)
		return value_matches(condition, json);
	name = condition->steps[step];
	if (strcmp(name, "*") == 0)
		return any_matches(condition, step, json);
	if (json_object_is_type(json, json_type_object))
		return json_object_object_get_ex(json, name, &member) &&
		       step_matches(condition, step + 1, member);
	if (!json_object_is_type(json, json_type_array))
		return false;
	i = strtoul(name, &end, 10);
	return *end == '\0' && i < json_object_array_length(json) &&
	       step_matches(condition, step + 1,
	                    json_object_array_get_idx(json, i));
}

bool
wb_where_matches(const struct wb_where *where, struct json_object *json)
{
	if (where == NULL)
		return true;
	if (json == NULL)
		return false;
	for (size_t i = 0; i < where->n; i++)
		if (!step_matches(&where->conditions[i], 0, json))
			return false;
	return true;
}
