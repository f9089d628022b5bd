/* The broker users of the services, with the least rights that they need. */
#include "topology_run.h"

#include "topology_model.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define SECRET_BYTES 1024

/* One line of text, without the white space around it. */
static enum wb_err
read_secret(const char *secrets_dir, const char *user,
            char secret[SECRET_BYTES], struct wb_note *note)
{
	struct wb_buf path = { 0 };
	enum wb_err err = WB_OK;
	FILE *file;
	size_t len;

	wb_buf_printf(&path, "%s/%s", secrets_dir, user);
	file = fopen(wb_buf_text(&path), "re");
	if (file == NULL) {
		err = wb_fail(note, WB_ERR_IO, "%s: %s", wb_buf_text(&path),
		              strerror(errno));
		goto out;
	}
	len = fread(secret, 1, SECRET_BYTES - 1, file);
	(void)fclose(file);
	while (len > 0 && strchr(" \t\r\n", secret[len - 1]) != NULL)
		len--;
	secret[len] = '\0';
	if (len == 0 || strcspn(secret, "\r\n") != len)
		err = wb_fail(note, WB_ERR_IO, "%s: must hold one line of text",
		              wb_buf_text(&path));
out:
	wb_buf_fini(&path);
	return err;
}

static enum wb_err
put(struct wb_management *management, const struct wb_buf *path,
    const struct wb_buf *body, struct wb_note *note)
{
	struct wb_buf answer = { 0 };
	int status = 0;
	enum wb_err err =
	    wb_management_call(management, "PUT", wb_buf_text(path),
	                       wb_buf_text(body), &status, &answer, note);

	if (err == WB_OK && status >= 300)
		err = wb_fail(note, WB_ERR_BROKER_REFUSED, "PUT %s: status %d",
		              wb_buf_text(path), status);
	wb_buf_fini(&answer);
	return err;
}

static void
add_member(struct wb_buf *body, const char *name, const char *text)
{
	wb_buf_printf(body, "%s\"%s\":", body->len == 0 ? "{" : ",", name);
	wb_buf_add_json_string(body, text, strlen(text));
}

static enum wb_err
make_user(struct wb_management *management, const char *vhost,
          const struct wb_topology_user *user, const char *secret,
          struct wb_note *note)
{
	struct wb_buf path = { 0 }, body = { 0 };
	enum wb_err err;

	wb_buf_printf(&path, "/api/users/%s", user->name);
	add_member(&body, "password", secret);
	add_member(&body, "tags", "");
	wb_buf_adds(&body, "}");
	err = put(management, &path, &body, note);
	if (err != WB_OK)
		goto out;
	wb_buf_clear(&path);
	wb_buf_clear(&body);
	wb_buf_adds(&path, "/api/permissions/");
	wb_management_add_segment(&path, vhost);
	wb_buf_printf(&path, "/%s", user->name);
	add_member(&body, "configure", user->configure);
	add_member(&body, "write", user->write);
	add_member(&body, "read", user->read);
	wb_buf_adds(&body, "}");
	err = put(management, &path, &body, note);
out:
	wb_buf_fini(&path);
	wb_buf_fini(&body);
	return err;
}

enum wb_err
wb_topology_make_users(struct wb_management *management, const char *vhost,
                       const char *secrets_dir, struct wb_note *note)
{
	enum wb_err err = WB_OK;
	size_t i;

	for (i = 0; err == WB_OK && i < wb_topology_n_users(); i++) {
		char secret[SECRET_BYTES] = "";

		err = read_secret(secrets_dir, wb_topology_user(i)->name,
		                  secret, note);
		if (err == WB_OK)
			err = make_user(management, vhost, wb_topology_user(i),
			                secret, note);
	}
	return err;
}
