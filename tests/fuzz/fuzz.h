/* What a fuzz target is: one function that takes any bytes and must neither
 * crash nor break an assertion. Under the preset `fuzz` libFuzzer calls it with
 * what it thinks up; elsewhere replay.c calls it with the corpus. */
#ifndef WB_TESTS_FUZZ_H
#define WB_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

#endif
