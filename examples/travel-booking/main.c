/* travel-booking ROLE [parameters]: one of the example's services. */
#include "roles.h"

#include "service/participant.h"

#include <stdio.h>
#include <string.h>

static const struct wb_participant roles[] = {
#define X(name, usage)                                                         \
	{ #name, (usage), travel_##name##_handlers, NULL, false, false },
	TRAVEL_ROLES(X)
#undef X
};

int
main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < WB_ARRAY_LEN(roles); i++)
		if (strcmp(argv[1], roles[i].name) == 0)
			return wb_participant_main(&roles[i], argc - 1,
			                           argv + 1);
	(void)fputs("usage: travel-booking ROLE [parameters], where ROLE is\n",
	            stderr);
	for (size_t i = 0; i < WB_ARRAY_LEN(roles); i++)
		(void)fprintf(stderr, "  %-8s %s\n", roles[i].name,
		              roles[i].usage);
	return 2;
}
