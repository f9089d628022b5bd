#include "age.h"

#include <stdlib.h>

static const struct {
	char suffix;
	int64_t us;
} units[] = {
	{ 's', 1000000 },
	{ 'm', INT64_C(60) * 1000000 },
	{ 'h', INT64_C(3600) * 1000000 },
	{ 'd', INT64_C(86400) * 1000000 },
};

enum wb_err
wb_age_parse(const char *flag, const char *text, int64_t *ret_us,
             struct wb_note *note)
{
	char *end;
	long long count = strtoll(text, &end, 10);

	for (size_t i = 0; i < WB_ARRAY_LEN(units); i++) {
		if (end == text || *end != units[i].suffix || end[1] != '\0' ||
		    count < 0 || count > 100000)
			continue;
		*ret_us = count * units[i].us;
		return WB_OK;
	}
	return wb_fail(note, WB_ERR_BAD_CONFIG,
	               "--%s=%s: must be a number up to 100000 and s, m, h "
	               "or d",
	               flag, text);
}
