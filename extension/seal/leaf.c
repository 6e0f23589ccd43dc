/*
 * leaf.c
 *		Entries of the audit log as leaves of the hash tree.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"
#include "utils/xid8.h"

#include "base/utf8.h"
#include "base/varlena.h"
#include "seal/leaf.h"
#include "seal/text.h"

const char *const LeafColumnNames[LEAF_COLUMNS] = {
	[LEAF_RECORDED_AT] = "recorded_at",
	[LEAF_TRANSACTION] = "transaction",
	[LEAF_NUMBER] = "number",
	[LEAF_SYSTEM] = "system",
	[LEAF_STATEMENT] = "statement",
	[LEAF_RELATION] = "relation",
	[LEAF_OPERATION] = "operation",
	[LEAF_TABLE] = "table_name",
	[LEAF_ROLE] = "role",
	[LEAF_SESSION_ROLE] = "session_role",
	[LEAF_SUBJECT] = "subject",
	[LEAF_CLIENT] = "client",
	[LEAF_APPLICATION] = "application",
	[LEAF_KEY] = "key",
	[LEAF_OLD] = "old",
	[LEAF_NEW] = "new",
	[LEAF_SALT] = "salt",
};

static Bytes
bytes_of(const LeafEntry *entry, LeafColumn column)
{
	if (entry->nulls[column])
		return bytes_view(NULL, 0);
	return BytesOfVarlena(PG_DETOAST_DATUM_PACKED(entry->values[column]));
}

/*
 * Bytes that are no UTF-8 and cannot become it, in SQL_ASCII and where an encoding has
 * holes, stay what they are behind one that is in no UTF-8: nobody is to stop
 * sealing by a name.
 */
static Bytes
utf8_of(Bytes text)
{
	Bytes utf8;
	uint8 *raw;

	if (Utf8TryFromServer(text, &utf8))
		return utf8;
	raw = MemoryContextAllocHuge(CurrentMemoryContext, text.len + 1);
	raw[0] = 0xFF;
	memcpy(raw + 1, text.data, text.len);
	return bytes_view(raw, text.len + 1);
}

static Bytes
text_of(const LeafEntry *entry, LeafColumn column)
{
	return entry->nulls[column] ? bytes_view(NULL, 0) : utf8_of(bytes_of(entry, column));
}

/* By jsonb's text, which depends on no setting. */
static Bytes
document_of(const LeafEntry *entry, LeafColumn column)
{
	Jsonb *document;
	StringInfoData out;

	if (entry->nulls[column])
		return bytes_view(NULL, 0);
	document = DatumGetJsonbP(entry->values[column]);
	initStringInfo(&out);
	TextOfJsonb(&out, document);
	return utf8_of(bytes_view(out.data, (size_t) out.len));
}

static Bytes
address_of(const LeafEntry *entry)
{
	if (entry->nulls[LEAF_CLIENT])
		return bytes_view(NULL, 0);
	return bytes_of_string(
		DatumGetCString(DirectFunctionCall1(inet_out, entry->values[LEAF_CLIENT])));
}

AuditLeaf
LeafOfEntry(const LeafEntry *entry)
{
	const Datum *values = entry->values;

	return (AuditLeaf){
		.recorded_at = DatumGetTimestampTz(values[LEAF_RECORDED_AT]),
		.transaction =
			U64FromFullTransactionId(DatumGetFullTransactionId(values[LEAF_TRANSACTION])),
		.number = DatumGetInt64(values[LEAF_NUMBER]),
		.system = (uint64) DatumGetInt64(values[LEAF_SYSTEM]),
		.statement = DatumGetInt64(values[LEAF_STATEMENT]),
		.relation = DatumGetObjectId(values[LEAF_RELATION]),
		.operation = (uint8) DatumGetChar(values[LEAF_OPERATION]),
		.table_name = text_of(entry, LEAF_TABLE),
		.role = text_of(entry, LEAF_ROLE),
		.session_role = text_of(entry, LEAF_SESSION_ROLE),
		.subject = text_of(entry, LEAF_SUBJECT),
		.client = address_of(entry),
		.application = text_of(entry, LEAF_APPLICATION),
		.key = document_of(entry, LEAF_KEY),
		.old_row = document_of(entry, LEAF_OLD),
		.new_row = document_of(entry, LEAF_NEW),
		.salt = bytes_of(entry, LEAF_SALT),
	};
}
