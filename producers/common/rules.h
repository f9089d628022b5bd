/* What the values of an API must look like. */
#ifndef WB_PRODUCERS_RULES_H
#define WB_PRODUCERS_RULES_H

#include <stdbool.h>

#define SKU_BYTES 64
#define SKU_RULE  "must be 1 to 64 of A-Z, a-z, 0-9, '.', '_' and '-'"

/* 1 to SKU_BYTES of [A-Za-z0-9._-] */
bool is_sku(const char *text);

/* ISO 4217, as to its form: three of A-Z. */
bool is_currency(const char *text);

/* ISO 3166-1 alpha-2, as to its form: two of A-Z. */
bool is_country(const char *text);

/* As far as a form can tell: printable ASCII without blanks, and one @ with
 * something on both sides. */
bool is_email(const char *text);

#endif
