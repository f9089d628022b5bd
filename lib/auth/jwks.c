#include "auth/jwks.h"

#include "base/json_scan.h"
#include "base/mem.h"

#include <json-c/json.h>

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define MAX_DEPTH 8
#define MAX_KEYS  64

struct wb_jwks {
	struct wb_jwk *keys[MAX_KEYS];
	size_t n_keys, n_left_out;
};

void
wb_jwks_free(struct wb_jwks *jwks)
{
	size_t i;

	if (jwks == NULL)
		return;
	for (i = 0; i < jwks->n_keys; i++)
		wb_jwk_free(jwks->keys[i]);
	free(jwks);
}

static struct json_object *
parse(const char *text, size_t bytes, struct wb_note *note)
{
	static const struct wb_json_rules rules = {
		.max_depth = MAX_DEPTH,
		.has_wide_integers = true,
	};
	struct json_tokener *tokener;
	struct json_object *json;

	if (bytes > INT_MAX || wb_json_scan(text, bytes, &rules, note) != WB_OK)
		return NULL;
	tokener = wb_made(json_tokener_new_ex(MAX_DEPTH + 1));
	json = json_tokener_parse_ex(tokener, text, (int)bytes);
	json_tokener_free(tokener);
	return json;
}

static bool
add_keys(struct wb_jwks *jwks, struct json_object *list, struct wb_note *note)
{
	size_t i, n = json_object_array_length(list);
	struct wb_jwk *jwk;

	if (n > MAX_KEYS) {
		(void)wb_fail(note, WB_ERR_BAD_CONFIG, "more than %d keys",
		              MAX_KEYS);
		return false;
	}
	(void)wb_fail(note, WB_ERR_BAD_CONFIG, "there are no keys");
	for (i = 0; i < n; i++) {
		jwk = wb_jwk_new(json_object_array_get_idx(list, i), note);
		if (jwk == NULL) {
			jwks->n_left_out++;
			continue;
		}
		if (wb_jwks_find(jwks, wb_jwk_id(jwk)) != NULL) {
			(void)wb_fail(note, WB_ERR_BAD_CONFIG,
			              "two keys have the kid of key %zu", i);
			wb_jwk_free(jwk);
			return false;
		}
		jwks->keys[jwks->n_keys++] = jwk;
	}
	return jwks->n_keys > 0;
}

struct wb_jwks *
wb_jwks_parse(const char *text, size_t bytes, struct wb_note *note)
{
	struct json_object *json = parse(text, bytes, note), *list = NULL;
	struct wb_jwks *jwks = NULL;

	if (json == NULL)
		return NULL;
	if (json_object_object_get_ex(json, "keys", &list) &&
	    json_object_is_type(list, json_type_array)) {
		jwks = wb_zalloc(sizeof(*jwks));
		if (!add_keys(jwks, list, note)) {
			wb_jwks_free(jwks);
			jwks = NULL;
		}
	} else {
		(void)wb_fail(note, WB_ERR_BAD_CONFIG,
		              "it has no array \"keys\"");
	}
	json_object_put(json);
	return jwks;
}

size_t
wb_jwks_count(const struct wb_jwks *jwks)
{
	return jwks->n_keys;
}

size_t
wb_jwks_left_out(const struct wb_jwks *jwks)
{
	return jwks->n_left_out;
}

const struct wb_jwk *
wb_jwks_find(const struct wb_jwks *jwks, const char *id)
{
	size_t i;

	for (i = 0; i < jwks->n_keys; i++) {
		if (strcmp(wb_jwk_id(jwks->keys[i]), id) == 0)
			return jwks->keys[i];
	}
	return NULL;
}
