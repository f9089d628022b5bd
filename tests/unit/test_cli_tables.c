/* Every row of `waybill`'s tables, whoever wrote it. */
#include "capture.h"

#include "commands.h"

#include "base/attr.h"

#include <ctype.h>
#include <string.h>

static const struct wb_command *const commands[] = {
#define X(name) &wb_command_##name,
	WB_COMMAND_TABLE(X)
#undef X
};

static void
each_verb(void (*check)(const struct wb_command *command,
                        const struct wb_verb *verb))
{
	for (size_t i = 0; i < WB_ARRAY_LEN(commands); i++)
		for (size_t j = 0; j < commands[i]->n_verbs; j++)
			check(commands[i], &commands[i]->verbs[j]);
}

static void
assert_plain(const char *name)
{
	for (; *name != '\0'; name++)
		assert_true(islower((unsigned char)*name) || *name == '-');
}

static void
check_row(const struct wb_command *command, const struct wb_verb *verb)
{
	assert_plain(command->name);
	assert_plain(verb->name);
	assert_non_null(verb->run);
	assert_non_null(verb->arguments);
	assert_true(verb->min_args <= verb->max_args);
	/* Who takes arguments shows them. */
	assert_int_equal(verb->arguments[0] != '\0', verb->max_args > 0);
	assert_true(strlen(verb->name) + strlen(verb->arguments) < 60);
	assert_true(verb->name[0] != '\0' || command->n_verbs == 1);
	assert_int_equal(verb->n_params > 0, verb->params_bytes > 0);
}

static void
rows_are_whole(void **state)
{
	(void)state;
	each_verb(check_row);
}

static void
assert_lines_fit(const char *name, const char *text)
{
	while (text != NULL) {
		size_t bytes = strcspn(text, "\n");

		if (bytes > 80)
			fail_msg("%s: %.*s", name, (int)bytes, text);
		text = text[bytes] == '\0' ? NULL : text + bytes + 1;
	}
}

static void
check_texts(const struct wb_command *command, const struct wb_verb *verb)
{
	assert_true(strlen(command->summary) <= 65);
	assert_true(strlen(verb->summary) <= 65);
	assert_true(verb->summary[strlen(verb->summary) - 1] != '.');
	if (verb->details != NULL)
		assert_lines_fit(verb->name, verb->details);
}

static void
texts_fit_a_terminal(void **state)
{
	(void)state;
	each_verb(check_texts);
}

/* One meaning per flag; each of its own parameters lies within its struct. */
static void
check_params(const struct wb_command *command, const struct wb_verb *verb)
{
	struct wb_cli cli = { 0 };
	char target = 0;
	struct wb_param_set sets[WB_CLI_MAX_SETS];
	size_t n = wb_cli_sets(verb, &cli, &target, sets);
	const char *names[128];
	size_t n_names = 0;

	for (size_t i = 0; i < verb->n_params; i++)
		assert_true(verb->params[i].offset < verb->params_bytes);
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < sets[i].n_params; j++) {
			const char *name = sets[i].params[j].name;

			for (size_t k = 0; k < n_names; k++)
				if (strcmp(names[k], name) == 0)
					fail_msg("waybill %s %s has --%s twice",
					         command->name, verb->name,
					         name);
			assert_true(n_names < WB_ARRAY_LEN(names));
			names[n_names++] = name;
		}
}

static void
parameters_do_not_collide(void **state)
{
	(void)state;
	each_verb(check_params);
}

static void
default_verbs_exist(void **state)
{
	(void)state;
	for (size_t i = 0; i < WB_ARRAY_LEN(commands); i++) {
		const struct wb_command *command = commands[i];
		size_t j = 0;

		while (command->default_verb != NULL && j < command->n_verbs &&
		       strcmp(command->verbs[j].name, command->default_verb) !=
		           0)
			j++;
		assert_true(j < command->n_verbs);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_whole),
		cmocka_unit_test(texts_fit_a_terminal),
		cmocka_unit_test(parameters_do_not_collide),
		cmocka_unit_test(default_verbs_exist),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
