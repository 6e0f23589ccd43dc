/*
 * provider.h
 *		Where root keys come from: a command, a file, or a file of our own.
 *
 * Runs in the postmaster too, so nothing here raises errors.
 */
#ifndef TAROT_KEYS_PROVIDER_H
#define TAROT_KEYS_PROVIDER_H

#include "crypto/xaes.h"

#define ROOT_KEY_SIZE XAES_KEY_SIZE
#define ROOT_KEY_FINGERPRINT_SIZE 16

/* More than one only while a rotation is under way in some database. */
#define ROOT_KEYS_MAX 8

typedef struct RootKey
{
	uint8_t key[ROOT_KEY_SIZE];
	uint8_t fingerprint[ROOT_KEY_FINGERPRINT_SIZE];
} RootKey;

/* The first is the current one. Lives in secret or shared memory only. */
typedef struct RootKeySet
{
	int count;
	RootKey keys[ROOT_KEYS_MAX];
} RootKeySet;

typedef enum RootKeyProvider
{
	ROOT_KEY_FROM_COMMAND,
	ROOT_KEY_FROM_FILE,
	ROOT_KEY_GENERATED,
} RootKeyProvider;

#define PROBLEM_SIZE 256

/* By the settings. The problem, if any, names the setting and never a key. */
extern bool ProviderSelect(RootKeyProvider *provider, char problem[PROBLEM_SIZE]);
extern const char *ProviderName(RootKeyProvider provider);

/*
 * Reads all root keys. False with a problem when there is none to be had; for
 * a generated file that does not exist yet, true with count 0.
 */
extern bool ProviderRead(RootKeySet *keys, char problem[PROBLEM_SIZE]);

/* Puts a new key first into the generated file, on disk before it returns. */
extern bool ProviderGenerate(RootKeySet *keys, char problem[PROBLEM_SIZE]);

extern void ProviderInit(void);

#endif
