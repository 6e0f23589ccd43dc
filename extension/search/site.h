/*
 * site.h
 *		What a place where encrypted values are compared knows: the values'
 *		class, who was found to have access, and the values' tags. For the files
 *		of search/ alone.
 */
#ifndef TAROT_SEARCH_SITE_H
#define TAROT_SEARCH_SITE_H

#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/primnodes.h"
#include "port/pg_bswap.h"
#include "utils/memutils.h"

#include "base/catalog.h"
#include "base/varlena.h"
#include "search/search.h"

/* That of a call; made at the first one. */
extern SearchSite *SiteMake(FunctionCallInfo fcinfo);

static inline SearchSite *
SiteOf(FunctionCallInfo fcinfo)
{
	SearchSite *site = fcinfo->flinfo->fn_extra;

	return likely(site != NULL) ? site : SiteMake(fcinfo);
}

/* ---------------------------------------------------------------- what is compared */

typedef struct Operand
{
	Datum datum;
	struct varlena *head; /* of a value that is compressed or out of line, or the value */
	bool probe;
	EnvelopeKind kind;
	int32 class_id;
	const uint8_t *tag;    /* NULL: none is stored */
	const uint8_t *second; /* NULL: as in crypto/envelope.h */
} Operand;

extern void OperandRead(Datum datum, Operand *operand);

static inline void
OperandFree(const Operand *operand)
{
	if (unlikely((Pointer) operand->head != DatumGetPointer(operand->datum)))
		pfree(operand->head);
}

/* ---------------------------------------------------------------- classes */

extern void SiteLookUpClass(SearchSite *site, int32 class_id);

/* NULL for a class that this database does not know: a subscriber's, perhaps. */
static inline DataClass *
SiteClass(SearchSite *site, int32 class_id)
{
	if (unlikely(site->epoch != CatalogEpoch || site->class_id != class_id))
		SiteLookUpClass(site, class_id);
	return site->data_class;
}

/* Whether the current role was found to have access, and nothing has changed since. */
static inline bool
SiteHasAccess(const SearchSite *site, int32 class_id)
{
	return AccessStampHolds(&site->allowed) && site->allowed_class == class_id &&
		   site->allowed_role == GetUserId();
}

/* Raises unless the current role may search the class; counts that it does. */
extern void SiteRequireAccess(SearchSite *site, int32 class_id);

/* Of an index's function it is the options of the operator class. */
static inline bool
SiteIsInExpression(FunctionCallInfo fcinfo)
{
	return fcinfo->flinfo->fn_expr != NULL && !IsA(fcinfo->flinfo->fn_expr, Const);
}

/*
 * Whether this function has to ask for access itself. In an expression, and
 * where arrays and rows are compared (by functions that the type cache keeps),
 * it has. In an index, a sort or a hash table there is no one to ask: the plan
 * was checked when its execution began (plan.c), and constraints are
 * not to be asked.
 */
static inline bool
SiteMustAsk(FunctionCallInfo fcinfo)
{
	return (SiteIsInExpression(fcinfo) || fcinfo->flinfo->fn_mcxt == CacheMemoryContext) &&
		   !SearchIsInternal();
}

/* Raise: a literal beside nothing that has a class; tags that would have to be made. */
pg_noreturn extern void SearchRefuseUnknownClass(void);
pg_noreturn extern void SearchRefuseUnknownTags(int32 class_id);

/* ---------------------------------------------------------------- tags */

static inline int
SearchTagCompare(const SearchTag *a, const SearchTag *b)
{
	return memcmp(a->bytes + 1, b->bytes + 1, sizeof(a->bytes) - 1);
}

/*
 * The stored tag that counts, or NULL. Without any word of the class it is the
 * first: which of them counts, the table of search keys will say, and then the
 * indexes are made anew (reseal/search_indexes.c).
 */
static inline const uint8_t *
SiteCurrentTag(const SearchSite *site, const Operand *operand)
{
	if (likely(SearchTagIsOf(operand->tag, site->generation)))
		return operand->tag;
	if (SearchTagIsOf(operand->second, site->generation))
		return operand->second;
	return site->generation == 0 && site->data_class == NULL ? operand->tag : NULL;
}

/*
 * The tag of something that was not a value of the class before: whoever asks
 * for it wants to know whether there is such a value. Kept for the next row.
 * The bytes are an envelope (sealed), or as in plaintext.h.
 */
