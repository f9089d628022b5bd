/* Checking a value against a schema: a table of keywords, each a function of
 * the keyword's value and of what is checked. */
#include "event/schema_priv.h"

#include "base/mem.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static enum wb_err check(struct wb_schema_place *place,
                         struct json_object *rules, struct json_object *value);

static enum wb_err
violation(const struct wb_schema_place *place, const char *keyword,
          const char *what)
{
	return wb_fail(place->note, WB_ERR_SCHEMA_VIOLATION, "%s%s%s: %s",
	               wb_buf_text(place->path),
	               place->path->len > 0 ? ": " : "", keyword, what);
}

/* One step down, for the length of a check. */
static enum wb_err
check_below(struct wb_schema_place *place, const char *step,
            struct json_object *rules, struct json_object *value)
{
	size_t len = place->path->len;
	enum wb_err err;

	wb_buf_printf(place->path, "%s%s", len > 0 ? "." : "", step);
	err = check(place, rules, value);
	if (err == WB_OK) {
		place->path->len = len;
		place->path->data[len] = '\0';
	}
	return err;
}

/* ---- references ---- */

/* As deep as check lets it. */
static enum wb_err
/* NOLINTNEXTLINE(misc-no-recursion) */
check_ref(struct wb_schema_place *place, struct json_object *reference,
          struct json_object *value)
{
	struct wb_schema_place there = *place;
	struct json_object *rules = wb_schema_resolve(
	    place->schema, place->document, json_object_get_string(reference),
	    &there.document);

	WB_ASSERT(rules != NULL); /* wb_schema_load has followed it */
	return check(&there, rules, value);
}

static enum wb_err
check_all_of(struct wb_schema_place *place, struct json_object *list,
             struct json_object *value)
{
	enum wb_err err = WB_OK;

	for (size_t i = 0; err == WB_OK && i < json_object_array_length(list);
	     i++)
		err = check(place, json_object_array_get_idx(list, i), value);
	return err;
}

/* ---- what a value is ---- */

/* 1.0 is an integer: draft-07 looks at the value, not at how it is written. */
static bool
is_integer(struct json_object *value)
{
	double number;

	if (json_object_is_type(value, json_type_int))
		return true;
	if (!json_object_is_type(value, json_type_double))
		return false;
	number = json_object_get_double(value);
	return floor(number) == number;
}

static bool
is_number(struct json_object *value)
{
	return json_object_is_type(value, json_type_int) ||
	       json_object_is_type(value, json_type_double);
}

static bool
has_type(struct json_object *value, const char *type)
{
	static const struct {
		const char *name;
		enum json_type type;
	} types[] = {
		{ "object", json_type_object },   { "array", json_type_array },
		{ "string", json_type_string },   { "null", json_type_null },
		{ "boolean", json_type_boolean },
	};

	if (strcmp(type, "integer") == 0)
		return is_integer(value);
	if (strcmp(type, "number") == 0)
		return is_number(value);
	for (size_t i = 0; i < WB_ARRAY_LEN(types); i++)
		if (strcmp(type, types[i].name) == 0)
			return json_object_is_type(value, types[i].type);
	return false;
}

static enum wb_err
check_type(struct wb_schema_place *place, struct json_object *types,
           struct json_object *value)
{
	if (json_object_is_type(types, json_type_string)) {
		const char *type = json_object_get_string(types);
		struct wb_buf what = { 0 };
		enum wb_err err;

		if (has_type(value, type))
			return WB_OK;
		wb_buf_printf(&what, "must be %s", type);
		err = violation(place, "type", wb_buf_text(&what));
		wb_buf_fini(&what);
		return err;
	}
	for (size_t i = 0; i < json_object_array_length(types); i++)
		if (has_type(value, json_object_get_string(
		                        json_object_array_get_idx(types, i))))
			return WB_OK;
	return violation(place, "type", "is of none of the types allowed");
}

static bool
is_same(struct json_object *a, struct json_object *b)
{
	if (is_number(a) && is_number(b))
		return json_object_get_double(a) == json_object_get_double(b);
	return json_object_equal(a, b) != 0;
}

static enum wb_err
check_const(struct wb_schema_place *place, struct json_object *wanted,
            struct json_object *value)
{
	struct wb_buf what = { 0 };
	enum wb_err err;

