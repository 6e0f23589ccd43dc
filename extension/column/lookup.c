/*
 * lookup.c
 *		Which types are encrypted ones, and what they encrypt.
 *
 * An encrypted type, or an array of one, is known by its type modifier's input
 * function. Asked for each statement, so remembered.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "column/column.h"
#include "column/types.h"

#define SCHEMA "tarot"
#define TYPMOD_IN "encrypted_typmod_in"

typedef struct KnownType
{
	Oid type; /* hash key */
	Oid base; /* InvalidOid: holds nothing encrypted */
} KnownType;

static HTAB *known_types;

/* Grows when what is remembered may have become wrong. */
static uint64 generation = 1;
static uint64 known_generation;

/* No lookup by name with its check of privileges: this is asked for any role, and never fails. */
bool
ColumnIsEncrypted(Oid type)
{
	HeapTuple tuple;
	Oid typmod_in;
	char *name;

	if (type < FirstNormalObjectId)
		return false;
	tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
	if (!HeapTupleIsValid(tuple))
		return false;
	typmod_in = ((Form_pg_type) GETSTRUCT(tuple))->typmodin;
	ReleaseSysCache(tuple);
	if (typmod_in < FirstNormalObjectId)
		return false;
	name = get_func_name(typmod_in);
	return name != NULL && strcmp(name, TYPMOD_IN) == 0 &&
		   get_func_namespace(typmod_in) == get_namespace_oid(SCHEMA, true);
}

static Oid
find_base(Oid type)
{
	Oid own = getBaseType(type);
	Oid element = get_element_type(own);
	const EncryptedType *encrypted = NULL;
	HeapTuple tuple;

	if (OidIsValid(element))
	{
		Oid base = ColumnBaseType(element);

		return OidIsValid(base) ? get_array_type(base) : InvalidOid;
	}
	if (!ColumnIsEncrypted(own))
		return InvalidOid;
	tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(own));
	if (HeapTupleIsValid(tuple))
	{
		encrypted = EncryptedTypeOfName(NameStr(((Form_pg_type) GETSTRUCT(tuple))->typname));
		ReleaseSysCache(tuple);
	}
	return encrypted != NULL ? encrypted->base : InvalidOid;
}

static void
on_catalog_change(Datum arg, int cache, uint32 hash)
{
	(void) arg;
	(void) cache;
	(void) hash;
	generation++;
}

Oid
ColumnBaseType(Oid type)
{
	KnownType *known;
	uint64 asked_in;
	Oid base;

	if (likely(type < FirstNormalObjectId))
		return InvalidOid;

	if (unlikely(known_types == NULL || known_generation != generation))
	{
		HASHCTL control = {.keysize = sizeof(Oid), .entrysize = sizeof(KnownType)};

		if (known_types != NULL)
			hash_destroy(known_types);
		known_types = NULL;
		known_types = hash_create("tarot_security types", 64, &control, HASH_ELEM | HASH_BLOBS);
		known_generation = generation;
	}
	known = hash_search(known_types, &type, HASH_FIND, NULL);
	if (likely(known != NULL))
		return known->base;

	/* An invalidation may arrive while we look. */
	asked_in = generation;
	base = find_base(type);
	if (asked_in == generation && known_generation == generation)
	{
		known = hash_search(known_types, &type, HASH_ENTER, NULL);
		known->base = base;
	}
	return base;
}

void
ColumnLookupInit(void)
{
	CacheRegisterSyscacheCallback(TYPEOID, on_catalog_change, (Datum) 0);
	CacheRegisterSyscacheCallback(NAMESPACEOID, on_catalog_change, (Datum) 0);
}
