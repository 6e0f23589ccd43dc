/*
 * terms.c
 *		What of a value is looked for in others.
 *
 * Equal values of different types have the same term, as a number in a text
 * and in a column of numbers.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/array.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "anonymize/terms.h"
#include "base/varlena.h"
#include "column/shape.h"

typedef enum TermForm
{
	TERM_BYTES,  /* text, bytea: what is in it */
	TERM_OUTPUT, /* other types whose values may contain texts: what they are printed as */
	TERM_NUMBER,
	TERM_TIME
} TermForm;

struct Terms
{
	TermForm form;
	Oid base; /* of a value, or an element */
	FmgrInfo output;
	bool array;
	Oid element;
	int16 length;
	bool by_value;
	char align;
};

/* Of a base type; false for one of which nothing is looked for. */
static bool
form_of(Oid type, TermForm *form)
{
	char category;
	bool preferred;

	switch (type)
	{
		case BYTEAOID:
			*form = TERM_BYTES;
			return true;
		case INT4OID:
		case INT8OID:
		case NUMERICOID:
		case FLOAT4OID:
		case FLOAT8OID:
			*form = TERM_NUMBER;
			return true;
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			*form = TERM_TIME;
			return true;
		default:
			break;
	}
	if (ColumnShapeOf(type, -1) != NULL)
		return false; /* encrypted */
	get_type_category_preferred(type, &category, &preferred);
	switch (category)
	{
		case TYPCATEGORY_NUMERIC:
		case TYPCATEGORY_BOOLEAN:
		case TYPCATEGORY_DATETIME:
		case TYPCATEGORY_TIMESPAN:
		case TYPCATEGORY_GEOMETRIC:
		case TYPCATEGORY_ENUM:
		case TYPCATEGORY_RANGE:
		case TYPCATEGORY_BITSTRING:
			return false;
		case TYPCATEGORY_STRING:
			*form = get_typlen(type) == -1 ? TERM_BYTES : TERM_OUTPUT;
			return true;
		default:
			*form = TERM_OUTPUT;
			return true;
	}
}

Terms *
TermsOf(Oid type)
{
	Terms *terms = palloc0(sizeof(Terms));
	Oid base = getBaseType(type);
	Oid element = get_element_type(base);
	Oid output;
	bool is_varlena;

	terms->array = OidIsValid(element);
	if (terms->array)
	{
		terms->element = element;
		get_typlenbyvalalign(element, &terms->length, &terms->by_value, &terms->align);
		base = getBaseType(element);
	}
	if (!form_of(base, &terms->form))
		return NULL;
	terms->base = base;
	getTypeOutputInfo(base, &output, &is_varlena);
	fmgr_info(output, &terms->output);
	return terms;
}

/* Without the zeros at its end, which are a matter of the type; with an exponent there is no other
 * way to write it. */
static void
visit_number(const char *text, TermVisitor visit, void *context)
{
	Bytes term = bytes_of_string(text);
	size_t digits = 0;

	if (memchr(term.data, '.', term.len) != NULL)
	{
		while (term.data[term.len - 1] == '0')
			term.len--;
		term.len -= term.data[term.len - 1] == '.';
	}
	for (size_t i = 0; i < term.len; i++)
		digits += term.data[i] >= '0' && term.data[i] <= '9' && (digits > 0 || term.data[i] > '0');
	if (digits >= TERM_DIGITS_MIN)
		visit(context, term);
}

/* Most are, and need not be printed for that. */
static bool
is_short_integer(Oid type, Datum value)
{
	const int64 bound = INT64CONST(10000000); /* of TERM_DIGITS_MIN digits */
	int64 number;

	if (type != INT4OID && type != INT8OID)
		return false;
	number = type == INT4OID ? DatumGetInt32(value) : DatumGetInt64(value);
	return number < bound && number > -bound;
}

/* In no text there is this byte; and as a number, for small letters are like large ones. */
static void
visit_time(Timestamp time, TermVisitor visit, void *context)
{
	if (!TIMESTAMP_NOT_FINITE(time) && time % USECS_PER_MINUTE != 0)
		visit(context, bytes_of_string(psprintf("\001" INT64_FORMAT, time)));
}

static void
visit_one(Terms *terms, Datum value, TermVisitor visit, void *context)
{
	switch (terms->form)
	{
		case TERM_BYTES:
			visit(context, BytesOfVarlena(PG_DETOAST_DATUM_PACKED(value)));
			return;
		case TERM_OUTPUT:
			visit(context, bytes_of_string(OutputFunctionCall(&terms->output, value)));
			return;
		case TERM_NUMBER:
			if (!is_short_integer(terms->base, value))
				visit_number(OutputFunctionCall(&terms->output, value), visit, context);
			return;
		case TERM_TIME:
			visit_time(DatumGetTimestamp(value), visit, context);
			return;
	}
}

void
TermsVisit(Terms *terms, Datum value, TermVisitor visit, void *context)
{
	Datum *values;
	bool *nulls;
	int count;

	if (!terms->array)
	{
		visit_one(terms, value, visit, context);
		return;
	}
	deconstruct_array(DatumGetArrayTypeP(value), terms->element, terms->length, terms->by_value,
					  terms->align, &values, &nulls, &count);
	for (int i = 0; i < count; i++)
	{
		if (!nulls[i])
			visit_one(terms, values[i], visit, context);
	}
}
