/*
 * xaes.c
 *		XAES-256-GCM on libsodium and OpenSSL.
 */
#include <limits.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <sodium.h>
#include <time.h>

#include "base/secret.h"
#include "crypto/xaes.h"

#define BLOCK 16          /* AES, FIPS 197 */
#define PREFIX_SIZE 12    /* the half of the nonce that derives a key */
#define GCM_NONCE_SIZE 12 /* SP 800-38D, 5.2.1.1 */
#define COUNTER_SIZE 4

/*
 * How many values share a derived key: far below the 2^32 invocations that
 * SP 800-38D, 8.3, allows one key. A smaller number costs derivations, a
 * larger one gains nothing.
 */
#define BATCH_VALUES (UINT32_C(1) << 16)

/* From this size on OpenSSL's wider code beats libsodium's, new key included. */
#define OPENSSL_MIN_SIZE 1536

/* Derived keys at hand: a scan meets a few batches interleaved, seldom more. */
#define DERIVED_SLOTS 16

typedef struct DerivedKey
{
	crypto_aead_aes256gcm_state state;
	uint8_t prefix[PREFIX_SIZE];
	bool ready;
} DerivedKey;

struct XaesKey
{
	DerivedKey derived[DERIVED_SLOTS]; /* for opening */
	DerivedKey sealing;                /* of the batch, apart: opening must not evict it */
	uint8_t k1[BLOCK];                 /* CMAC's first subkey, SP 800-38B */

	/* The batch that is being sealed. */
	uint8_t batch_nonce[XAES_NONCE_SIZE - COUNTER_SIZE];
	uint32_t batch_left;
	unsigned int batch_process;

	EVP_CIPHER_CTX *ecb;  /* derives keys */
	EVP_CIPHER_CTX *seal; /* OpenSSL's GCM, keyed with the derived key of ... */
	EVP_CIPHER_CTX *open;
	uint8_t seal_prefix[PREFIX_SIZE]; /* ... this prefix */
	uint8_t open_prefix[PREFIX_SIZE];
	bool seal_keyed;
	bool open_keyed;
};

static XaesLibrary forced_library = XAES_BY_SIZE;

/* Told apart so that a forked child never goes on with its parent's batch. */
static unsigned int process_number;

static EVP_CIPHER *aes_ecb;
static EVP_CIPHER *aes_gcm;
static bool libsodium_usable;

static void
count_process(void)
{
	process_number++;
}

static bool
prepare_libraries(void)
{
	static bool prepared;

	if (prepared)
		return true;
	if (sodium_init() < 0)
		return false;
	libsodium_usable = crypto_aead_aes256gcm_is_available() == 1;
	if (aes_ecb == NULL)
		aes_ecb = EVP_CIPHER_fetch(NULL, "AES-256-ECB", NULL);
	if (aes_gcm == NULL)
		aes_gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
	prepared = aes_ecb != NULL && aes_gcm != NULL && pthread_atfork(NULL, NULL, count_process) == 0;
	return prepared;
}

bool
xaes_has_libsodium(void)
{
	return prepare_libraries() && libsodium_usable;
}

void
xaes_use_library(XaesLibrary library)
{
	forced_library = library;
}

static bool
use_openssl(size_t size)
{
	if (forced_library == XAES_OPENSSL || !libsodium_usable)
		return true;
	return forced_library == XAES_BY_SIZE && size >= OPENSSL_MIN_SIZE;
}

static bool
encrypt_blocks(XaesKey *key, const uint8_t *in, uint8_t *out, int size)
{
	int written;

	return EVP_EncryptUpdate(key->ecb, out, &written, in, size) && written == size;
}

bool
xaes_rekey(XaesKey *key, const uint8_t raw[XAES_KEY_SIZE])
{
	uint8_t zero[BLOCK] = {0};
	uint8_t l[BLOCK];

	for (int i = 0; i < DERIVED_SLOTS; i++)
		key->derived[i].ready = false;
	key->sealing.ready = false;
	key->seal_keyed = false;
	key->open_keyed = false;
	if (!EVP_EncryptInit_ex2(key->ecb, aes_ecb, raw, NULL, NULL) ||
		!EVP_CIPHER_CTX_set_padding(key->ecb, 0) || !encrypt_blocks(key, zero, l, BLOCK))
		return false;

	/* K1 = L << 1, reduced by x^128 + x^7 + x^2 + x + 1, without a branch on the key. */
	for (int i = 0; i < BLOCK; i++)
		key->k1[i] = (uint8_t) (l[i] << 1 | (i + 1 < BLOCK ? l[i + 1] >> 7 : 0));
	key->k1[BLOCK - 1] ^= (uint8_t) (-(l[0] >> 7) & 0x87);
	secret_wipe(l, sizeof(l));
	return true;
}

