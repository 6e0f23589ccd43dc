/*
 * merkle.h
 *		Hash trees of RFC 9162, section 2.1 (and RFC 6962): a list that only
 *		grows, of which a few hashes prove what is in it, and that a later state
 *		has all that an earlier one had.
 *
 * Where hashes lie is the caller's affair. It gives them by MerkleReader: of
 * complete subtrees, which never change once their leaves are there. Of these
 * all else is computed.
 */
#ifndef TAROT_CRYPTO_MERKLE_H
#define TAROT_CRYPTO_MERKLE_H

#include "base/bytes.h"
#include "crypto/hash.h"
#include "crypto/status.h"

typedef struct MerkleHash
{
	uint8_t bytes[HASH_SIZE];
} MerkleHash;

/* A tree has less than 2^63 leaves. */
#define MERKLE_SIZE_MAX (UINT64_C(1) << 62)

/* Hashes in a proof: at most one a level of the tree, and one more for consistency. */
#define MERKLE_PROOF_MAX 64

/* ---------------------------------------------------------------- hashing */

/* Of a list of items (crypto/encoding.h). What stands before them parts leaves from nodes. */
extern CryptoStatus merkle_leaf(const Bytes *items, int count, MerkleHash *out);
extern CryptoStatus merkle_leaf_of_bytes(Bytes data, MerkleHash *out);
extern CryptoStatus merkle_node(const MerkleHash *left, const MerkleHash *right, MerkleHash *out);

/* ---------------------------------------------------------------- growing */

/*
 * The roots of the complete subtrees that a tree of this size is made of, from
 * the left, largest first: one for each bit of the size.
 */
typedef struct MerkleFrontier
{
	uint64_t size;
	int count;
	MerkleHash peaks[MERKLE_PROOF_MAX];
} MerkleFrontier;

/* How many peaks a tree of a size has. */
extern int merkle_peaks(uint64_t size);

/* Called with each complete subtree as it comes to be: of 2^height leaves, from index * 2^height
 * on. */
typedef CryptoStatus (*MerkleWriter)(void *store, int height, uint64_t index,
									 const MerkleHash *hash);

/* `writer` may be NULL. */
extern CryptoStatus
merkle_append(MerkleFrontier *frontier, const MerkleHash *leaf, MerkleWriter writer, void *store);

extern CryptoStatus merkle_root(const MerkleFrontier *frontier, MerkleHash *root);

/* ---------------------------------------------------------------- proving */

/* The root of the complete subtree of 2^height leaves from index * 2^height on. */
typedef CryptoStatus (*MerkleReader)(void *store, int height, uint64_t index, MerkleHash *hash);

typedef struct MerkleProof
{
	int count;
	MerkleHash hashes[MERKLE_PROOF_MAX];
} MerkleProof;

extern CryptoStatus
merkle_read_frontier(uint64_t size, MerkleReader reader, void *store, MerkleFrontier *frontier);

/* That a leaf is at a position (from 0) of a tree of this size. CRYPTO_MALFORMED: it has no such.
 */
extern CryptoStatus merkle_prove_inclusion(uint64_t position, uint64_t size, MerkleReader reader,
										   void *store, MerkleProof *proof);

/* That a tree of size `to` begins with that of size `from`, which is not 0. */
extern CryptoStatus merkle_prove_consistency(uint64_t from, uint64_t to, MerkleReader reader,
											 void *store, MerkleProof *proof);

/* ---------------------------------------------------------------- verifying */

/* CRYPTO_OK, CRYPTO_UNAUTHENTIC where it does not prove it, CRYPTO_FAILED. */
extern CryptoStatus
merkle_verify_inclusion(const MerkleHash *leaf, uint64_t position, uint64_t size,
						const MerkleProof *proof, const MerkleHash *root);
extern CryptoStatus
merkle_verify_consistency(uint64_t from, const MerkleHash *from_root, uint64_t to,
						  const MerkleHash *to_root, const MerkleProof *proof);

#endif
