/*
 * reveal.c
 *		On record: who was shown values.
 *
 * One record a statement and class, not a value, whichever of the statement's
 * processes shows it.
 */
#include "postgres.h"

#include "access/parallel.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/json.h"
#include "utils/memutils.h"

#include "base/compat.h"
#include "base/errors.h"
#include "base/utf8.h"
#include "class/class.h"
#include "class/purpose.h"
#include "class/reveal.h"
#include "crypto/hash.h"
#include "events/event.h"
#include "events/statement.h"
#include "identity/session.h"
#include "keys/root.h"

/* What this process knows to be on record of the statement. */
typedef struct Known
{
	TimestampTz statement;
	int32 class_id;
	Oid role;
	uint64 purpose;
	uint64 identity;
} Known;

static MemoryContext known_context;
static Known *known;
static int known_count;
static int known_room;

/* The transaction in which plaintext was last seen, and the client's statement then. */
static LocalTransactionId plaintext_transaction = InvalidLocalTransactionId;
static TimestampTz plaintext_statement = 0;

void
RevealInit(void)
{
	known_context =
		AllocSetContextCreate(TopMemoryContext, "tarot_security reveals", ALLOCSET_SMALL_SIZES);
}

void
RevealNextStatement(void)
{
	/* A worker's is the statement of its leader. */
	if (!IsParallelWorker())
		known_count = 0;
}

/* ---------------------------------------------------------------- the record */

static void
add_member(StringInfo json, const char *name, const char *value)
{
	appendStringInfo(json, "%s\"%s\": ", json->len > 1 ? ", " : "", name);
	if (value != NULL)
		escape_json(json, value);
	else
		appendStringInfoString(json, "null");
}

static const char *
subject_of_session(void)
{
	Bytes subject = Utf8ToServer(IdentitySubject());

	return subject.len > 0 ? pnstrdup((const char *) subject.data, subject.len) : NULL;
}

static char *
record_as_json(int32 class_id, Oid role)
{
	const DataClass *data_class = ClassFind(class_id);
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	add_member(&json, "class", data_class->exists ? data_class->name : psprintf("#%d", class_id));
	add_member(&json, "role", GetUserNameFromId(role, true));
	add_member(&json, "session_user", GetUserNameFromId(GetSessionUserId(), true));
	add_member(&json, "subject", subject_of_session());
	add_member(&json, "purpose", PurposeStated());
	add_member(&json, "application", application_name);
	appendStringInfoChar(&json, '}');
	return json.data;
}

static void
report_reveal(int32 class_id)
{
	const DataClass *data_class = ClassFind(class_id);

	EventReport(
		&(SecurityEvent){.type = "CLASS_ACCESS",
						 .action = "reveal",
						 .status = EVENT_SUCCESS,
						 .details = {{"class", data_class->exists ? data_class->name : NULL},
									 {"purpose", PurposeStated()}}});
}

void
RevealLog(const char *event, const char *json)
{
	ereport(LOG_SERVER_ONLY, (errcode(TAROT_ERRCODE_ACCESS_NOTED), errmsg("%s: %s", event, json),
							  errhidestmt(true), errhidecontext(true)));
}

/* Once a statement; again where the line could not be written and somebody caught that. */
static void
log_once(int32 class_id, TimestampTz statement, const char *json)
{
	uint8 digest[HASH_SIZE];

	CryptoCheck(hash_sha256(bytes_of_string(json), digest));
	if (!StatementNote(statement, digest))
		return;
	report_reveal(class_id);
	PG_TRY();
	{
		RevealLog("values of a data class were revealed", json);
	}
	PG_CATCH();
	{
		StatementForget(statement, digest);
		PG_RE_THROW();
	}
	PG_END_TRY();
}

static bool
is_known(const Known *reveal)
{
	for (int i = known_count - 1; i >= 0; i--)
	{
		const Known *other = &known[i];

		if (other->class_id == reveal->class_id && other->role == reveal->role &&
			other->statement == reveal->statement && other->purpose == reveal->purpose &&
			other->identity == reveal->identity)
			return true;
	}
	return false;
}

static void
add_known(const Known *reveal)
{
	if (known_count == known_room)
	{
		int room = Max(2 * known_room, 8);

		known = known == NULL ? MemoryContextAlloc(known_context, mul_size(room, sizeof(Known)))
							  : repalloc(known, mul_size(room, sizeof(Known)));
		known_room = room;
	}
	known[known_count++] = *reveal;
}

/*
 * A value of the class is about to be shown to the current role. The first of a
 * client's statement is put on record, whichever of its processes shows it: here,
 * and nowhere else. A line of the server log tells it, which no rollback takes
 * back. May raise, as when the session's identity is no longer good: then it
 * must not be shown.
 */
static void
note_reveal(int32 class_id)
{
	Known reveal = {.statement = GetCurrentStatementStartTimestamp(),
					.class_id = class_id,
					.role = GetUserId(),
					.purpose = PurposeEpoch,
					.identity = IdentityEpoch};
	char *json;

	if (likely(is_known(&reveal)))
		return;
	json = record_as_json(class_id, reveal.role);
	log_once(class_id, reveal.statement, json);
	add_known(&reveal);
	pfree(json);
}

void
ClassRefuseUnstated(int32 class_id)
{
	const DataClass *data_class = ClassRequire(class_id);

	ereport(
		ERROR,
		(errcode(TAROT_ERRCODE_PURPOSE),
		 PurposeStated() == NULL
			 ? errmsg("a purpose must be stated to read data class \"%s\"", data_class->name)
			 : errmsg("the stated purpose is none to read data class \"%s\" for", data_class->name),
		 errhint("SET LOCAL tarot_security.purpose to what the values are needed for, in the "
				 "transaction that reads them. tarot.class_purposes(%s) tells what is allowed.",
				 quote_literal_cstr(data_class->name))));
}

bool
ClassReveal(int32 class_id, ReadAccess read)
{
	if (unlikely(read == READ_UNSTATED))
		ClassRefuseUnstated(class_id);
	if (unlikely(read == READ_NOTED))
		note_reveal(class_id);
	return read >= READ_NOTED;
}

/* ---------------------------------------------------------------- plaintext in this process */

void
RevealNotePlaintext(void)
{
	LocalTransactionId transaction = compat_local_transaction_id();

	if (unlikely(plaintext_transaction != transaction))
	{
		plaintext_transaction = transaction;
		plaintext_statement = GetCurrentStatementStartTimestamp();
	}
}

/* A procedure takes what it has read into the transactions after its COMMIT. */
bool
RevealSawPlaintext(void)
{
	return plaintext_transaction != InvalidLocalTransactionId &&
		   (plaintext_transaction == compat_local_transaction_id() ||
			plaintext_statement == GetCurrentStatementStartTimestamp());
}