XaesKey *
xaes_create(const uint8_t raw[XAES_KEY_SIZE])
{
	XaesKey *key;

	if (!prepare_libraries() || (key = secret_alloc(sizeof(XaesKey))) == NULL)
		return NULL;
	key->ecb = EVP_CIPHER_CTX_new();
	key->seal = EVP_CIPHER_CTX_new();
	key->open = EVP_CIPHER_CTX_new();
	if (key->ecb == NULL || key->seal == NULL || key->open == NULL ||
		!EVP_EncryptInit_ex2(key->seal, aes_gcm, NULL, NULL, NULL) ||
		!EVP_DecryptInit_ex2(key->open, aes_gcm, NULL, NULL, NULL) || !xaes_rekey(key, raw))
	{
		xaes_free(key);
		return NULL;
	}
	return key;
}

void
xaes_free(XaesKey *key)
{
	if (key == NULL)
		return;
	EVP_CIPHER_CTX_free(key->ecb);
	EVP_CIPHER_CTX_free(key->seal);
	EVP_CIPHER_CTX_free(key->open);
	secret_free(key);
}

/* Kx of the specification, from the first half of a nonce. */
static bool
derive(XaesKey *key, const uint8_t prefix[PREFIX_SIZE], uint8_t out[XAES_KEY_SIZE])
{
	uint8_t m[2 * BLOCK];
	bool ok;

	for (int i = 0; i < 2; i++)
	{
		uint8_t *block = m + i * BLOCK;

		block[0] = 0x00;
		block[1] = (uint8_t) (i + 1);
		block[2] = 0x58; /* 'X' */
		block[3] = 0x00;
		memcpy(block + 4, prefix, PREFIX_SIZE);
		for (int j = 0; j < BLOCK; j++)
			block[j] ^= key->k1[j];
	}
	ok = encrypt_blocks(key, m, out, sizeof(m));
	secret_wipe(m, sizeof(m)); /* it holds K1, XORed with what is known */
	return ok;
}

static bool
derive_into(XaesKey *key, DerivedKey *slot, const uint8_t prefix[PREFIX_SIZE])
{
	uint8_t kx[XAES_KEY_SIZE];

	slot->ready = derive(key, prefix, kx) && crypto_aead_aes256gcm_beforenm(&slot->state, kx) == 0;
	secret_wipe(kx, sizeof(kx));
	memcpy(slot->prefix, prefix, PREFIX_SIZE);
	return slot->ready;
}

static inline bool
ensure_derived(XaesKey *key, DerivedKey *slot, const uint8_t prefix[PREFIX_SIZE])
{
	return (slot->ready && memcmp(slot->prefix, prefix, PREFIX_SIZE) == 0) ||
		   derive_into(key, slot, prefix);
}

static __attribute__((noinline)) void
begin_batch(XaesKey *key)
{
	randombytes_buf(key->batch_nonce, sizeof(key->batch_nonce));
	key->batch_left = BATCH_VALUES;
	key->batch_process = process_number;
}

/* Unique within the batch by the counter. */
void
xaes_next_nonce(XaesKey *key, uint8_t nonce[XAES_NONCE_SIZE])
{
	if (key->batch_left == 0 || key->batch_process != process_number)
		begin_batch(key);
	key->batch_left--;
	memcpy(nonce, key->batch_nonce, XAES_NONCE_SIZE - COUNTER_SIZE);
	bytes_put_u32(nonce + XAES_NONCE_SIZE - COUNTER_SIZE, key->batch_left);
}

void
xaes_part_from_copies(XaesKey *key)
{
	struct timespec now;
	uint8_t time_bytes[8];

	/* Between the half that derives the key and the counter: neither changes. */
	clock_gettime(CLOCK_REALTIME, &now);
	bytes_put_u64(time_bytes, (uint64_t) now.tv_sec * 1000000000 + (uint64_t) now.tv_nsec);
	for (size_t i = 0; i < sizeof(time_bytes); i++)
		key->batch_nonce[PREFIX_SIZE + i] ^= time_bytes[i];
}

/*
 * Runs data through one of OpenSSL's contexts, which counts in int: a longer
 * value goes in pieces. Output NULL means authenticated data.
 */
static bool
feed(EVP_CIPHER_CTX *ctx, uint8_t *out, Bytes in)
{
	const size_t most = INT_MAX / 2;

	for (size_t done = 0; done < in.len;)
	{
		size_t piece = in.len - done < most ? in.len - done : most;
		int written;

		if (!EVP_CipherUpdate(ctx, out == NULL ? NULL : out + done, &written, in.data + done,
							  (int) piece))
			return false;
		done += piece;
	}
	return true;
}

