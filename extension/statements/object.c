/*
 * object.c
 *		Objects that a statement touches, and whether the audit depends on them.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/catalog.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_am.h"
#include "catalog/pg_attrdef.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_cast.h"
#include "catalog/pg_class.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_conversion.h"
#include "catalog/pg_database.h"
#include "catalog/pg_default_acl.h"
#include "catalog/pg_event_trigger.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_foreign_data_wrapper.h"
#include "catalog/pg_foreign_server.h"
#include "catalog/pg_index.h"
#include "catalog/pg_language.h"
#include "catalog/pg_largeobject.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_opclass.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_opfamily.h"
#include "catalog/pg_parameter_acl.h"
#include "catalog/pg_policy.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_publication.h"
#include "catalog/pg_rewrite.h"
#include "catalog/pg_statistic_ext.h"
#include "catalog/pg_subscription.h"
#include "catalog/pg_tablespace.h"
#include "catalog/pg_transform.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_ts_config.h"
#include "catalog/pg_ts_dict.h"
#include "catalog/pg_ts_parser.h"
#include "catalog/pg_ts_template.h"
#include "catalog/pg_type.h"
#include "catalog/pg_user_mapping.h"
#include "commands/extension.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "audit/table.h"
#include "label/provider.h"
#include "statements/object.h"

#define ROW_TRIGGER "tarot_audit"
#define TRUNCATE_TRIGGER "tarot_audit_truncate"

/* ---------------------------------------------------------------- triggers */

/*
 * Whether it is fired after each change of rows, or after TRUNCATE, in each
 * session, and under no condition. As the view tarot.audited_tables asks.
 */
static bool
is_complete(HeapTuple tuple, TupleDesc desc)
{
	Form_pg_trigger trigger = (Form_pg_trigger) GETSTRUCT(tuple);
	const int16 row =
		TRIGGER_TYPE_ROW | TRIGGER_TYPE_INSERT | TRIGGER_TYPE_UPDATE | TRIGGER_TYPE_DELETE;
	bool conditional;

	(void) heap_getattr(tuple, Anum_pg_trigger_tgqual, desc, &conditional);
	conditional = !conditional;
	return trigger->tgfoid == AuditFunction("audit_change", 0, NULL) &&
		   trigger->tgtype ==
			   (strcmp(NameStr(trigger->tgname), ROW_TRIGGER) == 0 ? row : TRIGGER_TYPE_TRUNCATE) &&
		   trigger->tgenabled == TRIGGER_FIRES_ALWAYS && !conditional &&
		   trigger->tgattr.dim1 == 0 && !trigger->tgdeferrable;
}

static AuditTrigger *
audit_trigger_of(HeapTuple tuple, TupleDesc desc)
{
	Form_pg_trigger form = (Form_pg_trigger) GETSTRUCT(tuple);
	AuditTrigger *trigger = palloc0(sizeof(AuditTrigger));
	bool isnull;
	bytea *arguments = DatumGetByteaPP(heap_getattr(tuple, Anum_pg_trigger_tgargs, desc, &isnull));

	trigger->complete = is_complete(tuple, desc);
	strlcpy(trigger->name, NameStr(form->tgname), NAMEDATALEN);
	trigger->arguments_size = (int) VARSIZE_ANY_EXHDR(arguments);
	trigger->arguments = palloc(trigger->arguments_size + 1);
	memcpy(trigger->arguments, VARDATA_ANY(arguments), trigger->arguments_size);
	return trigger;
}

/*
 * As it was before the statement, or as it is made by it. CREATE OR REPLACE is
 * told as CREATE: then there are two versions of it, and it is altered. False
 * where it is one of a foreign key's.
 */
