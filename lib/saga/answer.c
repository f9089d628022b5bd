/* The usual form of a participant's answer: outcome → event. */
#include "saga/handler.h"

#include <string.h>

enum { COL_OUTCOME = 1, COL_SEQUENCE = 2, COL_BESIDE = 3 };

enum wb_err
wb_read_answer(const struct wb_answer *answers,
               const struct wb_pg_result *result, size_t row,
               struct wb_emit *emit, struct wb_note *note)
{
	const char *outcome = wb_pg_text(result, row, COL_OUTCOME);
	const char *beside = wb_pg_is_null(result, row, COL_BESIDE)
	                         ? NULL
	                         : wb_pg_text(result, row, COL_BESIDE);
	const struct wb_answer *a = answers;

	while (a->outcome != NULL && strcmp(a->outcome, outcome) != 0)
		a++;
	if (a->outcome == NULL || a->err != WB_OK)
		return wb_fail(
		    note, a->outcome == NULL ? WB_ERR_STATE_CONFLICT : a->err,
		    "%s %s", outcome, beside != NULL ? beside : "");
	if (a->emit != NULL)
		wb_emit_with_snapshot(emit, a->emit,
		                      wb_pg_i64(result, row, COL_SEQUENCE),
		                      beside);
	return WB_OK;
}
