/*
 * rule.c
 *		Row rules: what ties the values of an encrypted column to their rows.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "base/varlena.h"
#include "binding/rule.h"
#include "keys/root.h"
#include "keys/subject.h"

/* Not by LookupFuncName: that asks for USAGE on the schema, which a role that renames a column may
 * lack. */
Oid
RuleFunction(void)
{
	oidvector *none = buildoidvector(NULL, 0);
	Oid schema = get_namespace_oid("tarot", false);

	return GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid, CStringGetDatum("enforce_row"),
						   PointerGetDatum(none), ObjectIdGetDatum(schema));
}

Trigger *
RuleTriggerOf(Relation relation, const char *column)
{
	Oid function = RuleFunction();
	TriggerDesc *triggers = CopyTriggerDesc(relation->trigdesc);

	for (int i = 0; triggers != NULL && i < triggers->numtriggers; i++)
	{
		Trigger *trigger = &triggers->triggers[i];

		if (trigger->tgfoid == function && trigger->tgnargs > RULE_ARG_COLUMN &&
			strcmp(trigger->tgargs[RULE_ARG_COLUMN], column) == 0)
			return trigger;
	}
	return NULL;
}

/* ---------------------------------------------------------------- reading a trigger's arguments */

pg_noreturn static void
raise_invalid(Relation relation, const Trigger *trigger)
{
	ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
					errmsg("trigger \"%s\" of table \"%s\" is no row rule", trigger->tgname,
						   RelationGetRelationName(relation)),
					errhint("Row rules are made by tarot.bind_column() and tarot.set_subject().")));
}

static Form_pg_attribute
require_column(Relation relation, const char *name, const Trigger *trigger)
{
	TupleDesc desc = RelationGetDescr(relation);

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute column = TupleDescAttr(desc, i);

		if (!column->attisdropped && strcmp(NameStr(column->attname), name) == 0)
			return column;
	}
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("column \"%s\" of table \"%s\" does not exist, but the row rule of column "
					"\"%s\" names it",
					name, RelationGetRelationName(relation), trigger->tgargs[RULE_ARG_COLUMN]),
			 errdetail("It was dropped, or renamed while event triggers were off."),
			 errhint("Rename it back, or call tarot.unbind_column() and bind the column anew.")));
}

static RuleColumn
require_identity(Relation relation, const Trigger *trigger, int argument)
{
	const char *name = trigger->tgargs[argument];
	Form_pg_attribute column = require_column(relation, name, trigger);
	IdentifierForm form = IdentifierFormOfType(column->atttypid);

	if (form == IDENTIFIER_NONE ||
		strcmp(IdentifierFormName(form), trigger->tgargs[argument + 1]) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of table \"%s\" has another type than when column "
						"\"%s\" was bound by it",
						name, RelationGetRelationName(relation), trigger->tgargs[RULE_ARG_COLUMN]),
				 errdetail("It was %s.", trigger->tgargs[argument + 1]),
				 errhint("Call tarot.unbind_column() and bind the column anew.")));
	if (column->attgenerated != '\0')
		ereport(ERROR, (errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
						errmsg("column \"%s\" of table \"%s\" is generated, and cannot bind", name,
							   RelationGetRelationName(relation))));
	return (RuleColumn){column->attnum, getBaseType(column->atttypid)};
}

/* False where the rule is not about a binding. */
static bool
read_binding_id(Relation relation, const Trigger *trigger, uint8 id[BINDING_ID_SIZE])
{
	const char *hex = trigger->tgargs[RULE_ARG_BINDING];
	size_t size = strlen(hex);

	if (size == 0)
		return false;
	if (size != 2 * BINDING_ID_SIZE || strspn(hex, "0123456789abcdef") != size)
		raise_invalid(relation, trigger);
	hex_decode(hex, size, (char *) id);
	return true;
}

