/*
 * search.c
 *		Search tags, and who may search.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "fmgr.h"
#include "events/event.h"
#include "utils/builtins.h"
#include "miscadmin.h"

#include "base/catalog.h"
#include "base/secret.h"
#include "class/access.h"
#include "class/reveal.h"
#include "gate/search.h"
#include "keys/admin.h"
#include "keys/root.h"
#include "values/plaintext.h"

#define PURPOSE "search"
#define PURPOSE_SIZE (sizeof(PURPOSE) - 1 + 4 + 1)

/* Begins what the search key makes pads of; tags begin with a kind of value, which is below 16. */
#define PAD_MESSAGE 0xFF

/* ---------------------------------------------------------------- tags */

static Hmac *
derive_hmac(int32 class_id, SearchKey *key)
{
	const SearchSpec *search = &key->spec;
	uint8_t purpose[PURPOSE_SIZE];
	DerivedFrom from = {.key_id = search->key_id,
						.version = search->version,
						.purpose = bytes_view(purpose, sizeof(purpose))};

	memcpy(purpose, PURPOSE, sizeof(PURPOSE) - 1);
	bytes_put_u32(purpose + sizeof(PURPOSE) - 1, (uint32) class_id);
	purpose[PURPOSE_SIZE - 1] = (uint8_t) search->generation;
	return DerivedHmacGet(&key->hmac, &from);
}

static inline Hmac *
hmac_of(int32 class_id, SearchKey *key)
{
	Hmac *hmac = DerivedHmacAtHand(&key->hmac);

	return likely(hmac != NULL) ? hmac : derive_hmac(class_id, key);
}

static SearchTag
make_tag(int32 class_id, SearchKey *key, EnvelopeKind kind, Bytes plaintext)
{
	uint8_t kind_byte = (uint8_t) kind;
	Bytes canonical = PlaintextCanonical(kind, plaintext);
	Bytes normal =
		kind == ENVELOPE_TEXT ? Normalize(key->spec.normalization, canonical) : canonical;
	Bytes message[] = {bytes_view(&kind_byte, 1), normal};
	uint8_t digest[HASH_SIZE];
	SearchTag tag;

	CryptoCheck(hmac_compute(hmac_of(class_id, key), message, 2, digest));
	tag.bytes[0] = (uint8_t) key->spec.generation;
	memcpy(tag.bytes + 1, digest, sizeof(tag.bytes) - 1);
	PlaintextWipeDerived(normal, canonical);
	PlaintextWipeDerived(canonical, plaintext);
	return tag;
}

/* There is nothing by which the values could be compared. */
pg_noreturn static void
refuse_class(const DataClass *data_class)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("data class \"%s\" is not searchable", data_class->name),
			 errdetail("Its encrypted values cannot be compared without being opened."),
			 errhint("Cast to the plain type and compare that, or call tarot.alter_class(%s, "
					 "searchable => true).",
					 quote_literal_cstr(data_class->name))));
}

SearchTag
SearchTagOfPlaintext(DataClass *data_class, EnvelopeKind kind, Bytes plaintext)
{
	if (data_class->search.spec.generation == 0)
		refuse_class(data_class);
	return make_tag(data_class->class_id, &data_class->search, kind, plaintext);
}

SearchTag
SearchTagOfEnvelope(DataClass *data_class, const Envelope *envelope)
{
	size_t size = envelope->ciphertext.len;
	uint8_t *plaintext;
	SearchTag tag;

	if (size > KEY_RING_PLAINTEXT_MAX)
		CryptoRaise(CRYPTO_MALFORMED);
	plaintext = palloc(size + 1);
	KeyRingOpen(envelope, NULL, 0, plaintext);
	plaintext[size] = '\0';
	tag = SearchTagOfPlaintext(data_class, envelope->header.kind, bytes_view(plaintext, size));
	secret_wipe(plaintext, size);
	pfree(plaintext);
	return tag;
}

/* Of byte i of the HMAC, the bits that everybody sees. */
static inline uint8_t
shown_bits(const SearchSpec *search, int i)
{
	return (uint8_t) (0xFF00 >> Min(Max(search->bits - 8 * i, 0), 8));
}

SearchTag
SearchTagTruncate(const SearchSpec *search, SearchTag tag)
{
	if (search->bits >= SEARCH_BITS_MAX)
		return tag;
	tag.bytes[0] |= SEARCH_TAG_HIDDEN;
	for (int i = 0; i < SEARCH_BITS_MAX / 8; i++)
		tag.bytes[1 + i] &= shown_bits(search, i);
	return tag;
}

/* Hides what is shown, and shows what is hidden. */
static SearchTag
toggle_hidden(int32 class_id, SearchKey *key, SearchTag tag, const uint8_t nonce[XAES_NONCE_SIZE])
{
	const uint8_t what = PAD_MESSAGE;
	Bytes message[] = {bytes_view(&what, 1), bytes_view(nonce, XAES_NONCE_SIZE)};
	uint8_t pad[HASH_SIZE];

	CryptoCheck(hmac_compute(hmac_of(class_id, key), message, 2, pad));
	tag.bytes[0] ^= SEARCH_TAG_HIDDEN;
	for (int i = 0; i < SEARCH_BITS_MAX / 8; i++)
		tag.bytes[1 + i] ^= (uint8_t) (pad[i] & ~shown_bits(&key->spec, i));
	secret_wipe(pad, sizeof(pad));
	return tag;
}

SearchTag
SearchTagReveal(DataClass *data_class, SearchTag tag, const uint8_t nonce[XAES_NONCE_SIZE])
{
	return toggle_hidden(data_class->class_id, &data_class->search, tag, nonce);
}

/*
 * A stored tag with hidden bits fits no other nonce, so it is made anew; but
 * where its key is destroyed nothing will be compared by it again, and what is
 * shown of it keeps the place.
 */
