/*
 * leaf.c
 *		Entries of the audit log as leaves of the hash tree.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"
#include "utils/xid8.h"

#include "base/utf8.h"
#include "base/varlena.h"
#include "keys/root.h"
#include "seal/leaf.h"

/* They part what is hashed here from all else that is. */
#define LEAF_LABEL "tarot_security v1 entry"
#define DETAILS_LABEL "tarot_security v1 details"

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

/*
 * A list of bytes under way. Of the items that may be missing, one says which
 * are there, so that NULL and an empty text differ.
 */
typedef struct Items
{
	Bytes items[LEAF_COLUMNS + 2];
	int count;
	uint8 numbers[64];
	int used;
	uint8 present;
	int optional;
} Items;

static void
add(Items *items, Bytes item)
{
	items->items[items->count++] = item;
}

static void
add_number(Items *items, uint64 value, int size)
{
	uint8 *at = items->numbers + items->used;

	items->used += size;
	for (int i = size - 1; i >= 0; i--, value >>= 8)
		at[i] = (uint8) value;
	add(items, bytes_view(at, (size_t) size));
}

static void
add_optional(Items *items, bool is_null, Bytes item)
{
	if (!is_null)
		items->present |= (uint8) (1 << items->optional);
	items->optional++;
	add(items, is_null ? bytes_view(NULL, 0) : item);
}

static void
add_text(Items *items, const LeafEntry *entry, LeafColumn column)
{
	Bytes text = {0};

	if (!entry->nulls[column])
		text = Utf8FromServer(BytesOfVarlena(PG_DETOAST_DATUM_PACKED(entry->values[column])));
	add_optional(items, entry->nulls[column], text);
}

/* By jsonb's text, which depends on no setting. */
static void
add_document(Items *items, const LeafEntry *entry, LeafColumn column)
{
	Bytes text = {0};

	if (!entry->nulls[column])
	{
		Jsonb *document = DatumGetJsonbP(entry->values[column]);
		StringInfoData out;

		initStringInfo(&out);
		(void) JsonbToCString(&out, &document->root, VARSIZE(document));
		text = Utf8FromServer(bytes_view(out.data, (size_t) out.len));
	}
	add_optional(items, entry->nulls[column], text);
}

static Bytes
salt_of(const LeafEntry *entry)
{
	if (entry->nulls[LEAF_SALT])
		return bytes_view(NULL, 0);
	return BytesOfVarlena(PG_DETOAST_DATUM_PACKED(entry->values[LEAF_SALT]));
}

/* With details beside it the hash stands for nothing: any could be put there. */
bool
LeafIsErased(const LeafEntry *entry)
{
	return entry->nulls[LEAF_KEY] && entry->nulls[LEAF_OLD] && entry->nulls[LEAF_NEW] &&
		   salt_of(entry).len == HASH_SIZE;
}

void
LeafDetails(const LeafEntry *entry, uint8_t out[HASH_SIZE])
{
	Items items = {0};

	if (LeafIsErased(entry))
	{
		memcpy(out, salt_of(entry).data, HASH_SIZE);
		return;
	}
	add(&items, bytes_of_string(DETAILS_LABEL));
	add(&items, salt_of(entry));
	add(&items, bytes_view(&items.present, 1));
	add_document(&items, entry, LEAF_KEY);
	add_document(&items, entry, LEAF_OLD);
	add_document(&items, entry, LEAF_NEW);
	CryptoCheck(hash_list(bytes_view(NULL, 0), items.items, items.count, out));
}

void
LeafHash(const LeafEntry *entry, MerkleHash *out)
{
	Items items = {0};
	uint8 details[HASH_SIZE];
	Bytes client = {0};

	LeafDetails(entry, details);
	if (!entry->nulls[LEAF_CLIENT])
		client = bytes_of_string(
			DatumGetCString(DirectFunctionCall1(inet_out, entry->values[LEAF_CLIENT])));

	add(&items, bytes_of_string(LEAF_LABEL));
	add_number(&items, (uint64) DatumGetTimestampTz(entry->values[LEAF_RECORDED_AT]), 8);
	add_number(&items,
			   U64FromFullTransactionId(DatumGetFullTransactionId(entry->values[LEAF_TRANSACTION])),
			   8);
	add_number(&items, (uint64) DatumGetInt64(entry->values[LEAF_NUMBER]), 8);
	add_number(&items, (uint64) DatumGetInt64(entry->values[LEAF_SYSTEM]), 8);
	add_number(&items, (uint64) DatumGetInt64(entry->values[LEAF_STATEMENT]), 8);
	add_number(&items, DatumGetObjectId(entry->values[LEAF_RELATION]), 4);
	add_number(&items, (uint8) DatumGetChar(entry->values[LEAF_OPERATION]), 1);
	add(&items, bytes_view(&items.present, 1));
	add_text(&items, entry, LEAF_TABLE);
	add_text(&items, entry, LEAF_ROLE);
	add_text(&items, entry, LEAF_SESSION_ROLE);
	add_text(&items, entry, LEAF_SUBJECT);
	add_optional(&items, entry->nulls[LEAF_CLIENT], client);
	add_text(&items, entry, LEAF_APPLICATION);
	add(&items, bytes_view(details, sizeof(details)));
	CryptoCheck(merkle_leaf(items.items, items.count, out));
}
