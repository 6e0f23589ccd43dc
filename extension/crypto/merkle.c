/*
 * merkle.c
 *		Hash trees of RFC 9162, section 2.1.
 */
#include "crypto/merkle.h"

/* RFC 9162, 2.1.1: so that no node can be passed off as a leaf. */
#define LEAF_PREFIX 0x00
#define NODE_PREFIX 0x01

/* ---------------------------------------------------------------- hashing */

CryptoStatus
merkle_leaf(const Bytes *items, int count, MerkleHash *out)
{
	static const uint8_t prefix = LEAF_PREFIX;

	return hash_list(bytes_view(&prefix, 1), items, count, out->bytes);
}

CryptoStatus
merkle_leaf_of_bytes(Bytes data, MerkleHash *out)
{
	return hash_behind(LEAF_PREFIX, data, out->bytes);
}

CryptoStatus
merkle_node(const MerkleHash *left, const MerkleHash *right, MerkleHash *out)
{
	return hash_pair(NODE_PREFIX, left->bytes, right->bytes, out->bytes);
}

/* ---------------------------------------------------------------- growing */

int
merkle_peaks(uint64_t size)
{
	return __builtin_popcountll(size);
}

CryptoStatus
merkle_append(MerkleFrontier *frontier, const MerkleHash *leaf, MerkleWriter writer, void *store)
{
	MerkleHash hash = *leaf;
	uint64_t index = frontier->size;
	int height = 0;
	CryptoStatus status = writer == NULL ? CRYPTO_OK : writer(store, 0, index, &hash);

	/* It completes as many subtrees as the size ends in ones. */
	for (; status == CRYPTO_OK && (index & 1) != 0; index >>= 1)
	{
		status = merkle_node(&frontier->peaks[--frontier->count], &hash, &hash);
		height++;
		if (status == CRYPTO_OK && writer != NULL)
			status = writer(store, height, index >> 1, &hash);
	}
	frontier->peaks[frontier->count++] = hash;
	frontier->size++;
	return status;
}

CryptoStatus
merkle_root(const MerkleFrontier *frontier, MerkleHash *root)
{
	CryptoStatus status = CRYPTO_OK;

	if (frontier->count == 0)
		return hash_sha256(bytes_view(NULL, 0), root->bytes);
	*root = frontier->peaks[frontier->count - 1];
	for (int i = frontier->count - 2; status == CRYPTO_OK && i >= 0; i--)
		status = merkle_node(&frontier->peaks[i], root, root);
	return status;
}

CryptoStatus
merkle_read_frontier(uint64_t size, MerkleReader reader, void *store, MerkleFrontier *frontier)
{
	uint64_t done = 0;
	CryptoStatus status = CRYPTO_OK;

	frontier->size = size;
	frontier->count = 0;
	for (int height = 62; status == CRYPTO_OK && height >= 0; height--)
	{
		if ((size >> height & 1) == 0)
			continue;
		status = reader(store, height, done >> height, &frontier->peaks[frontier->count++]);
		done += UINT64_C(1) << height;
	}
	return status;
}

/* ---------------------------------------------------------------- proving */

/* The height of the left subtree of a tree of n leaves, n > 1: 2^height < n <= 2^(height + 1). */
static int
split_height(uint64_t n)
{
	return 63 - __builtin_clzll(n - 1);
}

/* Of the leaves from `begin`, which the tree splits off there, to before `end`. */
static CryptoStatus
range_root(uint64_t begin, uint64_t end, MerkleReader reader, void *store, MerkleHash *root)
{
	MerkleFrontier range = {.size = end - begin};
	CryptoStatus status = CRYPTO_OK;

	for (int height = 62; status == CRYPTO_OK && height >= 0; height--)
	{
		if (((end - begin) >> height & 1) == 0)
			continue;
		status = reader(store, height, begin >> height, &range.peaks[range.count++]);
		begin += UINT64_C(1) << height;
	}
	return status == CRYPTO_OK ? merkle_root(&range, root) : status;
}

/* What a descent passes by, from the top; a proof has it from the bottom. */
typedef struct Sibling
{
	uint64_t begin;
	uint64_t end;
} Sibling;

static CryptoStatus
read_siblings(const Sibling *siblings, int count, MerkleReader reader, void *store,
			  MerkleProof *proof)
{
	CryptoStatus status = CRYPTO_OK;

	for (int i = count - 1; status == CRYPTO_OK && i >= 0; i--)
		status = range_root(siblings[i].begin, siblings[i].end, reader, store,
							&proof->hashes[proof->count++]);
	return status;
}

