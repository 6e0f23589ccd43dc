/*
 * provider.c
 *		The provider of security labels: what a label can say, and who may
 *		say it.
 *
 * tarot.classify_column() and its like run SECURITY LABEL, and so does a
 * restored dump; all rules stand here. That the role owns the table was asked
 * by the server.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_seclabel.h"
#include "catalog/pg_statistic.h"
#include "catalog/pg_statistic_ext_data.h"
#include "commands/seclabel.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "events/event.h"
#include "utils/builtins.h"
#include "utils/catcache.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "access/genam.h"
#include "access/table.h"
#include "access/transam.h"

#include "base/catalog.h"
#include "base/compat.h"
#include "class/access.h"
#include "class/class.h"
#include "gate/gate.h"
#include "label/label.h"
#include "label/provider.h"

#define SCHEMA "tarot"

Bytes
LabelClassName(const char *label)
{
	return strncmp(label, LABEL_CLASS, strlen(LABEL_CLASS)) == 0
			   ? bytes_of_string(label + strlen(LABEL_CLASS))
			   : (Bytes){0};
}

char *
LabelOf(Oid relation, AttrNumber column)
{
	ObjectAddress object;

	ObjectAddressSubSet(object, RelationRelationId, relation, column);
	return GetSecurityLabel(&object, LABEL_PROVIDER);
}

static Oid
toast_of(Oid relation)
{
	HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));
	Oid toast = InvalidOid;

	if (HeapTupleIsValid(tuple))
	{
		toast = ((Form_pg_class) GETSTRUCT(tuple))->reltoastrelid;
		ReleaseSysCache(tuple);
	}
	return toast;
}

void
LabelAnnounce(Oid relation)
{
	Oid toast = toast_of(relation);

	CacheInvalidateRelcacheByRelid(relation);

	/* By this, sessions look again whether there are any at all. */
	CacheInvalidateRelcacheByRelid(SecLabelRelationId);

	/* Plans on what else has the table's values were made before there were any. */
	if (OidIsValid(toast))
		CacheInvalidateRelcacheByRelid(toast);
	CacheInvalidateRelcacheByRelid(StatisticRelationId);
	CacheInvalidateRelcacheByRelid(StatisticExtDataRelationId);
}

/* ---------------------------------------------------------------- rights */

bool
LabelAdministersClasses(Oid role)
{
	Oid schema = get_namespace_oid(SCHEMA, true);
	CatCList *functions = SearchSysCacheList1(PROCNAMEARGSNSP, CStringGetDatum("grant_class"));
	bool found = false;

	for (int i = 0; i < functions->n_members && !found; i++)
	{
		Form_pg_proc function = (Form_pg_proc) GETSTRUCT(&functions->members[i]->tuple);

		found = function->pronamespace == schema && compat_may_execute(function->oid, role);
	}
	ReleaseSysCacheList(functions);
	return found;
}

static bool
is_class_called(int32 class_id, Bytes name)
{
	const DataClass *data_class = ClassFind(class_id);

	/* Another name can have the same hash. */
	return data_class->exists && strlen(data_class->name) == name.len &&
		   memcmp(data_class->name, name.data, name.len) == 0;
}

/*
 * A mask of a class's key tells what it makes of a value to who owns a table
 * with that value. Who may write the class has that anyway.
 */
static void
require_use_of_class(Bytes name)
{
	int32 class_id = ClassIdOfName(name);
	bool administers = LabelAdministersClasses(GetUserId());

	if (!is_class_called(class_id, name))
	{
		/* A dump labels columns before it fills the table of classes. */
		if (!administers)
			ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
							errmsg("data class \"%s\" does not exist", (const char *) name.data),
							errhint("Create it with tarot.create_class().")));
		if (GateCurrentIo() != GATE_IO_ENVELOPE)
			ereport(WARNING,
					(errcode(ERRCODE_UNDEFINED_OBJECT),
					 errmsg("data class \"%s\" does not exist", (const char *) name.data),
					 errdetail("Until it does, nobody sees values of a masked column of it."),
					 errhint("Create it with tarot.create_class().")));
		return;
	}
	if (!administers && !ClassAccessOf(class_id, GetUserId(), NULL).write)
		ereport(ERROR,
				(EventDenied("classify", (const char *) name.data),
				 errmsg("permission denied to use data class \"%s\"", (const char *) name.data),
				 errdetail("Its mask would tell what it makes of any value."),
				 errhint("Let it be done by a role that may write the class, or that grants "
						 "classes.")));
}

/* That what a mask hides is not hidden from the role. */
static void
require_plain(int32 class_id, Oid relation)
{
	if (class_id == CLASS_NONE || ClassAccessOf(class_id, GetUserId(), NULL).read >= READ_NOTED)
		return;
	if (class_id == CLASS_UNCLASSIFIED && LabelAdministersClasses(GetUserId()))
		return;
	ereport(ERROR, (EventDenied("declassify",
								class_id == CLASS_UNCLASSIFIED ? NULL : ClassFind(class_id)->name),
					errmsg("permission denied to take a class from masked table \"%s\"",
						   get_rel_name(relation)),
					class_id == CLASS_UNCLASSIFIED
						? errhint("Classify its columns, or let it be done by a role that grants "
								  "classes.")
						: errhint("Let it be done by a role that reads the class plain.")));
}

