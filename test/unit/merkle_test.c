/*
 * merkle_test.c
 *		crypto/merkle.c: the vectors of Certificate Transparency's reference
 *		implementation, the definition of RFC 9162 for all small trees, and proofs
 *		that prove nothing when they are changed in any way.
 */
#include "crypto/encoding.h"
#include "crypto/merkle.h"
#include "unit.h"

#define LEAVES 67
#define HEIGHTS 8

/* Of complete subtrees, as merkle_append() tells them. */
typedef struct Store
{
	MerkleHash hashes[HEIGHTS][LEAVES + 1];
	int reads;
} Store;

static CryptoStatus
store_write(void *argument, int height, uint64_t index, const MerkleHash *hash)
{
	((Store *) argument)->hashes[height][index] = *hash;
	return CRYPTO_OK;
}

static CryptoStatus
store_read(void *argument, int height, uint64_t index, MerkleHash *hash)
{
	Store *store = argument;

	store->reads++;
	*hash = store->hashes[height][index];
	return CRYPTO_OK;
}

static CryptoStatus
store_fail(void *argument, int height, uint64_t index, MerkleHash *hash)
{
	(void) argument;
	(void) height;
	(void) index;
	(void) hash;
	return CRYPTO_FAILED;
}

static bool
hash_is(const MerkleHash *hash, const char *hex)
{
	return is_hex(bytes_view(hash, sizeof(*hash)), hex);
}

