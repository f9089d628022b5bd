/* Reading a schema and what it refers to, and making sure that all of it can be
 * checked. */
#include "event/schema_priv.h"

#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct wb_schema_document *
wb_schema_find(const struct wb_schema *schema, const char *name, size_t bytes)
{
	for (size_t i = 0; i < schema->n_documents; i++)
		if (strlen(schema->documents[i].name) == bytes &&
		    memcmp(schema->documents[i].name, name, bytes) == 0)
			return &schema->documents[i];
	return NULL;
}

/* "#/definitions/uuid" or "common.json#/definitions/uuid" */
struct json_object *
wb_schema_resolve(const struct wb_schema *schema,
                  const struct wb_schema_document *from, const char *reference,
                  const struct wb_schema_document **ret_document)
{
	size_t bytes = strcspn(reference, "#");
	const char *at = reference + bytes;
	struct json_object *found;

	*ret_document =
	    bytes == 0 ? from : wb_schema_find(schema, reference, bytes);
	if (*ret_document == NULL)
		return NULL;
	found = (*ret_document)->json;
	at += *at == '#';
	while (*at == '/') {
		size_t step = strcspn(++at, "/");
		char name[128];

		if (step >= sizeof name)
			return NULL;
		(void)snprintf(name, sizeof name, "%.*s", (int)step, at);
		if (!json_object_object_get_ex(found, name, &found))
			return NULL;
		at += step;
	}
	return found;
}

/* ECMA 262's $ is the end, and not also before a last line feed. */
pcre2_code *
wb_schema_compile(const char *pattern)
{
	int code;
	PCRE2_SIZE offset;

	return pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED,
	                     PCRE2_UTF | PCRE2_DOLLAR_ENDONLY, &code, &offset,
	                     NULL);
}

static enum wb_err load_rules(struct wb_schema *schema, size_t document,
                              struct json_object *rules, unsigned depth,
                              struct wb_note *note);

void
wb_schema_free(struct wb_schema *schema)
{
	if (schema == NULL)
		return;
	for (size_t i = 0; i < schema->n_documents; i++) {
		free(schema->documents[i].name);
		(void)json_object_put(schema->documents[i].json);
	}
	free(schema->dir);
	free(schema);
}

/* Each file once, so as deep as there are files. */
static enum wb_err
/* NOLINTNEXTLINE(misc-no-recursion) */
load_document(struct wb_schema *schema, const char *name, size_t bytes,
              struct wb_note *note)
{
	struct wb_schema_document *document;
	struct wb_buf path = { 0 };
	enum wb_err err;

	if (wb_schema_find(schema, name, bytes) != NULL)
		return WB_OK;
	if (schema->n_documents == WB_SCHEMA_DOCUMENTS ||
	    memchr(name, '/', bytes) != NULL)
		return wb_fail(note, WB_ERR_BAD_CONFIG,
		               "%.*s: is no file of its folder", (int)bytes,
		               name);
	wb_buf_printf(&path, "%s/%.*s", schema->dir, (int)bytes, name);
	document = &schema->documents[schema->n_documents];
	document->json = json_object_from_file(wb_buf_text(&path));
	if (!json_object_is_type(document->json, json_type_object)) {
		err = wb_fail(note, WB_ERR_BAD_CONFIG,
		              "%.150s: there is no such file, or it is no JSON "
		              "object",
		              wb_buf_text(&path));
		(void)json_object_put(document->json);
		wb_buf_fini(&path);
		return err;
	}
	wb_buf_fini(&path);
	document->name = wb_zalloc(bytes + 1);
	memcpy(document->name, name, bytes);
	schema->n_documents++;
	return load_rules(schema, schema->n_documents - 1, document->json, 0,
	                  note);
}

static enum wb_err
/* NOLINTNEXTLINE(misc-no-recursion) */
load_reference(struct wb_schema *schema, size_t document,
               struct json_object *reference, struct wb_note *note)
{
	const char *text = json_object_get_string(reference);
	size_t bytes = strcspn(text, "#");
	const struct wb_schema_document *found;
	enum wb_err err = WB_OK;

	if (bytes > 0)
		err = load_document(schema, text, bytes, note);
	if (err != WB_OK)
		return err;
	if (!json_object_is_type(wb_schema_resolve(schema,
	                                           &schema->documents[document],
	                                           text, &found),
	                         json_type_object))
		return wb_fail(note, WB_ERR_BAD_CONFIG,
		               "%s: $ref: %.100s leads nowhere",
		               schema->documents[document].name, text);
	return WB_OK;
}

