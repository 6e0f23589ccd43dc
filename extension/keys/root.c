/*
 * root.c
 *		The root keys of the server.
 *
 * The postmaster asks the provider once, before the first connection; what it
 * got lies in shared memory, in pages of its own that stay out of core dumps
 * and, where the system allows it, out of the swap.
 */
#include "postgres.h"

#include <sys/mman.h>
#include <unistd.h>

#include "miscadmin.h"
#include "port/atomics.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"

#include "base/compat.h"
#include "base/errors.h"
#include "base/secret.h"
#include "crypto/hash.h"
#include "crypto/selftest.h"
#include "keys/root.h"

#define TRANCHE "tarot_security"

#define HKDF_INFO_WRAP "tarot_security v1 wrap"

typedef struct RootShared
{
	LWLock *lock; /* over all but the generation */
	pg_atomic_uint64 generation;
	RootKeySet keys; /* none: locked */
	bool locked;     /* by tarot.lock(), so that nothing but tarot.unlock() undoes it */
	char problem[PROBLEM_SIZE];
} RootShared;

static RootShared *shared;

/* What a known-answer test did not pass; found in the postmaster, inherited by all. */
static const char *self_test_failure;

static Size
page_size(void)
{
	return (Size) sysconf(_SC_PAGESIZE);
}

/* Whole pages, and one more so that they can begin on a page. */
static Size
shared_size(void)
{
	return add_size(TYPEALIGN(page_size(), sizeof(RootShared)), page_size());
}

void
RootKeyShmemRequest(void)
{
	RequestAddinShmemSpace(shared_size());
	RequestNamedLWLockTranche(TRANCHE, 1);
}

static void
load_at_start(void)
{
	/* The working copy of the keys is in secret memory, not on the stack. */
	RootKeySet *keys = secret_alloc(sizeof(RootKeySet));
	char problem[PROBLEM_SIZE] = "out of memory";

	if (keys != NULL && ProviderRead(keys, problem))
		shared->keys = *keys;
	else
	{
		strlcpy(shared->problem, problem, PROBLEM_SIZE);
		ereport(WARNING,
				(errcode(TAROT_ERRCODE_ROOT_KEY_UNAVAILABLE),
				 errmsg("tarot_security starts locked: %s", problem),
				 errhint("Mend it and call tarot.unlock(). All that needs no key works.")));
	}
	secret_free(keys);
}

static void
report_disabled(int level)
{
	ereport(level, (errcode(TAROT_ERRCODE_CRYPTO_FAILURE),
					errmsg("tarot_security is disabled: known-answer test of %s failed",
						   self_test_failure),
					errdetail("Nothing is encrypted or decrypted by this server."),
					errhint("Check the installed versions of libcrypto and libsodium, then "
							"restart the server.")));
}

void
RootKeyShmemStartup(void)
{
	bool found;
	char *memory;

	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	memory = ShmemInitStruct(TRANCHE, shared_size(), &found);
	shared = (RootShared *) TYPEALIGN(page_size(), memory);
	if (!found)
	{
		memset(shared, 0, sizeof(RootShared));
		shared->lock = &GetNamedLWLockTranche(TRANCHE)->lock;
		pg_atomic_init_u64(&shared->generation, 1);

		/* Best effort: a limit on locked memory is no reason not to start. */
		(void) madvise(shared, TYPEALIGN(page_size(), sizeof(RootShared)), MADV_DONTDUMP);
		(void) mlock(shared, TYPEALIGN(page_size(), sizeof(RootShared)));
	}
	LWLockRelease(AddinShmemInitLock);
	if (found)
		return;

	self_test_failure = crypto_self_test();
	if (self_test_failure == NULL)
		load_at_start();
	else
		report_disabled(LOG); /* which no setting of log_min_messages but fatal and panic hides */
}

void
CryptoRequire(void)
{
	if (unlikely(self_test_failure != NULL))
		report_disabled(ERROR);
}

uint64
RootKeyGeneration(void)
{
	return pg_atomic_read_u64(&shared->generation);
}

bool
RootKeyIsUnlocked(void)
{
	bool unlocked;

	LWLockAcquire(shared->lock, LW_SHARED);
	unlocked = shared->keys.count > 0;
	LWLockRelease(shared->lock);
	return unlocked && self_test_failure == NULL;
}

