/* Gives each file of the folders in its arguments to the fuzz target once. */
#include "fuzz.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#define MAX_BYTES ((size_t)1 << 20)

static void
replay(const char *path)
{
	FILE *file = fopen(path, "rb");
	uint8_t *data = malloc(MAX_BYTES), *exact;
	size_t bytes;

	if (file == NULL || data == NULL)
		abort();
	bytes = fread(data, 1, MAX_BYTES, file);
	(void)fclose(file);
	/* Of its very size, so that a byte too far is seen. */
	exact = malloc(bytes > 0 ? bytes : 1);
	if (exact == NULL)
		abort();
	for (size_t i = 0; i < bytes; i++)
		exact[i] = data[i];
	(void)LLVMFuzzerTestOneInput(exact, bytes);
	free(exact);
	free(data);
}

static unsigned
replay_all(const char *folder)
{
	DIR *files = opendir(folder);
	const struct dirent *entry;
	char path[4096];
	unsigned n = 0;

	if (files == NULL)
		return 0;
	while ((entry = readdir(files)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		(void)snprintf(path, sizeof(path), "%s/%s", folder,
		               entry->d_name);
		replay(path);
		n++;
	}
	(void)closedir(files);
	return n;
}

int
main(int argc, char **argv)
{
	unsigned n = 0;

	for (int i = 1; i < argc; i++)
		n += replay_all(argv[i]);
	(void)printf("%u files\n", n);
	return n > 0 ? EXIT_SUCCESS : EXIT_FAILURE; /* no corpus, no proof */
}
