/*
 * inherit.c
 *		Labels of partitions and other children.
 *
 * Rows of a child are read by its own name and by its parents' names, so all
 * of them have the same labels. They are written for each: what is detached
 * keeps them.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "commands/seclabel.h"
#include "fmgr.h"
#include "storage/lmgr.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "base/compat.h"
#include "label/label.h"
#include "label/provider.h"

List *
LabelParents(Oid relation)
{
	List *parents = NIL;
	Relation inherits = table_open(InheritsRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple tuple;

	ScanKeyInit(&key, Anum_pg_inherits_inhrelid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(relation));
	scan = systable_beginscan(inherits, InheritsRelidSeqnoIndexId, true, NULL, 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
		parents = lappend_oid(parents, ((Form_pg_inherits) GETSTRUCT(tuple))->inhparent);
	systable_endscan(scan);
	table_close(inherits, AccessShareLock);
	return parents;
}

/* Those that are being detached are read through their parents for a while. */
static List *
children_of(Oid relation, LOCKMODE lockmode)
{
	return find_inheritance_children_extended(relation, false, lockmode, NULL, NULL);
}

/*
 * The table, what is below it, and what else that has as a parent: all that
 * have the column. Locked as ALTER TABLE ... INHERIT locks a parent, so that
 * nothing becomes one of them meanwhile.
 */
static List *
family_of(Oid root, const char *column)
{
	List *family = list_make1_oid(root);

	for (int i = 0; i < list_length(family); i++)
	{
		Oid relation = list_nth_oid(family, i);
		List *relatives = children_of(relation, ShareUpdateExclusiveLock);
		ListCell *cell;

		if (i > 0)
			relatives = list_concat(relatives, LabelParents(relation));
		foreach (cell, relatives)
		{
			Oid relative = lfirst_oid(cell);

			if (column != NULL && get_attnum(relative, column) == InvalidAttrNumber)
				continue;
			LockRelationOid(relative, ShareUpdateExclusiveLock);
			family = list_append_unique_oid(family, relative);
		}
	}
	return family;
}

/* Visible to what comes next in the same statement. */
static void
set_label(Oid relation, AttrNumber column, const char *label)
{
	ObjectAddress object;

	ObjectAddressSubSet(object, RelationRelationId, relation, column);
	SetSecurityLabel(&object, LABEL_PROVIDER, label);
	CommandCounterIncrement();
}

void
LabelSpread(Oid root, const char *column, const char *label)
{
	ListCell *cell;

	foreach (cell, family_of(root, column))
	{
		Oid relation = lfirst_oid(cell);
		AttrNumber number = column == NULL ? 0 : get_attnum(relation, column);

		if (relation != root)
		{
			LabelRequireChange(relation, number, label);
			set_label(relation, number, label);
		}
		LabelAnnounce(relation);
	}
}

/* ---------------------------------------------------------------- new children */

pg_noreturn static void
refuse_child(Oid parent, Oid child, const char *column, const char *class_name)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 column == NULL
				 ? errmsg("table \"%s\" is masked, and its parent \"%s\" is not",
						  get_rel_name(child), get_rel_name(parent))
				 : errmsg("column \"%s\" of table \"%s\" has another data class than in its parent "
						  "\"%s\"",
						  column, get_rel_name(child), get_rel_name(parent)),
			 errdetail("Its rows could be read through the parent."),
			 column == NULL ? errhint("Mask the parent first, with tarot.mask_table().")
			 : class_name == NULL
				 ? errhint("Give both the same class first, with tarot.classify_column().")
				 : errhint("Classify the parent's column first, with tarot.classify_column(), as "
						   "\"%s\".",
						   class_name)));
}

static void
give(Oid relation, const char *column, const char *label)
{
	set_label(relation, column == NULL ? 0 : get_attnum(relation, column), label);
	LabelSpread(relation, column, label);
}

