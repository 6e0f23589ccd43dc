/*
 * policy.c
 *		Whose reads are on record, remembered by table.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_namespace.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "base/catalog.h"
#include "class/class.h"
#include "column/column.h"
#include "gate/counts.h"
#include "label/label.h"
#include "label/provider.h"
#include "reads/policy.h"

typedef struct KnownTable
{
	Oid relation; /* hash key */
	bool stale;
	MemoryContext context; /* of the rest; NULL: nothing of it is on record */
	ReadTable *table;
} KnownTable;

uint64 ReadPolicyEpoch = 1;
uint64 ReadPolicyKnown = 0;
bool ReadPolicyIsEmpty = false;

static MemoryContext policy_context;
static MemoryContext asked_context; /* of what is asked for */
static HTAB *known_tables;

typedef struct PolicyClass
{
	int32 class_id;
	char *name;
} PolicyClass;

/* What is asked for. */
static List *tables;  /* OIDs */
static List *classes; /* PolicyClass * */

/* Grows with every change of any table: what was read meanwhile is not remembered. */
static uint64 changes;

/* ---------------------------------------------------------------- what is asked for */

/* False, as below: the extension was dropped just now. */
static bool
read_tables(List **tables_found)
{
	Relation relation = CatalogTryOpenFor("audited_read", AccessShareLock, &ReadPolicyEpoch);
	List *found = NIL;
	SysScanDesc scan;
	HeapTuple tuple;

	if (relation == NULL)
		return false;
	scan = CatalogScan(relation, "audited_read_pkey", 0, NULL);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		bool isnull;

		found = list_append_unique_oid(
			found, DatumGetObjectId(heap_getattr(tuple, 1, RelationGetDescr(relation), &isnull)));
	}
	systable_endscan(scan);
	table_close(relation, AccessShareLock);
	*tables_found = found;
	return true;
}

static bool
read_classes(List **classes_found)
{
	Relation relation = CatalogTryOpenFor("audited_class_read", AccessShareLock, &ReadPolicyEpoch);
	List *found = NIL;
	SysScanDesc scan;
	HeapTuple tuple;

	if (relation == NULL)
		return false;
	scan = CatalogScan(relation, "audited_class_read_pkey", 0, NULL);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		TupleDesc desc = RelationGetDescr(relation);
		PolicyClass *one = palloc(sizeof(PolicyClass));
		bool isnull;

		one->name = TextDatumGetCString(heap_getattr(tuple, 1, desc, &isnull));
		one->class_id = DatumGetInt32(heap_getattr(tuple, 2, desc, &isnull));
		found = lappend(found, one);
	}
	systable_endscan(scan);
	table_close(relation, AccessShareLock);
	*classes_found = found;
	return true;
}

static const PolicyClass *
find_class(const List *in, int32 class_id)
{
	ListCell *cell;

	foreach (cell, in)
	{
		const PolicyClass *one = lfirst(cell);

		if (one->class_id == class_id)
			return one;
	}
	return NULL;
}

/* What was shown before somebody asked is nobody's business. */
static void
begin_counting(const List *before)
{
	for (GateCounts *counts = GateCountsFirst(); counts != NULL; counts = counts->next)
	{
		if (find_class(before, counts->class_id) == NULL)
			counts->told = counts->seen;
	}
}

static void
forget_tables(void)
{
	HASH_SEQ_STATUS all;
	KnownTable *known;

	hash_seq_init(&all, known_tables);
	while ((known = hash_seq_search(&all)) != NULL)
		known->stale = true;
}

/* While the extension is made or dropped they are not there. */
static bool
are_there(void)
{
	Oid schema = get_namespace_oid("tarot", true);

	return OidIsValid(schema) && OidIsValid(get_relname_relid("audited_read", schema)) &&
		   OidIsValid(get_relname_relid("audited_class_read", schema)) &&
		   OidIsValid(get_extension_oid("tarot_security", true));
}

static bool
is_locked(const LOCKTAG *tag)
{
	if (LockAcquire(tag, AccessShareLock, false, true) == LOCKACQUIRE_NOT_AVAIL)
		return true;
	LockRelease(tag, AccessShareLock, false);
	return false;
}

/*
 * Whether somebody drops the extension, who holds both locks then. The extension's own lock tells
 * nothing: whoever has a table can take it, by ALTER INDEX ... DEPENDS ON EXTENSION, and keep it.
 */
static bool
is_being_dropped(void)
{
	Oid schema = get_namespace_oid("tarot", true);
	Oid table = get_relname_relid("audited_read", schema);
	LOCKTAG tag;

	SET_LOCKTAG_OBJECT(tag, MyDatabaseId, NamespaceRelationId, schema, 0);
	if (!is_locked(&tag))
		return false;
	SET_LOCKTAG_RELATION(tag, MyDatabaseId, table);
	return is_locked(&tag);
}

bool
ReadPolicyLook(void)
{
	uint64 epoch = ReadPolicyEpoch;
	MemoryContext context;
	MemoryContext outer;
	List *next_tables = NIL;
	List *next_classes = NIL;
	bool there;

	if (ReadPolicyKnown == epoch)
		return !ReadPolicyIsEmpty;
	if (!IsTransactionState() || IsBinaryUpgrade)
		return false;
	there = are_there();

	/* Who knows what was asked for before goes by that then. Others wait. */
	if (there && asked_context != NULL && is_being_dropped())
		return tables != NIL || classes != NIL;

	context = AllocSetContextCreate(CurrentMemoryContext, "tarot_security reads asked for",
									ALLOCSET_SMALL_SIZES);
	outer = MemoryContextSwitchTo(context);
	if (there)
	{
		if (read_tables(&next_tables) && read_classes(&next_classes))
			ReadPolicyKnown = epoch;
		else
			next_tables = next_classes = NIL;
	}
	else if (!CatalogExists())
		ReadPolicyKnown = epoch; /* until some schema is made */
	MemoryContextSwitchTo(outer);

	begin_counting(classes);
	forget_tables();
	tables = next_tables;
	classes = next_classes;
	MemoryContextSetParent(context, policy_context);
	if (asked_context != NULL)
		MemoryContextDelete(asked_context);
	asked_context = context;
	ReadPolicyIsEmpty = tables == NIL && classes == NIL;
	return !ReadPolicyIsEmpty;
}

