/* Statement parameters. Scalars lie one after another in one buffer, arrays in
 * a buffer each; all of it is kept by wb_pg_args_clear for the next use. */
#include "pg/internal.h"

#include "base/attr.h"
#include "base/mem.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define WB_PG_ARGS_MAGIC 0x50474152u

enum {
	TEXT_FORMAT = 0,
	BINARY_FORMAT = 1,
	MAX_PARAMS = 65535, /* of the protocol */
};

struct param {
	enum { IS_NULL, IS_SCALAR, IS_ARRAY } kind;
	int format;
	size_t at;    /* scalar: offset in data; array: index in arrays */
	size_t bytes; /* of a scalar */
};

struct wb_pg_args {
	unsigned magic;
	struct param *params;
	size_t n, cap;
	struct wb_buf data;
	struct wb_pg_array *arrays; /* n_arrays in use, cap_arrays made */
	size_t n_arrays, cap_arrays;
	/* libpq's shape, filled when sent. */
	const char **values;
	int *lengths, *formats;
};

void
wb_pg_args_free(struct wb_pg_args *args)
{
	if (args == NULL)
		return;
	WB_ASSERT(args->magic == WB_PG_ARGS_MAGIC);
	for (size_t i = 0; i < args->cap_arrays; i++)
		wb_buf_fini(&args->arrays[i].data);
	wb_buf_fini(&args->data);
	free(args->arrays);
	free(args->params);
	free(args->values);
	free(args->lengths);
	free(args->formats);
	args->magic = 0;
	free(args);
}

struct wb_pg_args *
wb_pg_args_new(void)
{
	struct wb_pg_args *args = wb_zalloc(sizeof(*args));

	args->magic = WB_PG_ARGS_MAGIC;
	return args;
}

void
wb_pg_args_clear(struct wb_pg_args *args)
{
	args->n = 0;
	args->n_arrays = 0;
	wb_buf_clear(&args->data);
}

static struct param *
add_param(struct wb_pg_args *args)
{
	WB_ASSERT(args->n < MAX_PARAMS);
	if (args->n == args->cap) {
		size_t cap = args->cap > 0 ? args->cap * 2 : 8;

		args->params =
		    wb_realloc(args->params, cap * sizeof(*args->params));
		args->values = wb_realloc((void *)args->values,
		                          cap * sizeof(*args->values));
		args->lengths =
		    wb_realloc(args->lengths, cap * sizeof(*args->lengths));
		args->formats =
		    wb_realloc(args->formats, cap * sizeof(*args->formats));
		args->cap = cap;
	}
	args->params[args->n] = (struct param){ .kind = IS_NULL };
	return &args->params[args->n++];
}

static void
add_scalar(struct wb_pg_args *args, int format, const void *data, size_t bytes)
{
	struct param *param = add_param(args);

	WB_ASSERT(bytes <= INT_MAX);
	*param = (struct param){
		.kind = IS_SCALAR,
		.format = format,
		.at = args->data.len,
		.bytes = bytes,
	};
	wb_buf_add(&args->data, data, bytes);
	wb_buf_add(&args->data, "", 1); /* text is taken up to its NUL */
}

void
wb_pg_arg_text(struct wb_pg_args *args, const char *text)
{
	if (text == NULL)
		(void)add_param(args);
	else
		add_scalar(args, TEXT_FORMAT, text, strlen(text));
}

void
wb_pg_arg_text_n(struct wb_pg_args *args, const char *text, size_t bytes)
{
	if (text == NULL) {
		(void)add_param(args);
		return;
	}
	/* libpq would cut it off at a NUL; binary, the server refuses it. */
	add_scalar(args,
	           memchr(text, '\0', bytes) != NULL ? BINARY_FORMAT
	                                             : TEXT_FORMAT,
	           text, bytes);
}

void
wb_pg_arg_i64(struct wb_pg_args *args, int64_t value)
{
	unsigned char data[8];

	wb_pg_put_u64(data, (uint64_t)value);
	add_scalar(args, BINARY_FORMAT, data, sizeof(data));
}

void
wb_pg_arg_i32(struct wb_pg_args *args, int32_t value)
{
	unsigned char data[4];

	wb_pg_put_u32(data, (uint32_t)value);
	add_scalar(args, BINARY_FORMAT, data, sizeof(data));
}

void
wb_pg_arg_bool(struct wb_pg_args *args, bool value)
{
	unsigned char data = value ? 1 : 0;

	add_scalar(args, BINARY_FORMAT, &data, 1);
}

void
wb_pg_arg_uuid(struct wb_pg_args *args, const struct wb_uuid *uuid)
{
	if (uuid == NULL)
		(void)add_param(args);
	else
		add_scalar(args, BINARY_FORMAT, uuid->bytes,
		           sizeof(uuid->bytes));
}

void
wb_pg_arg_bytea(struct wb_pg_args *args, const void *data, size_t bytes)
{
	if (data == NULL && bytes == 0)
		data = "";
	add_scalar(args, BINARY_FORMAT, data, bytes);
}

size_t
wb_pg_arg_array(struct wb_pg_args *args, enum wb_pg_elem type)
{
	struct param *param = add_param(args);

	if (args->n_arrays == args->cap_arrays) {
		size_t cap = args->cap_arrays > 0 ? args->cap_arrays * 2 : 4;

		args->arrays =
		    wb_realloc(args->arrays, cap * sizeof(*args->arrays));
		for (size_t i = args->cap_arrays; i < cap; i++)
			args->arrays[i] = (struct wb_pg_array){ 0 };
		args->cap_arrays = cap;
	}
	wb_pg_array_reset(&args->arrays[args->n_arrays], type);
	*param = (struct param){
		.kind = IS_ARRAY,
		.format = BINARY_FORMAT,
		.at = args->n_arrays++,
	};
	return args->n - 1;
}

struct wb_pg_array *
wb_pg_args_array(struct wb_pg_args *args, size_t param)
{
	WB_ASSERT(param < args->n && args->params[param].kind == IS_ARRAY);
	return &args->arrays[args->params[param].at];
}

static void
fill(const struct wb_pg_args *args, size_t i)
{
	const struct param *param = &args->params[i];
	size_t bytes = param->bytes;

	switch (param->kind) {
	case IS_NULL:
		args->values[i] = NULL;
		break;
	case IS_SCALAR:
		args->values[i] = args->data.data + param->at;
		break;
	case IS_ARRAY:
		args->values[i] = args->arrays[param->at].data.data;
		bytes = wb_pg_array_bytes(&args->arrays[param->at]);
		break;
	}
	WB_ASSERT(bytes <= INT_MAX);
	args->lengths[i] = (int)bytes;
	args->formats[i] = param->format;
}

struct wb_pg_arg_arrays
wb_pg_args_arrays(const struct wb_pg_args *args)
{
	if (args == NULL || args->n == 0)
		return (struct wb_pg_arg_arrays){ 0 };
	WB_ASSERT(args->magic == WB_PG_ARGS_MAGIC);
	for (size_t i = 0; i < args->n; i++)
		fill(args, i);
	return (struct wb_pg_arg_arrays){
		.n = (int)args->n,
		.values = args->values,
		.lengths = args->lengths,
		.formats = args->formats,
	};
}