/* Of a view, too: it shows what its owner may read. */
static void
require_plain_of_all(Oid relation)
{
	LabelledTable *table = LabelFind(relation);

	for (int i = 0; table != NULL && i < table->natts; i++)
		require_plain(table->classes[i], relation);
}

/* A class for a generated column takes it from the class of what it is computed from. */
static void
require_other_than_computed(Oid relation, AttrNumber column, const char *label)
{
	LabelledTable *table = label == NULL ? NULL : LabelFind(relation);
	Bytes name;

	if (table == NULL || column < 1 || column > table->natts)
		return;
	name = LabelClassName(label);
	if (name.len > 0 && ClassIdOfName(name) != table->classes[column - 1])
		require_plain(table->classes[column - 1], relation);
}

void
LabelRequireChange(Oid relation, AttrNumber column, const char *label)
{
	char *old = LabelOf(relation, column);
	Bytes name;

	if (column == 0)
	{
		if (old != NULL && (label == NULL || strcmp(old, label) != 0))
			require_plain_of_all(relation);
		return;
	}
	if (LabelOf(relation, 0) == NULL)
		return;
	if (old == NULL)
	{
		require_other_than_computed(relation, column, label);
		return;
	}
	if (label != NULL && strcmp(old, label) == 0)
		return;
	name = LabelClassName(old);
	if (name.len > 0)
		require_plain(ClassIdOfName(name), relation);
	else if (label == NULL)
		require_plain(CLASS_UNCLASSIFIED, relation);
}

/* ---------------------------------------------------------------- texts */

/* As tarot.check_name() has it. */
static void
require_class_name(Bytes name)
{
	bool bad = name.len == 0 || name.len >= NAMEDATALEN || name.data[0] == '#';

	for (size_t i = 0; i < name.len; i++)
		bad |= name.data[i] < ' ' || name.data[i] == 0x7F;
	if (bad)
		ereport(ERROR, (errcode(ERRCODE_INVALID_NAME),
						errmsg("the name of a data class must have between 1 and %d bytes",
							   NAMEDATALEN - 1),
						errdetail("It must not contain control characters or begin with \"#\".")));
}

static void
require_text(const char *label, bool valid, const char *valid_texts)
{
	if (!valid)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("invalid label \"%s\"", label),
				 errhint("Valid is %s.", valid_texts)));
}

static void
check_relation_label(Oid relation, const char *label)
{
	if (get_rel_relkind(relation) == RELKIND_VIEW)
		require_text(label,
					 strcmp(label, LABEL_MASKING) == 0 || strcmp(label, LABEL_MASKING_ALL) == 0,
					 "\"" LABEL_MASKING "\" or \"" LABEL_MASKING_ALL
					 "\", which tarot.create_masking_view() sets");
	else
		require_text(label, strcmp(label, LABEL_MASKED) == 0,
					 "\"" LABEL_MASKED "\", which tarot.mask_table() sets");
}

static void
check_column_label(Oid relation, AttrNumber column, const char *label)
{
	Bytes name = LabelClassName(label);

	if (strncmp(label, LABEL_CLASS, strlen(LABEL_CLASS)) != 0)
		require_text(label, strcmp(label, LABEL_UNCLASSIFIED) == 0,
					 "\"" LABEL_CLASS "\" and the name of a data class, or \"" LABEL_UNCLASSIFIED
					 "\"");
	else
		require_class_name(name);
	if (column < 0)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("a system column cannot have a data class")));
	if (get_rel_relkind(relation) == RELKIND_VIEW)
		ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
						errmsg("a column of a view cannot have a data class"),
						errhint("Classify the column of the table that it shows.")));
	if (LabelTypeHasClass(get_atttype(relation, column)))
		ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
						errmsg("column \"%s\" of table \"%s\" has its data class by its type",
							   get_attname(relation, column, false), get_rel_name(relation))));
	if (name.len > 0)
		require_use_of_class(name);
}

/* What is read through a parent has the parent's label. */
static void
require_label_of_parents(Oid relation, const char *column, const char *label)
{
	ListCell *cell;

	foreach (cell, LabelParents(relation))
	{
		Oid parent = lfirst_oid(cell);
		AttrNumber number = column == NULL ? 0 : get_attnum(parent, column);
		char *other;

		if (column != NULL && number == InvalidAttrNumber)
			continue;
		other = LabelOf(parent, number);
		if (other == NULL ? label != NULL : label == NULL || strcmp(other, label) != 0)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 column == NULL ? errmsg("table \"%s\" is masked as its parent \"%s\" is",
											 get_rel_name(relation), get_rel_name(parent))
									: errmsg("the class of column \"%s\" of table \"%s\" is that "
											 "of its parent \"%s\"",
											 column, get_rel_name(relation), get_rel_name(parent)),
					 errhint("Change it there: partitions and children follow.")));
	}
}

