/*
 * proof.c
 *		Proofs from the tree that is stored, and their verification, for SQL.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/array.h"
#include "miscadmin.h"
#include "utils/tuplestore.h"
#include "utils/xid8.h"

#include "base/errors.h"
#include "base/utf8.h"
#include "base/varlena.h"
#include "crypto/note.h"
#include "keys/root.h"
#include "seal/tile.h"

static bytea *
bytea_of_hash(const MerkleHash *hash)
{
	bytea *out = palloc(VARHDRSZ + HASH_SIZE);

	SET_VARSIZE(out, VARHDRSZ + HASH_SIZE);
	memcpy(VARDATA(out), hash->bytes, HASH_SIZE);
	return out;
}

static Datum
array_of_proof(const MerkleProof *proof)
{
	Datum hashes[MERKLE_PROOF_MAX];

	for (int i = 0; i < proof->count; i++)
		hashes[i] = PointerGetDatum(bytea_of_hash(&proof->hashes[i]));
	return PointerGetDatum(
		construct_array(hashes, proof->count, BYTEAOID, -1, false, TYPALIGN_INT));
}

static bool
read_hash(Datum value, MerkleHash *hash)
{
	Bytes bytes = BytesOfVarlena(PG_DETOAST_DATUM_PACKED(value));

	if (bytes.len != HASH_SIZE)
		return false;
	memcpy(hash->bytes, bytes.data, HASH_SIZE);
	return true;
}

static bool
read_proof(ArrayType *array, MerkleProof *proof)
{
	Datum *hashes;
	bool *nulls;

	deconstruct_array(array, BYTEAOID, -1, false, TYPALIGN_INT, &hashes, &nulls, &proof->count);
	if (proof->count > MERKLE_PROOF_MAX)
		return false;
	for (int i = 0; i < proof->count; i++)
	{
		if (nulls[i] || !read_hash(hashes[i], &proof->hashes[i]))
			return false;
	}
	return true;
}

/* ---------------------------------------------------------------- from the tree */

static void
require_tree(CryptoStatus status)
{
	if (status == CRYPTO_MALFORMED)
		ereport(ERROR, (errcode(TAROT_ERRCODE_AUDIT_TREE),
						errmsg("the hash tree of the audit log has a gap"),
						errhint("tarot.verify_audit() tells what was changed.")));
	CryptoCheck(status);
}

/*
 * tarot.entry_position(system bigint, transaction xid8, number bigint) RETURNS bigint
 */
PG_FUNCTION_INFO_V1(tarot_seal_entry_position);
Datum
tarot_seal_entry_position(PG_FUNCTION_ARGS)
{
	EntryId id = {(uint64) PG_GETARG_INT64(0),
				  U64FromFullTransactionId(PG_GETARG_FULLTRANSACTIONID(1)), PG_GETARG_INT64(2)};
	int64 position;

	SPI_connect();
	position = TileFind(TileStoreMake(false), &id);
	SPI_finish();
	if (position < 0)
		PG_RETURN_NULL();
	PG_RETURN_INT64(position);
}

/*
 * tarot.tree_leaf("position" bigint) RETURNS bytea
 */
PG_FUNCTION_INFO_V1(tarot_seal_tree_leaf);
Datum
tarot_seal_tree_leaf(PG_FUNCTION_ARGS)
{
	MerkleHash leaf;

	SPI_connect();
	require_tree(TileRead(TileStoreMake(false), 0, (uint64) PG_GETARG_INT64(0), &leaf));
	SPI_finish();
	PG_RETURN_BYTEA_P(bytea_of_hash(&leaf));
}

/*
 * tarot.tree_root(size bigint) RETURNS bytea
 */
PG_FUNCTION_INFO_V1(tarot_seal_tree_root);
Datum
tarot_seal_tree_root(PG_FUNCTION_ARGS)
{
	MerkleFrontier frontier;
	MerkleHash root;
	CryptoStatus status;

	SPI_connect();
	status = merkle_read_frontier((uint64) PG_GETARG_INT64(0), TileRead, TileStoreMake(false),
								  &frontier);
	SPI_finish();
	if (status == CRYPTO_MALFORMED)
		PG_RETURN_NULL();
	CryptoCheck(status);
	CryptoCheck(merkle_root(&frontier, &root));
	PG_RETURN_BYTEA_P(bytea_of_hash(&root));
}