RowRule *
RuleOfTrigger(Relation relation, const Trigger *trigger)
{
	RowRule *rule = palloc0(sizeof(RowRule));
	int by = trigger->tgnargs - RULE_ARG_BY;
	Form_pg_attribute column;

	if (by < 0 || by % 2 != 0 || by / 2 > BINDING_ITEMS_MAX)
		raise_invalid(relation, trigger);
	column = require_column(relation, trigger->tgargs[RULE_ARG_COLUMN], trigger);
	rule->column = column->attnum;
	rule->class_id = column->atttypmod;
	getBaseTypeAndTypmod(column->atttypid, &rule->class_id);

	rule->binds = read_binding_id(relation, trigger, rule->binding_id);
	rule->by_count = by / 2;
	if (rule->binds != (rule->by_count > 0))
		raise_invalid(relation, trigger);
	for (int i = 0; i < rule->by_count; i++)
		rule->by[i] = require_identity(relation, trigger, RULE_ARG_BY + 2 * i);

	if (trigger->tgargs[RULE_ARG_SUBJECT][0] != '\0')
		rule->subject = require_identity(relation, trigger, RULE_ARG_SUBJECT);
	else if (!rule->binds)
		raise_invalid(relation, trigger);
	return rule;
}

/* ---------------------------------------------------------------- a row and its rule */

static Datum
get_identity(HeapTuple row, TupleDesc desc, const RuleColumn *column)
{
	bool isnull;
	Datum value = heap_getattr(row, column->number, desc, &isnull);

	if (isnull)
		ereport(ERROR, (errcode(ERRCODE_NOT_NULL_VIOLATION),
						errmsg("column \"%s\" is null, but an encrypted value belongs to it",
							   NameStr(TupleDescAttr(desc, column->number - 1)->attname))));
	return value;
}

static void
compute_binding(const RowRule *rule, HeapTuple row, TupleDesc desc, uint8 *binding)
{
	Bytes items[BINDING_ITEMS_MAX];

	for (int i = 0; i < rule->by_count; i++)
		items[i] = IdentifierOfDatum(rule->by[i].type, get_identity(row, desc, &rule->by[i]));
	CryptoCheck(binding_compute(rule->binding_id, items, rule->by_count, binding));
}

/* What the rule wants of a value in a row. */
typedef struct Wanted
{
	uint8 binding[ENVELOPE_BINDING_SIZE];
	uint8 subject[SUBJECT_HASH_SIZE];
	GateRow row; /* points to these, where they are wanted */
} Wanted;

static void
compute_wanted(const RowRule *rule, HeapTuple row, TupleDesc desc, Wanted *wanted)
{
	wanted->row = (GateRow){NULL, NULL};
	if (rule->binds)
	{
		compute_binding(rule, row, desc, wanted->binding);
		wanted->row.binding = wanted->binding;
	}
	if (rule->subject.number != 0)
	{
		Datum subject = get_identity(row, desc, &rule->subject);

		SubjectHash(rule->class_id, IdentifierAsSubject(rule->subject.type, subject),
					wanted->subject);
		wanted->row.subject = wanted->subject;
	}
}

static RuleFit
fit_of(const RowRule *rule, const EnvelopeHeader *header, const Wanted *wanted)
{
	RuleFit fit = RULE_FITS;

	/* Whose it was nobody can tell any more, nor read it. */
	if (header->subject_key != 0 && SubjectKeyLook(header->subject_key) == SUBJECT_KEY_DESTROYED)
		return RULE_FITS;
	if (wanted->row.binding != NULL)
	{
		if (header->binding == NULL)
			fit = RULE_UNBOUND;
		else if (memcmp(header->binding, wanted->binding, ENVELOPE_BINDING_SIZE) != 0)
			return RULE_ELSEWHERE;
	}
	if (wanted->row.subject != NULL)
	{
		if (header->subject_key == 0)
			fit = RULE_UNBOUND;
		else if (!SubjectKeyIsOf(header->subject_key, rule->class_id, wanted->subject))
			return RULE_OTHER_SUBJECT;
	}
	return fit;
}

