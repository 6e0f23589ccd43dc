/*
 * compare.c
 *		Comparing encrypted values by their search tags.
 *
 * All values of a class have one order, that of their tags, which says nothing
 * of the values' own. One implementation serves all types: an envelope tells
 * its own.
 *
 * Nothing here takes constant time. What a comparison's time could tell,
 * whether tags begin alike, its result tells already, and the tags are on disk.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "port/pg_bswap.h"
#include "replication/logicalworker.h"

#include "base/varlena.h"
#include "gate/gate.h"
#include "keys/root.h"
#include "search/site.h"

static bool
is_same_envelope(const Operand *a, const Operand *b)
{
	struct varlena *x = (struct varlena *) DatumGetPointer(a->datum);
	struct varlena *y = (struct varlena *) DatumGetPointer(b->datum);

	return !VARATT_IS_EXTERNAL(x) && !VARATT_IS_EXTERNAL(y) &&
		   VARSIZE_ANY_EXHDR(x) == VARSIZE_ANY_EXHDR(y) &&
		   memcmp(VARDATA_ANY(x), VARDATA_ANY(y), VARSIZE_ANY_EXHDR(x)) == 0;
}

/* A tag as it stands in a value, or with all its bits: which it then has. */
static SearchTag
all_bits(DataClass *data_class, const Operand *operand, SearchTag tag)
{
	const uint8_t *nonce;

	if (!SearchTagIsHidden(tag.bytes))
		return tag;
	nonce = envelope_peek_nonce(BytesOfVarlena(operand->head));
	if (nonce == NULL)
		CryptoRaise(CRYPTO_MALFORMED);
	return SearchTagReveal(data_class, tag, nonce);
}

/* The order by all bits goes on from that by those shown: they are revealed where these are equal.
 */
int
OperandsCompareHidden(DataClass *data_class, int32 class_id, const Operand *a, SearchTag tag_a,
					  const Operand *b, SearchTag tag_b)
{
	SearchTag short_a;
	SearchTag short_b;
	int order;

	if (data_class == NULL)
		SearchRefuseUnknownTags(class_id);
	short_a = SearchTagTruncate(&data_class->search.spec, tag_a);
	short_b = SearchTagTruncate(&data_class->search.spec, tag_b);
	order = SearchTagCompare(&short_a, &short_b);
	if (order != 0)
		return order;
	tag_a = all_bits(data_class, a, tag_a);
	tag_b = all_bits(data_class, b, tag_b);
	return SearchTagCompare(&tag_a, &tag_b);
}

int32
OperandsClass(const Operand *a, const Operand *b)
{
	if (unlikely(a->kind != b->kind))
		CryptoRaise(CRYPTO_MALFORMED);
	if (likely(a->class_id == b->class_id))
		return a->class_id;
	if (a->class_id == CLASS_LITERAL)
		return b->class_id;
	if (b->class_id == CLASS_LITERAL)
		return a->class_id;
	SearchRefuseClasses(a->class_id, b->class_id);
}

/*
 * Two have to compare what nobody else could, and must not fail there: ANALYZE,
 * for statistics on arrays and rows, and the worker of a subscription, which
 * looks for a row without a key. Values of a class that never was searchable,
 * or is not known to a subscriber, are the same where their bytes are. No
 * index has any.
 */
static inline bool
goes_by_bytes(const DataClass *data_class, bool tagged)
{
	if (likely(data_class != NULL && data_class->search.spec.generation != 0))
		return false;
	if (IsLogicalWorker())
		return data_class != NULL || !tagged;
	return data_class != NULL && (GateBlindDepth > 0 || compat_is_autovacuum_worker());
}

static int
compare_envelopes(const Operand *a, const Operand *b)
{
	struct varlena *x = PG_DETOAST_DATUM_PACKED(a->datum);
	struct varlena *y = PG_DETOAST_DATUM_PACKED(b->datum);
	size_t size_x = VARSIZE_ANY_EXHDR(x);
	size_t size_y = VARSIZE_ANY_EXHDR(y);
	int order = memcmp(VARDATA_ANY(x), VARDATA_ANY(y), Min(size_x, size_y));

	if (order == 0)
		order = size_x < size_y ? -1 : size_x > size_y;
	if ((Pointer) x != DatumGetPointer(a->datum))
		pfree(x);
	if ((Pointer) y != DatumGetPointer(b->datum))
		pfree(y);
	return order;
}

