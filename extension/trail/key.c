/*
 * key.c
 *		The key that a change has left its row with.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/jsonb.h"

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
	bool differs = false;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	if (PG_ARGISNULL(1))
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	key = PG_GETARG_JSONB_P(0);
	new_values = PG_GETARG_JSONB_P(1);
	if (!JB_ROOT_IS_OBJECT(key) || !JB_ROOT_IS_OBJECT(new_values))
		PG_RETURN_JSONB_P(key);

	iterator = JsonbIteratorInit(&key->root);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			changed = findJsonbValueFromContainer(&new_values->root, JB_FOBJECT, &value);
		if (token == WJB_VALUE && changed != NULL)
			differs = true;
		result = pushJsonbValue(&state, token,
								token == WJB_VALUE && changed != NULL    ? changed
								: token == WJB_KEY || token == WJB_VALUE ? &value
																		 : NULL);
	}
	PG_RETURN_JSONB_P(differs ? JsonbValueToJsonb(result) : key);
}
