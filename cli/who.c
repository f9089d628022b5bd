/* Who is at work. */
#include "cli.h"

#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

/* root by way of sudo is somebody. */
const char *
wb_cli_who(const char *given, struct wb_buf *buf)
{
	const char *name;
	const struct passwd *user;
	char host[256] = "localhost";

	wb_buf_clear(buf);
	if (given[0] != '\0') {
		wb_buf_adds(buf, given);
		return wb_buf_text(buf);
	}
	name = getenv("SUDO_USER");
	if (name == NULL || name[0] == '\0') {
		user = getpwuid(getuid());
		name = user == NULL ? "unknown" : user->pw_name;
	}
	(void)gethostname(host, sizeof host - 1);
	wb_buf_printf(buf, "%.100s@%.100s", name, host);
	return wb_buf_text(buf);
}
