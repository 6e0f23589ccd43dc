/*
 * audit_leaf_test.c
 *		crypto/audit_leaf.c: the example of docs/formats.md, which another program
 *		has computed from that page, and that each part of an entry counts.
 */
#include "crypto/audit_leaf.h"
#include "unit.h"

static uint8_t salt[16];

static AuditLeaf
example(void)
{
	for (size_t i = 0; i < sizeof(salt); i++)
		salt[i] = (uint8_t) i;
	return (AuditLeaf){
		.recorded_at = INT64_C(820638245678901),
		.transaction = 4711,
		.number = 3,
		.system = UINT64_C(7711041451405767246),
		.statement = 2,
		.relation = 16384,
		.operation = 'I',
		.table_name = STRING("public.card"),
		.role = STRING("shop"),
		.session_role = STRING(""),
		.subject = STRING("alice"),
		.application = STRING("psql"),
		.key = STRING("{\"id\": 1}"),
		.new_row = STRING("{\"id\": 1, \"name\": \"Fool\"}"),
		.salt = bytes_view(salt, sizeof(salt)),
	};
}

static MerkleHash
leaf_of(AuditLeaf entry)
{
	MerkleHash leaf;

	if (audit_leaf_hash(&entry, &leaf) != CRYPTO_OK)
		die("no leaf");
	return leaf;
}

static bool
differs(AuditLeaf entry)
{
	MerkleHash one = leaf_of(example()), other = leaf_of(entry);

	return memcmp(&one, &other, sizeof(one)) != 0;
}

static void
test_example(void)
{
	AuditLeaf entry = example();
	MerkleHash leaf = leaf_of(entry);
	uint8_t details[HASH_SIZE];

	ok(audit_leaf_details(&entry, details) == CRYPTO_OK &&
		   is_hex(bytes_view(details, sizeof(details)),
				  "12483362683192e69287bd6e00f66449f0a82083d3a191bc4bb2ea2550833664"),
	   "what an entry commits to its details by");
	ok(is_hex(bytes_view(&leaf, sizeof(leaf)),
			  "641aafec07a8b016f9faf37a5d4fc89954dda1266d020361e005197318fcd77b"),
	   "its leaf");

	entry.key = entry.old_row = entry.new_row = bytes_view(NULL, 0);
	entry.salt = bytes_view(details, sizeof(details));
	ok(audit_leaf_is_erased(&entry) && !differs(entry), "the same without the details");
	entry.key = STRING("");
	ok(!audit_leaf_is_erased(&entry) && differs(entry), "nothing can be put in their place");
	entry.key = bytes_view(NULL, 0);
	entry.salt.len--;
	ok(!audit_leaf_is_erased(&entry) && differs(entry), "nor is another salt that hash");
}

/* Each part, and whether it is there. */
static void
test_parts(void)
{
	static const size_t texts[] = {
		offsetof(AuditLeaf, table_name),   offsetof(AuditLeaf, role),
		offsetof(AuditLeaf, session_role), offsetof(AuditLeaf, subject),
		offsetof(AuditLeaf, client),       offsetof(AuditLeaf, application),
		offsetof(AuditLeaf, key),          offsetof(AuditLeaf, old_row),
		offsetof(AuditLeaf, new_row),      offsetof(AuditLeaf, salt)};
	static const size_t numbers[] = {
		offsetof(AuditLeaf, recorded_at), offsetof(AuditLeaf, transaction),
		offsetof(AuditLeaf, number),      offsetof(AuditLeaf, system),
		offsetof(AuditLeaf, statement),   offsetof(AuditLeaf, relation),
		offsetof(AuditLeaf, operation)};
	bool all_texts = true, all_numbers = true, presence = true;
	AuditLeaf entry;

	for (size_t i = 0; i < LENGTH(texts); i++)
	{
		Bytes *text;

		entry = example();
		text = (Bytes *) ((char *) &entry + texts[i]);
		*text = STRING("other");
		all_texts = all_texts && differs(entry);
		*text = STRING("");
		entry.session_role = texts[i] == offsetof(AuditLeaf, session_role) ? bytes_view(NULL, 0)
																		   : entry.session_role;
		presence = presence && differs(entry);
	}
	for (size_t i = 0; i < LENGTH(numbers); i++)
	{
		entry = example();
		((uint8_t *) &entry)[numbers[i]] ^= 1;
		all_numbers = all_numbers && differs(entry);
	}
	ok(all_texts, "another text has another leaf, whichever it is");
	ok(presence, "so has an empty one, and one that is missing");
	ok(all_numbers, "so has another number");
	entry = example();
	entry.role = STRING("sho");
	entry.session_role = STRING("p");
	ok(differs(entry), "where one text ends counts");
}

int
main(void)
{
	begin();
	test_example();
	test_parts();
	return end();
}
