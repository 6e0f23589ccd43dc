/*
 * convert.c
 *		What a conversion asks of the role that calls, and what becomes of a
 *		column's default.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "access/transam.h"
#include "access/xact.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_coerce.h"
#include "rewrite/rewriteHandler.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "base/varlena.h"
#include "class/access.h"
#include "class/reveal.h"
#include "column/column.h"
#include "column/types.h"
#include "convert/conversion.h"
#include "gate/gate.h"

/*
 * tarot.require_class_access(class text, class_id integer, encrypt boolean, online boolean,
 *                            OUT name text, OUT searchable boolean) RETURNS record
 *
 * By name, or else by number. Raises before any table is locked, where the gate would in the
 * middle of it.
 */
PG_FUNCTION_INFO_V1(tarot_convert_require_class_access);
Datum
tarot_convert_require_class_access(PG_FUNCTION_ARGS)
{
	int32 class_id = PG_ARGISNULL(1) ? CLASS_NONE : PG_GETARG_INT32(1);
	bool encrypt = PG_GETARG_BOOL(2);
	ClassRights access;
	DataClass *data_class;
	char *role = GetUserNameFromId(GetUserId(), true);
	TupleDesc desc;
	Datum values[2];
	bool nulls[2] = {false, false};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	if (PG_GETARG_BOOL(3) && IsTransactionBlock())
		ereport(ERROR, (errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
						errmsg("a column cannot be converted concurrently inside a transaction "
							   "block"),
						errdetail("It commits each batch.")));
	if (!PG_ARGISNULL(0))
	{
		text *name = PG_GETARG_TEXT_PP(0);

		class_id = ClassIdOfName(BytesOfVarlena(name));
		if (!ClassFind(class_id)->exists)
			ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
							errmsg("data class \"%s\" does not exist", text_to_cstring(name)),
							errhint("Create it with tarot.create_class().")));
	}
	data_class = ClassRequire(class_id);
	access = ClassAccessOf(class_id, GetUserId(), NULL);
	if (!(encrypt ? access.write : ClassReveal(class_id, access.read)))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 encrypt ? errmsg("permission denied to write data class \"%s\"", data_class->name)
						 : errmsg("permission denied to read data class \"%s\"", data_class->name),
				 encrypt ? errdetail("Role \"%s\" has no write access to it.", role)
						 : errdetail("Role \"%s\" has no plain read access to it.", role),
				 errhint("Grant it with tarot.grant_class(%s, %s, %s).",
						 quote_literal_cstr(data_class->name), quote_literal_cstr(role),
						 encrypt ? "..., write => true" : "'plain'")));
	values[0] = CStringGetTextDatum(data_class->name);
	values[1] = BoolGetDatum(data_class->searchable);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}

/* ---------------------------------------------------------------- defaults */

static bool
is_not_built_in(Oid function, void *argument)
{
	(void) argument;
	return function >= FirstNormalObjectId;
}

static bool
calls_others(Node *node, void *argument)
{
	return node != NULL && (check_functions_in_node(node, is_not_built_in, argument) ||
							expression_tree_walker(node, calls_others, argument));
}

/* The constant that an encrypted column's default is, opened; else NULL. Nobody's secret: see
 * GATE_CAST. */
static Node *
open_sealed_default(Relation relation, AttrNumber number, Node *value)
{
	Form_pg_attribute column = TupleDescAttr(RelationGetDescr(relation), number - 1);
	const EncryptedType *type;
	Oid output;
	Oid cast;
	int16 size;
	bool by_value;
	bool is_varlena;

	/* The coercion to the class, of what it is to be sealed from. */
	if (IsA(value, FuncExpr) && list_length(((FuncExpr *) value)->args) > 0 &&
		exprType(linitial(((FuncExpr *) value)->args)) == column->atttypid)
		value = linitial(((FuncExpr *) value)->args);
	if (!IsA(value, Const) || exprType(value) != column->atttypid || ((Const *) value)->constisnull)
		return NULL;
	getTypeOutputInfo(column->atttypid, &output, &is_varlena);
	type = EncryptedTypeOfFunction(output, 0);
	if (find_coercion_pathway(type->base, column->atttypid, COERCION_IMPLICIT, &cast) !=
		COERCION_PATH_FUNC)
		return NULL;
	get_typlenbyval(type->base, &size, &by_value);
	return (Node *) makeConst(type->base, -1, InvalidOid, size,
							  OidFunctionCall1(cast, ((Const *) value)->constvalue), false,
							  by_value);
}

/*
 * tarot.constant_default(relation oid, "column" name) RETURNS text
 *
 * The value of a default that is always the same, as a literal; else NULL.
 */
PG_FUNCTION_INFO_V1(tarot_convert_constant_default);
Datum
tarot_convert_constant_default(PG_FUNCTION_ARGS)
{
	Relation relation = relation_open(PG_GETARG_OID(0), AccessShareLock);
	AttrNumber number = get_attnum(PG_GETARG_OID(0), NameStr(*PG_GETARG_NAME(1)));
	Node *value;
	char *literal = NULL;

	ConversionRequireOwner(PG_GETARG_OID(0));
	value = number > 0 ? build_column_default(relation, number) : NULL;
	if (value != NULL &&
		ColumnIsEncrypted(TupleDescAttr(RelationGetDescr(relation), number - 1)->atttypid))
		value = open_sealed_default(relation, number, value);

	/* Evaluated with the caller's rights, so by built-in functions alone. */
	else if (value != NULL && !contain_mutable_functions(value) && !calls_others(value, NULL))
		value = (Node *) expression_planner((Expr *) value);
	if (value != NULL && IsA(value, Const))
	{
		Const *constant = (Const *) value;
		Oid output;
		bool is_varlena;

		getTypeOutputInfo(constant->consttype, &output, &is_varlena);
		literal = constant->constisnull
					  ? "NULL"
					  : quote_literal_cstr(OidOutputFunctionCall(output, constant->constvalue));
	}
	relation_close(relation, AccessShareLock);
	if (literal == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(literal));
}
