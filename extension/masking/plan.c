/*
 * plan.c
 *		What a plan depends on, and who may run it.
 *
 * A plan in which columns stayed as they are was made for a role that may read
 * them. It is made anew for another role, and when anything changes that was
 * asked; and when it runs, the role that then is current is asked again.
 */
#include "postgres.h"

#include "access/sysattr.h"
#include "access/transam.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "miscadmin.h"
#include "events/event.h"
#include "nodes/bitmapset.h"
#include "optimizer/cost.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "base/compat.h"
#include "class/access.h"
#include "gate/gate.h"
#include "label/label.h"
#include "masking/masking.h"
#include "masking/site.h"

/*
 * Entries in the list of what makes a plan invalid, under no catalog cache's
 * number: the plan cache passes them by, and copies them with the plan.
 */
#define MARK_PLAIN (-7701)
#define MARK_SEARCHED (-7702)
#define MARK_WRITTEN (-7703)

static MaskingPlanning *current;

/* Whether this backend has made a plan with such an entry. */
static bool any_marked;

/* Of tarot.masked(), by which plans are found; 0: there are none. */
static uint32 marking_hash;

/* ---------------------------------------------------------------- making plans */

void
MaskingBeginPlanning(MaskingPlanning *planning)
{
	*planning = (MaskingPlanning){.outer = current};
	planning->joins.merge = enable_mergejoin;
	planning->joins.hash = enable_hashjoin;
	planning->joins.loop = enable_nestloop;
	planning->joins.material = enable_material;
	current = planning;
}

/* One of the others is always possible, and must not be made as dear by the role. */
void
MaskingForbidMerging(void)
{
	enable_mergejoin = false;
	enable_hashjoin = true;
	enable_nestloop = true;
	enable_material = true;
}

void
MaskingAbandonPlanning(MaskingPlanning *planning)
{
	enable_mergejoin = planning->joins.merge;
	enable_hashjoin = planning->joins.hash;
	enable_nestloop = planning->joins.loop;
	enable_material = planning->joins.material;
	current = planning->outer;
}

static void
add_item(PlannedStmt *statement, int cache, uint32 hash)
{
	PlanInvalItem *item = makeNode(PlanInvalItem);

	item->cacheId = cache;
	item->hashValue = hash;
	statement->invalItems = lappend(statement->invalItems, item);
}

static void
add_classes(PlannedStmt *statement, List *classes, int mark)
{
	ListCell *cell;

	foreach (cell, classes)
		add_item(statement, mark, (uint32) lfirst_int(cell));
	any_marked |= classes != NIL;
}

static void
add_table(PlannedStmt *statement, const char *name)
{
	Oid relation = get_relname_relid(name, get_namespace_oid("tarot", false));

	statement->relationOids = list_append_unique_oid(statement->relationOids, relation);
}

/*
 * What came into the plan without being rewritten would still be asked for as
 * a privilege, which superusers and owners have.
 */
static void
check_privileges(PlannedStmt *statement)
{
	ListCell *cell;

	foreach (cell, statement->rtable)
	{
		RangeTblEntry *entry = lfirst(cell);
		LabelledTable *labels;
		Bitmapset *columns;
		int at = -1;

		if (entry->rtekind != RTE_RELATION || entry->relid < FirstNormalObjectId ||
			(labels = LabelFind(entry->relid)) == NULL || !labels->masked)
			continue;
		columns = compat_planned_selected_columns(statement, entry);
		while ((at = bms_next_member(columns, at)) >= 0)
		{
			int column = at + FirstLowInvalidHeapAttributeNumber;

			if (column == 0 ? labels->labelled > 0
							: column > 0 && column <= labels->natts &&
								  labels->classes[column - 1] != CLASS_NONE)
				ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR),
								errmsg("a plan reads masked table \"%s\" without its masks",
									   get_rel_name(entry->relid))));
		}
	}
}

void
MaskingEndPlanning(MaskingPlanning *planning, PlannedStmt *statement)
{
	if (planning->rewritten)
		check_privileges(statement);
	if (!planning->labelled)
		return;
	statement->dependsOnRole = true;
	add_table(statement, "class");
	add_table(statement, "class_grant");
	marking_hash = MaskSiteHash();
	add_item(statement, PROCOID, marking_hash);
	add_classes(statement, planning->plain, MARK_PLAIN);
	add_classes(statement, planning->searched, MARK_SEARCHED);
	add_classes(statement, planning->written, MARK_WRITTEN);
	LabelMarkTaken(statement, &planning->taken);
}

/* ---------------------------------------------------------------- running them */

/* Marks plans alone, which is harmless anywhere, also where a transaction fails. */
static void
forget_plans(void)
{
	if (marking_hash != 0)
		CallSyscacheCallbacks(PROCOID, marking_hash);
}

static void
on_role_change(Datum argument, int cache, uint32 hash)
{
	(void) argument;
	(void) cache;
	(void) hash;
	forget_plans();
}

