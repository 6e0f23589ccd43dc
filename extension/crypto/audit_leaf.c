/*
 * audit_leaf.c
 *		An entry of the audit log as a leaf of its hash tree.
 */
#include "crypto/audit_leaf.h"

/* They part what is hashed here from all else that is. */
#define LEAF_LABEL "tarot_security v1 entry"
#define DETAILS_LABEL "tarot_security v1 details"

#define ITEMS_MAX 16

/*
 * A list of bytes under way. Of the items that may be missing, one says which
 * are there, so that a missing and an empty one differ.
 */
typedef struct Items
{
	Bytes items[ITEMS_MAX];
	int count;
	uint8_t numbers[64];
	int used;
	uint8_t present;
	int optional;
} Items;

static void
add(Items *items, Bytes item)
{
	items->items[items->count++] = item;
}

static void
add_number(Items *items, uint64_t value, int size)
{
	uint8_t *at = items->numbers + items->used;

	items->used += size;
	add(items, bytes_view(at, (size_t) size));
	for (int i = size - 1; i >= 0; i--, value >>= 8)
		at[i] = (uint8_t) value;
}

static void
add_optional(Items *items, Bytes item)
{
	if (item.data != NULL)
		items->present |= (uint8_t) (1 << items->optional);
	items->optional++;
	add(items, item);
}

/* With details beside it the hash stands for nothing: any could be put there. */
bool
audit_leaf_is_erased(const AuditLeaf *entry)
{
	return entry->key.data == NULL && entry->old_row.data == NULL && entry->new_row.data == NULL &&
		   entry->salt.len == HASH_SIZE;
}

CryptoStatus
audit_leaf_details(const AuditLeaf *entry, uint8_t out[HASH_SIZE])
{
	Items items = {0};

	if (audit_leaf_is_erased(entry))
	{
		memcpy(out, entry->salt.data, HASH_SIZE);
		return CRYPTO_OK;
	}
	add(&items, bytes_of_string(DETAILS_LABEL));
	add(&items, entry->salt);
	add(&items, bytes_view(&items.present, 1));
	add_optional(&items, entry->key);
	add_optional(&items, entry->old_row);
	add_optional(&items, entry->new_row);
	return hash_list(bytes_view(NULL, 0), items.items, items.count, out);
}

CryptoStatus
audit_leaf_hash(const AuditLeaf *entry, MerkleHash *out)
{
	Items items = {0};
	uint8_t details[HASH_SIZE];
	CryptoStatus status = audit_leaf_details(entry, details);

	if (status != CRYPTO_OK)
		return status;
	add(&items, bytes_of_string(LEAF_LABEL));
	add_number(&items, (uint64_t) entry->recorded_at, 8);
	add_number(&items, entry->transaction, 8);
	add_number(&items, (uint64_t) entry->number, 8);
	add_number(&items, entry->system, 8);
	add_number(&items, (uint64_t) entry->statement, 8);
	add_number(&items, entry->relation, 4);
	add_number(&items, entry->operation, 1);
	add(&items, bytes_view(&items.present, 1));
	add_optional(&items, entry->table_name);
	add_optional(&items, entry->role);
	add_optional(&items, entry->session_role);
	add_optional(&items, entry->subject);
	add_optional(&items, entry->client);
	add_optional(&items, entry->application);
	add(&items, bytes_view(details, sizeof(details)));
	return merkle_leaf(items.items, items.count, out);
}
