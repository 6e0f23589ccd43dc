/*
 * label.c
 *		What the labels of tables say, remembered by table.
 *
 * The catalog of labels has no cache of the server's, and a change of it is
 * announced to nobody: the provider (provider.c) announces it as a change of
 * the table, and of the catalog itself.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/stratnum.h"
#include "access/sysattr.h"
#include "access/table.h"
#include "access/transam.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "catalog/pg_seclabel.h"
#include "nodes/bitmapset.h"
#include "optimizer/optimizer.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "base/catalog.h"
#include "label/label.h"
#include "label/provider.h"

typedef struct KnownTable
{
	Oid relation;         /* hash key */
	LabelledTable *table; /* NULL: no labels */
} KnownTable;

LabelState LabelsKnown = LABELS_UNKNOWN;

static MemoryContext label_context;
static HTAB *known_tables;
static LabelTypeCheck type_has_class;

/*
 * Whether a column that a masked table is given later is masked, too, until
 * somebody has said what it is: nobody sees it, and SELECT * goes on. Read by
 * tarot.follow_masking(), when the column is added. For superusers, since the
 * owner of a table must not decide it by a SET.
 */
static bool mask_unclassified = true;

/* Grows with every change of any table: what was read meanwhile is not remembered. */
static uint64 changes;

static void
forget(KnownTable *known)
{
	if (known->table != NULL)
		pfree(known->table);
	hash_search(known_tables, &known->relation, HASH_REMOVE, NULL);
}

static void
on_relation_change(Datum argument, Oid relation)
{
	KnownTable *known;

	(void) argument;
	changes++;
	if (relation == SecLabelRelationId || relation == InvalidOid)
		LabelsKnown = LABELS_UNKNOWN;
	if (relation == InvalidOid)
	{
		HASH_SEQ_STATUS all;

		hash_seq_init(&all, known_tables);
		while ((known = hash_seq_search(&all)) != NULL)
			forget(known);
	}
	else if ((known = hash_search(known_tables, &relation, HASH_FIND, NULL)) != NULL)
		forget(known);
}

void
LabelRegisterClassedTypes(LabelTypeCheck has_class)
{
	type_has_class = has_class;
}

bool
LabelTypeHasClass(Oid type)
{
	return type_has_class != NULL && type_has_class(getBaseType(type));
}

/* ---------------------------------------------------------------- any at all */

bool
LabelLookForAny(void)
{
	if (LabelsKnown == LABELS_UNKNOWN)
	{
		uint64 before = changes;
		bool found = false;
		Relation labels;
		SysScanDesc scan;
		HeapTuple tuple;

		if (!IsTransactionState())
			return false;
		labels = table_open(SecLabelRelationId, AccessShareLock);
		scan = systable_beginscan(labels, InvalidOid, false, NULL, 0, NULL);
		while (!found && HeapTupleIsValid(tuple = systable_getnext(scan)))
			found = LabelText(tuple, RelationGetDescr(labels)) != NULL;
		systable_endscan(scan);
		table_close(labels, AccessShareLock);
		if (before != changes)
			return found && CatalogExists();
		LabelsKnown = found ? LABELS_SOME : LABELS_NONE;
	}

	/* They outlive the extension, without which they have no meaning. */
	return LabelsKnown == LABELS_SOME && CatalogExists();
}

char *
LabelText(HeapTuple tuple, TupleDesc desc)
{
	bool isnull;
	char *provider =
		TextDatumGetCString(heap_getattr(tuple, Anum_pg_seclabel_provider, desc, &isnull));
	bool ours = strcmp(provider, LABEL_PROVIDER) == 0;

	pfree(provider);
	return ours ? TextDatumGetCString(heap_getattr(tuple, Anum_pg_seclabel_label, desc, &isnull))
				: NULL;
}

/* ---------------------------------------------------------------- one table */

/* What follows from a label of a column, also one that should not be there. */
static int32
class_of_label(const char *label)
{
	Bytes name = LabelClassName(label);

	return name.len > 0 ? ClassIdOfName(name) : CLASS_UNCLASSIFIED;
}

/* In one piece. */
static LabelledTable *
make_table(Oid relation, int natts)
{
	LabelledTable *table = palloc0(add_size(sizeof(LabelledTable), mul_size(sizeof(int32), natts)));

	table->relation = relation;
	table->natts = natts;
	table->classes = (int32 *) (table + 1);
	return table;
}

static LabelledTable *
copy_table(const LabelledTable *from, MemoryContext context)
{
	MemoryContext outer = MemoryContextSwitchTo(context);
	LabelledTable *copy = make_table(from->relation, from->natts);

	memcpy(copy->classes, from->classes, sizeof(int32) * from->natts);
	copy->labelled = from->labelled;
	copy->masked = from->masked;
	copy->masking = from->masking;
	MemoryContextSwitchTo(outer);
	return copy;
}

