/*
 * secret.c
 *		Memory for keys, on libsodium's guarded heap.
 */
#include <sodium.h>
#include <stdint.h>

#include "base/secret.h"

#define SECRET_ALIGNMENT 64

void *
secret_alloc(size_t size)
{
	if (size > SIZE_MAX - SECRET_ALIGNMENT || sodium_init() < 0)
		return NULL;

	/*
	 * libsodium puts an allocation right before its guard page, so a size
	 * that is a multiple of the alignment gives an aligned address.
	 */
	size = (size + SECRET_ALIGNMENT - 1) / SECRET_ALIGNMENT * SECRET_ALIGNMENT;

	void *secret = sodium_malloc(size);

	if (secret != NULL)
		sodium_memzero(secret, size);
	return secret;
}

void
secret_free(void *secret)
{
	sodium_free(secret);
}

void
secret_wipe(void *memory, size_t size)
{
	sodium_memzero(memory, size);
}

bool
secret_equal(const void *a, const void *b, size_t size)
{
	return sodium_memcmp(a, b, size) == 0;
}