/* The value's header says how it fits: one that is long and out of line stays there. */
static RuleFit
check_value(const RowRule *rule, Datum value, const Wanted *wanted)
{
	struct varlena *head = PG_DETOAST_DATUM_SLICE(value, 0, ENVELOPE_MAX_HEADER);
	EnvelopeHeader header;

	if (!envelope_peek(BytesOfVarlena(head), &header))
		CryptoRaise(CRYPTO_MALFORMED);
	return fit_of(rule, &header, wanted);
}

RuleFit
RuleCheck(const RowRule *rule, HeapTuple row, TupleDesc desc)
{
	Wanted wanted;
	bool isnull;
	Datum value = heap_getattr(row, rule->column, desc, &isnull);

	if (isnull)
		return RULE_FITS;
	compute_wanted(rule, row, desc, &wanted);
	return check_value(rule, value, &wanted);
}

struct varlena *
RuleApply(RowRule *rule, HeapTuple row, TupleDesc desc, bool as_owner)
{
	Wanted wanted;
	bool isnull;
	Datum value = heap_getattr(row, rule->column, desc, &isnull);
	struct varlena *bytes;
	Envelope envelope;
	RuleFit fit;

	if (isnull)
		return NULL;
	compute_wanted(rule, row, desc, &wanted);
	fit = check_value(rule, value, &wanted);
	if (fit == RULE_FITS)
		return NULL;

	bytes = PG_DETOAST_DATUM_PACKED(value);
	CryptoCheck(envelope_parse(BytesOfVarlena(bytes), &envelope));

	/* A rule that is about one of the two leaves the other as it is. */
	if (wanted.row.binding == NULL)
		wanted.row.binding = envelope.header.binding;
	return GateRebind(&rule->gate, &envelope, &wanted.row,
					  as_owner              ? GATE_RIGHT_OWNER
					  : fit == RULE_UNBOUND ? GATE_RIGHT_WRITE
											: GATE_RIGHT_MOVE);
}

static void
append_identity(StringInfo out, HeapTuple row, TupleDesc desc, const RuleColumn *column)
{
	Oid output;
	bool is_varlena;
	bool isnull;
	Datum value = heap_getattr(row, column->number, desc, &isnull);

	getTypeOutputInfo(column->type, &output, &is_varlena);
	appendStringInfo(out, "%s%s", out->len > 0 ? ", " : "",
					 isnull ? "NULL" : OidOutputFunctionCall(output, value));
}

char *
RuleIdentity(const RowRule *rule, HeapTuple row, TupleDesc desc)
{
	StringInfoData out;

	initStringInfo(&out);
	for (int i = 0; i < rule->by_count; i++)
		append_identity(&out, row, desc, &rule->by[i]);
	if (rule->subject.number != 0)
		append_identity(&out, row, desc, &rule->subject);
	return out.data;
}

/* ---------------------------------------------------------------- enforcement */

/* A trigger of this extension: it fills a column that has no rule. See ColumnRequireSettled(). */
static bool
is_own(const Trigger *other, const Trigger *trigger)
{
	return get_func_namespace(other->tgfoid) == get_func_namespace(trigger->tgfoid);
}

/*
 * What fires after us could put another row's value in, unseen. Not so another
 * rule: each looks after its own column.
 */
