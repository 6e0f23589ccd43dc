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

#include "access/table.h"
#include "access/transam.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "partitioning/partbounds.h"
#include "partitioning/partdesc.h"
#include "postmaster/bgworker.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/inet.h"
#include "utils/lsyscache.h"
#include "utils/partcache.h"
#include "utils/timestamp.h"
#include "utils/xid8.h"

#include "base/catalog.h"
#include "base/compat.h"
#include "base/utf8.h"
#include "base/varlena.h"
#include "identity/session.h"
#include "trail/entry.h"
#include "trail/pending.h"

/* The columns of tarot.audit_entry. */
typedef enum EntryColumn
{
	ENTRY_RECORDED_AT,
	ENTRY_TRANSACTION,
	ENTRY_NUMBER,
	ENTRY_SYSTEM,
	ENTRY_STATEMENT,
	ENTRY_RELATION,
	ENTRY_OPERATION,
	ENTRY_TABLE,
	ENTRY_ROLE,
	ENTRY_SESSION_ROLE,
	ENTRY_SUBJECT,
	ENTRY_CLIENT,
	ENTRY_APPLICATION,
	ENTRY_KEY,
	ENTRY_OLD,
	ENTRY_NEW,
	ENTRY_SALT,
	ENTRY_COLUMNS
} EntryColumn;

#define SALT_SIZE 16

struct EntryWriter
{
	Oid partition;

	/* Who it is. */
	Oid role;
	Oid session_role;
	uint64 identity;

	/* What all entries have in common. */
	Datum values[ENTRY_COLUMNS];
	bool nulls[ENTRY_COLUMNS];
};

/* Of changes of the log's own table no cache of others depends. */
static uint64 log_epoch;

/* ---------------------------------------------------------------- where */

/* Theirs that the time is in; there is one for all times that no other is for. */
static Oid
partition_of_time(Relation log, Datum time)
{
	PartitionKey key = RelationGetPartitionKey(log);
	PartitionDesc desc = RelationGetPartitionDesc(log, true);
	PartitionBoundInfo bounds = desc->boundinfo;
	int index = -1;

	if (bounds != NULL && bounds->ndatums > 0)
	{
		bool is_equal;
		int below = partition_range_datum_bsearch(key->partsupfunc, key->partcollation, bounds, 1,
												  &time, &is_equal);

		index = bounds->indexes[below + 1];
	}
	if (index < 0 && bounds != NULL)
		index = bounds->default_index;
	if (index < 0)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("the audit log has no partition for the present time"),
						errhint("Call tarot.create_audit_partitions().")));
	return desc->oids[index];
}

/* An entry is written by position: what somebody has attached by hand may have other columns. */
static bool
has_columns_of(Relation partition, Relation log)
{
	TupleDesc expected = RelationGetDescr(log);
	TupleDesc desc = RelationGetDescr(partition);
	bool same = partition->rd_rel->relkind == RELKIND_RELATION && desc->natts == ENTRY_COLUMNS &&
				expected->natts == ENTRY_COLUMNS;

	for (int i = 0; same && i < ENTRY_COLUMNS; i++)
		same = TupleDescAttr(desc, i)->atttypid == TupleDescAttr(expected, i)->atttypid &&
			   strcmp(NameStr(TupleDescAttr(desc, i)->attname),
					  NameStr(TupleDescAttr(expected, i)->attname)) == 0;
	return same;
}

/* Locked for writing until the transaction ends. */
static Oid
lock_partition(Datum time)
{
	Relation log = CatalogOpenFor("audit_entry", RowExclusiveLock, &log_epoch);
	Relation partition;
	Oid found;

	if (log->rd_rel->relkind != RELKIND_PARTITIONED_TABLE)
		elog(ERROR, "tarot.audit_entry is not partitioned");
	partition = table_open(partition_of_time(log, time), RowExclusiveLock);
	if (!has_columns_of(partition, log))
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("partition \"%s\" of the audit log has other columns than the log",
							   RelationGetRelationName(partition)),
						errhint("Partitions are made by tarot.create_audit_partitions().")));
	found = RelationGetRelid(partition);
	table_close(partition, NoLock);
	table_close(log, NoLock);
	return found;
}

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
set_role(EntryWriter *writer, EntryColumn column, Oid role)
{
	set_text(writer, column, bytes_of_string(GetUserNameFromId(role, false)));
}

static void
set_client(EntryWriter *writer)
{
	LOCAL_FCINFO(call, 0);
	Datum address;

	InitFunctionCallInfoData(*call, NULL, 0, InvalidOid, NULL, NULL);
	address = inet_client_addr(call);
	if (!call->isnull)
		set_value(writer, ENTRY_CLIENT, address);
}

static void
set_who(EntryWriter *writer)
{
	writer->role = GetUserId();
	writer->session_role = GetSessionUserId();
	writer->identity = IdentityEpoch;
	set_role(writer, ENTRY_ROLE, writer->role);
	set_role(writer, ENTRY_SESSION_ROLE, writer->session_role);
	set_text(writer, ENTRY_SUBJECT, Utf8ToServer(IdentitySubject()));
	set_client(writer);
	if (application_name != NULL && application_name[0] != '\0')
		set_text(writer, ENTRY_APPLICATION, bytes_of_string(application_name));
	else if (MyBgworkerEntry != NULL)
		set_text(writer, ENTRY_APPLICATION, bytes_of_string(MyBgworkerEntry->bgw_name));
}

bool
EntryWriterHolds(const EntryWriter *writer)
{
	return likely(writer->role == GetUserId() && writer->session_role == GetSessionUserId() &&
				  writer->identity == IdentityEpoch);
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

EntryWriter *
EntryWriterMakeFor(Oid object, const char *identity)
{
	EntryWriter *writer = make_writer(object);

	if (identity != NULL)
		set_text(writer, ENTRY_TABLE, bytes_of_string(identity));
	set_who(writer);
	writer->partition = lock_partition(writer->values[ENTRY_RECORDED_AT]);
	return writer;
}

EntryWriter *
EntryWriterMake(Relation audited)
{
	return EntryWriterMakeFor(
		RelationGetRelid(audited),
		quote_qualified_identifier(get_namespace_name(RelationGetNamespace(audited)),
								   RelationGetRelationName(audited)));
}

EntryWriter *
EntryWriterMakeForEvents(void)
{
	EntryWriter *writer = make_writer(InvalidOid);

	writer->partition = lock_partition(writer->values[ENTRY_RECORDED_AT]);
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
	PendingAdd(lock_partition(values[ENTRY_RECORDED_AT]), values, nulls);
}