static bool
same(const MerkleHash *a, const MerkleHash *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

/* RFC 9162, 2.1.1, word for word. */
static MerkleHash
by_definition(const MerkleHash *leaves, uint64_t n)
{
	MerkleHash left, right, root;
	uint64_t k = 1;

	if (n == 0)
	{
		hash_sha256(bytes_view(NULL, 0), root.bytes);
		return root;
	}
	if (n == 1)
		return leaves[0];
	while (k * 2 < n)
		k *= 2;
	left = by_definition(leaves, k);
	right = by_definition(leaves + k, n - k);
	(void) merkle_node(&left, &right, &root);
	return root;
}

/* ---------------------------------------------------------------- published vectors */

static const char *const vector_leaves[] = {"",
											"00",
											"10",
											"2021",
											"3031",
											"40414243",
											"5051525354555657",
											"606162636465666768696a6b6c6d6e6f"};
static const char *const vector_roots[] = {
	"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
	"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
	"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
	"aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
	"d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
	"4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
	"76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
	"ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
	"5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"};

static const struct
{
	uint64_t from, to; /* of inclusion: the position and the size */
	int count;
	const char *hashes[3];
} inclusion_vectors[] =
	{{0,
	  8,
	  3,
	  {"96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
	   "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
	   "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"}},
	 {5,
	  8,
	  3,
	  {"bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
	   "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
	   "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"}},
	 {2, 3, 1, {"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"}},
	 {1,
	  5,
	  3,
	  {"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
	   "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
	   "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"}},
	 {0, 1, 0, {NULL}}},
  consistency_vectors[] = {
	  {1,
	   8,
	   3,
	   {"96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
		"5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
		"6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"}},
	  {6,
	   8,
	   3,
	   {"0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
		"ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
		"d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"}},
	  {2,
	   5,
	   2,
	   {"5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
		"bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"}},
	  {8, 8, 0, {NULL}},
};

static bool
proof_is(const MerkleProof *proof, int count, const char *const *hashes)
{
	if (proof->count != count)
		return false;
	for (int i = 0; i < count; i++)
	{
		if (!hash_is(&proof->hashes[i], hashes[i]))
			return false;
	}
	return true;
}

static void
test_vectors(void)
{
	MerkleFrontier frontier = {0};
	static Store store;
	MerkleHash root, leaf;
	MerkleProof proof;
	uint8_t bytes[16];

	for (size_t i = 0; i < LENGTH(vector_roots); i++)
	{
		ok(merkle_root(&frontier, &root) == CRYPTO_OK && hash_is(&root, vector_roots[i]),
		   "root of %zu leaves", i);
		if (i == LENGTH(vector_leaves))
			break;
		(void) merkle_leaf_of_bytes(unhex(vector_leaves[i], bytes), &leaf);
		(void) merkle_append(&frontier, &leaf, store_write, &store);
	}
	for (size_t i = 0; i < LENGTH(inclusion_vectors); i++)
		ok(merkle_prove_inclusion(inclusion_vectors[i].from, inclusion_vectors[i].to, store_read,
								  &store, &proof) == CRYPTO_OK &&
			   proof_is(&proof, inclusion_vectors[i].count, inclusion_vectors[i].hashes),
		   "published inclusion proof %zu", i);
	for (size_t i = 0; i < LENGTH(consistency_vectors); i++)
		ok(merkle_prove_consistency(consistency_vectors[i].from, consistency_vectors[i].to,
									store_read, &store, &proof) == CRYPTO_OK &&
			   proof_is(&proof, consistency_vectors[i].count, consistency_vectors[i].hashes),
		   "published consistency proof %zu", i);
}

/* ---------------------------------------------------------------- all small trees */

static MerkleHash leaves[LEAVES];
static MerkleHash roots[LEAVES + 1];
static Store store;

static void
grow(void)
{
	MerkleFrontier frontier = {0}, read;
	MerkleHash root;
	bool right = true, is_read = true;

	for (int i = 0; i <= LEAVES; i++)
	{
		roots[i] = by_definition(leaves, (uint64_t) i);
		right = right && merkle_root(&frontier, &root) == CRYPTO_OK && same(&root, &roots[i]) &&
				frontier.size == (uint64_t) i && frontier.count == merkle_peaks((uint64_t) i);
		is_read =
			is_read && merkle_read_frontier((uint64_t) i, store_read, &store, &read) == CRYPTO_OK &&
			read.size == frontier.size && read.count == frontier.count &&
			memcmp(read.peaks, frontier.peaks, sizeof(MerkleHash) * (size_t) frontier.count) == 0;
		if (i < LEAVES)
		{
			fill_any(leaves[i].bytes, HASH_SIZE);
			(void) merkle_append(&frontier, &leaves[i], store_write, &store);
		}
	}
	ok(right, "the root is what the definition says, for each size to %d", LEAVES);
	ok(is_read, "the peaks are read again from what was stored");
}

/* Whether each proof that differs in one thing is refused; `check` verifies it. */
static bool
no_mutation_passes(const MerkleProof *good, bool (*check)(const MerkleProof *, void *),
				   void *argument)
{
	MerkleProof bad;

	for (int i = 0; i < good->count; i++)
	{
		bad = *good;
		bad.hashes[i].bytes[any(HASH_SIZE)] ^= (uint8_t) (1u << any(8));
		if (check(&bad, argument))
			return false;
		bad = *good;
		memmove(&bad.hashes[i], &bad.hashes[i + 1],
				sizeof(MerkleHash) * (size_t) (good->count - i - 1));
		bad.count--;
		if (check(&bad, argument))
			return false;
	}
	for (int i = 0; i + 1 < good->count; i++)
	{
		bad = *good;
		bad.hashes[i] = good->hashes[i + 1];
		bad.hashes[i + 1] = good->hashes[i];
		if (check(&bad, argument))
			return false;
	}
	bad = *good;
	fill_any(bad.hashes[bad.count++].bytes, HASH_SIZE);
	return !check(&bad, argument);
}

typedef struct Claim
{
	uint64_t a, b; /* position and size; from and to */
} Claim;

static bool
includes(const MerkleProof *proof, void *argument)
{
	Claim *claim = argument;

	return merkle_verify_inclusion(&leaves[claim->a], claim->a, claim->b, proof,
								   &roots[claim->b]) == CRYPTO_OK;
}

static bool
is_consistent(const MerkleProof *proof, void *argument)
{
	Claim *claim = argument;

	return merkle_verify_consistency(claim->a, &roots[claim->a], claim->b, &roots[claim->b],
									 proof) == CRYPTO_OK;
}

static void
test_inclusion(void)
{
	bool passes = true, strict = true, bound = true, elsewhere = true, is_short = true;
	MerkleProof proof;
	MerkleHash other;

	fill_any(other.bytes, HASH_SIZE);
	for (uint64_t size = 1; size <= LEAVES; size++)
	{
		for (uint64_t position = 0; position < size; position++)
		{
			Claim claim = {position, size};

			if (merkle_prove_inclusion(position, size, store_read, &store, &proof) != CRYPTO_OK)
				die("no proof");
			passes = passes && includes(&proof, &claim);
			is_short = is_short && (size <= 1 ? proof.count == 0
											  : proof.count <= 64 - __builtin_clzll(size - 1));
			strict = strict && no_mutation_passes(&proof, includes, &claim);
			bound = bound &&
					merkle_verify_inclusion(&other, position, size, &proof, &roots[size]) ==
						CRYPTO_UNAUTHENTIC &&
					merkle_verify_inclusion(&leaves[position], position, size, &proof, &other) ==
						CRYPTO_UNAUTHENTIC;
			for (uint64_t false_position = 0; false_position < size + 2; false_position++)
				elsewhere = elsewhere &&
							(false_position == position ||
							 merkle_verify_inclusion(&leaves[position], false_position, size,
													 &proof, &roots[size]) == CRYPTO_UNAUTHENTIC);
		}
	}
	ok(passes, "each leaf of each tree is proved to be in it");
	ok(is_short, "by no more hashes than the tree has levels");
	ok(strict, "a proof that is changed, too short, too long or in another order proves nothing");
	ok(bound, "nor for another leaf or another root");
	ok(elsewhere, "nor for another position");
}

static void
test_consistency(void)
{
	bool passes = true, strict = true, bound = true;
	MerkleProof proof;
	MerkleHash other;

	fill_any(other.bytes, HASH_SIZE);
	for (uint64_t to = 1; to <= LEAVES; to++)
	{
		for (uint64_t from = 1; from <= to; from++)
		{
			Claim claim = {from, to};

			if (merkle_prove_consistency(from, to, store_read, &store, &proof) != CRYPTO_OK)
				die("no proof");
			passes = passes && is_consistent(&proof, &claim);
			strict = strict && no_mutation_passes(&proof, is_consistent, &claim);
			bound = bound &&
					merkle_verify_consistency(from, &other, to, &roots[to], &proof) ==
						CRYPTO_UNAUTHENTIC &&
					merkle_verify_consistency(from, &roots[from], to, &other, &proof) ==
						CRYPTO_UNAUTHENTIC;
		}
	}
	ok(passes, "each tree is proved to begin with each smaller one");
	ok(strict, "a proof that is changed, too short, too long or in another order proves nothing");
	ok(bound, "nor between other roots");
}

static void
test_bounds(void)
{
	MerkleProof proof = {0};

	ok(merkle_prove_inclusion(3, 3, store_read, &store, &proof) == CRYPTO_MALFORMED &&
		   merkle_prove_inclusion(0, 0, store_read, &store, &proof) == CRYPTO_MALFORMED &&
		   merkle_prove_inclusion(0, MERKLE_SIZE_MAX + 1, store_read, &store, &proof) ==
			   CRYPTO_MALFORMED,
	   "nothing is proved to be beyond the end");
	ok(merkle_prove_consistency(0, 3, store_read, &store, &proof) == CRYPTO_MALFORMED &&
		   merkle_prove_consistency(4, 3, store_read, &store, &proof) == CRYPTO_MALFORMED,
	   "nor a tree to begin with none, or with a larger one");
	ok(merkle_verify_inclusion(&leaves[0], 0, 0, &proof, &roots[0]) == CRYPTO_UNAUTHENTIC &&
		   merkle_verify_consistency(0, &roots[0], 3, &roots[3], &proof) == CRYPTO_UNAUTHENTIC &&
		   merkle_verify_consistency(4, &roots[4], 3, &roots[3], &proof) == CRYPTO_UNAUTHENTIC,
	   "nor is such a proof believed");
	ok(merkle_prove_inclusion(1, 3, store_fail, NULL, &proof) == CRYPTO_FAILED &&
		   merkle_prove_consistency(1, 3, store_fail, NULL, &proof) == CRYPTO_FAILED,
	   "what cannot be read proves nothing");
}

/* Two lists never give one leaf. */
static void
test_leaf(void)
{
	Bytes one[] = {STRING("ab"), STRING("c")}, two[] = {STRING("a"), STRING("bc")};
	uint8_t encoded[64];
	MerkleHash a, b, c;

	(void) merkle_leaf(one, 2, &a);
	(void) merkle_leaf(two, 2, &b);
	list_encode(one, 2, encoded);
	(void) merkle_leaf_of_bytes(bytes_view(encoded, list_encoded_size(one, 2)), &c);
	ok(!same(&a, &b), "the leaf of a list says where its items end");
	ok(same(&a, &c), "and is that of the list as it is encoded");
}

int
main(void)
{
	begin();
	test_vectors();
	grow();
	test_inclusion();
	test_consistency();
	test_bounds();
	test_leaf();
	return end();
}
