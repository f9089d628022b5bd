#include "refuse.h"

#include <stdio.h>

bool
refuse_fields(struct wb_http_request *request, struct wb_http_errors *errors)
{
	bool is_wrong = wb_http_errors_count(errors) > 0;

	if (is_wrong)
		wb_http_problem_errors(request, 422, "invalid-fields",
		                       "Some fields of the body are wrong.",
		                       errors);
	wb_http_errors_free(errors);
	return is_wrong;
}

void
refuse_missing(struct wb_http_request *request, const char *what)
{
	char detail[64];

	(void)snprintf(detail, sizeof(detail), "There is no such %s.", what);
	wb_http_problem(request, 404, NULL, detail);
}
