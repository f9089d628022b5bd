/* UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above
 * U+10FFFF. */
#ifndef WB_BASE_UTF8_H
#define WB_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes (1–4) of the character at text, 0 if there is none that is valid
 * within the `bytes` left. */
size_t wb_utf8_char(const char *text, size_t bytes);

/* Writes the code point (no surrogate, at most 0x10FFFF). Returns its bytes. */
size_t wb_utf8_encode(uint32_t code, char ret_text[4]);

bool wb_utf8_is_valid(const char *text, size_t bytes);

/* The length of text, which was cut somewhere, without the character that the
 * cut left incomplete at its end. */
size_t wb_utf8_trim(const char *text, size_t bytes);

#endif
