/*
 * rule.h
 *		Row rules: what ties the values of an encrypted column to their rows.
 *
 * A rule is a trigger, tarot.enforce_row, and its arguments are all there is
 * of it: so it follows the table through dumps, renames and partitioning, and
 * dumps make it after they have loaded the rows as they are.
 */
#ifndef TAROT_BINDING_RULE_H
#define TAROT_BINDING_RULE_H

#include "access/htup.h"
#include "utils/rel.h"
#include "utils/reltrigger.h"

#include "binding/identifier.h"
#include "crypto/binding.h"
#include "gate/gate.h"

/* Triggers fire by name: this comes after nearly all that people use. */
#define RULE_TRIGGER_PREFIX "zz_tarot_security"

/* The trigger's arguments. From RULE_ARG_BY on a column and its form, in turns. */
enum
{
	RULE_ARG_COLUMN,
	RULE_ARG_SUBJECT, /* the column with the data subject, or an empty string */
	RULE_ARG_SUBJECT_FORM,
	RULE_ARG_BINDING, /* the binding's id in hexadecimal, or an empty string */
	RULE_ARG_BY,
};

typedef struct RuleColumn
{
	AttrNumber number;
	Oid type;
} RuleColumn;

typedef struct RowRule
{
	AttrNumber column;
	int32 class_id;
	RuleColumn subject; /* number 0: the values are not under keys of subjects */
	bool binds;
	uint8 binding_id[BINDING_ID_SIZE];
	int by_count;
	RuleColumn by[BINDING_ITEMS_MAX];
	GateSite gate;
} RowRule;

/* How a value stands to a rule. */
typedef enum RuleFit
{
	RULE_FITS,
	RULE_UNBOUND,       /* sealed for no row, or not under the key of a subject */
	RULE_ELSEWHERE,     /* sealed for another row, or another column */
	RULE_OTHER_SUBJECT, /* sealed under the key of another subject */
} RuleFit;

extern Oid RuleFunction(void);

/*
 * The rule on a column among a relation's triggers, or NULL. A copy, as all that keep triggers
 * while they look anything up need one: any message about the table, of ANALYZE too, may free its
 * own.
 */
extern Trigger *RuleTriggerOf(Relation relation, const char *column);

/* Reads a trigger's arguments against the table as it is now; raises when they no longer fit. */
extern RowRule *RuleOfTrigger(Relation relation, const Trigger *trigger);

/* How the value of the rule's column in this row stands to the rule; NULL fits. */
extern RuleFit RuleCheck(const RowRule *rule, HeapTuple row, TupleDesc desc);

/* The value as the rule wants it, or NULL where it is that already. */
extern struct varlena *RuleApply(RowRule *rule, HeapTuple row, TupleDesc desc, bool as_owner);

/* "5, a": what identifies a row and its subject, as text; palloc'd. */
extern char *RuleIdentity(const RowRule *rule, HeapTuple row, TupleDesc desc);

#endif