	if (is_same(wanted, value))
		return WB_OK;
	wb_buf_printf(&what, "must be %.100s",
	              json_object_to_json_string(wanted));
	err = violation(place, "const", wb_buf_text(&what));
	wb_buf_fini(&what);
	return err;
}

static enum wb_err
check_enum(struct wb_schema_place *place, struct json_object *list,
           struct json_object *value)
{
	for (size_t i = 0; i < json_object_array_length(list); i++)
		if (is_same(json_object_array_get_idx(list, i), value))
			return WB_OK;
	return violation(place, "enum", "is none of the values allowed");
}

/* ---- objects and arrays ---- */

static enum wb_err
check_required(struct wb_schema_place *place, struct json_object *names,
               struct json_object *value)
{
	if (!json_object_is_type(value, json_type_object))
		return WB_OK;
	for (size_t i = 0; i < json_object_array_length(names); i++) {
		const char *name =
		    json_object_get_string(json_object_array_get_idx(names, i));
		struct wb_buf what = { 0 };
		enum wb_err err;

		if (json_object_object_get_ex(value, name, NULL))
			continue;
		wb_buf_printf(&what, "%s is missing", name);
		err = violation(place, "required", wb_buf_text(&what));
		wb_buf_fini(&what);
		return err;
	}
	return WB_OK;
}

static enum wb_err
check_properties(struct wb_schema_place *place, struct json_object *properties,
                 struct json_object *value)
{
	struct json_object_iterator at, end;
	enum wb_err err = WB_OK;

	if (!json_object_is_type(value, json_type_object))
		return WB_OK;
	at = json_object_iter_begin(properties);
	end = json_object_iter_end(properties);
	for (; err == WB_OK && !json_object_iter_equal(&at, &end);
	     json_object_iter_next(&at)) {
		const char *name = json_object_iter_peek_name(&at);
		struct json_object *member = NULL;

		if (json_object_object_get_ex(value, name, &member))
			err = check_below(place, name,
			                  json_object_iter_peek_value(&at),
			                  member);
	}
	return err;
}

static enum wb_err
check_items(struct wb_schema_place *place, struct json_object *rules,
            struct json_object *value)
{
	enum wb_err err = WB_OK;

	if (!json_object_is_type(value, json_type_array))
		return WB_OK;
	for (size_t i = 0; err == WB_OK && i < json_object_array_length(value);
	     i++) {
		char step[24];

		(void)snprintf(step, sizeof step, "%zu", i);
		err = check_below(place, step, rules,
		                  json_object_array_get_idx(value, i));
	}
	return err;
}

static enum wb_err
at_least(const struct wb_schema_place *place, const char *keyword,
         struct json_object *least, double is, const char *unit)
{
	struct wb_buf what = { 0 };
	enum wb_err err;

	if (is >= json_object_get_double(least))
		return WB_OK;
	wb_buf_printf(&what, "must %s %s at least", unit,
	              json_object_get_string(least));
	err = violation(place, keyword, wb_buf_text(&what));
	wb_buf_fini(&what);
	return err;
}

static enum wb_err
check_min_items(struct wb_schema_place *place, struct json_object *least,
                struct json_object *value)
{
	if (!json_object_is_type(value, json_type_array))
		return WB_OK;
	return at_least(place, "minItems", least,
	                (double)json_object_array_length(value), "have");
}

static enum wb_err
check_minimum(struct wb_schema_place *place, struct json_object *least,
              struct json_object *value)
{
	if (!is_number(value))
		return WB_OK;
	return at_least(place, "minimum", least, json_object_get_double(value),
	                "be");
}

/* ---- text ---- */

/* Characters, not bytes. */
static enum wb_err
check_min_length(struct wb_schema_place *place, struct json_object *least,
                 struct json_object *value)
{
	const char *text;
	size_t bytes, n = 0;

	if (!json_object_is_type(value, json_type_string))
		return WB_OK;
	text = json_object_get_string(value);
	bytes = (size_t)json_object_get_string_len(value);
	for (size_t i = 0; i < bytes; i++)
		n += ((unsigned char)text[i] & 0xC0U) != 0x80U;
	return at_least(place, "minLength", least, (double)n,
	                "have characters:");
}

