/*
 * secret_test.c
 *		Secret memory: guarded, wiped, kept out of core dumps.
 *
 * SOURCES: extension/crypto/[a-z]*.c extension/base/secret.c
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>

#include "base/secret.h"

#include "unit.h"

/* ---------------------------------------------------------------- secret memory */

/* Whether a child that does this is stopped by the system. */
static bool
child_crashes(void (*work)(uint8_t *memory), uint8_t *memory)
{
	int status;
	pid_t child = fork();

	if (child < 0)
		die("fork");
	if (child == 0)
	{
		struct rlimit none = {0, 0};
		int nowhere = open("/dev/null", O_WRONLY);

		/* No core, no report of a sanitizer: the crash is wanted. */
		setrlimit(RLIMIT_CORE, &none);
		signal(SIGSEGV, SIG_DFL);
		signal(SIGBUS, SIG_DFL);
		if (nowhere >= 0)
			dup2(nowhere, STDERR_FILENO);
		work(memory);
		_exit(0);
	}
	return waitpid(child, &status, 0) == child && status != 0;
}

static void
read_first(uint8_t *memory)
{
	volatile uint8_t *first = memory;

	(void) first[0];
}

static void
read_after_free(uint8_t *memory)
{
	secret_free(memory);
	read_first(memory);
}

static void
write_past_end(uint8_t *memory)
{
	volatile uint8_t *end = memory + 128;

	end[0] = 1;
}

static void
write_before_and_free(uint8_t *memory)
{
	volatile uint8_t *before = memory - 1;

	before[0] ^= 1;
	secret_free(memory);
}

/* Whether the mapping that holds this address is left out of core dumps. */
static bool
undumpable(const void *memory)
{
	FILE *maps = fopen("/proc/self/smaps", "r");
	char line[512];
	bool here = false, found = false;

	while (maps != NULL && fgets(line, sizeof(line), maps) != NULL)
	{
		uintptr_t from, to;

		if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " ", &from, &to) == 2)
			here = (uintptr_t) memory >= from && (uintptr_t) memory < to;
		else if (here && strncmp(line, "VmFlags:", 8) == 0)
			found = strstr(line, " dd") != NULL;
	}
	if (maps != NULL)
		fclose(maps);
	return found;
}

static void
test_secret(void)
{
	uint8_t *memory;
	uint8_t other[64];
	size_t wrong = 0;

	for (size_t size = 0; size <= 5000; size += size < 200 ? 1 : 97)
	{
		memory = must(secret_alloc(size));
		wrong += (uintptr_t) memory % 64 != 0 || !all_bytes_are(memory, 0, size);
		memset(memory, 0xff, size);
		secret_free(memory);
	}
	secret_free(NULL);
	ok(wrong == 0, "secret memory is aligned to 64 bytes and begins as zeros");
	ok(secret_alloc(SIZE_MAX) == NULL && secret_alloc(SIZE_MAX - 64) == NULL &&
		   secret_alloc(SIZE_MAX / 2) == NULL,
	   "secret memory of an impossible size is refused");

	memory = must(secret_alloc(128));
	memset(memory, 0xff, 128);
	secret_wipe(memory + 1, 126);
	ok(memory[0] == 0xff && memory[127] == 0xff && all_bytes_are(memory + 1, 0, 126),
	   "wiping writes zeros over all it was given and nothing else");
	ok(!child_crashes(read_first, memory) && child_crashes(read_after_free, memory) &&
		   child_crashes(write_past_end, memory) && child_crashes(write_before_and_free, memory),
	   "secret memory is gone when freed, guarded behind and before");
	ok(undumpable(memory), "secret memory is left out of core dumps");
	secret_free(memory);

	wrong = 0;
	memory = must(secret_alloc(64));
	memset(other, 0, sizeof(other));
	wrong += !secret_equal(memory, other, 64) || !secret_equal(memory, other, 0);
	for (size_t bit = 0; bit < 64 * 8; bit++)
	{
		other[bit / 8] ^= (uint8_t) (1 << bit % 8);
		wrong += secret_equal(memory, other, 64) || !secret_equal(memory, other, bit / 8);
		other[bit / 8] ^= (uint8_t) (1 << bit % 8);
	}
	ok(wrong == 0, "comparing sees every bit, and only as far as it was told");
	secret_free(memory);
}

int
main(void)
{
	begin();
	test_secret();
	return end();
}