/*
 * tarot.prove_inclusion("position" bigint, size bigint) RETURNS bytea[]
 */
PG_FUNCTION_INFO_V1(tarot_seal_prove_inclusion);
Datum
tarot_seal_prove_inclusion(PG_FUNCTION_ARGS)
{
	MerkleProof proof;

	SPI_connect();
	require_tree(merkle_prove_inclusion((uint64) PG_GETARG_INT64(0), (uint64) PG_GETARG_INT64(1),
										TileRead, TileStoreMake(false), &proof));
	SPI_finish();
	PG_RETURN_DATUM(array_of_proof(&proof));
}

/*
 * tarot.prove_consistency("from" bigint, "to" bigint) RETURNS bytea[]
 */
PG_FUNCTION_INFO_V1(tarot_seal_prove_consistency);
Datum
tarot_seal_prove_consistency(PG_FUNCTION_ARGS)
{
	MerkleProof proof;

	SPI_connect();
	require_tree(merkle_prove_consistency((uint64) PG_GETARG_INT64(0), (uint64) PG_GETARG_INT64(1),
										  TileRead, TileStoreMake(false), &proof));
	SPI_finish();
	PG_RETURN_DATUM(array_of_proof(&proof));
}

/*
 * tarot.tree_peaks(size bigint) RETURNS bytea[]
 */
PG_FUNCTION_INFO_V1(tarot_seal_tree_peaks);
Datum
tarot_seal_tree_peaks(PG_FUNCTION_ARGS)
{
	MerkleFrontier frontier;
	MerkleProof peaks;

	SPI_connect();
	require_tree(merkle_read_frontier((uint64) PG_GETARG_INT64(0), TileRead, TileStoreMake(false),
									  &frontier));
	SPI_finish();
	peaks.count = frontier.count;
	memcpy(peaks.hashes, frontier.peaks, sizeof(MerkleHash) * (size_t) frontier.count);
	PG_RETURN_DATUM(array_of_proof(&peaks));
}

/*
 * tarot.tree_leaves(first bigint, last bigint, OUT "position" bigint, OUT system bigint, OUT
 * transaction xid8, OUT number bigint, OUT leaf bytea) RETURNS SETOF record
 *
 * From a position to before another.
 */
PG_FUNCTION_INFO_V1(tarot_seal_tree_leaves);
Datum
tarot_seal_tree_leaves(PG_FUNCTION_ARGS)
{
	int64 last = PG_GETARG_INT64(1);
	ReturnSetInfo *result;
	TileStore *tiles;

	InitMaterializedSRF(fcinfo, 0);
	result = (ReturnSetInfo *) fcinfo->resultinfo;
	SPI_connect();
	tiles = TileStoreMake(false);
	for (int64 position = PG_GETARG_INT64(0); position < last; position++)
	{
		Datum values[5];
		bool nulls[5] = {false};
		MerkleHash leaf;
		EntryId id;

		CHECK_FOR_INTERRUPTS();
		if (!TileLeaf(tiles, (uint64) position, &id, &leaf))
			require_tree(CRYPTO_MALFORMED);
		values[0] = Int64GetDatum(position);
		values[1] = Int64GetDatum((int64) id.system);
		values[2] = FullTransactionIdGetDatum(FullTransactionIdFromU64(id.transaction));
		values[3] = Int64GetDatum(id.number);
		values[4] = PointerGetDatum(bytea_of_hash(&leaf));
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
		pfree(DatumGetPointer(values[4]));
	}
	SPI_finish();
	return (Datum) 0;
}

/* ---------------------------------------------------------------- for whoever has a proof */

static bool
accepted(CryptoStatus status)
{
	if (status == CRYPTO_FAILED)
		CryptoCheck(status);
	return status == CRYPTO_OK;
}

/*
 * tarot.verify_inclusion(leaf bytea, "position" bigint, size bigint, proof bytea[], root bytea)
 * RETURNS boolean
 */
