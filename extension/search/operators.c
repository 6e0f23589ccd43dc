/*
 * operators.c
 *		The operators "=" and "<>", and what a query looks for instead of values.
 */
#include "postgres.h"

#include "base/secret.h"
#include "base/varlena.h"
#include "class/reveal.h"
#include "column/types.h"
#include "keys/ring.h"
#include "keys/root.h"
#include "search/site.h"
#include "values/plaintext.h"

/*
 * Literals by themselves are no secrets (gate/gate.h), and of no class: in
 * PL/pgSQL two variables may hold some. They are compared by what they say.
 */
static bool
equal_literals(const Operand *a, const Operand *b)
{
	Operand const *operands[] = {a, b};
	Bytes plaintext[2];
	Bytes canonical[2];
	bool equal;

	RevealNotePlaintext();
	for (int i = 0; i < 2; i++)
	{
		struct varlena *value = PG_DETOAST_DATUM_PACKED(operands[i]->datum);
		Envelope envelope;
		uint8_t *opened;

		CryptoCheck(envelope_parse(BytesOfVarlena(value), &envelope));
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
	SearchSite *site = SiteOf(fcinfo);
	bool ask = SiteMustAsk(fcinfo);
	Operand a;
	Operand b;
	int32 class_id;
	int order;
	bool equal;

	if (likely(SearchCompareAtHand(site, ask, PG_GETARG_DATUM(0), PG_GETARG_DATUM(1), &order)))
		return order == 0;
	OperandRead(PG_GETARG_DATUM(0), &a);
	OperandRead(PG_GETARG_DATUM(1), &b);
	class_id = OperandsClass(&a, &b);
	if (unlikely(class_id == CLASS_LITERAL))
		return equal_literals(&a, &b);
	if (ask)
		SiteRequireAccess(site, class_id);
	equal = OperandsCompare(site, class_id, &a, &b) == 0;
	OperandFree(&a);
	OperandFree(&b);
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
	SearchSite *site = SiteOf(fcinfo);
	PlaintextRoom room;
	DataClass *data_class;
	Operand value;
	SearchTag tag;
	SearchTag given;
	bool equal;

	OperandRead(PG_GETARG_DATUM(encrypted), &value);
	if (value.class_id == CLASS_LITERAL)
		SearchRefuseUnknownClass();
	given = SiteTagOfGiven(site, value.class_id, value.kind,
						   PlaintextOfDatum(value.kind, PG_GETARG_DATUM(base), &room), false);
	data_class = SiteClass(site, value.class_id);
	tag = SiteTagOfOperand(site, data_class, value.class_id, &value);
	equal = SearchTagIsHidden(tag.bytes)
				? OperandsCompareHidden(data_class, value.class_id, &value, tag, &value, given) == 0
				: SearchTagCompare(&tag, &given) == 0;
	OperandFree(&value);
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
	SearchSite *site = SiteOf(fcinfo);
	Datum value = PG_GETARG_DATUM(0);
	int32 class_id = PG_GETARG_INT32(1);
	DataClass *data_class;
	Operand operand;
	SearchTag tag;

	OperandRead(value, &operand);
	if (operand.class_id != class_id && operand.class_id != CLASS_LITERAL)
		SearchRefuseClasses(operand.class_id, class_id);
	data_class = SiteClass(site, class_id);
	if (operand.class_id == class_id && SiteCurrentTag(site, &operand) != NULL)
		PG_RETURN_DATUM(value);

	/* Opened once here, and not again for each value it is compared with. */
	tag = SiteTagOfOperand(site, data_class, class_id, &operand);
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
	SearchSite *site = SiteOf(fcinfo);
	PlaintextRoom room;
	SearchTag tag;

	if (unlikely(site->kind < 0))
		site->kind = (int) EncryptedTypeOfFunction(fcinfo->flinfo->fn_oid, -1)->kind;
	tag = SiteTagOfGiven(site, class_id, (EnvelopeKind) site->kind,
						 PlaintextOfDatum((EnvelopeKind) site->kind, PG_GETARG_DATUM(0), &room),
						 false);
	PG_RETURN_POINTER(make_probe((EnvelopeKind) site->kind, class_id, &tag));
}
