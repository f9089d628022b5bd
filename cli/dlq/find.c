#include "find.h"

#include "look.h"
#include "verbs.h"

#include <stdlib.h>

struct finding {
	const struct wb_filter *filter;
	struct wb_letter *letter;
	const char *other; /* consumer of another one */
};

static void
on_letter(void *arg, const struct wb_letter *letter)
{
	struct finding *finding = arg;

	if (!wb_filter_matches(finding->filter, letter))
		return;
	if (finding->letter == NULL)
		finding->letter = wb_letter_copy(letter);
	else if (finding->letter->consumer != letter->consumer)
		finding->other = letter->consumer;
}

enum wb_err
wb_dlq_find(struct wb_cli *cli, const struct wb_filter *filter,
            struct wb_letter **ret_letter, struct wb_note *note)
{
	struct finding finding = { .filter = filter };
	struct wb_dlq_consumers consumers;
	struct wb_look_counts counts;
	struct wb_look *look = NULL;
	enum wb_err err = wb_dlq_consumers(filter, &consumers, note);

	if (err == WB_OK)
		err = wb_look_open(cli, &look, note);
	for (size_t i = 0; err == WB_OK && i < consumers.n; i++)
		err = wb_look_read(look, consumers.list[i], on_letter, &finding,
		                   &counts, note);
	wb_look_close(look);
	if (err == WB_OK && finding.letter == NULL)
		err = wb_fail(note, WB_ERR_FAILED,
		              "there is no dead letter %.80s", filter->one_id);
	else if (err == WB_OK && finding.other != NULL)
		err = wb_fail(note, WB_ERR_FAILED,
		              "%s lies in the queues of %s and %s: say which "
		              "by --consumer",
		              filter->one_id, finding.letter->consumer,
		              finding.other);
	if (err == WB_OK)
		*ret_letter = finding.letter;
	else
		free(finding.letter);
	return err;
}
