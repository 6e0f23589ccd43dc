/*
 * site.c
 *		What a place where encrypted values are compared knows.
 *
 * Where a tag is missing (the class became searchable later) or of another
 * generation, it is made from the value: slower, but no value is ever missed.
 */
#include "postgres.h"

#include "replication/logicalworker.h"

#include "base/secret.h"
#include "base/varlena.h"
#include "class/reveal.h"
#include "column/column.h"
#include "crypto/hash.h"
#include "gate/gate.h"
#include "keys/ring.h"
#include "keys/root.h"
#include "search/site.h"

/* A given value longer than this is not kept for the next comparison. */
#define GIVEN_MAX 1024
#define GIVEN_MIN_ROOM 64

void
SearchSiteInit(SearchSite *site, MemoryContext context)
{
	*site = (SearchSite){.context = context, .kind = -1};
}

SearchSite *
SiteMake(FunctionCallInfo fcinfo)
{
	SearchSite *site = MemoryContextAlloc(fcinfo->flinfo->fn_mcxt, sizeof(SearchSite));

	SearchSiteInit(site, fcinfo->flinfo->fn_mcxt);
	fcinfo->flinfo->fn_extra = site;
	return site;
}

/* ---------------------------------------------------------------- what is compared */

void
OperandRead(Datum datum, Operand *operand)
{
	struct varlena *value = (struct varlena *) DatumGetPointer(datum);
	EnvelopeHeader header;
	Bytes head;

	/* Header and nonce are all that is wanted of a value that may be long. */
	if (unlikely(VARATT_IS_EXTERNAL(value) || VARATT_IS_COMPRESSED(value)))
		value = PG_DETOAST_DATUM_SLICE(datum, 0, ENVELOPE_MAX_HEADER + XAES_NONCE_SIZE);
	head = BytesOfVarlena(value);
	operand->datum = datum;
	operand->head = value;
	operand->probe = head.len == SEARCH_PROBE_SIZE && head.data[0] == SEARCH_PROBE;
	if (operand->probe)
	{
		operand->kind = (EnvelopeKind) head.data[1];
		operand->class_id = (int32) bytes_get_u32(head.data + 2);
		operand->tag = head.data + 6;
		operand->second = NULL;
		return;
	}
	if (!envelope_peek(head, &header) || header.class_id == CLASS_NONE)
		CryptoRaise(CRYPTO_MALFORMED);
	operand->kind = header.kind;
	operand->class_id = (int32) header.class_id;
	operand->tag = header.search_tag;
	operand->second = header.second_tag;
}

/* ---------------------------------------------------------------- classes */

/* Of a class whose search key is still to come, in a parallel restore, too little is known. */
void
SiteLookUpClass(SearchSite *site, int32 class_id)
{
	uint64 epoch = CatalogEpoch; /* an invalidation may arrive while we look */
	DataClass *data_class = ClassFind(class_id);
	int generation =
		data_class->exists ? data_class->search.spec.generation : ClassSearchGeneration(class_id);
	bool complete = data_class->exists && (generation != 0 || !data_class->searchable);

	site->data_class = complete ? data_class : NULL;
	site->generation = generation;
	site->class_id = class_id;
	site->epoch = epoch;
}

bool
SearchIsInternal(void)
{
	return InNoForceRLSOperation() || IsLogicalWorker() || GateBlindDepth > 0 ||
		   compat_is_autovacuum_worker();
}

void
SiteRequireAccess(SearchSite *site, int32 class_id)
{
	AccessStamp stamp;

	if (unlikely(!SiteHasAccess(site, class_id)))
	{
		SearchRequire(class_id, GetUserId(), &stamp);
		site->allowed = stamp;
		site->allowed_class = class_id;
		site->allowed_role = GetUserId();
		site->counts = GateCountsOf(class_id, GetUserId());
	}
	site->counts->seen.searched++;
}

void
SearchRefuseUnknownClass(void)
{
	ereport(ERROR, (errcode(ERRCODE_INDETERMINATE_DATATYPE),
					errmsg("cannot compare an encrypted literal whose data class is not known"),
					errhint("Cast it to its class, as in 'x'::tarot.encrypted_text('email'), or "
							"cast what it is compared with to the plain type.")));
}

void
SearchRefuseUnknownTags(int32 class_id)
{
	ereport(
		ERROR,
		(errcode(ERRCODE_UNDEFINED_OBJECT),
		 errmsg("values of data class #%d cannot be compared before the class is there", class_id),
		 errdetail("Their search tags are missing or hidden in part."),
		 errhint("Restore a dump in parallel section by section: pg_restore --section=pre-data, "
				 "then data, then post-data.")));
}