/* Starts a value in one of OpenSSL's contexts, with a new key only where it must. */
static bool
start(XaesKey *key, EVP_CIPHER_CTX *ctx, uint8_t *keyed_prefix, bool *keyed,
	  const uint8_t nonce[XAES_NONCE_SIZE], Bytes aad)
{
	const uint8_t *gcm_nonce = nonce + PREFIX_SIZE;
	uint8_t kx[XAES_KEY_SIZE];
	bool ok;

	if (*keyed && memcmp(keyed_prefix, nonce, PREFIX_SIZE) == 0)
		ok = EVP_CipherInit_ex2(ctx, NULL, NULL, gcm_nonce, -1, NULL);
	else
	{
		*keyed = false;
		ok = derive(key, nonce, kx) && EVP_CipherInit_ex2(ctx, NULL, kx, gcm_nonce, -1, NULL);
		secret_wipe(kx, sizeof(kx));
		if (ok)
		{
			memcpy(keyed_prefix, nonce, PREFIX_SIZE);
			*keyed = true;
		}
	}
	return ok && feed(ctx, NULL, aad);
}

/* Apart, and so is the next: their room on the stack is not for short values. */
static __attribute__((noinline)) bool
openssl_seal(XaesKey *key, const uint8_t nonce[XAES_NONCE_SIZE], Bytes aad, Bytes plaintext,
			 uint8_t *ciphertext, uint8_t tag[XAES_TAG_SIZE])
{
	uint8_t nothing[BLOCK];
	int written;

	return start(key, key->seal, key->seal_prefix, &key->seal_keyed, nonce, aad) &&
		   feed(key->seal, ciphertext, plaintext) &&
		   EVP_EncryptFinal_ex(key->seal, nothing, &written) &&
		   EVP_CIPHER_CTX_ctrl(key->seal, EVP_CTRL_AEAD_GET_TAG, XAES_TAG_SIZE, tag) == 1;
}

static __attribute__((noinline)) CryptoStatus
openssl_open(XaesKey *key, const uint8_t nonce[XAES_NONCE_SIZE], Bytes aad, Bytes ciphertext,
			 const uint8_t tag[XAES_TAG_SIZE], uint8_t *plaintext)
{
	uint8_t nothing[BLOCK];
	int written;

	if (!start(key, key->open, key->open_prefix, &key->open_keyed, nonce, aad) ||
		!feed(key->open, plaintext, ciphertext) ||
		EVP_CIPHER_CTX_ctrl(key->open, EVP_CTRL_AEAD_SET_TAG, XAES_TAG_SIZE, (void *) tag) != 1)
		return CRYPTO_FAILED;
	return EVP_DecryptFinal_ex(key->open, nothing, &written) ? CRYPTO_OK : CRYPTO_UNAUTHENTIC;
}

CryptoStatus
xaes_seal(XaesKey *key, const uint8_t nonce[XAES_NONCE_SIZE], Bytes aad, Bytes plaintext,
		  uint8_t *ciphertext, uint8_t tag[XAES_TAG_SIZE])
{
	DerivedKey *derived = &key->sealing;

	if (use_openssl(plaintext.len))
		return openssl_seal(key, nonce, aad, plaintext, ciphertext, tag) ? CRYPTO_OK
																		 : CRYPTO_FAILED;

	if (!ensure_derived(key, derived, nonce) ||
		crypto_aead_aes256gcm_encrypt_detached_afternm(
			ciphertext, tag, NULL, plaintext.data, plaintext.len, aad.data, aad.len, NULL,
			nonce + PREFIX_SIZE, (const crypto_aead_aes256gcm_state *) &derived->state) != 0)
		return CRYPTO_FAILED;
	return CRYPTO_OK;
}

CryptoStatus
xaes_open(XaesKey *key, const uint8_t nonce[XAES_NONCE_SIZE], Bytes aad, Bytes ciphertext,
		  const uint8_t tag[XAES_TAG_SIZE], uint8_t *plaintext)
{
	DerivedKey *derived = &key->derived[nonce[0] % DERIVED_SLOTS];
	CryptoStatus status;

	if (use_openssl(ciphertext.len))
		status = openssl_open(key, nonce, aad, ciphertext, tag, plaintext);
	else if (!ensure_derived(key, derived, nonce))
		status = CRYPTO_FAILED;
	else
		status =
			crypto_aead_aes256gcm_decrypt_detached_afternm(
				plaintext, NULL, ciphertext.data, ciphertext.len, tag, aad.data, aad.len,
				nonce + PREFIX_SIZE, (const crypto_aead_aes256gcm_state *) &derived->state) == 0
				? CRYPTO_OK
				: CRYPTO_UNAUTHENTIC;

	if (status != CRYPTO_OK && ciphertext.len > 0)
		secret_wipe(plaintext, ciphertext.len);
	return status;
}
