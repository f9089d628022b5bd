/* Dates are counted by hand: the C library's reverse of gmtime is not in
 * POSIX, and its clocks know nothing of microseconds. */
#include "base/clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define US_PER_S   INT64_C(1000000)
#define S_PER_DAY  INT64_C(86400)
#define US_PER_DAY (S_PER_DAY * US_PER_S)

/* Years 0000 to 9999, which is all that RFC 3339 can say. */
#define FIRST_DAY INT64_C(-719528)
#define LAST_DAY  INT64_C(2932896)

static int64_t
read_clock_us(clockid_t clock)
{
	struct timespec now;

	(void)clock_gettime(clock, &now); /* these two can't fail */
	return (int64_t)now.tv_sec * US_PER_S + now.tv_nsec / 1000;
}

int64_t
wb_mono_us(void)
{
	return read_clock_us(CLOCK_MONOTONIC);
}

int64_t
wb_wall_us(void)
{
	return read_clock_us(CLOCK_REALTIME);
}

/* Years begin in March here, so that the leap day is the last of its year;
 * an era is 400 years, 146,097 days. Day 0 is 1970-01-01. */
static int64_t
days_of_date(int64_t year, int64_t month, int64_t day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t year_of_era = y - era * 400;
	int64_t day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
	int64_t day_of_era = year_of_era * 365 + year_of_era / 4 -
	                     year_of_era / 100 + day_of_year;

	return era * 146097 + day_of_era - 719468;
}

static void
date_of_days(int64_t days, int64_t *ret_year, int64_t *ret_month,
             int64_t *ret_day)
{
	int64_t shifted = days + 719468;
	int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
	int64_t day_of_era = shifted - era * 146097;
	int64_t year_of_era = (day_of_era - day_of_era / 1460 +
	                       day_of_era / 36524 - day_of_era / 146096) /
	                      365;
	int64_t day_of_year =
	    day_of_era -
	    (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int64_t month_from_march = (5 * day_of_year + 2) / 153;

	*ret_day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
	*ret_month =
	    month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
	*ret_year = year_of_era + era * 400 + (*ret_month <= 2 ? 1 : 0);
}

static void
put_digits(char *to, int64_t number, int n_digits)
{
	while (n_digits-- > 0) {
		to[n_digits] = (char)('0' + number % 10);
		number /= 10;
	}
}

char *
wb_time_format(int64_t wall_us, char text[WB_TIME_TEXT_BYTES])
{
	int64_t days = wall_us / US_PER_DAY, us = wall_us % US_PER_DAY;
	int64_t year, month, day;

	if (us < 0) {
		us += US_PER_DAY;
		days--;
	}
	if (days < FIRST_DAY || days > LAST_DAY) {
		us = days < FIRST_DAY ? 0 : US_PER_DAY - 1;
		days = days < FIRST_DAY ? FIRST_DAY : LAST_DAY;
	}
	date_of_days(days, &year, &month, &day);
	memcpy(text, "0000-00-00T00:00:00.000000Z", WB_TIME_TEXT_BYTES);
	put_digits(text, year, 4);
	put_digits(text + 5, month, 2);
	put_digits(text + 8, day, 2);
	put_digits(text + 11, us / US_PER_S / 3600, 2);
	put_digits(text + 14, us / US_PER_S / 60 % 60, 2);
	put_digits(text + 17, us / US_PER_S % 60, 2);
	put_digits(text + 20, us % US_PER_S, 6);
	return text;
}

/* Reads n_digits digits and then one of the characters in `after` ("" for
 * none), moves *at behind them. */
static bool
take_number(const char **at, int n_digits, const char *after, int64_t max,
            int64_t *ret_number)
{
	int64_t number = 0;

	for (; n_digits > 0; n_digits--, (*at)++) {
		if (**at < '0' || **at > '9')
			return false;
		number = number * 10 + (**at - '0');
	}
	if (after[0] != '\0') {
		if (**at == '\0' || strchr(after, **at) == NULL)
			return false;
		(*at)++;
	}
	*ret_number = number;
	return number <= max;
}

static bool
take_date(const char **at, int64_t *ret_days)
{
	static const int64_t lengths[] = { 31, 29, 31, 30, 31, 30,
		                           31, 31, 30, 31, 30, 31 };
	int64_t year, month, day;
	bool is_leap;

	if (!take_number(at, 4, "-", 9999, &year) ||
	    !take_number(at, 2, "-", 12, &month) ||
	    !take_number(at, 2, "Tt ", 31, &day) || month < 1 || day < 1)
		return false;
	is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
	if (day > lengths[month - 1] || (month == 2 && day == 29 && !is_leap))
		return false;
	*ret_days = days_of_date(year, month, day);
	return true;
}

/* What is finer than a microsecond is dropped. */
static bool
take_fraction(const char **at, int64_t *ret_us)
{
	int64_t unit = US_PER_S;
	int n_digits = 0;

	*ret_us = 0;
	if (**at != '.')
		return true;
	for ((*at)++; **at >= '0' && **at <= '9'; (*at)++, n_digits++) {
		unit /= 10;
		*ret_us += unit * (**at - '0');
	}
	return n_digits >= 1 && n_digits <= 9;
}

static bool
take_offset(const char **at, int64_t *ret_s)
{
	int64_t hours, minutes, sign;

	if (**at == 'Z' || **at == 'z') {
		(*at)++;
		*ret_s = 0;
		return true;
	}
	if (**at != '+' && **at != '-')
		return false;
	sign = *(*at)++ == '-' ? -1 : 1;
	if (!take_number(at, 2, ":", 23, &hours) ||
	    !take_number(at, 2, "", 59, &minutes))
		return false;
	*ret_s = sign * (hours * 3600 + minutes * 60);
	return true;
}

bool
wb_time_parse(const char *text, int64_t *ret_wall_us)
{
	int64_t days, hour, minute, second, us, offset_s, s;

	/* Second 60 is a leap second: the first of the next minute here. */
	if (!take_date(&text, &days) ||
	    !take_number(&text, 2, ":", 23, &hour) ||
	    !take_number(&text, 2, ":", 59, &minute) ||
	    !take_number(&text, 2, "", 60, &second) ||
	    !take_fraction(&text, &us) || !take_offset(&text, &offset_s) ||
	    *text != '\0')
		return false;
	s = days * S_PER_DAY + hour * 3600 + minute * 60 + second - offset_s;
	*ret_wall_us = s * US_PER_S + us;
	return true;
}