static bool
describe_trigger(StatementObject *object)
{
	Relation triggers = table_open(TriggerRelationId, AccessShareLock);
	ItemPointerData now;
	bool shown = false;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple tuple;

	ItemPointerSetInvalid(&now);
	ScanKeyInit(&key, Anum_pg_trigger_oid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(object->object));
	for (int before = 0; before <= 1; before++)
	{
		/* What was last there for this command is what was there before. */
		scan = systable_beginscan(triggers, TriggerOidIndexId, true, before ? NULL : SnapshotSelf,
								  1, &key);
		if (HeapTupleIsValid(tuple = systable_getnext(scan)))
		{
			Form_pg_trigger form = (Form_pg_trigger) GETSTRUCT(tuple);
			const char *name = NameStr(form->tgname);

			object->relation = object->part_of = form->tgrelid;
			if (strcmp(name, ROW_TRIGGER) == 0 || strcmp(name, TRUNCATE_TRIGGER) == 0)
				object->trigger = audit_trigger_of(tuple, RelationGetDescr(triggers));
			shown = object->trigger != NULL || !form->tgisinternal;
			if (before && object->action == ACTION_CREATE &&
				!ItemPointerEquals(&now, &tuple->t_self))
				object->action = ACTION_ALTER;
			now = tuple->t_self;
		}
		systable_endscan(scan);
	}
	table_close(triggers, AccessShareLock);
	return shown;
}

/* The table's trigger of this name as it is now; NULL where there is none. */
static AuditTrigger *
trigger_now(Oid relation, const char *name)
{
	Relation triggers = table_open(TriggerRelationId, AccessShareLock);
	AuditTrigger *trigger = NULL;
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple tuple;

	ScanKeyInit(&keys[0], Anum_pg_trigger_tgrelid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(relation));
	ScanKeyInit(&keys[1], Anum_pg_trigger_tgname, BTEqualStrategyNumber, F_NAMEEQ,
				CStringGetDatum(name));
	scan = systable_beginscan(triggers, TriggerRelidNameIndexId, true, SnapshotSelf, 2, keys);
	if (HeapTupleIsValid(tuple = systable_getnext(scan)))
		trigger = audit_trigger_of(tuple, RelationGetDescr(triggers));
	systable_endscan(scan);
	table_close(triggers, AccessShareLock);
	return trigger;
}

bool
TriggerIsWeaker(const StatementObject *object)
{
	const AuditTrigger *before = object->trigger;
	const AuditTrigger *now;

	if (before == NULL || !before->complete)
		return false;
	now = trigger_now(object->relation, before->name);
	return now == NULL || !now->complete || now->arguments_size != before->arguments_size ||
		   memcmp(now->arguments, before->arguments, now->arguments_size) != 0;
}

/* ---------------------------------------------------------------- other objects */

/* A column of a catalog's row; InvalidOid where there is no such row yet or any more. */
static Oid
catalog_column(Oid catalog, Oid index, AttrNumber key_column, Oid object, AttrNumber column)
{
	Relation relation = table_open(catalog, AccessShareLock);
	Oid value = InvalidOid;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple tuple;
	bool isnull;

	ScanKeyInit(&key, key_column, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(object));
	scan = systable_beginscan(relation, index, true, SnapshotSelf, 1, &key);
	if (HeapTupleIsValid(tuple = systable_getnext(scan)))
		value = (Oid) heap_getattr(tuple, column, RelationGetDescr(relation), &isnull);
	systable_endscan(scan);
	table_close(relation, AccessShareLock);
	return value;
}

static Oid
relation_of_policy(Oid policy)
{
	return catalog_column(PolicyRelationId, PolicyOidIndexId, Anum_pg_policy_oid, policy,
						  Anum_pg_policy_polrelid);
}

static Oid
relation_of_rule(Oid rule)
{
	return catalog_column(RewriteRelationId, RewriteOidIndexId, Anum_pg_rewrite_oid, rule,
						  Anum_pg_rewrite_ev_class);
}

/* What is made by the command itself is in no syscache yet. */
static Oid
relation_namespace(Oid relation)
{
	return catalog_column(RelationRelationId, ClassOidIndexId, Anum_pg_class_oid, relation,
						  Anum_pg_class_relnamespace);
}

bool
ObjectIsLog(Oid relation)
{
	Oid log = get_relname_relid("audit_entry", get_namespace_oid("tarot", true));

	return OidIsValid(log) && (relation == log || list_member_oid(LabelParents(relation), log));
}

bool
ObjectIsTree(Oid relation)
{
	static const char *const tables[] = {"audit_checkpoint", "audit_frontier", "audit_signer",
										 "audit_tile"};
	Oid tarot = get_namespace_oid("tarot", true);

	for (size_t i = 0; i < lengthof(tables); i++)
	{
		if (relation == get_relname_relid(tables[i], tarot))
			return true;
	}
	return false;
}

