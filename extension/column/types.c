/*
 * types.c
 *		The encrypted types: what each of them seals.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "column/types.h"
#include "keys/root.h"

static Datum
json_to_jsonb(PG_FUNCTION_ARGS)
{
	return DirectFunctionCall1(jsonb_in, CStringGetDatum(text_to_cstring(PG_GETARG_TEXT_PP(0))));
}

static const EncryptedType types[] = {
	{"encrypted_bytea", ENVELOPE_BYTEA, BYTEAOID, byteain, byteaout, bytearecv, byteasend, {{0}}},
	{"encrypted_text",
	 ENVELOPE_TEXT,
	 TEXTOID,
	 textin,
	 textout,
	 textrecv,
	 textsend,
	 {{VARCHAROID, NULL}}},
	{"encrypted_jsonb",
	 ENVELOPE_JSONB,
	 JSONBOID,
	 jsonb_in,
	 jsonb_out,
	 jsonb_recv,
	 jsonb_send,
	 {{JSONOID, json_to_jsonb}}},
	{"encrypted_numeric",
	 ENVELOPE_NUMERIC,
	 NUMERICOID,
	 numeric_in,
	 numeric_out,
	 numeric_recv,
	 numeric_send,
	 {{INT2OID, int2_numeric},
	  {INT4OID, int4_numeric},
	  {INT8OID, int8_numeric},
	  {FLOAT4OID, float4_numeric},
	  {FLOAT8OID, float8_numeric}}},
	{"encrypted_date",
	 ENVELOPE_DATE,
	 DATEOID,
	 date_in,
	 date_out,
	 date_recv,
	 date_send,
	 {{TIMESTAMPOID, timestamp_date}, {TIMESTAMPTZOID, timestamptz_date}}},
	{"encrypted_timestamptz",
	 ENVELOPE_TIMESTAMPTZ,
	 TIMESTAMPTZOID,
	 timestamptz_in,
	 timestamptz_out,
	 timestamptz_recv,
	 timestamptz_send,
	 {{TIMESTAMPOID, timestamp_timestamptz}, {DATEOID, date_timestamptz}}},
};

const EncryptedType *
EncryptedTypeOfKind(EnvelopeKind kind)
{
	for (size_t i = 0; i < lengthof(types); i++)
	{
		if (types[i].kind == kind)
			return &types[i];
	}
	CryptoRaise(CRYPTO_MALFORMED);
}

const EncryptedType *
EncryptedTypeOfName(const char *name)
{
	for (size_t i = 0; i < lengthof(types); i++)
	{
		if (strcmp(types[i].name, name) == 0)
			return &types[i];
	}
	return NULL;
}

static Oid
type_in_signature(Oid function, int argument)
{
	Oid *arguments;
	int count;
	Oid result = get_func_signature(function, &arguments, &count);

	if (argument >= count)
		elog(ERROR, "function %u has no argument %d", function, argument);
	return argument < 0 ? result : arguments[argument];
}

static const EncryptedType *
find_of_function(Oid function, int argument)
{
	Oid type = type_in_signature(function, argument);
	HeapTuple tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
	const EncryptedType *found;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for type %u", type);
	found = EncryptedTypeOfName(NameStr(((Form_pg_type) GETSTRUCT(tuple))->typname));
	ReleaseSysCache(tuple);
	if (found == NULL)
		elog(ERROR, "type %u is no encrypted type", type);
	return found;
}

/*
 * Each execution of a prepared statement asks anew, for each parameter. Answers
 * are remembered, each in one of these places: a power of two, and more than
 * there are functions of ours that ask, whose OIDs follow one another.
 */
#define REMEMBERED 128

typedef struct KnownFunction
{
	Oid function;
	int argument;
	uint64 generation; /* 0: none */
	const EncryptedType *type;
} KnownFunction;

static KnownFunction known_functions[REMEMBERED];

/* Grows when what is remembered may have become wrong. */
static uint64 generation = 1;

static void
on_catalog_change(Datum arg, int cache, uint32 hash)
{
	(void) arg;
	(void) cache;
	(void) hash;
	generation++;
}

const EncryptedType *
EncryptedTypeOfFunction(Oid function, int argument)
{
	KnownFunction *known = &known_functions[function % REMEMBERED];
	uint64 asked_in = generation; /* an invalidation may arrive while we look */

	if (unlikely(known->generation != generation || known->function != function ||
				 known->argument != argument))
		*known =
			(KnownFunction){function, argument, asked_in, find_of_function(function, argument)};
	return known->type;
}

PGFunction
EncryptedTypeCast(const EncryptedType *type, Oid function, int argument)
{
	Oid source = type_in_signature(function, argument);

	for (int i = 0; i < CAST_SOURCES_MAX; i++)
	{
		if (type->sources[i].type == source)
			return type->sources[i].to_base;
	}
	if (source != type->base)
		elog(ERROR, "no cast from type %u to %s", source, type->name);
	return NULL;
}

void
EncryptedTypesInit(void)
{
	CacheRegisterSyscacheCallback(PROCOID, on_catalog_change, (Datum) 0);
	CacheRegisterSyscacheCallback(TYPEOID, on_catalog_change, (Datum) 0);
}
