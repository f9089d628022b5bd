/* Where the values come from and which one wins. Each parameter is converted
 * once, from the winner: a wrong value that is overruled does no harm. */
#include "base/params_priv.h"

#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX_BYTES 65536

struct loader {
	const struct wb_param_set *sets;
	size_t n_sets;
	struct wb_param_slot *slots;
	size_t n_slots;
	char *file_text; /* raw values of the file point into it */
	const char *config_path;
	bool is_help, is_version, is_print_config;
	char **others; /* arguments that are no flags, in order */
	int n_others;
};

static void
init_slots(struct loader *loader)
{
	const struct wb_param_set *sets = loader->sets;
	size_t i, j, n = 0;

	for (i = 0; i < loader->n_sets; i++)
		n += sets[i].n_params;
	loader->slots = wb_zalloc(n * sizeof(*loader->slots));
	for (i = 0; i < loader->n_sets; i++) {
		for (j = 0; j < sets[i].n_params; j++) {
			const struct wb_param *param = &sets[i].params[j];

			loader->slots[loader->n_slots++] =
			    (struct wb_param_slot){
				    .param = param,
				    .field =
				        (char *)sets[i].target + param->offset,
				    .raw = param->def == NULL ? "" : param->def,
				    .source = WB_PARAM_DEFAULT,
			    };
		}
	}
}

static struct wb_param_slot *
find_slot(struct loader *loader, const char *name, size_t bytes)
{
	size_t i;

	for (i = 0; i < loader->n_slots; i++) {
		const char *have = loader->slots[i].param->name;

		if (strlen(have) == bytes && memcmp(have, name, bytes) == 0)
			return &loader->slots[i];
	}
	return NULL;
}

/* Of two values of one source the later one wins. */
static void
offer(struct wb_param_slot *slot, const char *raw, enum wb_param_source source)
{
	if (source < slot->source)
		return;
	slot->raw = raw;
	slot->source = source;
}

/* Flags that take no value. */
static bool
take_switch(struct loader *loader, const char *arg)
{
	if (strcmp(arg, "--help") == 0)
		loader->is_help = true;
	else if (strcmp(arg, "--version") == 0)
		loader->is_version = true;
	else if (strcmp(arg, "--print-config") == 0)
		loader->is_print_config = true;
	else
		return false;
	return true;
}

/* The value of argv[*at], which is `--name=value`, `--name value`, or a bare
 * `--name` of a boolean; NULL when it has none. */
static const char *
take_value(const struct wb_param_slot *slot, int argc, char **argv, int *at)
{
	const char *equals = strchr(argv[*at], '=');
	bool is_bool = slot != NULL && slot->param->type == WB_PARAM_BOOL;
	bool ignored;

	if (equals != NULL)
		return equals + 1;
	if (*at + 1 < argc &&
	    (!is_bool || wb_param_parse_bool(argv[*at + 1], &ignored)))
		return argv[++*at];
	return is_bool ? "true" : NULL;
}

static bool
take_config_flag(struct loader *loader, int argc, char **argv, int *at)
{
	loader->config_path = take_value(NULL, argc, argv, at);
	if (loader->config_path != NULL)
		return true;
	wb_params_complain("config", "", "the path of a file");
	return false;
}

static bool
take_flag(struct loader *loader, int argc, char **argv, int *at)
{
	const char *name = argv[*at] + 2, *value;
	size_t bytes = strcspn(name, "=");
	struct wb_param_slot *slot = find_slot(loader, name, bytes);
	char allowed[WB_PARAM_ALLOWED_BYTES];

	if (bytes == 6 && memcmp(name, "config", bytes) == 0)
		return take_config_flag(loader, argc, argv, at);
	if (slot == NULL) {
		wb_params_complain(argv[*at], "", "what --help shows");
		return false;
	}
	value = take_value(slot, argc, argv, at);
	if (value == NULL) {
		wb_params_complain(slot->param->name, "",
		                   wb_param_allowed(slot->param, allowed));
		return false;
	}
	offer(slot, value, WB_PARAM_FLAG);
	return true;
}

/* Flags may stand before, between and after the other arguments; "--" ends
 * them. */
static bool
take_args(struct loader *loader, int argc, char **argv)
{
	bool has_flags = true;
	int i;

	loader->others =
	    wb_zalloc(((size_t)argc + 1) * sizeof(*loader->others));
	for (i = 1; i < argc; i++) {
		if (!has_flags || strncmp(argv[i], "--", 2) != 0)
			loader->others[loader->n_others++] = argv[i];
		else if (argv[i][2] == '\0')
			has_flags = false;
		else if (!take_switch(loader, argv[i]) &&
		         !take_flag(loader, argc, argv, &i))
			return false;
	}
	return true;
}

static char *
trim(char *text)
{
	size_t length;

	text += strspn(text, " \t\r");
	length = strlen(text);
	while (length > 0 && strchr(" \t\r", text[length - 1]) != NULL)
		text[--length] = '\0';
	return text;
}

static bool
complain_line(const struct loader *loader, const char *name,
              unsigned line_number, const char *allowed)
{
	char where[256];

	(void)snprintf(where, sizeof(where), "%s:%u", loader->config_path,
	               line_number);
	wb_params_complain(name, where, allowed);
	return false;
}

