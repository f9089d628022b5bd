/* Reading the migrations of a folder, or those that were built in. */
#include "migrate/files.h"

#include "base/buf.h"
#include "base/mem.h"

#include <openssl/evp.h>

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	MAX_FILE_BYTES = 4 * 1024 * 1024,
	NUMBER_DIGITS = 3,
};

static const char suffix[] = ".sql";

bool
wb_migration_name_is_plain(const char *name)
{
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_");

	return n > 0 && name[n] == '\0';
}

static bool
has_suffix(const char *name)
{
	size_t n = strlen(name);

	return n >= strlen(suffix) &&
	       strcmp(name + n - strlen(suffix), suffix) == 0;
}

/* NNN_name.sql; 0 when it is anything else. */
static int
number_of(const char *file_name)
{
	char stem[NAME_MAX + 1];
	size_t n = strlen(file_name) - strlen(suffix);
	int number = 0;

	if (n <= NUMBER_DIGITS + 1 || n >= sizeof(stem))
		return 0;
	memcpy(stem, file_name, n);
	stem[n] = '\0';
	if (stem[NUMBER_DIGITS] != '_' || !wb_migration_name_is_plain(stem))
		return 0;
	for (size_t i = 0; i < NUMBER_DIGITS; i++) {
		if (isdigit((unsigned char)stem[i]) == 0)
			return 0;
		number = number * 10 + (stem[i] - '0');
	}
	return number;
}

static enum wb_err
check_number(const struct wb_migration_part *part, const char *folder,
             const char *file_name, struct wb_note *note)
{
	int want = (int)part->n + 1, number = number_of(file_name);

	if (number == 0)
		return wb_fail(note, WB_ERR_BAD_CONFIG,
		               "%s/%s: not called NNN_name.sql", folder,
		               file_name);
	if (number != want)
		return wb_fail(note, WB_ERR_BAD_CONFIG,
		               "%s/%s: its number should be %03d", folder,
		               file_name, want);
	return WB_OK;
}

static enum wb_err
read_file(const char *path, struct wb_buf *text, struct wb_note *note)
{
	FILE *file = fopen(path, "rb");
	enum wb_err err = WB_OK;
	char chunk[4096];
	size_t n = 0;

	if (file == NULL)
		return wb_fail(note, WB_ERR_IO, "%s: %s", path,
		               strerror(errno));
	while ((n = fread(chunk, 1, sizeof(chunk), file)) > 0 &&
	       text->len <= MAX_FILE_BYTES)
		wb_buf_add(text, chunk, n);
	if (ferror(file) != 0)
		err = wb_fail(note, WB_ERR_IO, "%s: %s", path, strerror(errno));
	else if (text->len > MAX_FILE_BYTES)
		err = wb_fail(note, WB_ERR_IO, "%s: larger than %d bytes", path,
		              MAX_FILE_BYTES);
	else if (text->len != strlen(wb_buf_text(text)))
		err = wb_fail(note, WB_ERR_IO, "%s: holds a NUL byte", path);
	(void)fclose(file);
	return err;
}

static enum wb_err
hash(const char *text, size_t bytes, char ret_hex[WB_SHA256_TEXT_BYTES],
     struct wb_note *note)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	if (EVP_Digest(text, bytes, digest, &n, EVP_sha256(), NULL) != 1 ||
	    n * 2 + 1 != WB_SHA256_TEXT_BYTES)
		return wb_fail(note, WB_ERR_FAILED, "OpenSSL has no SHA-256");
	for (unsigned i = 0; i < n; i++)
		(void)snprintf(ret_hex + (size_t)i * 2, 3, "%02x", digest[i]);
	return WB_OK;
}

static enum wb_err
add(struct wb_migration_part *part, const char *file_name, const char *text,
    size_t bytes, struct wb_note *note)
{
	struct wb_migration *migration = NULL;
	enum wb_err err = WB_OK;

	part->migrations = wb_realloc(
	    part->migrations, (part->n + 1) * sizeof(*part->migrations));
	migration = &part->migrations[part->n];
	*migration = (struct wb_migration){ .number = (int)part->n + 1 };
	err = hash(text, bytes, migration->checksum, note);
	if (err != WB_OK)
		return err;
	migration->name = wb_strdup(file_name);
	migration->sql = wb_strdup(text);
	part->n++;
	return WB_OK;
}

static enum wb_err
load_one(struct wb_migration_part *part, const char *folder,
         const char *file_name, struct wb_note *note)
{
	struct wb_buf path = { 0 }, text = { 0 };
	enum wb_err err = WB_OK;

	wb_buf_printf(&path, "%s/%s", folder, file_name);
	err = read_file(wb_buf_text(&path), &text, note);
	if (err == WB_OK)
		err = add(part, file_name, wb_buf_text(&text), text.len, note);
	wb_buf_fini(&path);
	wb_buf_fini(&text);
	return err;
}

/* names is sorted. */
static enum wb_err
load_all(struct wb_migration_part *part, const char *folder,
         struct dirent **names, int n_names, struct wb_note *note)
{
	for (int i = 0; i < n_names; i++) {
		const char *file_name = names[i]->d_name;
		enum wb_err err = WB_OK;

		if (!has_suffix(file_name))
			continue;
		err = check_number(part, folder, file_name, note);
		if (err == WB_OK)
			err = load_one(part, folder, file_name, note);
		if (err != WB_OK)
			return err;
	}
	return WB_OK;
}

enum wb_err
wb_migration_part_load(struct wb_migration_part *part, const char *schema_dir,
                       const char *name, struct wb_note *note)
{
	struct wb_buf folder = { 0 };
	struct dirent **names = NULL;
	enum wb_err err = WB_OK;
	int n_names = 0;

	*part = (struct wb_migration_part){ .name = name };
	wb_buf_printf(&folder, "%s/%s", schema_dir, name);
	n_names = scandir(wb_buf_text(&folder), &names, NULL, alphasort);
	if (n_names < 0)
		err = wb_fail(note, WB_ERR_BAD_CONFIG, "%s: %s",
		              wb_buf_text(&folder), strerror(errno));
	else
		err =
		    load_all(part, wb_buf_text(&folder), names, n_names, note);
	for (int i = 0; i < n_names; i++)
		free(names[i]);
	free(names);
	wb_buf_fini(&folder);
	if (err != WB_OK)
		wb_migration_part_fini(part);
	return err;
}

enum wb_err
wb_migration_part_build(struct wb_migration_part *part, const char *name,
                        const struct wb_migration_file *files, size_t n_files,
                        struct wb_note *note)
{
	enum wb_err err = WB_OK;

	*part = (struct wb_migration_part){ .name = name };
	for (size_t i = 0; i < n_files && err == WB_OK; i++) {
		err = check_number(part, name, files[i].name, note);
		if (err == WB_OK)
			err = add(part, files[i].name, files[i].text,
			          files[i].text_bytes, note);
	}
	if (err != WB_OK)
		wb_migration_part_fini(part);
	return err;
}

void
wb_migration_part_fini(struct wb_migration_part *part)
{
	for (size_t i = 0; i < part->n; i++) {
		free(part->migrations[i].name);
		free(part->migrations[i].sql);
	}
	free(part->migrations);
	part->migrations = NULL;
	part->n = 0;
}