void
RootKeyProblem(char problem[PROBLEM_SIZE])
{
	if (self_test_failure != NULL)
	{
		snprintf(problem, PROBLEM_SIZE, "known-answer test of %s failed", self_test_failure);
		return;
	}
	LWLockAcquire(shared->lock, LW_SHARED);
	strlcpy(problem, shared->problem, PROBLEM_SIZE);
	LWLockRelease(shared->lock);
}

/*
 * The reason may name files and commands of the administrator: it is in the
 * server log and in tarot.root_key_status, not here.
 */
pg_noreturn static void
raise_locked(void)
{
	ereport(ERROR,
			(errcode(TAROT_ERRCODE_LOCKED), errmsg("tarot_security is locked"),
			 errdetail("The server has no root key, so nothing can be encrypted or decrypted."),
			 errhint("An administrator calls tarot.unlock(); tarot.root_key_status tells why "
					 "the root key is missing.")));
}

void
RootKeyRequire(void)
{
	CryptoRequire();
	if (!RootKeyIsUnlocked())
		raise_locked();
}

void
RootKeyCurrent(uint8 fingerprint[ROOT_KEY_FINGERPRINT_SIZE])
{
	RootKeyRequire();
	LWLockAcquire(shared->lock, LW_SHARED);
	memcpy(fingerprint, shared->keys.keys[0].fingerprint, ROOT_KEY_FINGERPRINT_SIZE);
	LWLockRelease(shared->lock);
}

int
RootKeyFingerprints(uint8 fingerprints[ROOT_KEYS_MAX][ROOT_KEY_FINGERPRINT_SIZE])
{
	int count;

	LWLockAcquire(shared->lock, LW_SHARED);
	count = shared->keys.count;
	for (int i = 0; i < count; i++)
		memcpy(fingerprints[i], shared->keys.keys[i].fingerprint, ROOT_KEY_FINGERPRINT_SIZE);
	LWLockRelease(shared->lock);
	return count;
}

static const RootKey *
find_key(const RootKeySet *keys, const uint8 *fingerprint)
{
	for (int i = 0; i < keys->count; i++)
	{
		if (memcmp(keys->keys[i].fingerprint, fingerprint, ROOT_KEY_FINGERPRINT_SIZE) == 0)
			return &keys->keys[i];
	}
	return NULL;
}

pg_noreturn static void
raise_mismatch(void)
{
	ereport(ERROR,
			(errcode(TAROT_ERRCODE_ROOT_KEY_MISMATCH),
			 errmsg("the root key is not the one that this database's keys are wrapped with"),
			 errdetail("The fingerprint in tarot.keyring belongs to none of the root keys "
					   "that the provider gave."),
			 errhint("Restore the right root key, or let the provider print both the new "
					 "and the old one, then call tarot.unlock().")));
}

XaesKey *
RootKeyWrapping(const uint8 fingerprint[ROOT_KEY_FINGERPRINT_SIZE])
{
	const RootKey *root;
	uint8 wrapping[XAES_KEY_SIZE];
	XaesKey *key = NULL;
	CryptoStatus status = CRYPTO_OK;

	RootKeyRequire();
	LWLockAcquire(shared->lock, LW_SHARED);
	root = find_key(&shared->keys, fingerprint);
	if (root != NULL)
		status = hkdf_sha256(bytes_view(root->key, ROOT_KEY_SIZE), bytes_view(NULL, 0),
							 bytes_of_string(HKDF_INFO_WRAP), wrapping, sizeof(wrapping));
	LWLockRelease(shared->lock);

	if (root == NULL)
		raise_mismatch();
	if (status == CRYPTO_OK)
		key = xaes_create(wrapping);
	secret_wipe(wrapping, sizeof(wrapping));
	if (key == NULL)
		CryptoRaise(CRYPTO_FAILED);
	return key;
}

/* Makes these keys the server's. The caller holds the lock. */
static void
install(const RootKeySet *keys)
{
	shared->keys = *keys;
	shared->locked = false;
	shared->problem[0] = '\0';
	pg_atomic_fetch_add_u64(&shared->generation, 1);
}