/* A column of both, by its classes in both. */
static void
inherit_column(Oid parent, AttrNumber column_of_parent, int32 class_of_parent, Oid child,
			   const char *column, int32 class_of_child)
{
	char *label = LabelOf(parent, column_of_parent);

	if (class_of_parent == class_of_child)
		return;
	if (class_of_parent != CLASS_NONE && class_of_child == CLASS_NONE)
	{
		/* What is computed in the parent alone is nothing to the child. */
		if (label != NULL)
			give(child, column, label);
		return;
	}
	refuse_child(parent, child, column,
				 class_of_parent == CLASS_NONE && ClassFind(class_of_child)->exists
					 ? ClassFind(class_of_child)->name
					 : NULL);
}

static void
inherit_labels(Oid parent, Oid child)
{
	LabelledTable *of_parent = LabelFind(parent);
	LabelledTable *of_child = LabelFind(child);
	int natts = of_child != NULL ? of_child->natts : of_parent != NULL ? of_parent->natts : 0;
	Oid named = of_child != NULL ? child : parent;

	/* By the columns of one that has labels, in a parent all that are inherited. */
	for (int i = 0; i < natts; i++)
	{
		char *column = get_attname(named, i + 1, true);
		AttrNumber in_parent = column == NULL ? 0 : get_attnum(parent, column);
		AttrNumber in_child = column == NULL ? 0 : get_attnum(child, column);

		if (in_parent <= 0 || in_child <= 0)
			continue;
		inherit_column(parent, in_parent,
					   of_parent == NULL ? CLASS_NONE : of_parent->classes[in_parent - 1], child,
					   column, of_child == NULL ? CLASS_NONE : of_child->classes[in_child - 1]);
	}
	if (of_parent != NULL && of_parent->masked && (of_child == NULL || !of_child->masked))
		give(child, NULL, LABEL_MASKED);
	else if (of_child != NULL && of_child->masked && (of_parent == NULL || !of_parent->masked))
		refuse_child(parent, child, NULL, NULL);
}

/*
 * tarot.inherit_labels(relation oid) RETURNS void
 *
 * After a statement about the table: what it is to its parents and children
 * now. Gives labels that are missing below, which needs no right.
 */
PG_FUNCTION_INFO_V1(tarot_label_inherit);
Datum
tarot_label_inherit(PG_FUNCTION_ARGS)
{
	Oid relation = PG_GETARG_OID(0);
	ListCell *cell;

	if (!LabelExists())
		PG_RETURN_VOID();
	foreach (cell, LabelParents(relation))
		inherit_labels(lfirst_oid(cell), relation);
	foreach (cell, children_of(relation, NoLock))
		inherit_labels(relation, lfirst_oid(cell));
	PG_RETURN_VOID();
}

/* ---------------------------------------------------------------- columns that lose what gave them
 * a class */

/* What is of no class, or of several, must not become one that anybody can classify. */
static const char *
label_of_class(const LabelledTable *table, const char *column, int32 class_id)
{
	const DataClass *data_class = CLASS_IS_NAMED(class_id) ? ClassFind(class_id) : NULL;

	if (data_class == NULL || !data_class->exists)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("column \"%s\" of table \"%s\" is of no known data class, or of several",
						column, get_rel_name(table->relation)),
				 errhint("Classify it first, with tarot.classify_column().")));
	return psprintf("%s%s", LABEL_CLASS, data_class->name);
}

void
LabelCarry(const LabelledTable *before)
{
	LabelledTable *after = LabelFind(before->relation);

	for (int i = 0; i < before->natts; i++)
	{
		char *column;

		if (before->classes[i] == CLASS_NONE ||
			(after != NULL && after->classes[i] != CLASS_NONE) ||
			LabelOf(before->relation, i + 1) != NULL)
			continue;
		column = get_attname(before->relation, i + 1, true);

		/* A dropped one has a name still, but is not found by it. */
		if (column == NULL || get_attnum(before->relation, column) != i + 1)
			continue;
		give(before->relation, column, label_of_class(before, column, before->classes[i]));
	}
}
