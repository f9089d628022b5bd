/* The inside of schema.c and schema_load.c. */
#ifndef WB_EVENT_SCHEMA_PRIV_H
#define WB_EVENT_SCHEMA_PRIV_H

#define PCRE2_CODE_UNIT_WIDTH 8
#include <json-c/json.h>
#include <pcre2.h>

#include <stddef.h>

#include "base/buf.h"
#include "event/schema.h"

enum { WB_SCHEMA_DOCUMENTS = 8, WB_SCHEMA_DEPTH = 64 };

/* A file: its name, which relative references use, and its JSON. */
struct wb_schema_document {
	char *name; /* "common.json" */
	struct json_object *json;
};

struct wb_schema {
	char *dir;
	/* the first is the type's */
	struct wb_schema_document documents[WB_SCHEMA_DOCUMENTS];
	size_t n_documents;
};

/* Where a check is: in which document the schema is written, and what of the
 * value is looked at. */
struct wb_schema_place {
	const struct wb_schema *schema;
	const struct wb_schema_document *document;
	struct wb_buf *path; /* "data.order.lines.0" */
	struct wb_note *note;
	unsigned depth;
};

/* What a keyword's value is. */
enum wb_schema_holds {
	WB_SCHEMA_PLAIN,
	WB_SCHEMA_ONE,
	WB_SCHEMA_LIST,
	WB_SCHEMA_NAMED,
	WB_SCHEMA_REFERENCE,
	WB_SCHEMA_REGEX,
};

struct wb_schema_keyword {
	const char *name;
	/* NULL: it refuses nothing */
	enum wb_err (*check)(struct wb_schema_place *place,
	                     struct json_object *rule,
	                     struct json_object *value);
	enum wb_schema_holds holds;
};

extern const struct wb_schema_keyword wb_schema_keywords[];
extern const size_t wb_schema_n_keywords;

/* NULL: there is none of that name. */
const struct wb_schema_document *wb_schema_find(const struct wb_schema *schema,
                                                const char *name, size_t bytes);

/* "#/definitions/uuid" or "common.json#/definitions/uuid", as it is written in
 * `from`; NULL: it leads nowhere. */
struct json_object *
wb_schema_resolve(const struct wb_schema *schema,
                  const struct wb_schema_document *from, const char *reference,
                  const struct wb_schema_document **ret_document);

/* NULL: it is no regular expression. */
pcre2_code *wb_schema_compile(const char *pattern);

#endif