CryptoStatus
merkle_prove_inclusion(uint64_t position, uint64_t size, MerkleReader reader, void *store,
					   MerkleProof *proof)
{
	Sibling siblings[MERKLE_PROOF_MAX];
	uint64_t begin = 0, end = size;
	int count = 0;

	proof->count = 0;
	if (position >= size || size > MERKLE_SIZE_MAX)
		return CRYPTO_MALFORMED;
	while (end - begin > 1)
	{
		uint64_t middle = begin + (UINT64_C(1) << split_height(end - begin));
		bool left = position < middle;

		siblings[count++] = left ? (Sibling){middle, end} : (Sibling){begin, middle};
		*(left ? &end : &begin) = middle;
	}
	return read_siblings(siblings, count, reader, store, proof);
}

CryptoStatus
merkle_prove_consistency(uint64_t from, uint64_t to, MerkleReader reader, void *store,
						 MerkleProof *proof)
{
	Sibling siblings[MERKLE_PROOF_MAX];
	uint64_t begin = 0, end = to;
	int count = 0;

	proof->count = 0;
	if (from == 0 || from > to || to > MERKLE_SIZE_MAX)
		return CRYPTO_MALFORMED;
	while (from != end)
	{
		uint64_t middle = begin + (UINT64_C(1) << split_height(end - begin));
		bool left = from <= middle;

		siblings[count++] = left ? (Sibling){middle, end} : (Sibling){begin, middle};
		*(left ? &end : &begin) = middle;
	}

	/* The old tree itself needs no telling, a part of it does. */
	if (begin != 0)
		siblings[count++] = (Sibling){begin, end};
	return read_siblings(siblings, count, reader, store, proof);
}

/* ---------------------------------------------------------------- verifying */

static CryptoStatus
require_equal(const MerkleHash *a, const MerkleHash *b)
{
	return memcmp(a, b, sizeof(MerkleHash)) == 0 ? CRYPTO_OK : CRYPTO_UNAUTHENTIC;
}

/* RFC 9162, 2.1.3.2. */
CryptoStatus
merkle_verify_inclusion(const MerkleHash *leaf, uint64_t position, uint64_t size,
						const MerkleProof *proof, const MerkleHash *root)
{
	uint64_t node = position, last = size - 1;
	MerkleHash hash = *leaf;
	CryptoStatus status = CRYPTO_OK;

	if (position >= size)
		return CRYPTO_UNAUTHENTIC;
	for (int i = 0; status == CRYPTO_OK && i < proof->count; i++)
	{
		if (last == 0)
			return CRYPTO_UNAUTHENTIC;
		if ((node & 1) != 0 || node == last)
		{
			status = merkle_node(&proof->hashes[i], &hash, &hash);
			for (; (node & 1) == 0 && node != 0; node >>= 1)
				last >>= 1;
		}
		else
			status = merkle_node(&hash, &proof->hashes[i], &hash);
		node >>= 1;
		last >>= 1;
	}
	if (status != CRYPTO_OK)
		return status;
	return last == 0 ? require_equal(&hash, root) : CRYPTO_UNAUTHENTIC;
}

/* RFC 9162, 2.1.4.2. */
CryptoStatus
merkle_verify_consistency(uint64_t from, const MerkleHash *from_root, uint64_t to,
						  const MerkleHash *to_root, const MerkleProof *proof)
{
	uint64_t node = from - 1, last = to - 1;
	MerkleHash old_hash, new_hash;
	int next = 0;
	CryptoStatus status = CRYPTO_OK;

	if (from == 0 || from > to)
		return CRYPTO_UNAUTHENTIC;
	if (from == to)
		return proof->count == 0 ? require_equal(from_root, to_root) : CRYPTO_UNAUTHENTIC;

	for (; (node & 1) != 0; node >>= 1)
		last >>= 1;
	if (node == 0)
		old_hash = *from_root; /* complete, so the proof leaves it out */
	else if (proof->count > 0)
		old_hash = proof->hashes[next++];
	else
		return CRYPTO_UNAUTHENTIC;
	new_hash = old_hash;

	for (; status == CRYPTO_OK && next < proof->count; next++)
	{
		const MerkleHash *hash = &proof->hashes[next];

		if (last == 0)
			return CRYPTO_UNAUTHENTIC;
		if ((node & 1) != 0 || node == last)
		{
			status = merkle_node(hash, &old_hash, &old_hash);
			if (status == CRYPTO_OK)
				status = merkle_node(hash, &new_hash, &new_hash);
			for (; (node & 1) == 0 && node != 0; node >>= 1)
				last >>= 1;
		}
		else
			status = merkle_node(&new_hash, hash, &new_hash);
		node >>= 1;
		last >>= 1;
	}
	if (status == CRYPTO_OK && last != 0)
		return CRYPTO_UNAUTHENTIC;
	if (status == CRYPTO_OK)
		status = require_equal(&old_hash, from_root);
	return status == CRYPTO_OK ? require_equal(&new_hash, to_root) : status;
}