const char *
ReadClassName(int32 class_id)
{
	const PolicyClass *found = find_class(classes, class_id);

	return found != NULL ? found->name : NULL;
}

bool
ReadPolicyHasClasses(void)
{
	return classes != NIL;
}

/* ---------------------------------------------------------------- one table */

/* By itself, or with what it is a partition or child of. */
static bool
is_asked_for(Oid relation)
{
	ListCell *cell;

	if (list_member_oid(tables, relation))
		return true;
	foreach (cell, LabelParents(relation))
	{
		if (is_asked_for(lfirst_oid(cell)))
			return true;
	}
	return false;
}

static int32
class_of_column(Form_pg_attribute column, const LabelledTable *labels)
{
	int32 typmod = column->atttypmod;
	Oid type = getBaseTypeAndTypmod(column->atttypid, &typmod);

	if (ColumnIsEncrypted(type))
		return CLASS_IS_NAMED(typmod) ? typmod : CLASS_NONE;
	return labels != NULL && column->attnum <= labels->natts ? labels->classes[column->attnum - 1]
															 : CLASS_NONE;
}

/* NULL: nothing of it is on record. */
static ReadTable *
read_table(Relation relation)
{
	TupleDesc desc = RelationGetDescr(relation);
	LabelledTable *labels = LabelFind(RelationGetRelid(relation));
	ReadTable *table = palloc0(sizeof(ReadTable));

	table->natts = desc->natts;
	table->columns = palloc0(sizeof(char *) * Max(desc->natts, 1));
	table->classes = palloc0(sizeof(int32) * Max(desc->natts, 1));
	table->gated = palloc0(sizeof(bool) * Max(desc->natts, 1));
	table->on_record = is_asked_for(RelationGetRelid(relation));
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute column = TupleDescAttr(desc, i);

		if (column->attisdropped)
			continue;
		table->columns[i] = pstrdup(NameStr(column->attname));
		table->classes[i] = class_of_column(column, labels);
		table->gated[i] =
			ColumnIsEncrypted(getBaseType(column->atttypid)) || (labels != NULL && labels->masked);
		table->has_classes |= ReadClassName(table->classes[i]) != NULL;
	}
	if (!table->on_record && !table->has_classes)
		return NULL;
	table->name = quote_qualified_identifier(get_namespace_name(RelationGetNamespace(relation)),
											 RelationGetRelationName(relation));
	return table;
}

static void
forget(KnownTable *known)
{
	if (known->context != NULL)
		MemoryContextDelete(known->context);
	hash_search(known_tables, &known->relation, HASH_REMOVE, NULL);
}

const ReadTable *
ReadTableFind(Oid relation)
{
	KnownTable *known = hash_search(known_tables, &relation, HASH_FIND, NULL);
	MemoryContext context;
	MemoryContext outer;
	ReadTable *table;
	Relation opened;
	uint64 before;

	if (likely(known != NULL && !known->stale))
		return known->table;
	if (known != NULL)
		forget(known);

	before = changes;
	opened = RelationIdGetRelation(relation);
	if (!RelationIsValid(opened))
		return NULL;
	context = AllocSetContextCreate(CurrentMemoryContext, "tarot_security read table",
									ALLOCSET_SMALL_SIZES);
	outer = MemoryContextSwitchTo(context);
	table = read_table(opened);
	MemoryContextSwitchTo(outer);
	RelationClose(opened);

	known = hash_search(known_tables, &relation, HASH_ENTER, NULL);
	known->stale = before != changes;
	known->table = table;
	known->context = NULL;
	if (table == NULL)
		MemoryContextDelete(context);
	else
	{
		known->context = context;
		MemoryContextSetParent(context, policy_context);
	}
	return table;
}

static void
on_relation_change(Datum argument, Oid relation)
{
	KnownTable *known;

	(void) argument;
	changes++;
	if (relation == InvalidOid)
	{
		forget_tables();
		ReadPolicyEpoch++;
	}
	else if ((known = hash_search(known_tables, &relation, HASH_FIND, NULL)) != NULL)
	{
		/* One of which something is on record may be in use. */
		known->stale = true;
		if (known->context == NULL)
			forget(known);
	}
}

/* The schema is made, or renamed, or that of some table is. */
static void
on_schema_change(Datum argument, int cache, uint32 hash)
{
	(void) argument;
	(void) cache;
	(void) hash;
	changes++;
	ReadPolicyEpoch++;
}

void
ReadPolicyInit(void)
{
	HASHCTL options = {0};

	policy_context =
		AllocSetContextCreate(TopMemoryContext, "tarot_security read policy", ALLOCSET_SMALL_SIZES);
	options.keysize = sizeof(Oid);
	options.entrysize = sizeof(KnownTable);
	options.hcxt = policy_context;
	known_tables = hash_create("tarot_security read tables", 64, &options,
							   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	CacheRegisterRelcacheCallback(on_relation_change, (Datum) 0);
	CacheRegisterSyscacheCallback(NAMESPACEOID, on_schema_change, (Datum) 0);
}
