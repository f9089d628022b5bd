/* `waybill trace`: the whole story of an order. */
#include "commands.h"

#include "base/attr.h"
#include "trace/load.h"
#include "trace/mermaid.h"
#include "trace/tell_json.h"
#include "trace/timeline.h"

#include <stddef.h>
#include <stdio.h>

struct params {
	bool is_mermaid;
};

static const struct wb_param params_table[] = {
	{ .name = "mermaid",
	  .type = WB_PARAM_BOOL,
	  .offset = offsetof(struct params, is_mermaid),
	  .def = "false",
	  .unit = "",
	  .help = "draw a sequence diagram, in Mermaid's language" },
};

static void
print(struct wb_cli *cli, const struct params *params,
      const struct wb_story *story)
{
	struct wb_buf text = { 0 };

	if (cli->is_json) {
		wb_trace_json(wb_cli_json(cli), story);
		return;
	}
	if (params->is_mermaid)
		wb_mermaid_print(story, &text);
	else
		wb_timeline_print(cli, story, false, &text);
	(void)fputs(wb_buf_text(&text), stdout);
	wb_buf_fini(&text);
}

/* With gaps it can't be said that there is no such order. */
static int
tell(struct wb_cli *cli, const struct params *params,
     const struct wb_story *story)
{
	bool has_gaps = wb_story_has_gaps(story);

	if (!wb_story_is_known(story) && !has_gaps) {
		wb_cli_complain(cli, "there is no order %s", story->id_text);
		return WB_CLI_FAILED;
	}
	print(cli, params, story);
	for (size_t i = 0; i < WB_N_SERVICES; i++)
		if (story->gaps[i].text[0] != '\0')
			wb_cli_complain(cli, "%s", story->gaps[i].text);
	if (story->broker_gap.text[0] != '\0')
		wb_cli_complain(cli, "%s", story->broker_gap.text);
	return has_gaps ? WB_CLI_FAILED : WB_CLI_DONE;
}

static int
trace(struct wb_cli *cli, const void *params)
{
	struct wb_stories stories = { 0 };
	struct wb_note note = { "" };
	struct wb_uuid id;
	enum wb_err err;
	int status;

	if (cli->is_json && ((const struct params *)params)->is_mermaid) {
		wb_cli_complain(cli, "either --json or --mermaid");
		return WB_CLI_USAGE;
	}
	if (!wb_uuid_parse(cli->args[0], &id)) {
		wb_cli_complain(cli, "\"%.100s\" is no order id: a UUID",
		                cli->args[0]);
		return WB_CLI_USAGE;
	}
	err = wb_stories_load(cli, &id, 1,
	                      WB_STORIES_CONFIRMS | WB_STORIES_LETTERS,
	                      &stories, &note);
	if (err != WB_OK)
		return wb_cli_fail(cli, err, &note);
	status = tell(cli, params, &stories.list[0]);
	wb_stories_fini(&stories);
	return status;
}

static const struct wb_verb verbs[] = {
	{ .name = "",
	  .arguments = "ORDER",
	  .summary = "show what happened to an order, and what comes next",
	  .details =
	      "Every event with its commit, confirm and handling by each\n"
	      "consumer, failed attempts, what is scheduled or dead-lettered,\n"
	      "what is expected next and what is being undone. Changes "
	      "nothing.",
	  .min_args = 1,
	  .max_args = 1,
	  .takes = WB_CLI_DATABASES | WB_CLI_BROKER,
	  .params = params_table,
	  .n_params = WB_ARRAY_LEN(params_table),
	  .params_bytes = sizeof(struct params),
	  .run = trace },
};

const struct wb_command wb_command_trace = {
	.name = "trace",
	.summary = "the whole story of an order",
	.verbs = verbs,
	.n_verbs = WB_ARRAY_LEN(verbs),
};
