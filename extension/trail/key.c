/*
 * key.c
 *		The key that a change has left its row with.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/array.h"
#include "utils/jsonb.h"

/* Of most entries none, which is soon told. */
static bool
has_any_of(JsonbContainer *in, JsonbContainer *key)
{
	JsonbIterator *iterator = JsonbIteratorInit(key);
	JsonbIteratorToken token;
	JsonbValue value;

	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		JsonbValue found;

		if (token == WJB_KEY && getKeyJsonValueFromContainer(in, value.val.string.val,
															 value.val.string.len, &found) != NULL)
			return true;
	}
	return false;
}

/*
 * tarot.key_after(key jsonb, new jsonb) RETURNS jsonb
 *
 * Indexes of the log rest on it: what it gives for an entry must not change.
 */
PG_FUNCTION_INFO_V1(tarot_trail_key_after);
Datum
tarot_trail_key_after(PG_FUNCTION_ARGS)
{
	Jsonb *key;
	Jsonb *new_values;
	JsonbParseState *state = NULL;
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue value;
	JsonbValue *changed = NULL;
	JsonbValue *result = NULL;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	if (PG_ARGISNULL(1))
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	key = PG_GETARG_JSONB_P(0);
	new_values = PG_GETARG_JSONB_P(1);
	if (!JB_ROOT_IS_OBJECT(key) || !JB_ROOT_IS_OBJECT(new_values))
		PG_RETURN_JSONB_P(key);

	if (!has_any_of(&new_values->root, &key->root))
		PG_RETURN_JSONB_P(key);

	iterator = JsonbIteratorInit(&key->root);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			changed = findJsonbValueFromContainer(&new_values->root, JB_FOBJECT, &value);
		result = pushJsonbValue(&state, token,
								token == WJB_VALUE && changed != NULL    ? changed
								: token == WJB_KEY || token == WJB_VALUE ? &value
																		 : NULL);
	}
	PG_RETURN_JSONB_P(JsonbValueToJsonb(result));
}

/*
 * tarot.has_member_of(document jsonb, other jsonb) RETURNS boolean
 *
 * Whether an object has a member of a name that another has.
 */
PG_FUNCTION_INFO_V1(tarot_trail_has_member_of);
Datum
tarot_trail_has_member_of(PG_FUNCTION_ARGS)
{
	Jsonb *document = PG_GETARG_JSONB_P(0);
	Jsonb *other = PG_GETARG_JSONB_P(1);

	PG_RETURN_BOOL(JB_ROOT_IS_OBJECT(document) && JB_ROOT_IS_OBJECT(other) &&
				   has_any_of(&document->root, &other->root));
}

/*
 * tarot.is_of_columns(document jsonb, columns text[]) RETURNS boolean
 *
 * Whether an object has these members and no others.
 */
PG_FUNCTION_INFO_V1(tarot_trail_is_of_columns);
Datum
tarot_trail_is_of_columns(PG_FUNCTION_ARGS)
{
	Jsonb *document = PG_GETARG_JSONB_P(0);
	ArrayType *columns = PG_GETARG_ARRAYTYPE_P(1);
	Datum *names;
	int count;

	deconstruct_array(columns, TEXTOID, -1, false, TYPALIGN_INT, &names, NULL, &count);
	if (!JB_ROOT_IS_OBJECT(document) || JB_ROOT_COUNT(document) != (uint32) count)
		PG_RETURN_BOOL(false);
	for (int i = 0; i < count; i++)
	{
		JsonbValue found;

		if (getKeyJsonValueFromContainer(&document->root, VARDATA_ANY(DatumGetPointer(names[i])),
										 (int) VARSIZE_ANY_EXHDR(DatumGetPointer(names[i])),
										 &found) == NULL)
			PG_RETURN_BOOL(false);
	}
	PG_RETURN_BOOL(true);
}
