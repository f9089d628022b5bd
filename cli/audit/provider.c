#include "provider.h"

#include "base/mem.h"
#include "management.h"

#include <json-c/json.h>

#include <stdlib.h>
#include <string.h>

/* A page must fit into a megabyte. */
#define PAGE "2000"

struct audit_provider {
	/* It does what is needed here: a request after the other, each waited
	 * for. */
	struct wb_management *http;
	struct json_object *page;  /* or NULL */
	struct json_object *items; /* of page */
	size_t next;               /* of items */
	struct wb_buf after;       /* the last key of the page before */
	bool is_last;
	struct audit_charge charge;
	bool has_charge;
	enum wb_err err;
	struct wb_note note;
};

void
audit_provider_free(struct audit_provider *provider)
{
	if (provider == NULL)
		return;
	wb_management_free(provider->http);
	(void)json_object_put(provider->page);
	wb_buf_fini(&provider->after);
	free(provider);
}

struct audit_provider *
audit_provider_new(struct wb_cli *cli, const char *url)
{
	struct audit_provider *provider = wb_zalloc(sizeof(*provider));

	provider->http = wb_management_new(cli->loop, url, cli->common.wait_ms);
	return provider;
}

static struct json_object *
member(struct json_object *object, const char *name)
{
	struct json_object *value = NULL;

	(void)json_object_object_get_ex(object, name, &value);
	return value;
}

static const char *
text_of(struct json_object *object, const char *name)
{
	struct json_object *value = member(object, name);

	return value == NULL ? "" : json_object_get_string(value);
}

static void
read_page(struct audit_provider *provider, const char *answer)
{
	(void)json_object_put(provider->page);
	provider->page = json_tokener_parse(answer);
	provider->items = member(provider->page, "items");
	provider->next = 0;
	if (!json_object_is_type(provider->items, json_type_array)) {
		provider->err =
		    wb_fail(&provider->note, WB_ERR_HTTP_FAILED,
		            "the provider lists no charges: %.100s", answer);
		return;
	}
	provider->is_last = member(provider->page, "next") == NULL;
	wb_buf_clear(&provider->after);
	wb_buf_adds(&provider->after, text_of(provider->page, "next"));
}

static void
fetch_page(struct audit_provider *provider)
{
	struct wb_buf path = { 0 }, answer = { 0 };
	int status;

	wb_buf_adds(&path, "/charges?limit=" PAGE "&after=");
	wb_management_add_segment(&path, wb_buf_text(&provider->after));
	provider->err =
	    wb_management_call(provider->http, "GET", wb_buf_text(&path), NULL,
	                       &status, &answer, &provider->note);
	if (provider->err == WB_OK)
		read_page(provider, wb_buf_text(&answer));
	wb_buf_fini(&path);
	wb_buf_fini(&answer);
}

static void
read_charge(struct audit_provider *provider)
{
	struct json_object *item =
	    json_object_array_get_idx(provider->items, provider->next++);

	provider->charge = (struct audit_charge){
		.key = text_of(item, "key"),
		.status = text_of(item, "status"),
		.reference = text_of(item, "reference"),
		.amount_minor =
		    json_object_get_int64(member(item, "amount_minor")),
		.effects = json_object_get_int64(member(item, "effects")),
	};
	provider->has_charge = true;
}

const struct audit_charge *
audit_provider_at(struct audit_provider *provider)
{
	while (!provider->has_charge && provider->err == WB_OK) {
		if (provider->items != NULL &&
		    provider->next < json_object_array_length(provider->items))
			read_charge(provider);
		else if (provider->is_last)
			return NULL;
		else
			fetch_page(provider);
	}
	return provider->has_charge ? &provider->charge : NULL;
}

void
audit_provider_next(struct audit_provider *provider)
{
	provider->has_charge = false;
}

enum wb_err
audit_provider_end(const struct audit_provider *provider, struct wb_note *note)
{
	if (provider->err != WB_OK)
		*note = provider->note;
	return provider->err;
}