static bool
take_line(struct loader *loader, char *line, unsigned line_number)
{
	struct wb_param_slot *slot;
	char *name = trim(line), *equals = strchr(name, '=');

	if (name[0] == '\0' || name[0] == '#')
		return true;
	if (equals == NULL)
		return complain_line(loader, "config", line_number,
		                     "lines `name = value`");
	*equals = '\0';
	name = trim(name);
	slot = find_slot(loader, name, strlen(name));
	if (slot == NULL)
		return complain_line(loader, name, line_number,
		                     "what --help shows");
	offer(slot, trim(equals + 1), WB_PARAM_FILE);
	return true;
}

static bool
take_file(struct loader *loader)
{
	const char *why = NULL;
	char allowed[200], *line, *end;
	unsigned line_number = 0;

	loader->file_text =
	    wb_param_read_file(loader->config_path, FILE_MAX_BYTES, &why);
	if (loader->file_text == NULL) {
		(void)snprintf(allowed, sizeof(allowed),
		               "a readable file of at most %d bytes (%s)",
		               FILE_MAX_BYTES, why);
		wb_params_complain("config", loader->config_path, allowed);
		return false;
	}
	for (line = loader->file_text; line != NULL; line = end) {
		end = strchr(line, '\n');
		if (end != NULL)
			*end++ = '\0';
		if (!take_line(loader, line, ++line_number))
			return false;
	}
	return true;
}

static void
take_environment(struct loader *loader)
{
	char name[WB_PARAM_ENV_BYTES];
	size_t i;

	for (i = 0; i < loader->n_slots; i++) {
		struct wb_param_slot *slot = &loader->slots[i];
		const char *raw = getenv(wb_param_env_name(slot->param, name));

		if (raw != NULL)
			offer(slot, raw, WB_PARAM_ENVIRONMENT);
	}
}

static bool
store_all(const struct loader *loader)
{
	size_t i;

	for (i = 0; i < loader->n_slots; i++) {
		if (!wb_param_store(&loader->slots[i]))
			return false;
	}
	return true;
}

/* Moves the arguments that are no flags to the end of argv. */
static bool
give_rest(const struct loader *loader, int argc, char **argv, int *ret_rest)
{
	int i, first = argc - loader->n_others;

	if (ret_rest == NULL && loader->n_others > 0) {
		wb_params_complain("argument", loader->others[0],
		                   "only --name=value");
		return false;
	}
	if (ret_rest == NULL)
		return true;
	for (i = 0; i < loader->n_others; i++)
		argv[first + i] = loader->others[i];
	*ret_rest = first;
	return true;
}

static enum wb_params_end
load(struct loader *loader, const char *usage, int argc, char **argv,
     int *ret_rest)
{
	if (!take_args(loader, argc, argv))
		return WB_PARAMS_WRONG;
	if (loader->is_help) {
		wb_params_print_help(loader->sets, loader->n_sets, usage,
		                     argc > 0 ? argv[0] : "waybill");
		return WB_PARAMS_SHOWN;
	}
	if (loader->is_version) {
		printf("%s\n", WB_VERSION);
		return WB_PARAMS_SHOWN;
	}
	if (!give_rest(loader, argc, argv, ret_rest))
		return WB_PARAMS_WRONG;
	if (loader->config_path == NULL)
		loader->config_path = getenv("WB_CONFIG");
	if (loader->config_path != NULL && !take_file(loader))
		return WB_PARAMS_WRONG;
	take_environment(loader);
	if (!store_all(loader))
		return WB_PARAMS_WRONG;
	if (!loader->is_print_config)
		return WB_PARAMS_RUN;
	wb_params_print_config(loader->slots, loader->n_slots);
	return WB_PARAMS_SHOWN;
}

/* So that wb_params_free is right whatever the load came to. */
static void
clear_texts(const struct wb_param_slot *slots, size_t n_slots)
{
	size_t i;

	for (i = 0; i < n_slots; i++) {
		if (slots[i].param->type == WB_PARAM_TEXT ||
		    slots[i].param->type == WB_PARAM_SECRET)
			*(char **)slots[i].field = NULL;
	}
}

enum wb_params_end
wb_params_load(const struct wb_param_set *sets, size_t n_sets,
               const char *usage, int argc, char **argv, int *ret_rest)
{
	struct loader loader = { .sets = sets, .n_sets = n_sets };
	enum wb_params_end end;

	init_slots(&loader);
	clear_texts(loader.slots, loader.n_slots);
	end = load(&loader, usage, argc, argv, ret_rest);
	free(loader.slots);
	free(loader.file_text);
	free(loader.others);
	return end;
}

void
wb_params_free(const struct wb_param_set *sets, size_t n_sets)
{
	struct loader loader = { .sets = sets, .n_sets = n_sets };
	size_t i;

	init_slots(&loader);
	for (i = 0; i < loader.n_slots; i++) {
		const struct wb_param_slot *slot = &loader.slots[i];

		if (slot->param->type == WB_PARAM_TEXT ||
		    slot->param->type == WB_PARAM_SECRET) {
			free(*(char **)slot->field);
			*(char **)slot->field = NULL;
		}
	}
	free(loader.slots);
}