static enum wb_err
/* NOLINTNEXTLINE(misc-no-recursion) */
load_named(struct wb_schema *schema, size_t document,
           struct json_object *object, unsigned depth, struct wb_note *note)
{
	struct json_object_iterator at = json_object_iter_begin(object);
	struct json_object_iterator end = json_object_iter_end(object);
	enum wb_err err = WB_OK;

	for (; err == WB_OK && !json_object_iter_equal(&at, &end);
	     json_object_iter_next(&at))
		err = load_rules(schema, document,
		                 json_object_iter_peek_value(&at), depth, note);
	return err;
}

static enum wb_err
load_regex(const char *name, struct json_object *pattern, struct wb_note *note)
{
	pcre2_code *code = wb_schema_compile(json_object_get_string(pattern));

	if (code == NULL)
		return wb_fail(note, WB_ERR_BAD_CONFIG,
		               "%s: pattern: %.100s is no regular expression",
		               name, json_object_get_string(pattern));
	pcre2_code_free(code);
	return WB_OK;
}

static enum wb_err
/* NOLINTNEXTLINE(misc-no-recursion) */
load_keyword(struct wb_schema *schema, size_t document, const char *name,
             struct json_object *rule, unsigned depth, struct wb_note *note)
{
	const struct wb_schema_keyword *keyword = NULL;
	enum wb_err err = WB_OK;

	for (size_t i = 0; i < wb_schema_n_keywords; i++)
		if (strcmp(wb_schema_keywords[i].name, name) == 0)
			keyword = &wb_schema_keywords[i];
	if (keyword == NULL)
		return wb_fail(note, WB_ERR_BAD_CONFIG,
		               "%s: the keyword %.60s is not known here",
		               schema->documents[document].name, name);
	switch (keyword->holds) {
	case WB_SCHEMA_ONE:
		return load_rules(schema, document, rule, depth, note);
	case WB_SCHEMA_NAMED:
		return load_named(schema, document, rule, depth, note);
	case WB_SCHEMA_REFERENCE:
		return load_reference(schema, document, rule, note);
	case WB_SCHEMA_REGEX:
		return load_regex(schema->documents[document].name, rule, note);
	case WB_SCHEMA_LIST:
		for (size_t i = 0;
		     err == WB_OK && i < json_object_array_length(rule); i++)
			err = load_rules(schema, document,
			                 json_object_array_get_idx(rule, i),
			                 depth, note);
		return err;
	case WB_SCHEMA_PLAIN:
		break;
	}
	return WB_OK;
}

/* Makes sure, before anything is checked, that all of it can be. At most
 * WB_SCHEMA_DEPTH deep within a file. */
static enum wb_err
/* NOLINTNEXTLINE(misc-no-recursion) */
load_rules(struct wb_schema *schema, size_t document, struct json_object *rules,
           unsigned depth, struct wb_note *note)
{
	struct json_object_iterator at, end;
	enum wb_err err = WB_OK;

	if (!json_object_is_type(rules, json_type_object) ||
	    depth > WB_SCHEMA_DEPTH)
		return wb_fail(note, WB_ERR_BAD_CONFIG,
		               "%s: a schema must be an object",
		               schema->documents[document].name);
	at = json_object_iter_begin(rules);
	end = json_object_iter_end(rules);
	for (; err == WB_OK && !json_object_iter_equal(&at, &end);
	     json_object_iter_next(&at))
		err = load_keyword(
		    schema, document, json_object_iter_peek_name(&at),
		    json_object_iter_peek_value(&at), depth + 1, note);
	return err;
}

enum wb_err
wb_schema_load(const char *dir, const char *type, struct wb_schema **ret_schema,
               struct wb_note *note)
{
	struct wb_schema *schema = wb_zalloc(sizeof *schema);
	struct wb_buf name = { 0 };
	enum wb_err err;

	schema->dir = wb_strdup(dir);
	wb_buf_printf(&name, "%s.json", type);
	err = load_document(schema, name.data, name.len, note);
	wb_buf_fini(&name);
	if (err == WB_OK)
		*ret_schema = schema;
	else
		wb_schema_free(schema);
	return err;
}