void
RootKeyGenerate(bool for_first_key)
{
	RootKeyProvider provider;
	RootKeySet *volatile keys;
	char problem[PROBLEM_SIZE];
	volatile bool ok = false;
	volatile bool locked = false;

	CryptoRequire();
	if (!ProviderSelect(&provider, problem))
		ereport(ERROR, (errcode(TAROT_ERRCODE_ROOT_KEY_UNAVAILABLE), errmsg("%s", problem)));
	if (provider != ROOT_KEY_GENERATED)
		return;
	if ((keys = secret_alloc(sizeof(RootKeySet))) == NULL)
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));

	/* Two databases may be at it: the second finds the first one's key in the file. */
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	PG_TRY();
	{
		/* What tarot.lock() closed, only tarot.unlock() opens. */
		locked = shared->locked;
		if (!locked && ProviderRead(keys, problem))
			ok = (for_first_key && keys->count > 0) || ProviderGenerate(keys, problem);
		if (ok)
			install(keys);
	}
	PG_FINALLY();
	{
		secret_free(keys);
	}
	PG_END_TRY();
	LWLockRelease(shared->lock);
	if (locked)
		raise_locked();
	if (!ok)
		ereport(ERROR, (errcode(TAROT_ERRCODE_ROOT_KEY_UNAVAILABLE),
						errmsg("cannot generate a root key"), errdetail_internal("%s", problem)));
}

void
RootKeyUnlock(const uint8 *fingerprint, bool open_locked)
{
	RootKeySet *volatile keys;
	char problem[PROBLEM_SIZE];
	volatile bool ok = false;
	volatile bool matches = false;
	volatile bool locked = false;

	/* Before anybody is asked for a secret. */
	CryptoRequire();
	if ((keys = secret_alloc(sizeof(RootKeySet))) == NULL)
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));

	/* No lock is held while a command runs: it may take its time, and may be cancelled. */
	PG_TRY();
	{
		ok = ProviderRead(keys, problem);
		if (ok && keys->count == 0 && fingerprint != NULL)
		{
			strlcpy(problem, "the generated root key file is missing", PROBLEM_SIZE);
			ok = false;
		}
		matches = ok && (fingerprint == NULL || find_key(keys, fingerprint) != NULL);
		if (ok && !matches)
			strlcpy(problem, "the provider gives another root key than this database needs",
					PROBLEM_SIZE);
		LWLockAcquire(shared->lock, LW_EXCLUSIVE);
		locked = shared->locked && !open_locked;
		if (locked)
			; /* meanwhile: it keeps its reason */
		else if (matches)
			install(keys);
		else
			strlcpy(shared->problem, problem, PROBLEM_SIZE);
		LWLockRelease(shared->lock);
	}
	PG_FINALLY();
	{
		secret_free(keys);
	}
	PG_END_TRY();

	if (locked)
		raise_locked();
	if (!ok)
		ereport(ERROR, (errcode(TAROT_ERRCODE_ROOT_KEY_UNAVAILABLE),
						errmsg("the root key provider gave no root key"),
						errdetail_internal("%s", problem),
						errhint("Check tarot_security.root_key_command or "
								"tarot_security.root_key_file, and the server log.")));
	if (!matches)
		raise_mismatch();
}

void
RootKeyLock(void)
{
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	secret_wipe(&shared->keys, sizeof(shared->keys));
	shared->locked = true;
	strlcpy(shared->problem, "locked by tarot.lock()", PROBLEM_SIZE);
	pg_atomic_fetch_add_u64(&shared->generation, 1);
	LWLockRelease(shared->lock);
}

void
CryptoRaise(CryptoStatus status)
{
	switch (status)
	{
		case CRYPTO_MALFORMED:
			ereport(ERROR, (errcode(TAROT_ERRCODE_MALFORMED_ENVELOPE),
							errmsg("not an envelope of tarot_security"),
							errhint("It may be truncated, or come from a newer version.")));
		case CRYPTO_UNAUTHENTIC:
			ereport(ERROR, (errcode(TAROT_ERRCODE_CANNOT_OPEN), errmsg("cannot open the envelope"),
							errdetail("The key, the context or the envelope itself is not the one "
									  "it was sealed with.")));
		default:
			ereport(ERROR, (errcode(TAROT_ERRCODE_CRYPTO_FAILURE),
							errmsg("the cryptographic library failed"),
							errhint("The server may be out of memory.")));
	}
}