PG_FUNCTION_INFO_V1(tarot_seal_verify_inclusion);
Datum
tarot_seal_verify_inclusion(PG_FUNCTION_ARGS)
{
	int64 position = PG_GETARG_INT64(1);
	int64 size = PG_GETARG_INT64(2);
	MerkleHash leaf, root;
	MerkleProof proof;

	PG_RETURN_BOOL(
		position >= 0 && size > 0 && read_hash(PG_GETARG_DATUM(0), &leaf) &&
		read_proof(PG_GETARG_ARRAYTYPE_P(3), &proof) && read_hash(PG_GETARG_DATUM(4), &root) &&
		accepted(merkle_verify_inclusion(&leaf, (uint64) position, (uint64) size, &proof, &root)));
}

/*
 * tarot.verify_consistency("from" bigint, from_root bytea, "to" bigint, to_root bytea, proof
 * bytea[]) RETURNS boolean
 */
PG_FUNCTION_INFO_V1(tarot_seal_verify_consistency);
Datum
tarot_seal_verify_consistency(PG_FUNCTION_ARGS)
{
	int64 from = PG_GETARG_INT64(0);
	int64 to = PG_GETARG_INT64(2);
	MerkleHash from_root, to_root;
	MerkleProof proof;

	PG_RETURN_BOOL(from > 0 && to > 0 && read_hash(PG_GETARG_DATUM(1), &from_root) &&
				   read_hash(PG_GETARG_DATUM(3), &to_root) &&
				   read_proof(PG_GETARG_ARRAYTYPE_P(4), &proof) &&
				   accepted(merkle_verify_consistency((uint64) from, &from_root, (uint64) to,
													  &to_root, &proof)));
}

/*
 * tarot.read_checkpoint(note text, OUT origin text, OUT size bigint, OUT root bytea, OUT sealed_at
 * text)
 *
 * NULLs where it is none.
 */
PG_FUNCTION_INFO_V1(tarot_seal_read_checkpoint);
Datum
tarot_seal_read_checkpoint(PG_FUNCTION_ARGS)
{
	Bytes note = Utf8FromServer(PG_GETARG_BYTES(0));
	Datum values[4] = {0};
	bool nulls[4] = {true, true, true, true};
	Checkpoint checkpoint;
	TupleDesc desc;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	if (checkpoint_read(note, &checkpoint))
	{
		values[0] = PointerGetDatum(TextOfBytes(Utf8ToServer(checkpoint.origin)));
		values[1] = Int64GetDatum((int64) checkpoint.size);
		values[2] = PointerGetDatum(bytea_of_hash(&checkpoint.root));
		values[3] = PointerGetDatum(TextOfBytes(Utf8ToServer(checkpoint.time)));
		nulls[0] = nulls[1] = nulls[2] = false;
		nulls[3] = checkpoint.time.len == 0;
	}
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}

/*
 * tarot.verify_checkpoint(note text, keys text[]) RETURNS boolean
 */
PG_FUNCTION_INFO_V1(tarot_seal_verify_checkpoint);
Datum
tarot_seal_verify_checkpoint(PG_FUNCTION_ARGS)
{
	Bytes note = Utf8FromServer(PG_GETARG_BYTES(0));
	Datum *texts;
	bool *nulls;
	int count, signer;
	NoteKey *keys;
	Checkpoint checkpoint;

	deconstruct_array(PG_GETARG_ARRAYTYPE_P(1), TEXTOID, -1, false, TYPALIGN_INT, &texts, &nulls,
					  &count);
	keys = palloc(sizeof(NoteKey) * (size_t) Max(count, 1));
	for (int i = 0; i < count; i++)
	{
		if (nulls[i] ||
			!note_key_read(Utf8FromServer(BytesOfVarlena(PG_DETOAST_DATUM_PACKED(texts[i]))),
						   &keys[i]))
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("key %d is not the public key of a signer", i + 1),
							errhint("It looks like NAME+ID+KEY; tarot.audit_signers has them.")));
	}
	/* A log signs in its own name alone. */
	PG_RETURN_BOOL(accepted(note_verify(note, keys, count, &signer)) &&
				   checkpoint_read(note, &checkpoint) &&
				   checkpoint.origin.len == strlen(keys[signer].name) &&
				   memcmp(checkpoint.origin.data, keys[signer].name, checkpoint.origin.len) == 0);
}
