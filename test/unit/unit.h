/*
 * unit.h
 *		What the stand-alone test programs share: TAP, repeatable random inputs,
 *		hexadecimal literals, and the libraries that XAES-256-GCM runs on here.
 *
 * A program's head comment names its SOURCES; it is built from those with
 * -Iextension -lcrypto -lsodium. TAROT_SEED=N varies the random inputs (the
 * seed is printed, so that a failure can be repeated).
 */
#ifndef TAROT_TEST_UNIT_H
#define TAROT_TEST_UNIT_H

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bytes.h"
#include "crypto/xaes.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))
#define STRING(text) bytes_view(text, sizeof(text) - 1)

/* ---------------------------------------------------------------- TAP */

static int tests;
static int failures;

static inline bool ok(bool passed, const char *format, ...) __attribute__((format(printf, 2, 3)));

static inline bool
ok(bool passed, const char *format, ...)
{
	va_list args;

	printf("%s %d - ", passed ? "ok" : "not ok", ++tests);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	fflush(stdout);
	failures += !passed;
	return passed;
}

static inline void die(const char *what) __attribute__((noreturn));

static inline void
die(const char *what)
{
	printf("Bail out! %s\n", what);
	exit(2);
}

static inline void *
must(void *pointer)
{
	if (pointer == NULL)
		die("out of memory");
	return pointer;
}

/* ---------------------------------------------------------------- helpers */

static uint64_t random_state;

/* xorshift64*, Vigna 2016: repeatable, which is all that is asked of it here. */
static inline uint64_t
any(uint64_t below)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return (random_state * UINT64_C(2685821657736338717) >> 1) % below;
}

static inline void
fill_any(uint8_t *out, size_t size)
{
	for (size_t i = 0; i < size; i++)
		out[i] = (uint8_t) any(256);
}

static inline bool
all_bytes_are(const uint8_t *bytes, uint8_t value, size_t size)
{
	for (size_t i = 0; i < size; i++)
	{
		if (bytes[i] != value)
			return false;
	}
	return true;
}

static inline int
hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Of a literal in this file; the caller's buffer is large enough. */
static inline Bytes
unhex(const char *hex, uint8_t *out)
{
	size_t size = strlen(hex) / 2;

	for (size_t i = 0; i < size; i++)
		out[i] = (uint8_t) (hex_digit(hex[2 * i]) << 4 | hex_digit(hex[2 * i + 1]));
	return bytes_view(out, size);
}

static inline bool
is_hex(Bytes bytes, const char *hex)
{
	if (bytes.len * 2 != strlen(hex))
		return false;
	for (size_t i = 0; i < bytes.len; i++)
	{
		if (bytes.data[i] != (hex_digit(hex[2 * i]) << 4 | hex_digit(hex[2 * i + 1])))
			return false;
	}
	return true;
}

static inline bool
bytes_equal(Bytes a, Bytes b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static inline XaesKey *
key_of_byte(uint8_t byte)
{
	uint8_t raw[XAES_KEY_SIZE];

	memset(raw, byte, sizeof(raw));
	return must(xaes_create(raw));
}

/* The libraries that run here: both, but where the processor has no AES instructions. */
static const struct
{
	XaesLibrary library;
	const char *name;
} libraries[] = {{XAES_OPENSSL, "OpenSSL"}, {XAES_LIBSODIUM, "libsodium"}};
static size_t nlibraries;

static inline void
begin(void)
{
	const char *seed = getenv("TAROT_SEED");

	random_state = seed != NULL ? strtoull(seed, NULL, 10) : 78;
	printf("# TAROT_SEED=%" PRIu64 "\n", random_state);
	random_state = (random_state + 1) * UINT64_C(0x9e3779b97f4a7c15) | 1;
	nlibraries = xaes_has_libsodium() ? 2 : 1;
	if (nlibraries == 1)
		printf("# no AES instructions here: libsodium's AES-256-GCM is not tested\n");
}

/* The plan comes last; its number tells a program that ended early. */
static inline int
end(void)
{
	printf("1..%d\n", tests);
	return failures != 0;
}

#endif