static bool
keeps_tag(const SearchSpec *search, const uint8_t *stored)
{
	return stored != NULL &&
		   (!SearchTagIsHidden(stored) || KeyRingIsDestroyed(search->key_id, search->version));
}

static const uint8_t *
complete_tag(DataClass *data_class, SearchKey *key, const EnvelopeHeader *header, Bytes plaintext,
			 SearchTags *tags, SearchTag *room)
{
	const uint8_t *stored = SearchTagOfHeader(header, key->spec.generation);

	if (keeps_tag(&key->spec, stored))
		memcpy(room->bytes, stored, sizeof(room->bytes));
	else
	{
		*room = make_tag(data_class->class_id, key, header->kind, plaintext);
		if (key->spec.bits < SEARCH_BITS_MAX)
			*room = toggle_hidden(data_class->class_id, key, *room, tags->nonce);
	}
	return room->bytes;
}

void
SearchTagsComplete(DataClass *data_class, DataKey *key, EnvelopeHeader *header, Bytes plaintext,
				   SearchTags *tags)
{
	const EnvelopeHeader before = *header;
	const bool changing = data_class->next_search.spec.generation != 0;

	if (data_class->search.spec.generation == 0)
		refuse_class(data_class);
	if (data_class->search.spec.bits < SEARCH_BITS_MAX ||
		(changing && data_class->next_search.spec.bits < SEARCH_BITS_MAX))
	{
		KeyRingNextNonce(key, tags->nonce);
		header->next_nonce = tags->nonce;
	}
	header->search_tag =
		complete_tag(data_class, &data_class->search, &before, plaintext, tags, &tags->active);
	header->second_tag = changing ? complete_tag(data_class, &data_class->next_search, &before,
												 plaintext, tags, &tags->next)
								  : NULL;
}

bool
SearchTagsAreComplete(const DataClass *data_class, const EnvelopeHeader *header)
{
	int next = data_class->next_search.spec.generation;

	return SearchTagIsOf(header->search_tag, data_class->search.spec.generation) &&
		   (next == 0 ? header->second_tag == NULL : SearchTagIsOf(header->second_tag, next));
}

/* ---------------------------------------------------------------- access */

static bool
may_search(int32 class_id, Oid role, AccessStamp *stamp)
{
	ClassRights rights = ClassAccessOf(class_id, role, stamp);

	/* Who reads the values can compare them anyway. */
	return rights.search || rights.read >= READ_NOTED;
}

bool
SearchIsAllowed(int32 class_id, Oid role)
{
	const DataClass *data_class = ClassFind(class_id);

	return data_class->exists && data_class->searchable && may_search(class_id, role, NULL);
}

void
SearchRequire(int32 class_id, Oid role, AccessStamp *stamp)
{
	const DataClass *data_class = ClassRequire(class_id);
	const char *role_name;

	if (!data_class->searchable)
		refuse_class(data_class);
	if (may_search(class_id, role, stamp))
		return;
	if (ClassAccessOf(class_id, role, NULL).read == READ_UNSTATED)
		ClassRefuseUnstated(class_id);
	role_name = GetUserNameFromId(role, true);
	ereport(ERROR,
			(EventDenied("search", data_class->name),
			 errmsg("permission denied to search data class \"%s\"", data_class->name),
			 errdetail("Role \"%s\" has neither search nor plain read access to it.", role_name),
			 errhint("Grant it with tarot.grant_class(%s, %s, ..., search => true).",
					 quote_literal_cstr(data_class->name), quote_literal_cstr(role_name))));
}

/* ---------------------------------------------------------------- for gate.sql */

/*
 * tarot.normalize_search(normalization text) RETURNS text
 *
 * The list of steps in its one spelling; raises when there is no such step.
 */
PG_FUNCTION_INFO_V1(tarot_gate_normalize_search);
Datum
tarot_gate_normalize_search(PG_FUNCTION_ARGS)
{
	Normalization normalization;
	const char *problem;

	if (!NormalizationParse(text_to_cstring(PG_GETARG_TEXT_PP(0)), &normalization, &problem))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("invalid normalization: %s", problem),
						errhint("For instance: normalization => 'lower, trim, nfc'.")));
	PG_RETURN_TEXT_P(cstring_to_text(NormalizationFormat(normalization)));
}

/*
 * Search keys come from a version of a data key, and are gone with it. Of those
 * that are no longer active nothing is made or compared any more.
 */
static void
check_key_unused(uint32 key_id, uint32 version)
{
	Relation table = CatalogOpen("search_key", AccessShareLock);
	TupleDesc desc = RelationGetDescr(table);
	SysScanDesc scan = CatalogScan(table, "search_key_pkey", 0, NULL);
	HeapTuple tuple;

	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		SearchSpec search;
		SearchState state;
		int32 class_id = ClassSearchRow(tuple, desc, &search, &state);

		if (search.key_id == key_id && search.version == version &&
			(state == SEARCH_ACTIVE || state == SEARCH_NEXT) && ClassFind(class_id)->exists)
			ereport(ERROR,
					(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
					 errmsg("cannot destroy version %u of key \"%s\" because data class \"%s\" is "
							"searched with it",
							version, KeyRingName(key_id), ClassFind(class_id)->name),
					 errdetail("The key of its search tags is derived from this version."),
					 errhint("Give the class a search key of a newer version with CALL "
							 "tarot.rotate_search_key(%s). With force => true its values can no "
							 "longer be compared, nor its indexes changed.",
							 quote_literal_cstr(ClassFind(class_id)->name))));
	}
	systable_endscan(scan);
	table_close(table, AccessShareLock);
}

void
SearchInit(void)
{
	KeyRegisterUse(check_key_unused);
}
