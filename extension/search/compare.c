/*
 * compare.c
 *		Comparing encrypted values by their search tags.
 *
 * All values of a class have one order, that of their tags, which says nothing
 * of the values' own. Where a tag is missing (the class became searchable
 * later) or of another generation, it is made from the value: slower, but no
 * value is ever missed. One implementation serves all types: an envelope tells
 * its own.
 *
 * Nothing here takes constant time. What a comparison's time could tell,
 * whether tags begin alike, its result tells already, and the tags are on disk.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/primnodes.h"
#include "port/pg_bswap.h"
#include "replication/logicalworker.h"
#include "utils/memutils.h"

#include "base/catalog.h"
#include "base/secret.h"
#include "class/gate.h"
#include "class/plaintext.h"
#include "column/column.h"
#include "column/types.h"
#include "keys/ring.h"
#include "keys/root.h"
#include "search/search.h"

/* A given value longer than this is not kept for the next comparison. */
#define GIVEN_MAX 1024
#define GIVEN_MIN_ROOM 64

void
SearchSiteInit(SearchSite *site, MemoryContext context)
{
	*site = (SearchSite){.context = context, .kind = -1};
}

static SearchSite *
get_site(FunctionCallInfo fcinfo)
{
	SearchSite *site = fcinfo->flinfo->fn_extra;

	if (likely(site != NULL))
		return site;
	site = MemoryContextAlloc(fcinfo->flinfo->fn_mcxt, sizeof(SearchSite));
	SearchSiteInit(site, fcinfo->flinfo->fn_mcxt);
	fcinfo->flinfo->fn_extra = site;
	return site;
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

static void
read_operand(Datum datum, Operand *operand)
{
	struct varlena *value = (struct varlena *) DatumGetPointer(datum);
	EnvelopeHeader header;
	Bytes head;

	/* A header is all that is wanted of a value that may be long. */
	if (unlikely(VARATT_IS_EXTERNAL(value) || VARATT_IS_COMPRESSED(value)))
		value = PG_DETOAST_DATUM_SLICE(datum, 0, ENVELOPE_MAX_HEADER);
	head = bytes_view(VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value));
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

static void
free_operand(const Operand *operand)
{
	if (unlikely((Pointer) operand->head != DatumGetPointer(operand->datum)))
		pfree(operand->head);
}

/* Of a class whose search key is still to come, in a parallel restore, too little is known. */
static void
look_up_class(SearchSite *site, int32 class_id)
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

/* NULL for a class that this database does not know: a subscriber's, perhaps. */
static inline DataClass *
site_class(SearchSite *site, int32 class_id)
{
	if (unlikely(site->epoch != CatalogEpoch || site->class_id != class_id))
		look_up_class(site, class_id);
	return site->data_class;
}

bool
SearchIsInternal(void)
{
	return InNoForceRLSOperation() || IsLogicalWorker() || GateBlindDepth > 0 ||
		   compat_is_autovacuum_worker();
}

/* Whether the current role was found to be one that may search the class, and nothing changed
 * since. */
static inline bool
has_access(const SearchSite *site, int32 class_id)
{
	return AccessStampHolds(&site->allowed) && site->allowed_class == class_id &&
		   site->allowed_role == GetUserId();
}

/* Raises unless the current role may search the class. */
static inline void
require_access(SearchSite *site, int32 class_id)
{
	AccessStamp stamp;

	if (likely(has_access(site, class_id)))
		return;
	SearchRequire(class_id, GetUserId(), &stamp);
	site->allowed = stamp;
	site->allowed_class = class_id;
	site->allowed_role = GetUserId();
}

pg_noreturn static void
refuse_unknown_class(void)
{
	ereport(ERROR, (errcode(ERRCODE_INDETERMINATE_DATATYPE),
					errmsg("cannot compare an encrypted literal whose data class is not known"),
					errhint("Cast it to its class, as in 'x'::tarot.encrypted_text('email'), or "
							"cast what it is compared with to the plain type.")));
}

pg_noreturn static void
refuse_unknown_tags(int32 class_id)
{
	ereport(
		ERROR,
		(errcode(ERRCODE_UNDEFINED_OBJECT),
		 errmsg("values of data class #%d cannot be compared before the class is there", class_id),
		 errdetail("Their search tags are missing or truncated, so some have to be opened."),
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

static SearchTag
open_for_tag(DataClass *data_class, Datum datum)
{
	struct varlena *value = PG_DETOAST_DATUM_PACKED(datum);
	Envelope envelope;
	SearchTag tag;

	CryptoCheck(
		envelope_parse(bytes_view(VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value)), &envelope));
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

/*
 * The tag of something that was not a value of the class before: whoever asks
 * for it wants to know whether there is such a value. Kept for the next row.
 */
static SearchTag
tag_of_given(SearchSite *site, int32 class_id, EnvelopeKind kind, Bytes bytes, bool sealed)
{
	DataClass *data_class;
	SearchTag tag;

	require_access(site, class_id);
	GateNotePlaintext();
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

	return tag_of_given(site, class_id, literal->kind,
						bytes_view(VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value)), true);
}

/*
 * The stored tag that counts, or NULL. Without any word of the class it is the
 * first: which of them counts, the table of search keys will say, and then the
 * indexes are made anew (reseal/search_key.c).
 */
static inline const uint8_t *
current_tag(const SearchSite *site, const Operand *operand)
{
	if (likely(SearchTagIsOf(operand->tag, site->generation)))
		return operand->tag;
	if (SearchTagIsOf(operand->second, site->generation))
		return operand->second;
	return site->generation == 0 && site->data_class == NULL ? operand->tag : NULL;
}

/*
 * The tag as it is stored where it is there and current, else all of its bits.
 * A value of another class was ruled out before.
 */
static SearchTag
tag_of_operand(SearchSite *site, DataClass *data_class, int32 class_id, const Operand *operand)
{
	const uint8_t *stored;
	SearchTag tag;

	if (operand->class_id != class_id)
		return tag_of_literal(site, class_id, operand);
	stored = current_tag(site, operand);
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
		refuse_unknown_tags(class_id);
	return open_for_tag(data_class, operand->datum);
}

static inline bool
is_truncated(const SearchTag *tag)
{
	return (tag->bytes[0] & SEARCH_TAG_TRUNCATED) != 0;
}

static inline int
compare_bits(const SearchTag *a, const SearchTag *b)
{
	return memcmp(a->bytes + 1, b->bytes + 1, sizeof(a->bytes) - 1);
}

static bool
is_same_envelope(const Operand *a, const Operand *b)
{
	struct varlena *x = (struct varlena *) DatumGetPointer(a->datum);
	struct varlena *y = (struct varlena *) DatumGetPointer(b->datum);

	return !VARATT_IS_EXTERNAL(x) && !VARATT_IS_EXTERNAL(y) &&
		   VARSIZE_ANY_EXHDR(x) == VARSIZE_ANY_EXHDR(y) &&
		   memcmp(VARDATA_ANY(x), VARDATA_ANY(y), VARSIZE_ANY_EXHDR(x)) == 0;
}

/*
 * Bits were left off at least one tag. The order by all bits goes on from that
 * by some, so it may decide where these are equal; for that the values are opened.
 */
static int
compare_truncated(DataClass *data_class, int32 class_id, const Operand *a, SearchTag tag_a,
				  const Operand *b, SearchTag tag_b)
{
	SearchTag short_a;
	SearchTag short_b;
	int order;

	if (data_class == NULL)
		refuse_unknown_tags(class_id);
	short_a = SearchTagTruncate(&data_class->search.spec, tag_a);
	short_b = SearchTagTruncate(&data_class->search.spec, tag_b);
	order = compare_bits(&short_a, &short_b);
	if (order != 0)
		return order;
	if (is_truncated(&tag_a))
		tag_a = open_for_tag(data_class, a->datum);
	if (is_truncated(&tag_b))
		tag_b = open_for_tag(data_class, b->datum);
	return compare_bits(&tag_a, &tag_b);
}

/* The class that both are of, when a literal takes the other's; raises when there is none. */
static inline int32
common_class(const Operand *a, const Operand *b)
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

static int
compare_operands(SearchSite *site, int32 class_id, const Operand *a, const Operand *b)
{
	DataClass *data_class;
	SearchTag tag_a;
	SearchTag tag_b;

	if (class_id == CLASS_LITERAL)
		refuse_unknown_class();
	data_class = site_class(site, class_id);
	if (goes_by_bytes(data_class, a->tag != NULL && b->tag != NULL))
		return compare_envelopes(a, b);
	tag_a = tag_of_operand(site, data_class, class_id, a);
	tag_b = tag_of_operand(site, data_class, class_id, b);
	if (unlikely(is_truncated(&tag_a) || is_truncated(&tag_b)))
		return is_same_envelope(a, b) ? 0
									  : compare_truncated(data_class, class_id, a, tag_a, b, tag_b);
	return compare_bits(&tag_a, &tag_b);
}

/*
 * What nearly all comparisons are of: a value of the class that was asked for
 * before, or a probe, with a current tag that has all its bits. Else NULL; then
 * the long way has its questions and its errors.
 */
static inline const uint8 *
tag_at_hand(const SearchSite *site, Datum datum, uint8 *kind)
{
	struct varlena *value = (struct varlena *) DatumGetPointer(datum);
	const uint8 *tag;
	Bytes head;

	if (VARATT_IS_EXTERNAL(value) || VARATT_IS_COMPRESSED(value))
		return NULL;
	head = bytes_view(VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value));
	if (head.len == SEARCH_PROBE_SIZE && head.data[0] == SEARCH_PROBE)
	{
		tag = head.data + SEARCH_PROBE_SIZE - ENVELOPE_SEARCH_TAG_SIZE;
		*kind = head.data[1];
	}
	else if ((tag = envelope_only_search_tag(head)) != NULL)
		*kind = head.data[1] >> ENVELOPE_KIND_SHIFT;
	else
		return NULL;
	if (bytes_get_u32(head.data + 2) != (uint32) site->class_id || tag[0] != site->generation)
		return NULL;
	return tag;
}

/* At first, and when anything changed. Class numbers lie at one place in envelopes and probes. */
static void
take_class_of(SearchSite *site, Datum datum)
{
	struct varlena *value = (struct varlena *) DatumGetPointer(datum);
	int32 class_id = CLASS_NONE;

	if (!VARATT_IS_EXTERNAL(value) && !VARATT_IS_COMPRESSED(value) &&
		VARSIZE_ANY_EXHDR(value) >= ENVELOPE_FIXED_HEADER)
		class_id = (int32) bytes_get_u32((const uint8 *) VARDATA_ANY(value) + 2);
	if (CLASS_IS_NAMED(class_id))
		look_up_class(site, class_id);
}

/* False where it takes the long way, also to be asked for access that was not asked for yet. */
static inline bool
compare_at_hand(SearchSite *site, bool ask, Datum a, Datum b, int *order)
{
	uint8 kind_a;
	uint8 kind_b;
	const uint8 *tag_a;
	const uint8 *tag_b;

	if (unlikely(site->epoch != CatalogEpoch))
		take_class_of(site, a);
	if (unlikely(site->epoch != CatalogEpoch || site->data_class == NULL))
		return false;
	if (ask && unlikely(!has_access(site, site->class_id)))
		return false;
	tag_a = tag_at_hand(site, a, &kind_a);
	tag_b = tag_a != NULL ? tag_at_hand(site, b, &kind_b) : NULL;
	if (unlikely(tag_b == NULL || kind_a != kind_b))
		return false;
	*order = memcmp(tag_a + 1, tag_b + 1, ENVELOPE_SEARCH_TAG_SIZE - 1);
	return true;
}

int
SearchCompare(SearchSite *site, Datum a, Datum b)
{
	Operand operand_a;
	Operand operand_b;
	int order;

	if (likely(compare_at_hand(site, false, a, b, &order)))
		return order;
	read_operand(a, &operand_a);
	read_operand(b, &operand_b);
	order = compare_operands(site, common_class(&operand_a, &operand_b), &operand_a, &operand_b);
	free_operand(&operand_a);
	free_operand(&operand_b);
	return order;
}

static uint64
prefix_of(const DataClass *data_class, SearchTag tag)
{
	uint64 prefix;

	if (!is_truncated(&tag) && data_class != NULL)
		tag = SearchTagTruncate(&data_class->search.spec, tag);
	memcpy(&prefix, tag.bytes + 1, sizeof(prefix));
	return pg_ntoh64(prefix);
}

uint64
SearchPrefix(SearchSite *site, Datum value)
{
	Operand operand;
	DataClass *data_class;
	uint64 prefix;

	read_operand(value, &operand);
	if (operand.class_id == CLASS_LITERAL)
		refuse_unknown_class();
	data_class = site_class(site, operand.class_id);
	if (goes_by_bytes(data_class, operand.tag != NULL))
		prefix = hash_bytes_extended((const unsigned char *) VARDATA_ANY(operand.head),
									 (int) VARSIZE_ANY_EXHDR(operand.head), 0);
	else
		prefix =
			prefix_of(data_class, tag_of_operand(site, data_class, operand.class_id, &operand));
	free_operand(&operand);
	return prefix;
}

bool
SearchStoredPrefix(SearchSite *site, Datum value, uint64 *prefix)
{
	Operand operand;
	DataClass *data_class;
	bool stored;

	read_operand(value, &operand);
	data_class = site_class(site, operand.class_id);
	stored = data_class != NULL && current_tag(site, &operand) != NULL;
	if (stored)
		*prefix =
			prefix_of(data_class, tag_of_operand(site, data_class, operand.class_id, &operand));
	free_operand(&operand);
	return stored;
}

/* ---------------------------------------------------------------- operators */

/* Of an index's function it is the options of the operator class. */
static inline bool
is_in_expression(FunctionCallInfo fcinfo)
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
must_ask(FunctionCallInfo fcinfo)
{
	return (is_in_expression(fcinfo) || fcinfo->flinfo->fn_mcxt == CacheMemoryContext) &&
		   !SearchIsInternal();
}

/*
 * Literals by themselves are no secrets (class/gate.h), and of no class: in
 * PL/pgSQL two variables may hold some. They are compared by what they say.
 */
static bool
equal_literals(const Operand *a, const Operand *b)
{
	Operand const *operands[] = {a, b};
	Bytes plaintext[2];
	Bytes canonical[2];
	bool equal;

	GateNotePlaintext();
	for (int i = 0; i < 2; i++)
	{
		struct varlena *value = PG_DETOAST_DATUM_PACKED(operands[i]->datum);
		Envelope envelope;
		uint8_t *opened;

		CryptoCheck(
			envelope_parse(bytes_view(VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value)), &envelope));
		if (envelope.ciphertext.len > KEY_RING_PLAINTEXT_MAX)
			CryptoRaise(CRYPTO_MALFORMED);
		opened = palloc(envelope.ciphertext.len + 1);
		KeyRingOpen(&envelope, NULL, 0, opened);
		opened[envelope.ciphertext.len] = '\0';
		plaintext[i] = bytes_view(opened, envelope.ciphertext.len);
		canonical[i] = PlaintextCanonical(a->kind, plaintext[i]);
	}
	equal = canonical[0].len == canonical[1].len &&
			memcmp(canonical[0].data, canonical[1].data, canonical[0].len) == 0;
	for (int i = 0; i < 2; i++)
	{
		PlaintextWipeDerived(canonical[i], plaintext[i]);
		secret_wipe((void *) plaintext[i].data, plaintext[i].len);
		pfree((void *) plaintext[i].data);
	}
	return equal;
}

static bool
is_equal(FunctionCallInfo fcinfo)
{
	SearchSite *site = get_site(fcinfo);
	bool ask = must_ask(fcinfo);
	Operand a;
	Operand b;
	int32 class_id;
	int order;
	bool equal;

	if (likely(compare_at_hand(site, ask, PG_GETARG_DATUM(0), PG_GETARG_DATUM(1), &order)))
		return order == 0;
	read_operand(PG_GETARG_DATUM(0), &a);
	read_operand(PG_GETARG_DATUM(1), &b);
	class_id = common_class(&a, &b);
	if (unlikely(class_id == CLASS_LITERAL))
		return equal_literals(&a, &b);
	if (ask)
		require_access(site, class_id);
	equal = compare_operands(site, class_id, &a, &b) == 0;
	free_operand(&a);
	free_operand(&b);
	return equal;
}

/*
 * tarot.search_eq(tarot.encrypted_text, tarot.encrypted_text) RETURNS boolean
 */
PG_FUNCTION_INFO_V1(tarot_search_eq);
Datum
tarot_search_eq(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(is_equal(fcinfo));
}

/*
 * tarot.search_ne(tarot.encrypted_text, tarot.encrypted_text) RETURNS boolean
 */
PG_FUNCTION_INFO_V1(tarot_search_ne);
Datum
tarot_search_ne(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(!is_equal(fcinfo));
}

/*
 * One side is of the base type, and the other one's class was not known when
 * the query was planned; else rewrite.c has replaced this operator.
 */
static bool
is_equal_to_base(FunctionCallInfo fcinfo, int encrypted, int base)
{
	SearchSite *site = get_site(fcinfo);
	PlaintextRoom room;
	DataClass *data_class;
	Operand value;
	SearchTag tag;
	SearchTag given;
	bool equal;

	read_operand(PG_GETARG_DATUM(encrypted), &value);
	if (value.class_id == CLASS_LITERAL)
		refuse_unknown_class();
	given = tag_of_given(site, value.class_id, value.kind,
						 PlaintextOfDatum(value.kind, PG_GETARG_DATUM(base), &room), false);
	data_class = site_class(site, value.class_id);
	tag = tag_of_operand(site, data_class, value.class_id, &value);
	equal = is_truncated(&tag)
				? compare_truncated(data_class, value.class_id, &value, tag, &value, given) == 0
				: compare_bits(&tag, &given) == 0;
	free_operand(&value);
	return equal;
}

/*
 * tarot.search_eq(tarot.encrypted_text, text) RETURNS boolean
 */
PG_FUNCTION_INFO_V1(tarot_search_eq_base);
Datum
tarot_search_eq_base(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(is_equal_to_base(fcinfo, 0, 1));
}

/*
 * tarot.search_ne(tarot.encrypted_text, text) RETURNS boolean
 */
PG_FUNCTION_INFO_V1(tarot_search_ne_base);
Datum
tarot_search_ne_base(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(!is_equal_to_base(fcinfo, 0, 1));
}

/*
 * tarot.search_eq(text, tarot.encrypted_text) RETURNS boolean
 */
PG_FUNCTION_INFO_V1(tarot_search_base_eq);
Datum
tarot_search_base_eq(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(is_equal_to_base(fcinfo, 1, 0));
}

/*
 * tarot.search_ne(text, tarot.encrypted_text) RETURNS boolean
 */
PG_FUNCTION_INFO_V1(tarot_search_base_ne);
Datum
tarot_search_base_ne(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(!is_equal_to_base(fcinfo, 1, 0));
}

/* ---------------------------------------------------------------- for indexes, sorts and hash
 * tables */

static int
compare_arguments(FunctionCallInfo fcinfo)
{
	SearchSite *site = get_site(fcinfo);
	Datum a = PG_GETARG_DATUM(0);
	Datum b = PG_GETARG_DATUM(1);

	if (unlikely(must_ask(fcinfo)))
	{
		Operand operand_a;
		Operand operand_b;
		int32 class_id;

		/* GREATEST and LEAST */
		if (is_in_expression(fcinfo))
			SearchRefuseOrder();
		read_operand(a, &operand_a);
		read_operand(b, &operand_b);
		class_id = common_class(&operand_a, &operand_b);
		if (class_id != CLASS_LITERAL)
			require_access(site, class_id);
		free_operand(&operand_a);
		free_operand(&operand_b);
	}
	return SearchCompare(site, a, b);
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

/* They tell all values apart but those of tags that were truncated a lot. */
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
	SearchSite *site = get_site(fcinfo);
	Datum value = PG_GETARG_DATUM(0);

	if (unlikely(must_ask(fcinfo)))
	{
		Operand operand;

		read_operand(value, &operand);
		if (operand.class_id != CLASS_LITERAL)
			require_access(site, operand.class_id);
		free_operand(&operand);
	}
	return (uint32) (SearchPrefix(site, value) >> 32);
}

/*
 * tarot.search_hash(tarot.encrypted_text) RETURNS integer
 *
 * A tag is as good as random, but one that was truncated ends in zeros: it is
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

/* ---------------------------------------------------------------- probes */

static struct varlena *
make_probe(EnvelopeKind kind, int32 class_id, const SearchTag *tag)
{
	struct varlena *probe = palloc(VARHDRSZ + SEARCH_PROBE_SIZE);
	uint8_t *out = (uint8_t *) VARDATA(probe);

	out[0] = SEARCH_PROBE;
	out[1] = (uint8_t) kind;
	bytes_put_u32(out + 2, (uint32) class_id);
	memcpy(out + 6, tag->bytes, sizeof(tag->bytes));
	SET_VARSIZE(probe, VARHDRSZ + SEARCH_PROBE_SIZE);
	return probe;
}

/*
 * tarot.search_probe(tarot.encrypted_text, integer, internal) RETURNS tarot.encrypted_text
 *
 * What a literal, or whatever else, is looked for by in a class. A value of
 * the class is looked for by itself.
 */
PG_FUNCTION_INFO_V1(tarot_search_probe);
Datum
tarot_search_probe(PG_FUNCTION_ARGS)
{
	SearchSite *site = get_site(fcinfo);
	Datum value = PG_GETARG_DATUM(0);
	int32 class_id = PG_GETARG_INT32(1);
	DataClass *data_class;
	Operand operand;
	SearchTag tag;

	read_operand(value, &operand);
	if (operand.class_id != class_id && operand.class_id != CLASS_LITERAL)
		SearchRefuseClasses(operand.class_id, class_id);
	data_class = site_class(site, class_id);
	if (operand.class_id == class_id && current_tag(site, &operand) != NULL)
		PG_RETURN_DATUM(value);

	/* Opened once here, and not again for each value it is compared with. */
	tag = tag_of_operand(site, data_class, class_id, &operand);
	PG_RETURN_POINTER(make_probe(operand.kind, class_id, &tag));
}

/*
 * tarot.search_probe(text, integer, internal) RETURNS tarot.encrypted_text
 */
PG_FUNCTION_INFO_V1(tarot_search_probe_base);
Datum
tarot_search_probe_base(PG_FUNCTION_ARGS)
{
	int32 class_id = PG_GETARG_INT32(1);
	SearchSite *site = get_site(fcinfo);
	PlaintextRoom room;
	SearchTag tag;

	if (unlikely(site->kind < 0))
		site->kind = (int) EncryptedTypeOfFunction(fcinfo->flinfo->fn_oid, -1)->kind;
	tag =
		tag_of_given(site, class_id, (EnvelopeKind) site->kind,
					 PlaintextOfDatum((EnvelopeKind) site->kind, PG_GETARG_DATUM(0), &room), false);
	PG_RETURN_POINTER(make_probe((EnvelopeKind) site->kind, class_id, &tag));
}