int
OperandsCompare(SearchSite *site, int32 class_id, const Operand *a, const Operand *b)
{
	DataClass *data_class;
	SearchTag tag_a;
	SearchTag tag_b;

	if (class_id == CLASS_LITERAL)
		SearchRefuseUnknownClass();
	data_class = SiteClass(site, class_id);
	if (goes_by_bytes(data_class, a->tag != NULL && b->tag != NULL))
		return compare_envelopes(a, b);
	tag_a = SiteTagOfOperand(site, data_class, class_id, a);
	tag_b = SiteTagOfOperand(site, data_class, class_id, b);
	if (unlikely(SearchTagIsHidden(tag_a.bytes) || SearchTagIsHidden(tag_b.bytes)))
		return is_same_envelope(a, b)
				   ? 0
				   : OperandsCompareHidden(data_class, class_id, a, tag_a, b, tag_b);
	return SearchTagCompare(&tag_a, &tag_b);
}

/* Class numbers lie at one place in envelopes and probes. */
void
SiteTakeClassOf(SearchSite *site, Datum datum)
{
	struct varlena *value = (struct varlena *) DatumGetPointer(datum);
	int32 class_id = CLASS_NONE;

	if (!VARATT_IS_EXTERNAL(value) && !VARATT_IS_COMPRESSED(value) &&
		VARSIZE_ANY_EXHDR(value) >= ENVELOPE_FIXED_HEADER)
		class_id = (int32) bytes_get_u32((const uint8 *) VARDATA_ANY(value) + 2);
	if (CLASS_IS_NAMED(class_id))
		SiteLookUpClass(site, class_id);
}

int
SearchCompareOperands(SearchSite *site, Datum a, Datum b)
{
	Operand operand_a;
	Operand operand_b;
	int order;

	OperandRead(a, &operand_a);
	OperandRead(b, &operand_b);
	order = OperandsCompare(site, OperandsClass(&operand_a, &operand_b), &operand_a, &operand_b);
	OperandFree(&operand_a);
	OperandFree(&operand_b);
	return order;
}

/* Of what is shown of it, so that all values with one tag have one prefix. */
static uint64
prefix_of(const DataClass *data_class, int32 class_id, SearchTag tag)
{
	uint64 prefix;

	if (data_class != NULL)
		tag = SearchTagTruncate(&data_class->search.spec, tag);
	else if (SearchTagIsHidden(tag.bytes))
		SearchRefuseUnknownTags(class_id);
	memcpy(&prefix, tag.bytes + 1, sizeof(prefix));
	return pg_ntoh64(prefix);
}

uint64
SearchPrefix(SearchSite *site, Datum value)
{
	Operand operand;
	DataClass *data_class;
	uint64 prefix;

	OperandRead(value, &operand);
	if (operand.class_id == CLASS_LITERAL)
		SearchRefuseUnknownClass();
	data_class = SiteClass(site, operand.class_id);
	if (goes_by_bytes(data_class, operand.tag != NULL))
		prefix = hash_bytes_extended((const unsigned char *) VARDATA_ANY(operand.head),
									 (int) VARSIZE_ANY_EXHDR(operand.head), 0);
	else
		prefix = prefix_of(data_class, operand.class_id,
						   SiteTagOfOperand(site, data_class, operand.class_id, &operand));
	OperandFree(&operand);
	return prefix;
}

bool
SearchStoredPrefix(SearchSite *site, Datum value, uint64 *prefix)
{
	Operand operand;
	DataClass *data_class;
	bool stored;

	OperandRead(value, &operand);
	data_class = SiteClass(site, operand.class_id);
	stored = data_class != NULL && SiteCurrentTag(site, &operand) != NULL;
	if (stored)
		*prefix = prefix_of(data_class, operand.class_id,
							SiteTagOfOperand(site, data_class, operand.class_id, &operand));
	OperandFree(&operand);
	return stored;
}
