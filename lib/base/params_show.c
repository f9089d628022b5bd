/* The tables as text: --help and --print-config. */
#include "base/params_priv.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *
shown_default(const struct wb_param *param)
{
	if (param->def == NULL || param->def[0] == '\0')
		return "\"\"";
	return param->type == WB_PARAM_SECRET && param->def[0] != '@'
	           ? "***"
	           : param->def;
}

static const char *
value_word(const struct wb_param *param)
{
	switch (param->type) {
	case WB_PARAM_INT:
		return "N";
	case WB_PARAM_BOOL:
		return "BOOL";
	case WB_PARAM_TEXT:
		return "TEXT";
	case WB_PARAM_SECRET:
		return "SECRET";
	}
	return "?";
}

static void
print_param(const struct wb_param *param)
{
	char env[WB_PARAM_ENV_BYTES], allowed[WB_PARAM_ALLOWED_BYTES];

	printf("  --%s=%s\n      %s\n      %s, default %s; %s\n", param->name,
	       value_word(param), param->help, wb_param_env_name(param, env),
	       shown_default(param), wb_param_allowed(param, allowed));
}

void
wb_params_print_help(const struct wb_param_set *sets, size_t n_sets,
                     const char *usage, const char *program)
{
	const char *slash = strrchr(program, '/');
	size_t i, j;

	printf("%s: %s\n\n"
	       "Each parameter is a flag, an environment variable or a line "
	       "`name = value`\nof a file; the flag wins over the environment, "
	       "the environment over the file.\n\n",
	       slash == NULL ? program : slash + 1, usage);
	for (i = 0; i < n_sets; i++) {
		for (j = 0; j < sets[i].n_params; j++)
			print_param(&sets[i].params[j]);
	}
	printf("  --config=FILE\n      The file with such lines, # begins a "
	       "comment line.\n      WB_CONFIG, default none\n"
	       "  --print-config\n      Print the parameters as they were "
	       "understood, and leave.\n"
	       "  --version\n      Print the version, and leave.\n"
	       "  --help\n      Print this, and leave.\n");
}

static void
print_value(const struct wb_param_slot *slot)
{
	const char *text;

	switch (slot->param->type) {
	case WB_PARAM_INT:
		printf("%" PRId64, *(const int64_t *)slot->field);
		break;
	case WB_PARAM_BOOL:
		printf("%s", *(const bool *)slot->field ? "true" : "false");
		break;
	case WB_PARAM_TEXT:
		printf("%s", *(char *const *)slot->field);
		break;
	case WB_PARAM_SECRET:
		text = *(char *const *)slot->field;
		printf("%s", text[0] == '\0' ? "" : "***");
		break;
	}
}

void
wb_params_print_config(const struct wb_param_slot *slots, size_t n_slots)
{
	size_t i;

	for (i = 0; i < n_slots; i++) {
		printf("# %s\n%s = ", wb_param_source_name(slots[i].source),
		       slots[i].param->name);
		print_value(&slots[i]);
		printf("\n");
	}
}