/* The server's hook: the label is set, or taken away where it is NULL, when this returns. */
static void
on_relabel(const ObjectAddress *object, const char *label)
{
	Oid relation = object->objectId;
	AttrNumber column = (AttrNumber) object->objectSubId;
	char *name = NULL;
	char kind;

	/* pg_upgrade labels tables as they were, before it makes ours. */
	if (IsBinaryUpgrade)
		return;

	/* What is left of a dropped extension can be taken away. */
	if (!CatalogExists())
	{
		if (label == NULL)
			return;
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
						errmsg("extension \"tarot_security\" does not exist in this database"),
						errhint("Run CREATE EXTENSION tarot_security.")));
	}
	kind = object->classId == RelationRelationId ? get_rel_relkind(relation) : '\0';
	if ((kind != RELKIND_RELATION && kind != RELKIND_PARTITIONED_TABLE && kind != RELKIND_MATVIEW &&
		 kind != RELKIND_FOREIGN_TABLE && kind != RELKIND_VIEW) ||
		relation < FirstNormalObjectId)
		ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
						errmsg("only tables, views and columns have labels of tarot_security")));
	if (column != 0)
		name = get_attname(relation, column, false);
	if (label != NULL && column == 0)
		check_relation_label(relation, label);
	else if (label != NULL)
		check_column_label(relation, column, label);
	require_label_of_parents(relation, name, label);
	LabelRequireChange(relation, column, label);
	LabelSpread(relation, name, label);
}

/* ---------------------------------------------------------------- classes in use */

static void
check_class_unused(int32 class_id, const char *class_name, const char *purpose)
{
	Relation labels;
	SysScanDesc scan;
	HeapTuple tuple;

	/* What else is asked for is about stored tags, which plain columns have not. */
	if (strcmp(purpose, "drop") != 0)
		return;
	labels = table_open(SecLabelRelationId, AccessShareLock);
	scan = systable_beginscan(labels, InvalidOid, false, NULL, 0, NULL);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		const FormData_pg_seclabel *row = (FormData_pg_seclabel *) GETSTRUCT(tuple);
		char *label = LabelText(tuple, RelationGetDescr(labels));
		Bytes name = label == NULL ? (Bytes){0} : LabelClassName(label);

		if (name.len > 0 && ClassIdOfName(name) == class_id)
			ereport(ERROR,
					(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
					 errmsg("cannot drop data class \"%s\" because columns are classified with it",
							class_name),
					 errdetail("Column \"%s\" of relation \"%s\" is one of them.",
							   get_attname(row->objoid, (AttrNumber) row->objsubid, true),
							   get_rel_name(row->objoid)),
					 errhint("Give the columns another class first: tarot.classified_columns lists "
							 "them.")));
	}
	systable_endscan(scan);
	table_close(labels, AccessShareLock);
}

/* ---------------------------------------------------------------- for label.sql */

/*
 * tarot.label_of_class(class text) RETURNS text
 *
 * Raises when there is no such class.
 */
PG_FUNCTION_INFO_V1(tarot_label_of_class);
Datum
tarot_label_of_class(PG_FUNCTION_ARGS)
{
	char *name;

	if (PG_ARGISNULL(0))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("class must not be null")));
	name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	if (!is_class_called(ClassIdOfName(bytes_of_string(name)), bytes_of_string(name)))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
						errmsg("data class \"%s\" does not exist", name),
						errhint("Create it with tarot.create_class().")));
	PG_RETURN_TEXT_P(cstring_to_text(psprintf("%s%s", LABEL_CLASS, name)));
}

/*
 * tarot.class_of_column(relation oid, "column" smallint) RETURNS text
 *
 * By its label, or that of what it is computed from; NULL for none.
 */
PG_FUNCTION_INFO_V1(tarot_label_class_of_column);
Datum
tarot_label_class_of_column(PG_FUNCTION_ARGS)
{
	AttrNumber column = PG_GETARG_INT16(1);
	LabelledTable *table = LabelFind(PG_GETARG_OID(0));
	int32 class_id;
	const DataClass *data_class;

	if (table == NULL || column <= 0 || column > table->natts ||
		(class_id = table->classes[column - 1]) == CLASS_NONE)
		PG_RETURN_NULL();
	data_class = ClassFind(class_id);
	if (data_class->exists)
		PG_RETURN_TEXT_P(cstring_to_text(data_class->name));
	PG_RETURN_TEXT_P(cstring_to_text(class_id == CLASS_UNCLASSIFIED ? LABEL_UNCLASSIFIED
																	: psprintf("#%d", class_id)));
}

void
LabelProviderInit(void)
{
	register_label_provider(LABEL_PROVIDER, on_relabel);
	ClassRegisterUse(check_class_unused);
}
