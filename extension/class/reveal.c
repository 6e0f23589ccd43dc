/*
 * reveal.c
 *		On record: who was shown values.
 *
 * One record a statement and class, not a value. The workers of a parallel
 * query share with their leader what is on record of the statement, in a place
 * in shared memory that is the leader's.
 */
#include "postgres.h"

#include "access/parallel.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/proc.h"
#include "storage/shmem.h"
#include "storage/spin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/json.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/errors.h"
#include "base/utf8.h"
#include "class/class.h"
#include "class/purpose.h"
#include "class/reveal.h"
#include "crypto/hash.h"
#include "identity/session.h"
#include "keys/root.h"

#define TRANCHE "tarot_security reveals"

/* More in one statement are put on record by each of its processes. */
#define SLOT_RECORDS 16

/* The hash of a record, and of which message of the client's. */
typedef struct SlotRecord
{
	TimestampTz statement;
	uint8 digest[HASH_SIZE];
} SlotRecord;

/* What is on record of a backend's statement. */
typedef struct Slot
{
	slock_t lock;
	int count;
	SlotRecord records[SLOT_RECORDS];
} Slot;

static Slot *slots;

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

/* ---------------------------------------------------------------- shared memory */

static Size
shared_size(void)
{
	return mul_size(sizeof(Slot), MaxBackends);
}

void
RevealShmemRequest(void)
{
	RequestAddinShmemSpace(shared_size());
}

void
RevealShmemStartup(void)
{
	bool found;

	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	slots = ShmemInitStruct(TRANCHE, shared_size(), &found);
	for (int i = 0; !found && i < MaxBackends; i++)
	{
		SpinLockInit(&slots[i].lock);
		slots[i].count = 0;
	}
	LWLockRelease(AddinShmemInitLock);
}

void
RevealInit(void)
{
	known_context =
		AllocSetContextCreate(TopMemoryContext, "tarot_security reveals", ALLOCSET_SMALL_SIZES);
}

/* That of the session, in a worker its leader's; NULL for processes that have none. */
static Slot *
slot_of_session(void)
{
	PGPROC *leader;
	ptrdiff_t number;

	if (MyProc == NULL || slots == NULL)
		return NULL;
	leader = IsParallelWorker() ? MyProc->lockGroupLeader : MyProc;
	if (leader == NULL)
		return NULL;
	number = leader - ProcGlobal->allProcs;
	return number >= 0 && number < MaxBackends ? &slots[number] : NULL;
}

void
RevealNextStatement(void)
{
	Slot *slot;

	/* A worker's is the statement of its leader. */
	if (IsParallelWorker())
		return;
	known_count = 0;
	slot = slot_of_session();
	if (slot == NULL || likely(slot->count == 0))
		return;
	SpinLockAcquire(&slot->lock);
	slot->count = 0;
	SpinLockRelease(&slot->lock);
}

/* False when it is there already. */
static bool
add_to_slot(const SlotRecord *record)
{
	Slot *slot = slot_of_session();
	bool is_new = true;

	if (slot == NULL)
		return true;
	SpinLockAcquire(&slot->lock);
	for (int i = 0; i < slot->count && is_new; i++)
		is_new = slot->records[i].statement != record->statement ||
				 memcmp(slot->records[i].digest, record->digest, HASH_SIZE) != 0;
	if (is_new && slot->count < SLOT_RECORDS)
		slot->records[slot->count++] = *record;
	SpinLockRelease(&slot->lock);
	return is_new;
}

static void
take_from_slot(const SlotRecord *record)
{
	Slot *slot = slot_of_session();

	if (slot == NULL)
		return;
	SpinLockAcquire(&slot->lock);
	for (int i = slot->count - 1; i >= 0; i--)
	{
		if (slot->records[i].statement == record->statement &&
			memcmp(slot->records[i].digest, record->digest, HASH_SIZE) == 0)
			slot->records[i] = slot->records[--slot->count];
	}
	SpinLockRelease(&slot->lock);
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

void
RevealLog(const char *event, const char *json)
{
	ereport(LOG_SERVER_ONLY, (errcode(TAROT_ERRCODE_ACCESS_NOTED), errmsg("%s: %s", event, json),
							  errhidestmt(true), errhidecontext(true)));
}

/* Once a statement; again where the line could not be written and somebody caught that. */
static void
log_once(const SlotRecord *record, const char *json)
{
	if (!add_to_slot(record))
		return;
	PG_TRY();
	{
		RevealLog("values of a data class were revealed", json);
	}
	PG_CATCH();
	{
		take_from_slot(record);
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
 * The one place where what was revealed is put on record. A line of the server
 * log tells it, which no rollback takes back.
 */
void
ClassNoteReveal(int32 class_id)
{
	Known reveal = {.statement = GetCurrentStatementStartTimestamp(),
					.class_id = class_id,
					.role = GetUserId(),
					.purpose = PurposeEpoch,
					.identity = IdentityEpoch};
	SlotRecord record = {.statement = reveal.statement};
	char *json;

	if (likely(is_known(&reveal)))
		return;
	json = record_as_json(class_id, reveal.role);
	CryptoCheck(hash_sha256(bytes_of_string(json), record.digest));
	log_once(&record, json);
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
		ClassNoteReveal(class_id);
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
