/*
 * bytes.h
 *		Length-carrying views of bytes, and big-endian integers.
 *
 * No server headers: what includes this also links into fuzzers and tools.
 */
#ifndef TAROT_BASE_BYTES_H
#define TAROT_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* A view of bytes that somebody else owns. */
typedef struct Bytes
{
	const uint8_t *data;
	size_t len;
} Bytes;

static inline Bytes
bytes_view(const void *data, size_t len)
{
	return (Bytes){.data = (const uint8_t *) data, .len = len};
}

static inline Bytes
bytes_of_string(const char *text)
{
	return bytes_view(text, strlen(text));
}

static inline void
bytes_put_u32(uint8_t out[4], uint32_t value)
{
	out[0] = (uint8_t) (value >> 24);
	out[1] = (uint8_t) (value >> 16);
	out[2] = (uint8_t) (value >> 8);
	out[3] = (uint8_t) value;
}

static inline uint32_t
bytes_get_u32(const uint8_t in[4])
{
	return ((uint32_t) in[0] << 24) | ((uint32_t) in[1] << 16) | ((uint32_t) in[2] << 8) |
		   (uint32_t) in[3];
}

static inline void
bytes_put_u64(uint8_t out[8], uint64_t value)
{
	bytes_put_u32(out, (uint32_t) (value >> 32));
	bytes_put_u32(out + 4, (uint32_t) value);
}

static inline uint64_t
bytes_get_u64(const uint8_t in[8])
{
	return (uint64_t) bytes_get_u32(in) << 32 | bytes_get_u32(in + 4);
}

#endif