pg_noreturn static void
refuse_plan(void)
{
	forget_plans();
	ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
					errmsg("role \"%s\" may not read what the statement was planned to read",
						   GetUserNameFromId(GetUserId(), true)),
					errdetail("Grants on data classes, the role, or tarot_security.io changed "
							  "meanwhile."),
					errhint("Run the statement again.")));
}

/*
 * As for encrypted columns. Who puts a guess into a column of the class, and
 * reads its mask there, learns whose mask it is. A dump is restored by who may
 * hold no right of the class, but could have any.
 */
void
MaskingRequireWrite(int32 class_id)
{
	DataClass *data_class;
	char *role;

	if (likely(ClassAccessOf(class_id, GetUserId(), NULL).write) ||
		LabelAdministersClasses(GetUserId()))
		return;
	data_class = ClassFind(class_id);
	role = GetUserNameFromId(GetUserId(), true);
	if (!data_class->exists)
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("permission denied to write a column of an unknown data class"),
						errhint("Create the class, or give the column another one with "
								"tarot.classify_column().")));
	ereport(ERROR, (EventDenied("write", data_class->name),
					errmsg("permission denied to write data class \"%s\"", data_class->name),
					errdetail("Role \"%s\" has no write access to it.", role),
					errhint("Grant it with tarot.grant_class(%s, %s, ..., write => true).",
							quote_literal_cstr(data_class->name), quote_literal_cstr(role))));
}

void
MaskingCheckPlan(const PlannedStmt *statement)
{
	ListCell *cell;

	if (likely(!any_marked))
		return;
	foreach (cell, statement->invalItems)
	{
		PlanInvalItem *item = lfirst(cell);

		if (item->cacheId == MARK_PLAIN &&
			(ClassAccessOf((int32) item->hashValue, GetUserId(), NULL).read != READ_PLAIN ||
			 GateCurrentIo() == GATE_IO_MASKED))
			refuse_plan();
		if (item->cacheId == MARK_SEARCHED &&
			!ClassAccessOf((int32) item->hashValue, GetUserId(), NULL).search)
			refuse_plan();
		if (item->cacheId == MARK_WRITTEN)
			MaskingRequireWrite((int32) item->hashValue);
	}
}

bool
MaskingMayRead(Oid relation, AttrNumber column)
{
	LabelledTable *labels;

	if (column < 0 || !LabelExists())
		return true;
	labels = LabelFind(relation);
	return labels == NULL || !labels->masked || column > labels->natts ||
		   (column == 0 ? labels->labelled == 0 : labels->classes[column - 1] == CLASS_NONE);
}

/* ---------------------------------------------------------------- what estimates tell */

static bool
is_hidden(const LabelledTable *labels, int column)
{
	ClassRights rights;

	if (column < 1 || column > labels->natts || labels->classes[column - 1] == CLASS_NONE)
		return false;
	if (!CLASS_IS_NAMED(labels->classes[column - 1]))
		return true;
	rights = ClassAccessGranted(labels->classes[column - 1], GetUserId());
	return rights.read != READ_PLAIN && !rights.search;
}

/*
 * How many values a column has is told by an estimate of groups, also of
 * groups of their masks.
 */
bool
MaskingHidesStatistics(Oid relation, AttrNumber column)
{
	LabelledTable *labels;

	if (likely(current == NULL || !current->hides))
		return false;
	labels = LabelFind(relation);
	return labels != NULL && is_hidden(labels, column);
}

void
MaskingHideStatistics(Oid relation, RelOptInfo *info)
{
	LabelledTable *labels;
	ListCell *cell;

	if (likely(current == NULL || !current->hides) || info->statlist == NIL)
		return;
	labels = LabelFind(relation);
	if (labels == NULL)
		return;
	foreach (cell, info->statlist)
	{
		StatisticExtInfo *statistics = lfirst(cell);
		bool hidden = statistics->exprs != NIL;
		int column = -1;

		while (!hidden && (column = bms_next_member(statistics->keys, column)) >= 0)
			hidden = is_hidden(labels, column);
		if (hidden)
			info->statlist = foreach_delete_current(info->statlist, cell);
	}
}

/* ---------------------------------------------------------------- functions */

/*
 * The query of a function that is written in SQL and returns rows would become
 * part of another when that has been rewritten.
 */
bool
MaskingKeepsApart(Oid function)
{
	HeapTuple tuple;
	bool keeps = false;

	if (likely(LabelsKnown == LABELS_NONE) || function < FirstNormalObjectId ||
		!IsTransactionState() || !LabelExists())
		return false;
	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	if (HeapTupleIsValid(tuple))
	{
		Form_pg_proc form = (Form_pg_proc) GETSTRUCT(tuple);

		keeps = form->prolang == SQLlanguageId && form->proretset;
		ReleaseSysCache(tuple);
	}
	return keeps;
}

void
MaskingInit(void)
{
	MaskSiteInit();
	CacheRegisterSyscacheCallback(AUTHMEMROLEMEM, on_role_change, (Datum) 0);
	CacheRegisterSyscacheCallback(AUTHOID, on_role_change, (Datum) 0);
	GateIoChanged = forget_plans;
}
