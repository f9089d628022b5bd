/* Array parameters in the binary form of array_send: number of dimensions, has
 * nulls, element type; per dimension its length and first index; per element
 * its length (-1 = NULL) and its bytes. All integers big-endian.
 * Source: Postgres, src/backend/utils/adt/arrayfuncs.c, array_recv. */
#include "pg/internal.h"

#include "base/attr.h"

#include <limits.h>
#include <string.h>

enum {
	AT_DIMENSIONS = 0,
	AT_HAS_NULL = 4,
	AT_TYPE = 8,
	EMPTY_BYTES = 12, /* no dimensions */
	AT_LENGTH = 12,
	AT_FIRST_INDEX = 16,
	HEADER_BYTES = 20,
};

static const uint32_t null_length = UINT32_MAX;

/* Between 1970-01-01, ours, and 2000-01-01, Postgres'. */
static const int64_t epoch_us = INT64_C(946684800) * 1000000;

/* Of pg_type; fixed for ever, by the name of the C client header
 * catalog/pg_type_d.h. The server compares them, text is not varchar. */
static uint32_t
type_of(enum wb_pg_elem type)
{
	switch (type) {
	case WB_PG_TEXT:
		return 25;
	case WB_PG_INT4:
		return 23;
	case WB_PG_INT8:
		return 20;
	case WB_PG_BOOL:
		return 16;
	case WB_PG_UUID:
		return 2950;
	case WB_PG_JSON:
		return 114;
	case WB_PG_BYTEA:
		return 17;
	case WB_PG_TIMESTAMPTZ:
		return 1184;
	}
	wb_assert_failed("no such element type", __FILE__, __LINE__);
}

void
wb_pg_put_u32(unsigned char *to, uint32_t value)
{
	for (int i = 3; i >= 0; i--) {
		to[i] = (unsigned char)(value & 0xff);
		value >>= 8;
	}
}

void
wb_pg_put_u64(unsigned char *to, uint64_t value)
{
	for (int i = 7; i >= 0; i--) {
		to[i] = (unsigned char)(value & 0xff);
		value >>= 8;
	}
}

static void
patch(struct wb_pg_array *array, size_t at, uint32_t value)
{
	wb_pg_put_u32((unsigned char *)array->data.data + at, value);
}

void
wb_pg_array_reset(struct wb_pg_array *array, enum wb_pg_elem type)
{
	static const char header[HEADER_BYTES];

	array->type = type;
	array->n = 0;
	wb_buf_clear(&array->data);
	wb_buf_add(&array->data, header, sizeof(header));
	patch(array, AT_TYPE, type_of(type));
	patch(array, AT_FIRST_INDEX, 1);
}

size_t
wb_pg_array_bytes(const struct wb_pg_array *array)
{
	return array->n > 0 ? array->data.len : EMPTY_BYTES;
}

static void
count_element(struct wb_pg_array *array, uint32_t length)
{
	unsigned char raw[4];

	if (array->n == 0)
		patch(array, AT_DIMENSIONS, 1);
	patch(array, AT_LENGTH, ++array->n);
	wb_pg_put_u32(raw, length);
	wb_buf_add(&array->data, raw, sizeof(raw));
}

static void
add_element(struct wb_pg_array *array, const void *data, size_t bytes)
{
	WB_ASSERT(bytes <= INT_MAX);
	count_element(array, (uint32_t)bytes);
	if (bytes > 0)
		wb_buf_add(&array->data, data, bytes);
}

static void
add_null(struct wb_pg_array *array)
{
	patch(array, AT_HAS_NULL, 1);
	count_element(array, null_length);
}

void
wb_pg_elem_null(struct wb_pg_args *args, size_t param)
{
	add_null(wb_pg_args_array(args, param));
}

void
wb_pg_elem_text(struct wb_pg_args *args, size_t param, const char *text)
{
	wb_pg_elem_text_n(args, param, text, text != NULL ? strlen(text) : 0);
}

void
wb_pg_elem_text_n(struct wb_pg_args *args, size_t param, const char *text,
                  size_t bytes)
{
	struct wb_pg_array *array = wb_pg_args_array(args, param);

	WB_ASSERT(array->type == WB_PG_TEXT || array->type == WB_PG_JSON ||
	          array->type == WB_PG_BYTEA);
	if (text == NULL)
		add_null(array);
	else
		add_element(array, text, bytes);
}

void
wb_pg_elem_i64(struct wb_pg_args *args, size_t param, int64_t value)
{
	struct wb_pg_array *array = wb_pg_args_array(args, param);
	unsigned char raw[8];

	WB_ASSERT(array->type == WB_PG_INT8);
	wb_pg_put_u64(raw, (uint64_t)value);
	add_element(array, raw, sizeof(raw));
}

void
wb_pg_elem_i32(struct wb_pg_args *args, size_t param, int32_t value)
{
	struct wb_pg_array *array = wb_pg_args_array(args, param);
	unsigned char raw[4];

	WB_ASSERT(array->type == WB_PG_INT4);
	wb_pg_put_u32(raw, (uint32_t)value);
	add_element(array, raw, sizeof(raw));
}

void
wb_pg_elem_bool(struct wb_pg_args *args, size_t param, bool value)
{
	struct wb_pg_array *array = wb_pg_args_array(args, param);
	unsigned char raw = value ? 1 : 0;

	WB_ASSERT(array->type == WB_PG_BOOL);
	add_element(array, &raw, 1);
}

void
wb_pg_elem_uuid(struct wb_pg_args *args, size_t param,
                const struct wb_uuid *uuid)
{
	struct wb_pg_array *array = wb_pg_args_array(args, param);

	WB_ASSERT(array->type == WB_PG_UUID);
	if (uuid == NULL)
		add_null(array);
	else
		add_element(array, uuid->bytes, sizeof(uuid->bytes));
}

void
wb_pg_elem_time(struct wb_pg_args *args, size_t param, int64_t wall_us)
{
	struct wb_pg_array *array = wb_pg_args_array(args, param);
	unsigned char raw[8];

	WB_ASSERT(array->type == WB_PG_TIMESTAMPTZ);
	wb_pg_put_u64(raw, (uint64_t)(wall_us - epoch_us));
	add_element(array, raw, sizeof(raw));
}