void
SearchRefuseClasses(int32 a, int32 b)
{
	ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
					errmsg("cannot compare values of data class %s with values of data class %s",
						   ColumnTypmodOut(a), ColumnTypmodOut(b)),
					errhint("Cast both to the plain type, which needs plain read access.")));
}

void
SearchRefuseOrder(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_FUNCTION), errmsg("encrypted values have no order"),
			 errdetail("Their search tags have one, which says nothing of the values."),
			 errhint("Cast to the plain type, as in ORDER BY email::text, which needs plain read "
					 "access.")));
}

/* ---------------------------------------------------------------- tags */

/*
 * A value that nobody can open again is one of its own, equal to its copies
 * alone: an index that has it, perhaps of a row that is gone, must go on having
 * an order. When its version is destroyed, reseal/destroyed.c sees to that.
 */
static SearchTag
tag_of_lost(const DataClass *data_class, Bytes envelope)
{
	uint8_t digest[HASH_SIZE];
	SearchTag tag = {.bytes = {(uint8_t) data_class->search.spec.generation}};

	CryptoCheck(hash_sha256(envelope, digest));
	memcpy(tag.bytes + 1, digest, sizeof(tag.bytes) - 1);
	return tag;
}

/* All bits of the tag of a value, which is opened; or what stands for them where its key is
 * destroyed. */
static SearchTag
open_for_tag(DataClass *data_class, Datum datum)
{
	struct varlena *value = PG_DETOAST_DATUM_PACKED(datum);
	Envelope envelope;
	SearchTag tag;

	CryptoCheck(envelope_parse(BytesOfVarlena(value), &envelope));
	if (KeyRingIsDestroyed(envelope.header.key_id, envelope.header.key_version))
		tag = tag_of_lost(data_class, BytesOfVarlena(value));
	else
		tag = SearchTagOfEnvelope(data_class, &envelope);
	if ((Pointer) value != DatumGetPointer(datum))
		pfree(value);
	return tag;
}

/* Most call sites are asked once, so there is no room before it is needed. */
static void
keep_given(SearchSite *site, int32 class_id, Bytes bytes, SearchTag tag)
{
	if (site->given == NULL || site->given_room < bytes.len)
	{
		size_t room = Max(bytes.len, GIVEN_MIN_ROOM);

		if (site->given != NULL)
		{
			secret_wipe(site->given, site->given_room);
			pfree(site->given);
			site->given = NULL;
		}
		site->given = MemoryContextAlloc(site->context, room);
		site->given_room = room;
	}
	memcpy(site->given, bytes.data, bytes.len);
	site->given_size = bytes.len;
	site->given_class = class_id;
	site->given_tag = tag;
	site->given_epoch = CatalogEpoch;
}

SearchTag
SiteTagOfGiven(SearchSite *site, int32 class_id, EnvelopeKind kind, Bytes bytes, bool sealed)
{
	DataClass *data_class;
	SearchTag tag;

	SiteRequireAccess(site, class_id);
	RevealNotePlaintext();
	if (site->given != NULL && site->given_size == bytes.len && site->given_class == class_id &&
		site->given_epoch == CatalogEpoch && memcmp(site->given, bytes.data, bytes.len) == 0)
		return site->given_tag;

	data_class = ClassRequire(class_id);
	if (sealed)
	{
		Envelope envelope;

		CryptoCheck(envelope_parse(bytes, &envelope));
		tag = SearchTagOfEnvelope(data_class, &envelope);
	}
	else
		tag = SearchTagOfPlaintext(data_class, kind, bytes);
	if (bytes.len <= GIVEN_MAX)
		keep_given(site, class_id, bytes, tag);
	return tag;
}

static SearchTag
tag_of_literal(SearchSite *site, int32 class_id, const Operand *literal)
{
	struct varlena *value = PG_DETOAST_DATUM_PACKED(literal->datum);

	return SiteTagOfGiven(site, class_id, literal->kind, BytesOfVarlena(value), true);
}

SearchTag
SiteTagOfOperand(SearchSite *site, DataClass *data_class, int32 class_id, const Operand *operand)
{
	const uint8_t *stored;
	SearchTag tag;

	if (operand->class_id != class_id)
		return tag_of_literal(site, class_id, operand);
	stored = SiteCurrentTag(site, operand);
	if (likely(stored != NULL))
	{
		memcpy(tag.bytes, stored, sizeof(tag.bytes));
		return tag;
	}
	if (operand->probe)
		ereport(ERROR, (errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
						errmsg("the search key of a data class changed during the statement"),
						errhint("Run it again.")));
	if (data_class == NULL)
		SearchRefuseUnknownTags(class_id);
	return open_for_tag(data_class, operand->datum);
}
