/*
 * catalog.c
 *		Our own tables as the C code reads them.
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "commands/extension.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "base/catalog.h"
#include "base/compat.h"

#define SCHEMA "tarot"
#define MAX_TABLES 64

uint64 CatalogEpoch = 1;
int CatalogOwnWrites = 0;
void (*CatalogChanged)(FunctionCallInfo fcinfo) = NULL;

/* Tables read so far: only their changes can make a cache stale. */
static struct
{
	Oid relation;
	uint64 *epoch; /* grows with them */
} known_tables[MAX_TABLES];
static int known_count;

/*
 * The tables and indexes that names led to. A name comes from one place in the
 * code again and again, and is found by its address there.
 */
typedef struct KnownName
{
	const char *address;
	NameData name;
	Oid relation; /* InvalidOid: forgotten */
} KnownName;

static KnownName known_names[2 * MAX_TABLES];
static int known_name_count;

static bool was_there = false;

/* Our schema, InvalidOid where there is none. */
static Oid known_schema;
static bool schema_is_known = false;

/* Grows when anything is forgotten. */
static uint64 names_forgotten;

/* Whoever drops or renames a relation sends this with its OID, other than who renames its schema.
 */
static void
forget_names(Oid relation)
{
	names_forgotten++;
	for (int i = 0; i < known_name_count; i++)
	{
		if (relation == InvalidOid || relation == known_names[i].relation)
			known_names[i].relation = InvalidOid;
	}
}

static void
on_relation_change(Datum arg, Oid relation)
{
	(void) arg;
	for (int i = 0; i < known_count; i++)
	{
		if (relation == InvalidOid || relation == known_tables[i].relation)
			(*known_tables[i].epoch)++;
	}
	forget_names(relation);
}

static void
on_schema_change(Datum arg, int cache, uint32 hash)
{
	(void) arg;
	(void) cache;
	(void) hash;
	schema_is_known = false;
	forget_names(InvalidOid);
}

static void
on_role_change(Datum arg, int cache, uint32 hash)
{
	(void) arg;
	(void) cache;
	(void) hash;
	CatalogEpoch++;
}

void
CatalogInit(void)
{
	CacheRegisterRelcacheCallback(on_relation_change, (Datum) 0);
	CacheRegisterSyscacheCallback(NAMESPACEOID, on_schema_change, (Datum) 0);
	CacheRegisterSyscacheCallback(AUTHMEMROLEMEM, on_role_change, (Datum) 0);
	CacheRegisterSyscacheCallback(AUTHOID, on_role_change, (Datum) 0);
	CacheRegisterSyscacheCallback(DATABASEOID, on_role_change, (Datum) 0);
}

/*
 * What somebody else has made, in a schema that is called like ours, may have
 * columns of any type: nothing of it is read.
 */
static bool
is_ours(Oid relation)
{
	Oid extension = get_extension_oid("tarot_security", true);

	return OidIsValid(extension) && getExtensionOfObject(RelationRelationId, relation) == extension;
}

/* False: it is none of ours. */
static bool
remember(Oid relation, uint64 *epoch)
{
	for (int i = 0; i < known_count; i++)
	{
		if (known_tables[i].relation == relation)
			return true;
	}
	if (!is_ours(relation))
		return false;

	/* Dropped and created again many times over: forget the dropped ones. */
	if (known_count == MAX_TABLES)
	{
		on_relation_change((Datum) 0, InvalidOid);
		known_count = 0;
	}
	known_tables[known_count].relation = relation;
	known_tables[known_count++].epoch = epoch;
	return true;
}

Oid
CatalogSchema(void)
{
	uint64 forgotten = names_forgotten;
	Oid schema;

	if (likely(schema_is_known))
		return known_schema;
	schema = get_namespace_oid(SCHEMA, true);
	if (forgotten == names_forgotten)
	{
		known_schema = schema;
		schema_is_known = true;
	}
	return schema;
}

bool
CatalogExists(void)
{
	was_there = OidIsValid(CatalogSchema());
	return was_there;
}

