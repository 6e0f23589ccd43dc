/*
 * rewrite.c
 *		Comparisons in the shape that indexes and joins know.
 *
 * In `email = 'ada@example.org'` the parser leaves a literal, or a parameter,
 * that knows nothing of the column's class. Here it is wrapped in
 * tarot.search_probe(), which gives the tag that such a value has in that
 * class: no column of another class, and no plaintext, is then compared with
 * one of this.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/supportnodes.h"
#include "parser/parse_func.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "column/types.h"
#include "gate/gate.h"
#include "search/search.h"
#include "values/plaintext.h"

/* ---------------------------------------------------------------- our types */

static Oid schema;
static Oid typmod_in; /* by which our types are known */
static bool known;

static void
forget(Datum arg, int cache, uint32 hash)
{
	(void) arg;
	(void) cache;
	(void) hash;
	known = false;
}

/* The extension may come and go: with its schema. */
static void
look_up(void)
{
	static bool registered;

	if (!registered)
	{
		CacheRegisterSyscacheCallback(NAMESPACEOID, forget, (Datum) 0);
		registered = true;
	}
	known = true;
	typmod_in = InvalidOid;
	schema = get_namespace_oid("tarot", true);
	if (OidIsValid(schema))
	{
		Oid argument = CSTRINGARRAYOID;

		typmod_in = LookupFuncName(
			list_make2(makeString("tarot"), makeString("encrypted_typmod_in")), 1, &argument, true);
	}

	/* A schema that is still being filled: ask again. */
	known = OidIsValid(typmod_in) || !OidIsValid(schema);
}

bool
SearchExists(void)
{
	if (unlikely(!known))
		look_up();
	return OidIsValid(typmod_in);
}

bool
SearchIsEncryptedType(Oid type)
{
	HeapTuple tuple;
	Form_pg_type form;
	bool encrypted;

	if (type < FirstNormalObjectId || !SearchExists())
		return false;
	tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
	if (!HeapTupleIsValid(tuple))
		return false;

	/* Arrays have their elements' function, too. */
	form = (Form_pg_type) GETSTRUCT(tuple);
	encrypted = form->typmodin == typmod_in && !OidIsValid(form->typelem);
	ReleaseSysCache(tuple);
	return encrypted;
}

bool
SearchIsEncrypted(Node *expression, int32 *class_id)
{
	int32 typmod = exprTypmod(expression);
	Oid type = exprType(expression);

	if (type < FirstNormalObjectId)
		return false;
	type = getBaseTypeAndTypmod(type, &typmod);
	if (!SearchIsEncryptedType(type))
		return false;

	/* A domain has a class, which its coercion to the type below does not repeat. */
	while (typmod < 0 && IsA(expression, RelabelType))
	{
		expression = (Node *) ((RelabelType *) expression)->arg;
		typmod = exprTypmod(expression);
		getBaseTypeAndTypmod(exprType(expression), &typmod);
	}
	*class_id = typmod < 0 ? CLASS_LITERAL : typmod;
	return true;
}

/* ---------------------------------------------------------------- probes */

static Oid
probe_function(Oid argument, Oid encrypted)
{
	Oid arguments[] = {argument, INT4OID, INTERNALOID};
	Oid function = LookupFuncName(list_make2(makeString("tarot"), makeString("search_probe")), 3,
								  arguments, false);

	/* By its arguments alone there is one; a base type has one encrypted type. */
	if (get_func_rettype(function) != encrypted)
		elog(ERROR, "no probe for type %u from type %u", encrypted, argument);
	return function;
}

/*
 * The last argument keeps it from being called in SQL, where it could be asked
 * with any class. It looks like a coercion, so that EXPLAIN shows one.
 */
static Expr *
make_probe(Expr *argument, Oid type, Oid encrypted, int32 class_id)
{
	Const *class =
		makeConst(INT4OID, -1, InvalidOid, sizeof(int32), Int32GetDatum(class_id), false, true);
	Const *internal = makeConst(INTERNALOID, -1, InvalidOid, sizeof(Datum), (Datum) 1, false, true);

	return (Expr *) makeFuncExpr(probe_function(type, encrypted), encrypted,
								 list_make3(argument, class, internal), InvalidOid, InvalidOid,
								 COERCE_EXPLICIT_CAST);
}

/*
 * A constant of the base type, a parameter's value perhaps, as a literal of the
 * encrypted one: EXPLAIN and auto_explain do not show what is looked for.
 */
static Expr *
seal_constant(const Const *constant, Oid encrypted)
{
	GateSite site = {0};
	PlaintextRoom room;
	EnvelopeKind kind = EncryptedTypeOfFunction(probe_function(encrypted, encrypted), -1)->kind;
	struct varlena *sealed =
		GateSeal(&site, CLASS_LITERAL, kind, PlaintextOfDatum(kind, constant->constvalue, &room));

	return (Expr *) makeConst(encrypted, -1, InvalidOid, -1, PointerGetDatum(sealed), false, false);
}