/* Members of the extension, and partitions of the log, also one that was moved elsewhere. */
static bool
relation_is_of_audit(Oid relation)
{
	Oid namespace = relation_namespace(relation);

	if (!OidIsValid(namespace))
		return false;
	if (namespace != get_namespace_oid("tarot", true))
		return get_rel_relispartition(relation) && ObjectIsLog(relation);
	return ObjectIsLog(relation) || getExtensionOfObject(RelationRelationId, relation) ==
										get_extension_oid("tarot_security", true);
}

bool
ObjectMayBeOfAudit(Oid catalog)
{
	return catalog == RelationRelationId || catalog == TriggerRelationId ||
		   catalog == PolicyRelationId || catalog == RewriteRelationId ||
		   catalog == NamespaceRelationId || catalog == ExtensionRelationId ||
		   catalog == ProcedureRelationId || catalog == EventTriggerRelationId;
}

/* Those that have a name, and that somebody means who makes or drops one. */
bool
ObjectIsOfInterest(Oid catalog)
{
	switch (catalog)
	{
		case AccessMethodRelationId:
		case AuthIdRelationId:
		case CastRelationId:
		case CollationRelationId:
		case ConversionRelationId:
		case DatabaseRelationId:
		case DefaultAclRelationId:
		case EventTriggerRelationId:
		case ExtensionRelationId:
		case ForeignDataWrapperRelationId:
		case ForeignServerRelationId:
		case LanguageRelationId:
		case LargeObjectRelationId:
		case NamespaceRelationId:
		case OperatorClassRelationId:
		case OperatorFamilyRelationId:
		case OperatorRelationId:
		case ParameterAclRelationId:
		case PolicyRelationId:
		case ProcedureRelationId:
		case PublicationRelationId:
		case RelationRelationId:
		case RewriteRelationId:
		case StatisticExtRelationId:
		case SubscriptionRelationId:
		case TSConfigRelationId:
		case TSDictionaryRelationId:
		case TSParserRelationId:
		case TSTemplateRelationId:
		case TableSpaceRelationId:
		case TransformRelationId:
		case TriggerRelationId:
		case TypeRelationId:
		case UserMappingRelationId:
			return true;
		default:
			return false;
	}
}

bool
ObjectIsOfAudit(Oid catalog, Oid object)
{
	Oid tarot = get_namespace_oid("tarot", true);

	switch (catalog)
	{
		case RelationRelationId:
			return relation_is_of_audit(object);
		case PolicyRelationId:
			return relation_is_of_audit(relation_of_policy(object));
		case RewriteRelationId:
			return relation_is_of_audit(relation_of_rule(object));
		case NamespaceRelationId:
			return object == tarot;
		case ExtensionRelationId:
			return object == get_extension_oid("tarot_security", true);
		case ProcedureRelationId:
			return catalog_column(ProcedureRelationId, ProcedureOidIndexId, Anum_pg_proc_oid,
								  object, Anum_pg_proc_pronamespace) == tarot;
		case EventTriggerRelationId:
			return get_func_namespace(catalog_column(EventTriggerRelationId, EventTriggerOidIndexId,
													 Anum_pg_event_trigger_oid, object,
													 Anum_pg_event_trigger_evtfoid)) == tarot;
		default:
			return false;
	}
}

/* The row type of a table, and array types, are made and go with others. */
static bool
is_type_of_its_own(Oid type)
{
	HeapTuple tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
	bool own = false;

	if (HeapTupleIsValid(tuple))
	{
		Form_pg_type form = (Form_pg_type) GETSTRUCT(tuple);

		own = !(form->typtype == TYPTYPE_BASE && OidIsValid(form->typelem)) &&
			  (!OidIsValid(form->typrelid) ||
			   get_rel_relkind(form->typrelid) == RELKIND_COMPOSITE_TYPE ||
			   get_rel_relkind(form->typrelid) == '\0'); /* dropped with it, and before it */
		ReleaseSysCache(tuple);
	}
	return own;
}

static bool
types_exist(const Oid *types, int count)
{
	for (int i = 0; i < count; i++)
	{
		if (OidIsValid(types[i]) && !SearchSysCacheExists1(TYPEOID, ObjectIdGetDatum(types[i])))
			return false;
	}
	return true;
}

/*
 * A type and the functions that read and write it depend on each other: where
 * both are dropped, those that come later have names no more.
 */
