/*
 * support.c
 *		The support functions of the operator classes: for indexes, sorts and
 *		hash tables.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "utils/sortsupport.h"

#include "search/site.h"

static void
ask_for_order(FunctionCallInfo fcinfo, SearchSite *site)
{
	Operand a;
	Operand b;
	int32 class_id;

	/* GREATEST and LEAST */
	if (SiteIsInExpression(fcinfo))
		SearchRefuseOrder();
	OperandRead(PG_GETARG_DATUM(0), &a);
	OperandRead(PG_GETARG_DATUM(1), &b);
	class_id = OperandsClass(&a, &b);
	if (class_id != CLASS_LITERAL)
		SiteRequireAccess(site, class_id);
	OperandFree(&a);
	OperandFree(&b);
}

static inline int
compare_arguments(FunctionCallInfo fcinfo)
{
	SearchSite *site = SiteOf(fcinfo);

	if (unlikely(SiteMustAsk(fcinfo)))
		ask_for_order(fcinfo, site);
	return SearchCompare(site, PG_GETARG_DATUM(0), PG_GETARG_DATUM(1));
}

/*
 * tarot.search_cmp(tarot.encrypted_text, tarot.encrypted_text) RETURNS integer
 */
PG_FUNCTION_INFO_V1(tarot_search_cmp);
Datum
tarot_search_cmp(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(compare_arguments(fcinfo));
}

/*
 * tarot.search_lt(tarot.encrypted_text, tarot.encrypted_text) RETURNS boolean
 */
PG_FUNCTION_INFO_V1(tarot_search_lt);
Datum
tarot_search_lt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_arguments(fcinfo) < 0);
}

/*
 * tarot.search_le(tarot.encrypted_text, tarot.encrypted_text) RETURNS boolean
 */
PG_FUNCTION_INFO_V1(tarot_search_le);
Datum
tarot_search_le(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_arguments(fcinfo) <= 0);
}

/*
 * tarot.search_ge(tarot.encrypted_text, tarot.encrypted_text) RETURNS boolean
 */
PG_FUNCTION_INFO_V1(tarot_search_ge);
Datum
tarot_search_ge(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_arguments(fcinfo) >= 0);
}

/*
 * tarot.search_gt(tarot.encrypted_text, tarot.encrypted_text) RETURNS boolean
 */
PG_FUNCTION_INFO_V1(tarot_search_gt);
Datum
tarot_search_gt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_arguments(fcinfo) > 0);
}

static int
compare_for_sort(Datum a, Datum b, SortSupport sort)
{
	return SearchCompare(sort->ssup_extra, a, b);
}

static Datum
abbreviate(Datum value, SortSupport sort)
{
	return UInt64GetDatum(SearchPrefix(sort->ssup_extra, value));
}

/* They tell all values apart but those of tags of which few bits are shown. */
static bool
abbreviation_is_no_use(int count, SortSupport sort)
{
	(void) count;
	(void) sort;
	return false;
}

/*
 * tarot.search_sort(internal) RETURNS void
 */
PG_FUNCTION_INFO_V1(tarot_search_sort);
Datum
tarot_search_sort(PG_FUNCTION_ARGS)
{
	SortSupport sort = (SortSupport) PG_GETARG_POINTER(0);
	SearchSite *site = MemoryContextAlloc(sort->ssup_cxt, sizeof(SearchSite));

	SearchSiteInit(site, sort->ssup_cxt);
	sort->ssup_extra = site;
	sort->comparator = compare_for_sort;
	if (sort->abbreviate && sizeof(Datum) == sizeof(uint64))
	{
		sort->abbrev_full_comparator = compare_for_sort;
		sort->comparator = ssup_datum_unsigned_cmp;
		sort->abbrev_converter = abbreviate;
		sort->abbrev_abort = abbreviation_is_no_use;
	}
	PG_RETURN_VOID();
}

/* A hash of an encrypted value tells which values are equal, so it is asked for as equality is. */
static uint32
hash_input(FunctionCallInfo fcinfo)
{
	SearchSite *site = SiteOf(fcinfo);
	Datum value = PG_GETARG_DATUM(0);

	if (unlikely(SiteMustAsk(fcinfo)))
	{
		Operand operand;

		OperandRead(value, &operand);
		if (operand.class_id != CLASS_LITERAL)
			SiteRequireAccess(site, operand.class_id);
		OperandFree(&operand);
	}
	return (uint32) (SearchPrefix(site, value) >> 32);
}

/*
 * tarot.search_hash(tarot.encrypted_text) RETURNS integer
 *
 * What is shown of a tag is as good as random, but may be few bits: it is
 * hashed all the same.
 */
PG_FUNCTION_INFO_V1(tarot_search_hash);
Datum
tarot_search_hash(PG_FUNCTION_ARGS)
{
	return hash_uint32(hash_input(fcinfo));
}

/*
 * tarot.search_hash(tarot.encrypted_text, bigint) RETURNS bigint
 */
PG_FUNCTION_INFO_V1(tarot_search_hash_extended);
Datum
tarot_search_hash_extended(PG_FUNCTION_ARGS)
{
	return hash_uint32_extended(hash_input(fcinfo), (uint64) PG_GETARG_INT64(1));
}
