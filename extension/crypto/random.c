/*
 * random.c
 *		Random bytes from the kernel, drawn in batches.
 */
#include <pthread.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "crypto/random.h"

#define POOL_SIZE 1024

static uint8_t *pool;
static size_t pool_left;

static void
forget_pool(void)
{
	pool_left = 0;
}

static bool
create_pool(void)
{
	/* The parent's pool is still in a forked child's memory: never to be used there. */
	if (pthread_atfork(NULL, NULL, forget_pool) != 0)
		return false;
	pool = secret_alloc(POOL_SIZE);
	return pool != NULL;
}

void
random_bytes(void *out, size_t size)
{
	if (size > POOL_SIZE / 4 || (pool == NULL && !create_pool()))
	{
		randombytes_buf(out, size);
		return;
	}

	if (pool_left < size)
	{
		randombytes_buf(pool, POOL_SIZE);
		pool_left = POOL_SIZE;
	}
	pool_left -= size;
	memcpy(out, pool + pool_left, size);
	secret_wipe(pool + pool_left, size);
}
