/*
 * entry.c
 *		Entries of the audit log, written past SQL into the partition of the time.
 *
 * No trigger, rule or privilege is in the way, and nothing of the session can
 * turn the write aside. It belongs to the transaction that made the
 * change: one is not there without the other.
 */
#include "postgres.h"

#include <sodium.h>

#include "access/transam.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"
#include "utils/xid8.h"

#include "base/varlena.h"
#include "trail/entry.h"
#include "trail/pending.h"
#include "trail/place.h"
#include "trail/who.h"

#define SALT_SIZE 16

struct EntryWriter
{
	Oid partition;

	/* Whose it is. */
	Oid role;
	Oid session_role;
	uint64 identity;
	char *who; /* the values */

	/* What all entries have in common. */
	Datum values[ENTRY_COLUMNS];
	bool nulls[ENTRY_COLUMNS];
};

/* ---------------------------------------------------------------- who */

static void
set_value(EntryWriter *writer, EntryColumn column, Datum value)
{
	writer->values[column] = value;
	writer->nulls[column] = false;
}

/* An empty one is none. */
static void
set_text(EntryWriter *writer, EntryColumn column, Bytes text)
{
	if (text.len > 0)
		set_value(writer, column, PointerGetDatum(TextOfBytes(text)));
}

static void
set_who(EntryWriter *writer)
{
	static const EntryColumn columns[WHO_COLUMNS] = {
		[WHO_ROLE] = ENTRY_ROLE,
		[WHO_SESSION_ROLE] = ENTRY_SESSION_ROLE,
		[WHO_SUBJECT] = ENTRY_SUBJECT,
		[WHO_CLIENT] = ENTRY_CLIENT,
		[WHO_APPLICATION] = ENTRY_APPLICATION,
	};
	const Who *who = WhoNow();

	writer->who = memcpy(palloc(who->size), who->data, who->size);
	writer->role = who->role;
	writer->session_role = who->session_role;
	writer->identity = who->identity;
	for (int i = 0; i < WHO_COLUMNS; i++)
	{
		if (who->offsets[i] >= 0)
			set_value(writer, columns[i], PointerGetDatum(writer->who + who->offsets[i]));
	}
}

void
EntryWriterFree(EntryWriter *writer)
{
	pfree(writer->who);
	pfree(writer);
}

bool
EntryWriterHolds(const EntryWriter *writer)
{
	return WhoHolds(writer->role, writer->session_role, writer->identity);
}

/* ---------------------------------------------------------------- writing */

static EntryWriter *
make_writer(Oid object)
{
	EntryWriter *writer = palloc0(sizeof(EntryWriter));

	memset(writer->nulls, true, sizeof(writer->nulls));
	set_value(writer, ENTRY_RECORDED_AT, TimestampTzGetDatum(GetCurrentTimestamp()));
	set_value(writer, ENTRY_TRANSACTION, FullTransactionIdGetDatum(GetTopFullTransactionId()));
	set_value(writer, ENTRY_SYSTEM, Int64GetDatum((int64) GetSystemIdentifier()));
	set_value(writer, ENTRY_RELATION, ObjectIdGetDatum(object));
	return writer;
}

static void
lock_place(EntryWriter *writer)
{
	writer->partition = PlaceLock(DatumGetTimestampTz(writer->values[ENTRY_RECORDED_AT]));
}

EntryWriter *
EntryWriterMake(Oid table, Datum name)
{
	EntryWriter *writer = make_writer(table);

	set_value(writer, ENTRY_TABLE, name);
	set_who(writer);
	lock_place(writer);
	return writer;
}

EntryWriter *
EntryWriterMakeFor(Oid object, const char *identity)
{
	EntryWriter *writer = make_writer(object);

	if (identity != NULL)
		set_text(writer, ENTRY_TABLE, bytes_of_string(identity));
	set_who(writer);
	lock_place(writer);
	return writer;
}

Datum
EntryTableName(Relation table)
{
	return CStringGetTextDatum(quote_qualified_identifier(
		get_namespace_name(RelationGetNamespace(table)), RelationGetRelationName(table)));
}

EntryWriter *
EntryWriterMakeForEvents(void)
{
	EntryWriter *writer = make_writer(InvalidOid);

	lock_place(writer);
	return writer;
}

/* The position of an entry in its transaction. What a savepoint took back leaves a gap. */
static int64
next_number(void)
{
	static FullTransactionId transaction;
	static int64 last;

	if (!FullTransactionIdEquals(transaction, GetTopFullTransactionId()))
	{
		transaction = GetTopFullTransactionId();
		last = 0;
	}
	return ++last;
}

static void
set_document(EntryWriter *writer, EntryColumn column, Jsonb *document)
{
	writer->values[column] = PointerGetDatum(document);
	writer->nulls[column] = document == NULL;
}

/*
 * By it the leaf of the entry commits to its details without telling them, so
 * that they can be erased. Good until the next call.
 */
static Datum
next_salt(void)
{
	static uint8 buffer[256][SALT_SIZE];
	static int left;
	static bytea *salt;

	if (unlikely(salt == NULL))
	{
		salt = MemoryContextAlloc(TopMemoryContext, VARHDRSZ + SALT_SIZE);
		SET_VARSIZE(salt, VARHDRSZ + SALT_SIZE);
	}
	if (unlikely(left == 0))
	{
		randombytes_buf(buffer, sizeof(buffer));
		left = lengthof(buffer);
	}
	memcpy(VARDATA(salt), buffer[--left], SALT_SIZE);
	return PointerGetDatum(salt);
}

void
EntryWrite(EntryWriter *writer, const AuditEntry *entry)
{
	set_value(writer, ENTRY_NUMBER, Int64GetDatum(next_number()));
	set_value(writer, ENTRY_STATEMENT, Int64GetDatum((int64) entry->command));
	set_value(writer, ENTRY_OPERATION, CharGetDatum((char) entry->operation));
	set_document(writer, ENTRY_KEY, entry->key);
	set_document(writer, ENTRY_OLD, entry->old_row);
	set_document(writer, ENTRY_NEW, entry->new_row);
	set_value(writer, ENTRY_SALT, next_salt());
	PendingAdd(writer->partition, writer->values, writer->nulls);
}

/* By its number where it is dropped by now. */
static void
set_role_of_past(EntryWriter *writer, EntryColumn column, Oid role)
{
	char *name = GetUserNameFromId(role, true);

	set_text(writer, column, bytes_of_string(name != NULL ? name : psprintf("#%u", role)));
}

void
EntryWriteFor(EntryWriter *writer, const EntryOrigin *origin, const AuditEntry *entry)
{
	writer->nulls[ENTRY_SUBJECT] = writer->nulls[ENTRY_CLIENT] = true;
	writer->nulls[ENTRY_APPLICATION] = true;
	set_role_of_past(writer, ENTRY_ROLE, origin->role);
	set_role_of_past(writer, ENTRY_SESSION_ROLE, origin->session_role);
	set_text(writer, ENTRY_SUBJECT, origin->subject);
	if (origin->client != NULL)
		set_value(writer, ENTRY_CLIENT,
				  DirectFunctionCall1(inet_in, CStringGetDatum(origin->client)));
	if (origin->application != NULL)
		set_text(writer, ENTRY_APPLICATION, bytes_of_string(origin->application));
	EntryWrite(writer, entry);
}

void
EntryWriteAgain(const Datum *values, const bool *nulls)
{
	PendingAdd(PlaceLock(DatumGetTimestampTz(values[ENTRY_RECORDED_AT])), values, nulls);
}
