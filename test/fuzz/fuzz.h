/*
 * fuzz.h
 *		What the fuzz targets share.
 */
#ifndef TAROT_TEST_FUZZ_H
#define TAROT_TEST_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void
require(bool holds)
{
	if (!holds)
		abort();
}

#endif