/* The base type of what a text is compared with; a name is read as text. */
static Oid
type_of_given(Node **expression)
{
	Oid type = getBaseType(exprType(*expression));

	if (type != NAMEOID)
		return type;
	*expression =
		(Node *) makeFuncExpr(F_TEXT_NAME, TEXTOID, list_make1(*expression), DEFAULT_COLLATION_OID,
							  C_COLLATION_OID, COERCE_IMPLICIT_CAST);
	return TEXTOID;
}

static Expr *
probe_for(Node *expression, Oid encrypted, int32 class_id)
{
	int32 own_class;
	Oid type = encrypted;

	/* Of a domain over the base type, perhaps. */
	if (!SearchIsEncrypted(expression, &own_class))
		type = type_of_given(&expression);
	if (type != encrypted && IsA(expression, Const) && !((Const *) expression)->constisnull)
	{
		expression = (Node *) seal_constant((Const *) expression, encrypted);
		type = encrypted;
	}
	return make_probe((Expr *) expression, type, encrypted, class_id);
}

/* For each element of an array. */
static Expr *
probe_for_elements(Node *array, Oid encrypted, int32 class_id)
{
	Oid element = get_base_element_type(exprType(array));
	CaseTestExpr *each = makeNode(CaseTestExpr);
	Node *given = (Node *) each;
	ArrayCoerceExpr *coercion = makeNode(ArrayCoerceExpr);

	each->typeId = element;
	each->typeMod = -1;
	each->collation = InvalidOid;
	coercion->arg = (Expr *) array;
	element = type_of_given(&given);
	coercion->elemexpr = make_probe((Expr *) given, element, encrypted, class_id);
	coercion->resulttype = get_array_type(encrypted);
	coercion->resulttypmod = class_id;
	coercion->resultcollid = InvalidOid;
	coercion->coerceformat = COERCE_EXPLICIT_CAST;
	coercion->location = -1;
	return (Expr *) coercion;
}

/* The operator that indexes know: "=", or the one that negates it. */
static Oid
comparison_operator(Oid encrypted, bool equal)
{
	Oid opno = lookup_type_cache(encrypted, TYPECACHE_EQ_OPR)->eq_opr;

	if (OidIsValid(opno) && !equal)
		opno = get_negator(opno);
	if (!OidIsValid(opno))
		elog(ERROR, "type %u has no equality operator", encrypted);
	return opno;
}

/* ---------------------------------------------------------------- operators */

/* The two sides of a comparison; an array's class is that of its elements. */
typedef struct Side
{
	Node *expression;
	bool array;
	bool encrypted;
	Oid type; /* encrypted, without a domain */
	int32 class_id;
} Side;

static Side
make_side(Node *expression, bool array)
{
	Side side = {.expression = expression, .array = array};
	int32 typmod;

	if (!array)
	{
		side.encrypted = SearchIsEncrypted(expression, &side.class_id);
		side.type = getBaseType(exprType(expression));
		return side;
	}
	typmod = exprTypmod(expression);
	side.type = getBaseTypeAndTypmod(get_base_element_type(exprType(expression)), &typmod);
	side.encrypted = SearchIsEncryptedType(side.type);
	side.class_id = typmod < 0 ? CLASS_LITERAL : typmod;

	/* ARRAY[...] says nothing of itself. */
	if (side.encrypted && typmod < 0 && IsA(expression, ArrayExpr))
	{
		ListCell *cell;
		int32 common = -1;

		foreach (cell, ((ArrayExpr *) expression)->elements)
		{
			int32 class_id;

			if (!SearchIsEncrypted(lfirst(cell), &class_id) || (common >= 0 && common != class_id))
				return side;
			common = class_id;
		}
		if (common >= 0)
			side.class_id = common;
	}
	return side;
}

static Expr *
side_as(const Side *side, Oid encrypted, int32 class_id)
{
	if (side->encrypted && side->class_id == class_id)
		return (Expr *) side->expression;
	return side->array ? probe_for_elements(side->expression, encrypted, class_id)
					   : probe_for(side->expression, encrypted, class_id);
}

/*
 * Whether a comparison of the two has one class, which is told; raises where
 * they have two. A hash join would otherwise find nothing, without a word.
 */
static bool
find_class(const Side *left, const Side *right, Oid *encrypted, int32 *class_id)
{
	bool left_known = left->encrypted && left->class_id != CLASS_LITERAL;
	bool right_known = right->encrypted && right->class_id != CLASS_LITERAL;

	if (left_known && right_known && left->class_id != right->class_id)
		SearchRefuseClasses(left->class_id, right->class_id);
	*encrypted = left->encrypted ? left->type : right->type;
	*class_id = left_known ? left->class_id : right->class_id;
	return left_known || right_known;
}

/*
 * Functions that return no class, variables of PL/pgSQL: each value tells its
 * own when it is compared. No join or index can then know it beforehand, and a
 * call of the function is nothing that they would try to use.
 */
static Node *
compare_by_function(const FuncExpr *call)
{
	FuncExpr *copy = makeFuncExpr(call->funcid, call->funcresulttype, call->args, InvalidOid,
								  InvalidOid, COERCE_EXPLICIT_CALL);

	return (Node *) copy;
}