/*
 * The class of what a generated column is computed from. From columns of
 * several classes comes a value that nobody has said anything about.
 */
static int32
class_of_expression(const LabelledTable *table, const char *expression)
{
	Bitmapset *columns = NULL;
	int32 found = CLASS_NONE;
	int at = -1;

	pull_varattnos(stringToNode(expression), 1, &columns);
	while ((at = bms_next_member(columns, at)) >= 0)
	{
		int column = at + FirstLowInvalidHeapAttributeNumber;
		int32 class_id = column > 0 ? table->classes[column - 1] : CLASS_NONE;

		if (class_id == CLASS_NONE)
			continue;
		found = found == CLASS_NONE || found == class_id ? class_id : CLASS_UNCLASSIFIED;
	}
	bms_free(columns);
	return found;
}

static void
add_generated_columns(LabelledTable *table, TupleDesc desc)
{
	/* One cannot be computed from another: the order does not matter. */
	for (int i = 0; desc->constr != NULL && i < desc->constr->num_defval; i++)
	{
		const AttrDefault *value = &desc->constr->defval[i];

		if (TupleDescAttr(desc, value->adnum - 1)->attgenerated != '\0' &&
			table->classes[value->adnum - 1] == CLASS_NONE)
			table->classes[value->adnum - 1] = class_of_expression(table, value->adbin);
	}
}

static bool
has_class_by_type(Form_pg_attribute column)
{
	return !column->attisdropped && LabelTypeHasClass(column->atttypid);
}

/* NULL when there are none. */
static LabelledTable *
read_labels(Relation relation)
{
	TupleDesc desc = RelationGetDescr(relation);
	LabelledTable *table = NULL;
	Relation labels = table_open(SecLabelRelationId, AccessShareLock);
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple tuple;

	ScanKeyInit(&keys[0], Anum_pg_seclabel_objoid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(RelationGetRelid(relation)));
	ScanKeyInit(&keys[1], Anum_pg_seclabel_classoid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(RelationRelationId));
	scan = systable_beginscan(labels, SecLabelObjectIndexId, true, NULL, 2, keys);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		int column = ((FormData_pg_seclabel *) GETSTRUCT(tuple))->objsubid;
		char *label = LabelText(tuple, RelationGetDescr(labels));

		if (label == NULL)
			continue;
		if (table == NULL)
			table = make_table(RelationGetRelid(relation), desc->natts);
		if (column == 0)
		{
			table->masking =
				strcmp(label, LABEL_MASKING) == 0 || strcmp(label, LABEL_MASKING_ALL) == 0;
			table->masked = !table->masking;
		}
		else if (column > 0 && column <= desc->natts)
			table->classes[column - 1] = class_of_label(label);
		pfree(label);
	}
	systable_endscan(scan);
	table_close(labels, AccessShareLock);
	if (table == NULL)
		return NULL;

	add_generated_columns(table, desc);
	for (int i = 0; i < desc->natts; i++)
	{
		if (table->classes[i] != CLASS_NONE && has_class_by_type(TupleDescAttr(desc, i)))
			table->classes[i] = CLASS_NONE;
		table->labelled += table->classes[i] != CLASS_NONE;
	}
	return table;
}

LabelledTable *
LabelFind(Oid relation)
{
	KnownTable *known;
	uint64 before;
	Relation opened;
	LabelledTable *table;
	LabelledTable *kept;

	if (relation < FirstNormalObjectId || !LabelExists())
		return NULL;
	known = hash_search(known_tables, &relation, HASH_FIND, NULL);
	if (likely(known != NULL))
		return known->table == NULL ? NULL : copy_table(known->table, CurrentMemoryContext);

	before = changes;
	opened = RelationIdGetRelation(relation);
	if (!RelationIsValid(opened))
		return NULL;
	table = read_labels(opened);
	RelationClose(opened);
	if (before == changes)
	{
		kept = table == NULL ? NULL : copy_table(table, label_context);
		known = hash_search(known_tables, &relation, HASH_ENTER, NULL);
		known->table = kept;
	}
	return table;
}

void
LabelInit(void)
{
	HASHCTL options = {0};

	label_context =
		AllocSetContextCreate(TopMemoryContext, "tarot_security labels", ALLOCSET_SMALL_SIZES);
	options.keysize = sizeof(Oid);
	options.entrysize = sizeof(KnownTable);
	options.hcxt = label_context;
	known_tables =
		hash_create("tarot_security labels", 64, &options, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	DefineCustomBoolVariable(
		"tarot_security.mask_unclassified",
		"Masks columns that are added to masked tables until they are classified.", NULL,
		&mask_unclassified, true, PGC_SUSET, 0, NULL, NULL, NULL);
	CacheRegisterRelcacheCallback(on_relation_change, (Datum) 0);
	LabelProviderInit();
}
