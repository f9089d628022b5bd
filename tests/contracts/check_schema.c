/* Says of each line on stdin, "<type> <JSON>", whether lib/event's schema check
 * takes it: "ok" or what is wrong. For schema_agrees.py. */
#include "event/schema.h"

#include <json-c/json.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
check(const char *dir, char *line)
{
	char *json = strchr(line, ' ');
	struct wb_schema *schema = NULL;
	struct wb_note note = { "" };
	struct json_object *value;

	*json++ = '\0';
	value = json_tokener_parse(json);
	if (wb_schema_load(dir, line, &schema, &note) != WB_OK ||
	    wb_schema_check(schema, value, &note) != WB_OK)
		puts(note.text);
	else
		puts("ok");
	wb_schema_free(schema);
	(void)json_object_put(value);
}

int
main(int argc, char **argv)
{
	char *line = NULL;
	size_t room = 0;

	if (argc != 2)
		return 2;
	while (getline(&line, &room, stdin) > 0)
		check(argv[1], line);
	free(line);
	return 0;
}