static Node *
simplify(const FuncExpr *call, bool equal)
{
	Side left = make_side(linitial(call->args), false);
	Side right = make_side(lsecond(call->args), false);
	Oid encrypted;
	int32 class_id;
	Expr *new_left;
	Expr *new_right;

	if (!left.encrypted && !right.encrypted)
		return NULL;
	if (!find_class(&left, &right, &encrypted, &class_id))
		return compare_by_function(call);
	SearchNoteClass(class_id);
	new_left = side_as(&left, encrypted, class_id);
	new_right = side_as(&right, encrypted, class_id);
	if ((Node *) new_left == left.expression && (Node *) new_right == right.expression)
		return NULL;
	return (Node *) make_opclause(comparison_operator(encrypted, equal), BOOLOID, false, new_left,
								  new_right, InvalidOid, InvalidOid);
}

/*
 * tarot.search_eq_support(internal) RETURNS internal
 */
PG_FUNCTION_INFO_V1(tarot_search_eq_support);
Datum
tarot_search_eq_support(PG_FUNCTION_ARGS)
{
	Node *request = (Node *) PG_GETARG_POINTER(0);

	if (!IsA(request, SupportRequestSimplify))
		PG_RETURN_POINTER(NULL);
	PG_RETURN_POINTER(simplify(((SupportRequestSimplify *) request)->fcall, true));
}

/*
 * tarot.search_ne_support(internal) RETURNS internal
 */
PG_FUNCTION_INFO_V1(tarot_search_ne_support);
Datum
tarot_search_ne_support(PG_FUNCTION_ARGS)
{
	Node *request = (Node *) PG_GETARG_POINTER(0);

	if (!IsA(request, SupportRequestSimplify))
		PG_RETURN_POINTER(NULL);
	PG_RETURN_POINTER(simplify(((SupportRequestSimplify *) request)->fcall, false));
}

/* ---------------------------------------------------------------- queries */

/* Whether an operator compares, for equality, a value of ours; else it is left alone. */
static bool
is_comparison(Oid opno, bool *equal)
{
	Oid left;
	Oid right;
	char *name;

	if (opno < FirstNormalObjectId)
		return false;
	op_input_types(opno, &left, &right);
	if (!SearchIsEncryptedType(left) && !SearchIsEncryptedType(right))
		return false;
	name = get_opname(opno);
	*equal = strcmp(name, "=") == 0;
	return *equal || strcmp(name, "<>") == 0;
}

/* For operators no support function is asked for. The arguments stay where they were. */
static void
rewrite_operator(Oid *opno, Oid *function, List *args, bool array)
{
	Side left;
	Side right;
	Oid encrypted;
	int32 class_id;
	bool equal;

	if (!is_comparison(*opno, &equal))
		return;
	left = make_side(linitial(args), false);
	right = make_side(lsecond(args), array);
	if ((!left.encrypted && !right.encrypted) || !find_class(&left, &right, &encrypted, &class_id))
		return;
	SearchNoteClass(class_id);
	linitial(args) = side_as(&left, encrypted, class_id);
	lsecond(args) = side_as(&right, encrypted, class_id);
	*opno = comparison_operator(encrypted, equal);
	*function = get_opcode(*opno);
}

static void
refuse_order(List *clauses, List *targets)
{
	ListCell *cell;

	foreach (cell, clauses)
	{
		SortGroupClause *clause = lfirst(cell);
		ListCell *target_cell;
		int32 class_id;

		foreach (target_cell, targets)
		{
			TargetEntry *target = lfirst(target_cell);

			if (target->ressortgroupref == clause->tleSortGroupRef &&
				SearchIsEncrypted((Node *) target->expr, &class_id))
				SearchRefuseOrder();
		}
	}
}

static bool
rewrite_walker(Node *node, void *context)
{
	if (node == NULL)
		return false;
	switch (nodeTag(node))
	{
		case T_Query:
		{
			Query *query = (Query *) node;
			ListCell *cell;

			refuse_order(query->sortClause, query->targetList);
			foreach (cell, query->windowClause)
				refuse_order(((WindowClause *) lfirst(cell))->orderClause, query->targetList);
			return query_tree_walker(query, rewrite_walker, context, *(int *) context);
		}
		case T_ScalarArrayOpExpr:
		{
			ScalarArrayOpExpr *operation = (ScalarArrayOpExpr *) node;

			rewrite_operator(&operation->opno, &operation->opfuncid, operation->args, true);
			break;
		}
		case T_DistinctExpr:
		case T_NullIfExpr:
		{
			OpExpr *operation = (OpExpr *) node;

			rewrite_operator(&operation->opno, &operation->opfuncid, operation->args, false);
			break;
		}
		case T_Aggref:
			refuse_order(((Aggref *) node)->aggorder, ((Aggref *) node)->args);
			break;
		default:
			break;
	}
	return expression_tree_walker(node, rewrite_walker, context);
}

void
SearchRewriteQuery(Query *query)
{
	int everything = 0;

	rewrite_walker((Node *) query, &everything);
}

void
SearchRewriteInlined(Query *query)
{
	int one_level = QTW_IGNORE_RC_SUBQUERIES;

	rewrite_walker((Node *) query, &one_level);
}
