/*
 * sign.c
 *		Checkpoints as signed notes, and the keys that sign them.
 *
 * A private key lies in tarot.audit_signer, sealed by the key ring. Where the
 * server is locked, sealing goes on and signing waits.
 */
#include "postgres.h"

#include <fcntl.h>
#include <sodium.h>
#include <sys/uio.h>
#include <unistd.h>

#include "access/xact.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#include "base/secret.h"
#include "base/utf8.h"
#include "base/varlena.h"
#include "crypto/note.h"
#include "keys/admin.h"
#include "keys/ring.h"
#include "keys/root.h"
#include "seal/duty.h"
#include "seal/seal.h"

/* The key of the ring that seals private keys. */
#define SEALING_KEY "default"

static bool log_checkpoints_too;
static char *checkpoint_file;

/* ---------------------------------------------------------------- private keys */

static void
private_key_context(Bytes name, Bytes context[2])
{
	context[0] = bytes_of_string("audit signer");
	context[1] = name;
}

/*
 * tarot.new_audit_signer(name text, OUT public_key bytea, OUT private_key bytea)
 *
 * NULLs where nothing can be sealed: the server is locked, or there is no key.
 */
PG_FUNCTION_INFO_V1(tarot_seal_new_audit_signer);
Datum
tarot_seal_new_audit_signer(PG_FUNCTION_ARGS)
{
	Bytes name = Utf8FromServer(PG_GETARG_BYTES(0));
	EnvelopeHeader header = {.kind = ENVELOPE_BYTEA};
	uint8 public_key[NOTE_PUBLIC_KEY_SIZE];
	uint8 *seed;
	Bytes context[2];
	Datum values[2] = {0};
	bool nulls[2] = {true, true};
	TupleDesc desc;
	uint32 key_id;
	bytea *key;
	NoteKey checked;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	if (RootKeyIsUnlocked() && (key_id = KeyRingFind(bytes_of_string(SEALING_KEY))) != 0)
	{
		DataKey *sealing_key = KeyRingCurrent(key_id);

		private_key_context(name, context);
		if ((seed = secret_alloc(NOTE_SEED_SIZE)) == NULL)
			CryptoRaise(CRYPTO_FAILED);
		PG_TRY();
		{
			randombytes_buf(seed, NOTE_SEED_SIZE);
			CryptoCheck(note_public_key(seed, public_key));
			values[1] =
				PointerGetDatum(KeyRingSeal(sealing_key, &header, context, lengthof(context),
											bytes_view(seed, NOTE_SEED_SIZE)));
		}
		PG_FINALLY();
		{
			secret_free(seed);
		}
		PG_END_TRY();
		if (!note_key_make(name, public_key, &checked))
			ereport(ERROR, (errcode(ERRCODE_INVALID_NAME),
							errmsg("a signer's name must have 1 to %d bytes, without white space, "
								   "control characters and plus",
								   NOTE_NAME_MAX)));
		key = palloc(VARHDRSZ + NOTE_PUBLIC_KEY_SIZE);
		SET_VARSIZE(key, VARHDRSZ + NOTE_PUBLIC_KEY_SIZE);
		memcpy(VARDATA(key), public_key, NOTE_PUBLIC_KEY_SIZE);
		values[0] = PointerGetDatum(key);
		nulls[0] = nulls[1] = false;
	}
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}

static void
require_key(Bytes name, Bytes public_key, NoteKey *key)
{
	if (public_key.len != NOTE_PUBLIC_KEY_SIZE || !note_key_make(name, public_key.data, key))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("these are no name and key of a signer")));
}

/*
 * tarot.audit_signer_key(name text, public_key bytea) RETURNS text
 */
PG_FUNCTION_INFO_V1(tarot_seal_audit_signer_key);
Datum
tarot_seal_audit_signer_key(PG_FUNCTION_ARGS)
{
	NoteKey key;
	char text[NOTE_KEY_TEXT_SIZE];

	require_key(Utf8FromServer(PG_GETARG_BYTES(0)), PG_GETARG_BYTES(1), &key);
	note_key_write(&key, text);
	PG_RETURN_TEXT_P(TextOfBytes(Utf8ToServer(bytes_of_string(text))));
}

/* ---------------------------------------------------------------- notes */

static void
sign_text(Bytes text, const NoteKey *key, Bytes sealed, char line[NOTE_LINE_SIZE])
{
	uint8 *seed = secret_alloc(NOTE_SEED_SIZE);
	Envelope envelope;
	Bytes context[2];

	if (seed == NULL)
		CryptoRaise(CRYPTO_FAILED);
	PG_TRY();
	{
		private_key_context(bytes_of_string(key->name), context);
		CryptoCheck(envelope_parse(sealed, &envelope));
		if (envelope.header.kind != ENVELOPE_BYTEA || envelope.ciphertext.len != NOTE_SEED_SIZE)
			CryptoRaise(CRYPTO_MALFORMED);
		KeyRingOpen(&envelope, context, lengthof(context), seed);
		CryptoCheck(note_sign(text, key, seed, line));
	}
	PG_FINALLY();
	{
		secret_free(seed);
	}
	PG_END_TRY();
}

/*
 * tarot.sign_checkpoint(size bigint, root bytea, sealed_at text, name text, public_key bytea,
 * private_key bytea) RETURNS text
 */
