#include "service/process_metrics.h"

#include "base/clock.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *process_name = "";
static int64_t start_wall_us;

void
wb_process_metrics_setup(const char *process)
{
	process_name = process;
	start_wall_us = wb_wall_us();
}

/* procfs answers from memory: none of these reads waits for a disk. */
static int64_t
resident_bytes(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	const char *second = NULL;
	char line[128];

	if (file == NULL)
		return 0;
	if (fgets(line, sizeof(line), file) != NULL)
		second = strchr(line, ' ');
	(void)fclose(file);
	if (second == NULL)
		return 0;
	return strtoll(second, NULL, 10) * sysconf(_SC_PAGESIZE);
}

static int64_t
open_fds(void)
{
	DIR *folder = opendir("/proc/self/fd");
	struct dirent *entry;
	int64_t n = 0;

	if (folder == NULL)
		return 0;
	while ((entry = readdir(folder)) != NULL)
		n += entry->d_name[0] != '.';
	(void)closedir(folder);
	return n - 1; /* without the folder's own */
}

static double
cpu_seconds(void)
{
	struct timespec used = { 0, 0 };

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
	return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

static void
print_head(struct wb_buf *buf, const char *name, const char *type,
           const char *help)
{
	wb_buf_printf(buf, "# HELP %s %s\n# TYPE %s %s\n", name, help, name,
	              type);
}

void
wb_process_metrics_print(struct wb_buf *buf)
{
	print_head(buf, "process_resident_memory_bytes", "gauge",
	           "Resident memory.");
	wb_buf_printf(buf, "process_resident_memory_bytes %" PRId64 "\n",
	              resident_bytes());
	print_head(buf, "process_cpu_seconds_total", "counter",
	           "User and system time.");
	wb_buf_printf(buf, "process_cpu_seconds_total %.6f\n", cpu_seconds());
	print_head(buf, "process_open_fds", "gauge", "Open files.");
	wb_buf_printf(buf, "process_open_fds %" PRId64 "\n", open_fds());
	print_head(buf, "process_start_time_seconds", "gauge",
	           "Start of the process, since 1970.");
	wb_buf_printf(buf, "process_start_time_seconds %.6f\n",
	              (double)start_wall_us / 1e6);
	print_head(buf, "wb_build_info", "gauge", "Always 1.");
	wb_buf_printf(buf, "wb_build_info{process=\"%s\",version=\"%s\"} 1\n",
	              process_name, WB_VERSION);
}