static void
require_last(Relation relation, const Trigger *trigger)
{
	TriggerDesc *all = CopyTriggerDesc(relation->trigdesc);
	bool behind = false;

	for (int i = 0; i < all->numtriggers; i++)
	{
		const Trigger *other = &all->triggers[i];

		if (other->tgoid == trigger->tgoid)
			behind = true;
		else if (other->tgfoid == trigger->tgfoid)
		{
			if (other->tgnargs > RULE_ARG_COLUMN &&
				strcmp(other->tgargs[RULE_ARG_COLUMN], trigger->tgargs[RULE_ARG_COLUMN]) == 0)
				ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
								errmsg("column \"%s\" of table \"%s\" has two row rules",
									   trigger->tgargs[RULE_ARG_COLUMN],
									   RelationGetRelationName(relation)),
								errhint("One may be its own and one that of a table it became a "
										"partition of: drop trigger \"%s\" or \"%s\".",
										trigger->tgname, other->tgname)));
		}
		else if (behind && TRIGGER_FOR_ROW(other->tgtype) && TRIGGER_FOR_BEFORE(other->tgtype) &&
				 (TRIGGER_FOR_INSERT(other->tgtype) || TRIGGER_FOR_UPDATE(other->tgtype)) &&
				 other->tgenabled != TRIGGER_DISABLED && !is_own(other, trigger))
			ereport(
				ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("trigger \"%s\" of table \"%s\" would fire after \"%s\"", other->tgname,
						RelationGetRelationName(relation), trigger->tgname),
				 errdetail("It could change a value after it was checked to belong to its row."),
				 errhint("Rename it, so that it comes first in alphabetical order.")));
	}
	FreeTriggerDesc(all);
}

static bool
same_datum(HeapTuple a, HeapTuple b, TupleDesc desc, AttrNumber number)
{
	Form_pg_attribute column = TupleDescAttr(desc, number - 1);
	bool null_a;
	bool null_b;
	Datum value_a = heap_getattr(a, number, desc, &null_a);
	Datum value_b = heap_getattr(b, number, desc, &null_b);

	if (null_a || null_b)
		return null_a && null_b;
	return datumIsEqual(value_a, value_b, column->attbyval, column->attlen);
}

/* An update of other columns neither moves a value nor complains of one that was moved before. */
static bool
is_untouched(const RowRule *rule, HeapTuple old, HeapTuple new, TupleDesc desc)
{
	if (!same_datum(old, new, desc, rule->column))
		return false;
	for (int i = 0; i < rule->by_count; i++)
	{
		if (!same_datum(old, new, desc, rule->by[i].number))
			return false;
	}
	return rule->subject.number == 0 || same_datum(old, new, desc, rule->subject.number);
}

static RowRule *
rule_of_call(FunctionCallInfo fcinfo, const TriggerData *data)
{
	/* One function call site for each table and trigger of a statement. */
	if (unlikely(fcinfo->flinfo->fn_extra == NULL))
	{
		MemoryContext outer_context = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
		RowRule *rule = RuleOfTrigger(data->tg_relation, data->tg_trigger);

		require_last(data->tg_relation, data->tg_trigger);
		fcinfo->flinfo->fn_extra = rule;
		MemoryContextSwitchTo(outer_context);
	}
	return fcinfo->flinfo->fn_extra;
}

/*
 * tarot.enforce_row() RETURNS trigger
 */
PG_FUNCTION_INFO_V1(tarot_binding_enforce_row);
Datum
tarot_binding_enforce_row(PG_FUNCTION_ARGS)
{
	TriggerData *data = (TriggerData *) fcinfo->context;
	bool update;
	HeapTuple row;
	TupleDesc desc;
	RowRule *rule;
	struct varlena *value;
	Datum datum;
	int number;
	bool isnull = false;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_FOR_ROW(data->tg_event) ||
		!TRIGGER_FIRED_BEFORE(data->tg_event) || TRIGGER_FIRED_BY_DELETE(data->tg_event))
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
						errmsg("tarot.enforce_row() is a row trigger before INSERT or UPDATE")));
	update = TRIGGER_FIRED_BY_UPDATE(data->tg_event);
	row = update ? data->tg_newtuple : data->tg_trigtuple;
	desc = RelationGetDescr(data->tg_relation);
	rule = rule_of_call(fcinfo, data);

	if (update && is_untouched(rule, data->tg_trigtuple, row, desc))
		return PointerGetDatum(row);
	value = RuleApply(rule, row, desc, false);
	if (value == NULL)
		return PointerGetDatum(row);
	datum = PointerGetDatum(value);
	number = rule->column;
	return PointerGetDatum(heap_modify_tuple_by_cols(row, desc, 1, &number, &datum, &isnull));
}