PG_FUNCTION_INFO_V1(tarot_seal_sign_checkpoint);
Datum
tarot_seal_sign_checkpoint(PG_FUNCTION_ARGS)
{
	Bytes root = PG_GETARG_BYTES(1);
	Checkpoint checkpoint = {.origin = Utf8FromServer(PG_GETARG_BYTES(3)),
							 .size = (uint64) PG_GETARG_INT64(0),
							 .time = PG_GETARG_BYTES(2)};
	char text[CHECKPOINT_TEXT_MAX];
	char line[NOTE_LINE_SIZE];
	NoteKey key;
	Bytes note;
	size_t size;

	require_key(checkpoint.origin, PG_GETARG_BYTES(4), &key);
	if (root.len != HASH_SIZE)
		CryptoRaise(CRYPTO_FAILED);
	memcpy(checkpoint.root.bytes, root.data, HASH_SIZE);
	if ((size = checkpoint_write(&checkpoint, text)) == 0)
		CryptoRaise(CRYPTO_FAILED);
	sign_text(bytes_view(text, size), &key, PG_GETARG_BYTES(5), line);
	/* Its dash is in few encodings but UTF-8. Then there is no signature, rather than no sealing.
	 */
	if (!Utf8TryToServer(bytes_of_string(psprintf("%s\n%s", text, line)), &note))
	{
		ereport(WARNING, (errmsg("checkpoints of the audit log can only be signed in a database "
								 "whose encoding is UTF8")));
		PG_RETURN_NULL();
	}
	PG_RETURN_TEXT_P(TextOfBytes(note));
}

/* ---------------------------------------------------------------- given out */

/* A checkpoint that is told outside when its transaction has committed. */
static struct
{
	char *note; /* NULL: none */
	SubTransactionId subtransaction;
} pending;

/* Nothing here may raise: the transaction has committed. A blank line ends each. */
static void
append_to_file(const char *path, const char *note)
{
	struct iovec parts[] = {{(char *) note, strlen(note)}, {"\n", 1}};
	ssize_t size = (ssize_t) (parts[0].iov_len + parts[1].iov_len);
	int file = BasicOpenFilePerm(path, O_WRONLY | O_CREAT | O_APPEND, 0600);

	if (file < 0 || writev(file, parts, lengthof(parts)) != size || fsync(file) != 0)
		ereport(LOG, (errcode_for_file_access(),
					  errmsg("could not write a checkpoint of the audit log to \"%s\": %m", path)));
	if (file >= 0)
		close(file);
}

static void
give_out(void)
{
	if (log_checkpoints_too)
		ereport(LOG, (errmsg("tarot_security: checkpoint of the audit log"), errhidestmt(true),
					  errdetail_internal("%s", pending.note)));
	if (checkpoint_file != NULL && checkpoint_file[0] != '\0')
		append_to_file(checkpoint_file, pending.note);
}

static void
on_transaction_end(XactEvent event, void *argument)
{
	(void) argument;
	if (likely(pending.note == NULL))
		return;
	if (event == XACT_EVENT_COMMIT)
		give_out();
	if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT || event == XACT_EVENT_PREPARE)
		pending.note = NULL; /* the memory goes with the transaction's */
}

static void
on_subtransaction_end(SubXactEvent event, SubTransactionId mine, SubTransactionId parent,
					  void *argument)
{
	(void) argument;
	if (likely(pending.note == NULL) || pending.subtransaction != mine)
		return;
	if (event == SUBXACT_EVENT_COMMIT_SUB)
		pending.subtransaction = parent;
	else if (event == SUBXACT_EVENT_ABORT_SUB)
		pending.note = NULL;
}

/*
 * tarot.give_out_checkpoint(note text) RETURNS void
 */
PG_FUNCTION_INFO_V1(tarot_seal_give_out_checkpoint);
Datum
tarot_seal_give_out_checkpoint(PG_FUNCTION_ARGS)
{
	text *note = PG_GETARG_TEXT_PP(0);
	MemoryContext outer = MemoryContextSwitchTo(TopTransactionContext);

	pending.note = text_to_cstring(note);
	pending.subtransaction = GetCurrentSubTransactionId();
	MemoryContextSwitchTo(outer);
	PG_RETURN_VOID();
}

/* ---------------------------------------------------------------- the key ring */

/* Private keys of signers rest on versions of a key, too. */
static void
check_key_unused(uint32 key_id, uint32 version)
{
	int result;

	SPI_connect();
	result = SPI_execute("SELECT s.name, s.private_key FROM tarot.audit_signer s "
						 "WHERE s.private_key IS NOT NULL",
						 false, 0);
	if (result != SPI_OK_SELECT)
		elog(ERROR, "a query on tarot.audit_signer failed: %s", SPI_result_code_string(result));
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		bool isnull;
		Datum sealed = SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 2, &isnull);
		EnvelopeHeader header;

		if (isnull || !envelope_peek(BytesOfVarlena(PG_DETOAST_DATUM_PACKED(sealed)), &header) ||
			header.key_id != key_id || header.key_version != version)
			continue;
		ereport(ERROR,
				(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
				 errmsg("cannot destroy version %u of key \"%s\" because a private key that signs "
						"checkpoints of the audit log is sealed by it",
						version, KeyRingName(key_id)),
				 errhint("Call tarot.rotate_audit_signer().")));
	}
	SPI_finish();
}

void
SealInit(void)
{
	DefineCustomBoolVariable("tarot_security.log_audit_checkpoints",
							 "Writes each checkpoint of the audit log to the server log.", NULL,
							 &log_checkpoints_too, true, PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomStringVariable("tarot_security.audit_checkpoint_file",
							   "File that each checkpoint of the audit log is appended to.", NULL,
							   &checkpoint_file, "", PGC_SUSET, GUC_SUPERUSER_ONLY, NULL, NULL,
							   NULL);
	RegisterXactCallback(on_transaction_end, NULL);
	RegisterSubXactCallback(on_subtransaction_end, NULL);
	KeyRegisterUse(check_key_unused);
	SealDutyInit();
}