static enum wb_err
check_pattern(struct wb_schema_place *place, struct json_object *pattern,
              struct json_object *value)
{
	pcre2_match_data *match;
	pcre2_code *code;
	struct wb_buf what = { 0 };
	enum wb_err err = WB_OK;
	int found;

	if (!json_object_is_type(value, json_type_string))
		return WB_OK;
	code = wb_schema_compile(json_object_get_string(pattern));
	WB_ASSERT(code != NULL); /* wb_schema_load has tried it */
	match = wb_made(pcre2_match_data_create_from_pattern(code, NULL));
	found = pcre2_match(code, (PCRE2_SPTR)json_object_get_string(value),
	                    (PCRE2_SIZE)json_object_get_string_len(value), 0, 0,
	                    match, NULL);
	if (found < 0) {
		wb_buf_printf(&what, "must match %.120s",
		              json_object_get_string(pattern));
		err = violation(place, "pattern", wb_buf_text(&what));
	}
	wb_buf_fini(&what);
	pcre2_match_data_free(match);
	pcre2_code_free(code);
	return err;
}

/* ---- the table ---- */

/* format is for readers; the patterns beside it decide. */
const struct wb_schema_keyword wb_schema_keywords[] = {
	{ "$ref", check_ref, WB_SCHEMA_REFERENCE },
	{ "allOf", check_all_of, WB_SCHEMA_LIST },
	{ "type", check_type, WB_SCHEMA_PLAIN },
	{ "const", check_const, WB_SCHEMA_PLAIN },
	{ "enum", check_enum, WB_SCHEMA_PLAIN },
	{ "required", check_required, WB_SCHEMA_PLAIN },
	{ "properties", check_properties, WB_SCHEMA_NAMED },
	{ "items", check_items, WB_SCHEMA_ONE },
	{ "minLength", check_min_length, WB_SCHEMA_PLAIN },
	{ "pattern", check_pattern, WB_SCHEMA_REGEX },
	{ "minimum", check_minimum, WB_SCHEMA_PLAIN },
	{ "minItems", check_min_items, WB_SCHEMA_PLAIN },
	{ "definitions", NULL, WB_SCHEMA_NAMED },
	{ "$schema", NULL, WB_SCHEMA_PLAIN },
	{ "$id", NULL, WB_SCHEMA_PLAIN },
	{ "title", NULL, WB_SCHEMA_PLAIN },
	{ "description", NULL, WB_SCHEMA_PLAIN },
	{ "format", NULL, WB_SCHEMA_PLAIN },
	{ "examples", NULL, WB_SCHEMA_PLAIN },
};

const size_t wb_schema_n_keywords = WB_ARRAY_LEN(wb_schema_keywords);

/* At most WB_SCHEMA_DEPTH deep. */
static enum wb_err
/* NOLINTNEXTLINE(misc-no-recursion) */
check(struct wb_schema_place *place, struct json_object *rules,
      struct json_object *value)
{
	struct json_object *rule = NULL;
	enum wb_err err = WB_OK;

	if (++place->depth > WB_SCHEMA_DEPTH)
		return violation(place, "depth", "is nested too deeply");
	/* What stands beside a $ref does not count in draft-07. */
	if (json_object_object_get_ex(rules, "$ref", &rule)) {
		err = check_ref(place, rule, value);
		place->depth--;
		return err;
	}
	for (size_t i = 0; err == WB_OK && i < wb_schema_n_keywords; i++)
		if (wb_schema_keywords[i].check != NULL &&
		    json_object_object_get_ex(rules, wb_schema_keywords[i].name,
		                              &rule))
			err = wb_schema_keywords[i].check(place, rule, value);
	place->depth--;
	return err;
}

enum wb_err
wb_schema_check(const struct wb_schema *schema, struct json_object *value,
                struct wb_note *note)
{
	struct wb_buf path = { 0 };
	struct wb_schema_place place = {
		.schema = schema,
		.document = &schema->documents[0],
		.path = &path,
		.note = note,
	};
	enum wb_err err = check(&place, schema->documents[0].json, value);

	wb_buf_fini(&path);
	return err;
}
