/*
 * encoding.h
 *		Bytes as text, and lists of bytes as one string of bytes.
 */
#ifndef TAROT_CRYPTO_ENCODING_H
#define TAROT_CRYPTO_ENCODING_H

#include "base/bytes.h"

/* base64url without padding, RFC 4648 section 5. */
extern size_t base64url_encoded_size(size_t size); /* without a terminating zero */
extern size_t base64url_decoded_bound(size_t size);

/* `out` has base64url_encoded_size + 1 bytes: a zero byte ends it. */
extern void base64url_encode(Bytes in, char *out);

/*
 * Accepts only what base64url_encode could have written: no padding, no white
 * space, no bits set beyond the end. `out` has base64url_decoded_bound bytes.
 */
extern bool base64url_decode(Bytes in, uint8_t *out, size_t *size);

/*
 * Encodes a list so that two different lists never give the same bytes:
 * the number of items (32 bits), then each item's length (64 bits) and bytes,
 * all big-endian. What is authenticated beside a ciphertext has this form.
 */
extern size_t list_encoded_size(const Bytes *items, int count);
extern void list_encode(const Bytes *items, int count, uint8_t *out);

#endif
