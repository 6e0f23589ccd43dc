/*
 * binding.c
 *		What ties an envelope to one row of one column of one table.
 */
#include <stdlib.h>

#include "crypto/binding.h"
#include "crypto/encoding.h"
#include "crypto/hash.h"

/* Keeps this hash from being one that is made for another purpose. */
#define BINDING_DOMAIN "tarot_security v1 row"

/* A few numbers need no allocation. */
#define MESSAGE_ON_STACK 256

CryptoStatus
binding_compute(const uint8_t id[BINDING_ID_SIZE], const Bytes *items, int nitems,
				uint8_t out[ENVELOPE_BINDING_SIZE])
{
	Bytes list[BINDING_ITEMS_MAX + 2] = {bytes_of_string(BINDING_DOMAIN),
										 bytes_view(id, BINDING_ID_SIZE)};
	uint8_t stack[MESSAGE_ON_STACK];
	uint8_t digest[HASH_SIZE];
	uint8_t *message = stack;
	size_t size;
	CryptoStatus status;

	if (nitems < 0 || nitems > BINDING_ITEMS_MAX)
		return CRYPTO_FAILED;
	for (int i = 0; i < nitems; i++)
		list[i + 2] = items[i];
	size = list_encoded_size(list, nitems + 2);
	if (size > sizeof(stack) && (message = malloc(size)) == NULL)
		return CRYPTO_FAILED;
	list_encode(list, nitems + 2, message);
	status = hash_sha256(bytes_view(message, size), digest);
	if (status == CRYPTO_OK)
		memcpy(out, digest, ENVELOPE_BINDING_SIZE);
	if (message != stack)
		free(message);
	return status;
}