static bool
has_identity(Oid catalog, Oid object)
{
	HeapTuple tuple = NULL;
	bool has = true;

	if (catalog == ProcedureRelationId &&
		HeapTupleIsValid(tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(object))))
	{
		const oidvector *types = &((Form_pg_proc) GETSTRUCT(tuple))->proargtypes;

		has = types_exist(types->values, types->dim1);
	}
	else if (catalog == OperatorRelationId &&
			 HeapTupleIsValid(tuple = SearchSysCache1(OPEROID, ObjectIdGetDatum(object))))
	{
		Form_pg_operator form = (Form_pg_operator) GETSTRUCT(tuple);

		has = types_exist((const Oid[]){form->oprleft, form->oprright}, 2);
	}
	else if (catalog == CastRelationId)
		has = types_exist((const Oid[]){catalog_column(catalog, CastOidIndexId, Anum_pg_cast_oid,
													   object, Anum_pg_cast_castsource),
										catalog_column(catalog, CastOidIndexId, Anum_pg_cast_oid,
													   object, Anum_pg_cast_casttarget)},
						  2);
	else if (catalog == TypeRelationId)
		has = is_type_of_its_own(object);
	else if (catalog == NamespaceRelationId)
		has = !isAnyTempNamespace(object);
	if (tuple != NULL)
		ReleaseSysCache(tuple);
	return has;
}

/* Of indexes, and of those that belong to a type. */
static bool
describe_relation(StatementObject *object)
{
	char kind = (char) catalog_column(RelationRelationId, ClassOidIndexId, Anum_pg_class_oid,
									  object->object, Anum_pg_class_relkind);

	if (kind == RELKIND_INDEX || kind == RELKIND_PARTITIONED_INDEX)
		object->part_of =
			catalog_column(IndexRelationId, IndexRelidIndexId, Anum_pg_index_indexrelid,
						   object->object, Anum_pg_index_indrelid);
	return kind != RELKIND_COMPOSITE_TYPE && kind != RELKIND_TOASTVALUE;
}

static bool
find_relation(StatementObject *object)
{
	switch (object->catalog)
	{
		case AttrDefaultRelationId:
		case ConstraintRelationId:
			return false;
		case TypeRelationId:
			return object->action == ACTION_CREATE || is_type_of_its_own(object->object);
		case RelationRelationId:
			object->relation = object->object;
			return describe_relation(object);
		case PolicyRelationId:
			object->relation = object->part_of = relation_of_policy(object->object);
			return true;
		case RewriteRelationId:
			object->relation = object->part_of = relation_of_rule(object->object);
			return true;
		case TriggerRelationId:
			return describe_trigger(object);
		default:
			return true;
	}
}

StatementObject *
ObjectDescribe(Oid catalog, Oid object, StatementAction action)
{
	StatementObject *described = palloc0(sizeof(StatementObject));
	Oid namespace;

	described->catalog = catalog;
	described->object = object;
	described->action = action;

	/* It goes with its extension, or not at all. */
	if (action == ACTION_DROP && OidIsValid(getExtensionOfObject(catalog, object)))
		return NULL;
	if (!find_relation(described))
		return NULL;
	if (OidIsValid(described->relation))
	{
		namespace = relation_namespace(described->relation);
		if (isAnyTempNamespace(namespace) || IsToastNamespace(namespace))
			return NULL;
	}
	described->of_audit =
		ObjectIsOfAudit(catalog, object) ||
		(catalog == TriggerRelationId && relation_is_of_audit(described->relation));

	/* Partitions and other tables that are made there are no matter of the log's. */
	if (action == ACTION_CREATE && catalog == RelationRelationId)
		described->of_audit = false;
	return described;
}

void
ObjectName(StatementObject *object)
{
	ObjectAddress address = {
		.classId = object->catalog, .objectId = object->object, .objectSubId = 0};

	if (!has_identity(object->catalog, object->object))
		return;
	object->identity = getObjectIdentity(&address, true);
	if (object->identity != NULL)
		object->type = getObjectTypeDescription(&address, true);
}

char *
ObjectRelationName(const StatementObject *object)
{
	ObjectAddress address = {
		.classId = RelationRelationId, .objectId = object->relation, .objectSubId = 0};

	return getObjectIdentity(&address, true);
}
