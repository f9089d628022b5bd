#include "base/uuid.h"

#include "base/clock.h"
#include "base/random.h"

#include <string.h>

#define COUNTER_LIMIT 0x1000 /* rand_a has 12 bits */
#define COUNTER_SEED  0x0800 /* half of them are room to count upwards */

static const char hex_digits[] = "0123456789abcdef";

/* The next (ms, counter), above all earlier ones of this process: the ms stand
 * still while the clock goes back, and run ahead of it when the counter of
 * one ms is used up. */
static void
next_stamp(uint64_t *ret_ms, unsigned *ret_counter)
{
	static uint64_t last_ms;
	static unsigned counter;
	uint64_t now_ms = (uint64_t)wb_wall_us() / 1000;

	counter++;
	if (now_ms > last_ms || counter == COUNTER_LIMIT) {
		last_ms = now_ms > last_ms ? now_ms : last_ms + 1;
		counter = (unsigned)wb_random_below(COUNTER_SEED);
	}
	*ret_ms = last_ms;
	*ret_counter = counter;
}

struct wb_uuid
wb_uuid_v7(void)
{
	struct wb_uuid uuid;
	uint64_t ms, random = wb_random_u64();
	unsigned counter;
	size_t i;

	next_stamp(&ms, &counter);
	for (i = 0; i < 6; i++)
		uuid.bytes[i] = (uint8_t)(ms >> (40 - 8 * i));
	uuid.bytes[6] = (uint8_t)(0x70 | counter >> 8);
	uuid.bytes[7] = (uint8_t)(counter & 0xFF);
	memcpy(uuid.bytes + 8, &random, sizeof(random));
	uuid.bytes[8] = (uint8_t)(0x80 | (uuid.bytes[8] & 0x3F));
	return uuid;
}

static int
hex_value(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	if (digit >= 'a' && digit <= 'f')
		return digit - 'a' + 10;
	if (digit >= 'A' && digit <= 'F')
		return digit - 'A' + 10;
	return -1;
}

/* Whether a dash comes before byte i of the text form. */
static bool
has_dash_before(size_t i)
{
	return i == 4 || i == 6 || i == 8 || i == 10;
}

bool
wb_uuid_parse(const char *text, struct wb_uuid *ret_uuid)
{
	struct wb_uuid uuid;
	size_t i;

	for (i = 0; i < sizeof(uuid.bytes); i++) {
		int high, low;

		if (has_dash_before(i) && *text++ != '-')
			return false;
		high = hex_value(text[0]);
		low = high < 0 ? -1 : hex_value(text[1]);
		if (low < 0)
			return false;
		uuid.bytes[i] = (uint8_t)(high << 4 | low);
		text += 2;
	}
	if (*text != '\0')
		return false;
	*ret_uuid = uuid;
	return true;
}

char *
wb_uuid_format(const struct wb_uuid *uuid, char text[WB_UUID_TEXT_BYTES])
{
	char *at = text;
	size_t i;

	for (i = 0; i < sizeof(uuid->bytes); i++) {
		if (has_dash_before(i))
			*at++ = '-';
		*at++ = hex_digits[uuid->bytes[i] >> 4];
		*at++ = hex_digits[uuid->bytes[i] & 0x0F];
	}
	*at = '\0';
	return text;
}

int
wb_uuid_compare(const struct wb_uuid *a, const struct wb_uuid *b)
{
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

bool
wb_uuid_is_nil(const struct wb_uuid *uuid)
{
	static const struct wb_uuid nil;

	return wb_uuid_compare(uuid, &nil) == 0;
}
