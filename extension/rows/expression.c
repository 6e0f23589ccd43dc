/*
 * expression.c
 *		What the text of a subject is as a value of another type: one at most,
 *		and written as the type writes it, so that no two subjects are one.
 *		They are called for each identifier that was granted, and a regular
 *		expression takes fifty times as long.
 */
#include "postgres.h"

#include "common/int.h"
#include "fmgr.h"
#include "utils/fmgrprotos.h"

#include "base/bytes.h"
#include "base/varlena.h"

/*
 * tarot.try_bigint(text) RETURNS bigint
 */
PG_FUNCTION_INFO_V1(tarot_rows_try_bigint);
Datum
tarot_rows_try_bigint(PG_FUNCTION_ARGS)
{
	Bytes text = PG_GETARG_BYTES(0);
	bool negative = text.len > 0 && text.data[0] == '-';
	int64 value = 0;

	/* Neither "", "-", "-0" nor "07". */
	if (text.len == negative || (text.data[negative] == '0' && text.len > 1))
		PG_RETURN_NULL();

	/* Downwards: there is one more negative number. */
	for (size_t i = negative; i < text.len; i++)
	{
		if (text.data[i] < '0' || text.data[i] > '9' || pg_mul_s64_overflow(value, 10, &value) ||
			pg_sub_s64_overflow(value, text.data[i] - '0', &value))
			PG_RETURN_NULL();
	}
	if (!negative && (value == PG_INT64_MIN))
		PG_RETURN_NULL();
	PG_RETURN_INT64(negative ? value : -value);
}

/*
 * tarot.try_uuid(text) RETURNS uuid
 */
PG_FUNCTION_INFO_V1(tarot_rows_try_uuid);
Datum
tarot_rows_try_uuid(PG_FUNCTION_ARGS)
{
	/* RFC 9562, section 4 */
	static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
	Bytes text = PG_GETARG_BYTES(0);
	char written[sizeof(form)] = "";

	if (text.len != sizeof(form) - 1)
		PG_RETURN_NULL();
	memcpy(written, text.data, text.len);
	for (size_t i = 0; i < text.len; i++)
	{
		bool is_digit =
			(written[i] >= '0' && written[i] <= '9') || (written[i] >= 'a' && written[i] <= 'f');

		if (form[i] == '-' ? written[i] != '-' : !is_digit)
			PG_RETURN_NULL();
	}
	PG_RETURN_DATUM(DirectFunctionCall1(uuid_in, CStringGetDatum(written)));
}

/*
 * tarot.try_character(text) RETURNS character
 *
 * The type does not see blanks at the end.
 */
PG_FUNCTION_INFO_V1(tarot_rows_try_character);
Datum
tarot_rows_try_character(PG_FUNCTION_ARGS)
{
	Bytes text = PG_GETARG_BYTES(0);

	if (text.len > 0 && text.data[text.len - 1] == ' ')
		PG_RETURN_NULL();
	PG_RETURN_DATUM(PG_GETARG_DATUM(0));
}