extern SearchTag
SiteTagOfGiven(SearchSite *site, int32 class_id, EnvelopeKind kind, Bytes bytes, bool sealed);

/*
 * The tag as it is stored where it is there and current, else all of its bits.
 * A value of another class was ruled out before.
 */
extern SearchTag
SiteTagOfOperand(SearchSite *site, DataClass *data_class, int32 class_id, const Operand *operand);

/* ---------------------------------------------------------------- compare.c */

/* The class that both are of, when a literal takes the other's; raises when there is none. */
extern int32 OperandsClass(const Operand *a, const Operand *b);

/* Their order, in that class. */
extern int OperandsCompare(SearchSite *site, int32 class_id, const Operand *a, const Operand *b);

/* The same by tags of which at least one has hidden bits. */
extern int OperandsCompareHidden(DataClass *data_class, int32 class_id, const Operand *a,
								 SearchTag tag_a, const Operand *b, SearchTag tag_b);

/* The same of any two. */
extern int SearchCompareOperands(SearchSite *site, Datum a, Datum b);

/* ---------------------------------------------------------------- tags at hand */

/* At first, and when anything changed. */
extern void SiteTakeClassOf(SearchSite *site, Datum datum);

/*
 * What nearly all comparisons are of: a value of the class that was asked for
 * before, or a probe, with a current tag that has all its bits. Else NULL; then
 * the long way has its questions and its errors.
 */
static inline const uint8 *
SiteTagAtHand(const SearchSite *site, Datum datum, uint8 *kind)
{
	const struct varlena *value = (const struct varlena *) DatumGetPointer(datum);
	const uint8 *tag;
	Bytes head;

	if (unlikely(VARATT_IS_EXTERNAL(value) || VARATT_IS_COMPRESSED(value)))
		return NULL;
	head = BytesOfVarlena(value);
	if (head.len == SEARCH_PROBE_SIZE && head.data[0] == SEARCH_PROBE)
	{
		tag = head.data + SEARCH_PROBE_SIZE - ENVELOPE_SEARCH_TAG_SIZE;
		*kind = head.data[1];
	}
	else if (likely((tag = envelope_only_search_tag(head)) != NULL))
		*kind = head.data[1] >> ENVELOPE_KIND_SHIFT;
	else
		return NULL;
	if (unlikely(bytes_get_u32(head.data + 2) != (uint32) site->class_id ||
				 tag[0] != site->generation))
		return NULL;
	return tag;
}

/* As memcmp() of what follows the generation, 15 bytes: two words that share one of them. */
static inline int
SearchTagBytesCompare(const uint8 *a, const uint8 *b)
{
	uint64 x;
	uint64 y;

	StaticAssertStmt(ENVELOPE_SEARCH_TAG_SIZE == 16, "words and tags");
	memcpy(&x, a + 1, sizeof(x));
	memcpy(&y, b + 1, sizeof(y));
	if (x == y)
	{
		memcpy(&x, a + 8, sizeof(x));
		memcpy(&y, b + 8, sizeof(y));
		if (x == y)
			return 0;
	}
	return pg_ntoh64(x) < pg_ntoh64(y) ? -1 : 1;
}

/*
 * False where it takes the long way, also to be asked for access that was not
 * asked for yet. An index asks so for each level of its tree, a hash table for
 * each row: inlined, it is half of what such a comparison costs in all.
 */
static inline bool
SearchCompareAtHand(SearchSite *site, bool ask, Datum a, Datum b, int *order)
{
	uint8 kind_a;
	uint8 kind_b;
	const uint8 *tag_a;
	const uint8 *tag_b;

	if (unlikely(site->epoch != CatalogEpoch))
		SiteTakeClassOf(site, a);
	if (unlikely(site->epoch != CatalogEpoch || site->data_class == NULL))
		return false;
	if (ask && unlikely(!SiteHasAccess(site, site->class_id)))
		return false;
	tag_a = SiteTagAtHand(site, a, &kind_a);
	tag_b = tag_a != NULL ? SiteTagAtHand(site, b, &kind_b) : NULL;
	if (unlikely(tag_b == NULL || kind_a != kind_b))
		return false;
	if (ask)
		site->counts->seen.searched++;
	*order = SearchTagBytesCompare(tag_a, tag_b);
	return true;
}

static inline int
SearchCompare(SearchSite *site, Datum a, Datum b)
{
	int order;

	if (likely(SearchCompareAtHand(site, false, a, b, &order)))
		return order;
	return SearchCompareOperands(site, a, b);
}

#endif