bool
CatalogWasThere(void)
{
	return was_there;
}

Relation
CatalogOpen(const char *table, LOCKMODE lockmode)
{
	return CatalogOpenFor(table, lockmode, &CatalogEpoch);
}

/* InvalidOid where there is none. */
static Oid
find_relation(const char *name)
{
	KnownName *known = known_names;
	KnownName *end = known_names + known_name_count;
	uint64 forgotten = names_forgotten;
	Oid schema;
	Oid relation;

	while (known < end && known->address != name)
		known++;
	if (likely(known < end && OidIsValid(known->relation) &&
			   strcmp(NameStr(known->name), name) == 0))
		return known->relation;

	schema = CatalogSchema();
	relation = OidIsValid(schema) ? get_relname_relid(name, schema) : InvalidOid;
	if (!OidIsValid(relation) || forgotten != names_forgotten)
		return relation;
	if (known == end)
	{
		if (known_name_count == lengthof(known_names))
			known_name_count = 0;
		known = &known_names[known_name_count++];
	}
	known->address = name;
	namestrcpy(&known->name, name);
	known->relation = relation;
	return relation;
}

Relation
CatalogTryOpenFor(const char *table, LOCKMODE lockmode, uint64 *epoch)
{
	Oid gone = InvalidOid;

	for (;;)
	{
		Oid relation = find_relation(table);
		Relation opened;

		if (!OidIsValid(relation) || relation == gone)
			return NULL;
		/* Dropped before it was locked: the extension may be there again, with another table. */
		if (remember(relation, epoch) && (opened = try_table_open(relation, lockmode)) != NULL)
			return opened;
		forget_names(relation);
		gone = relation;
	}
}

Relation
CatalogOpenFor(const char *table, LOCKMODE lockmode, uint64 *epoch)
{
	Relation opened = CatalogTryOpenFor(table, lockmode, epoch);

	if (opened == NULL)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
						errmsg("extension \"tarot_security\" does not exist in this database"),
						errhint("Run CREATE EXTENSION tarot_security.")));
	return opened;
}

SysScanDesc
CatalogScan(Relation table, const char *index, int nkeys, ScanKey keys)
{
	Oid index_id = find_relation(index);

	/*
	 * No snapshot given means a catalog snapshot, which for a table without a
	 * system cache is always a fresh one, and which parallel workers may take.
	 */
	return systable_beginscan(table, index_id, OidIsValid(index_id), NULL, nkeys, keys);
}

/*
 * tarot.announce_policy_change() RETURNS trigger
 *
 * Tells all sessions, here and on standbys, that a policy table changed. By
 * whom is asked, too: who may write to all tables (pg_write_all_data) must not
 * by that grant themselves every data class. Our own functions are the owner.
 * Before a statement that is all it asks: an error after the row would come
 * when functions that the same statement calls have used the grant. Replication
 * knows rows alone, and is asked after each.
 */
PG_FUNCTION_INFO_V1(tarot_base_announce_policy_change);
Datum
tarot_base_announce_policy_change(PG_FUNCTION_ARGS)
{
	const TriggerData *trigger = (TriggerData *) fcinfo->context;
	Relation relation;

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
						errmsg("tarot.announce_policy_change() is a trigger function")));
	relation = trigger->tg_relation;
	if (!compat_owns_relation(RelationGetRelid(relation), GetUserId()))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to change table tarot.%s",
						RelationGetRelationName(relation)),
				 errdetail("No privilege on the table is enough: only its owner may change it."),
				 errhint("Call the functions of schema tarot.")));

	/* With an argument it asks by whom, and tells nobody. */
	if (TRIGGER_FIRED_AFTER(trigger->tg_event) && trigger->tg_trigger->tgnargs == 0)
	{
		CacheInvalidateRelcache(relation);
		if (CatalogChanged != NULL)
			CatalogChanged(fcinfo);
	}
	return PointerGetDatum(NULL);
}
