/*
 * masking_values.c
 *		Masks of numbers, dates and points of time.
 */
#include "postgres.h"

#include "datatype/timestamp.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#include "base/secret.h"
#include "class/class.h"
#include "class/masking_values.h"
#include "class/plaintext.h"

/* Numbers beyond 10^64000 are not rounded: the quotient could be none. */
#define NUMERIC_GROUPS_MAX 16000

/* ---------------------------------------------------------------- dates */

/* The seconds of noise, at most; 68 years. */
#define NOISE_SECONDS_MAX MASK_NOISE_RANGE_MAX

/* Of an amount of days, how many units of `seconds` are in it; 0 for a percentage: of what? */
static uint32
noise_units(const MaskSpec *mask, int seconds)
{
	double amount = strtod(mask->argument, NULL) * (SECS_PER_DAY / seconds);

	if (strchr(mask->argument, '%') != NULL)
		return 0;
	return amount < NOISE_SECONDS_MAX ? (uint32) amount : NOISE_SECONDS_MAX;
}

/* False where nothing would be hidden, as for a whole number of days that is none. */
static bool
noise_of(DataClass *data_class, Bytes value, int seconds, int64 *noise)
{
	uint32 range = noise_units(&data_class->mask, seconds);

	if (range == 0)
		return false;
	*noise = mask_noise(ClassMaskKeys(data_class), bytes_view(NULL, 0), value, range);
	return true;
}

/* The first day of what the mask keeps. */
static DateADT
first_day(MaskKind kind, DateADT date)
{
	int julian = date + POSTGRES_EPOCH_JDATE;
	int year;
	int month;
	int day;

	if (kind == MASK_DAY)
		return date;
	if (kind == MASK_WEEK)
		return date - julian % 7; /* Julian day 0 was a Monday */
	j2date(julian, &year, &month, &day);
	if (kind == MASK_DECADE)
		year -= (year % 10 + 10) % 10; /* also before Christ: year 0 is 1 BC */
	if (kind == MASK_YEAR || kind == MASK_DECADE)
		month = 1;
	else if (kind == MASK_QUARTER)
		month -= (month - 1) % 3;
	return date2j(year, month, 1) - POSTGRES_EPOCH_JDATE;
}

bool
ClassMaskDate(DataClass *data_class, Bytes plaintext, DateADT *masked)
{
	DateADT date = DatumGetDateADT(PlaintextToDatum(ENVELOPE_DATE, plaintext));
	MaskKind kind = data_class->mask.kind;
	int64 noise;

	if (DATE_NOT_FINITE(date) || kind == MASK_DAY) /* all of it */
		return false;
	if (kind != MASK_NOISE)
		*masked = first_day(kind, date);
	else if (noise_of(data_class, plaintext, SECS_PER_DAY, &noise))
	{
		noise += date;
		if (noise < DATETIME_MIN_JULIAN - POSTGRES_EPOCH_JDATE ||
			noise >= DATE_END_JULIAN - POSTGRES_EPOCH_JDATE)
			return false;
		*masked = (DateADT) noise;
	}
	else
		return false;
	return IS_VALID_DATE(*masked);
}

bool
ClassMaskTimestamp(DataClass *data_class, Bytes plaintext, TimestampTz *masked)
{
	TimestampTz time = DatumGetTimestampTz(PlaintextToDatum(ENVELOPE_TIMESTAMPTZ, plaintext));
	MaskKind kind = data_class->mask.kind;
	int64 noise;

	if (TIMESTAMP_NOT_FINITE(time))
		return false;
	if (kind == MASK_NOISE)
	{
		if (!noise_of(data_class, plaintext, 1, &noise))
			return false;
		/* Parts of a second would be left as they are, and tell one from another. */
		*masked = time - (time % USECS_PER_SEC + USECS_PER_SEC) % USECS_PER_SEC;
		*masked += noise * USECS_PER_SEC;
	}
	else
	{
		DateADT date = (DateADT) (time / USECS_PER_DAY) - (time % USECS_PER_DAY < 0 ? 1 : 0);

		date = first_day(kind, date);
		if (!IS_VALID_DATE(date))
			return false;
		*masked = (TimestampTz) date * USECS_PER_DAY;
	}
	return IS_VALID_TIMESTAMP(*masked);
}

/* ---------------------------------------------------------------- numbers */

/* A number that is finite and not too large. */
static Datum
round_to_step(Datum number, Datum step)
{
	Datum count = DirectFunctionCall2(numeric_div_trunc, number, step);
	Datum rest =
		DirectFunctionCall2(numeric_sub, number, DirectFunctionCall2(numeric_mul, count, step));
	Datum twice = DirectFunctionCall1(numeric_abs, DirectFunctionCall2(numeric_add, rest, rest));

	/* Not by rounding a quotient, which is a rounded one already. */
	if (DatumGetInt32(DirectFunctionCall2(numeric_cmp, twice, step)) >= 0)
		count = DirectFunctionCall2(numeric_add, count, DirectFunctionCall1(numeric_sign, number));
	return DirectFunctionCall2(numeric_mul, count, step);
}

/* The greatest multiple of the step that is not above it. */
static Datum
floor_to_step(Datum number, Datum step)
{
	Datum floor = DirectFunctionCall2(numeric_mul, step,
									  DirectFunctionCall2(numeric_div_trunc, number, step));

	/* Division cuts towards zero. */
	if (DatumGetInt32(DirectFunctionCall2(numeric_cmp, floor, number)) > 0)
		floor = DirectFunctionCall2(numeric_sub, floor, step);
	return floor;
}

static Datum
numeric_of(const char *text)
{
	return DirectFunctionCall3(numeric_in, CStringGetDatum(text), ObjectIdGetDatum(InvalidOid),
							   Int32GetDatum(-1));
}

/* Noise is drawn in billionths of its amount. */
#define NOISE_PARTS 1000000000

static Datum
add_noise(DataClass *data_class, Datum number, Bytes plaintext)
{
	Bytes canonical = PlaintextCanonical(ENVELOPE_NUMERIC, plaintext);
	int64 parts =
		mask_noise(ClassMaskKeys(data_class), bytes_view(NULL, 0), canonical, NOISE_PARTS);
	char *argument = pstrdup(data_class->mask.argument);
	char *percent = strchr(argument, '%');
	Datum scale = DirectFunctionCall1(numeric_scale, number);
	Datum amount;

	PlaintextWipeDerived(canonical, plaintext);
	if (percent != NULL)
	{
		*percent = '\0';
		amount = DirectFunctionCall2(numeric_mul, numeric_of(argument), number);
		amount = DirectFunctionCall2(numeric_mul, amount, numeric_of("0.01"));
	}
	else
		amount = numeric_of(argument);
	amount = DirectFunctionCall2(numeric_mul, amount, NumericGetDatum(int64_to_numeric(parts)));
	amount = DirectFunctionCall2(numeric_mul, amount, numeric_of("0.000000001"));
	/* With as many digits after the point as the number has: others would tell what was added. */
	return DirectFunctionCall2(numeric_round, DirectFunctionCall2(numeric_add, number, amount),
							   scale);
}

/* Of whole numbers alone. */
static bool
pseudonym_of_number(DataClass *data_class, Datum number, Datum *masked)
{
	char *text = numeric_normalize(DatumGetNumeric(number));
	char *digits = text + (*text == '-');
	size_t count = strlen(digits);
	char shown[1 + MASK_NUMBER_DIGITS_MAX + 1] = "-";
	bool done = count <= MASK_NUMBER_DIGITS_MAX && strspn(digits, "0123456789") == count;

	if (done)
	{
		memcpy(shown + 1, digits, count);
		done = mask_pseudonym_number(ClassMaskKeys(data_class), *text == '-', shown + 1, &count);
	}
	if (done)
	{
		shown[1 + count] = '\0';
		*masked = numeric_of(*text == '-' ? shown : shown + 1);
	}
	secret_wipe(text, strlen(text));
	return done;
}

bool
ClassMaskNumeric(DataClass *data_class, Bytes plaintext, Datum *masked)
{
	const MaskSpec *mask = &data_class->mask;
	Datum number;
	bool shown;

	if (mask->kind == MASK_ZERO)
	{
		*masked = NumericGetDatum(int64_to_numeric(0));
		return true;
	}

	/* The second number of the form is the weight of its first digit. */
	if (plaintext.len < 4 || (int16) (bytes_get_u32(plaintext.data) & 0xFFFF) > NUMERIC_GROUPS_MAX)
		return false;
	number = PlaintextToDatum(ENVELOPE_NUMERIC, plaintext);
	shown = !numeric_is_nan(DatumGetNumeric(number)) && !numeric_is_inf(DatumGetNumeric(number));
	if (shown && mask->kind == MASK_ROUND)
		*masked = round_to_step(number, numeric_of(mask->argument));
	else if (shown && mask->kind == MASK_RANGE)
		*masked = floor_to_step(number, numeric_of(mask->argument));
	else if (shown && mask->kind == MASK_NOISE)
		*masked = add_noise(data_class, number, plaintext);
	else if (shown)
		shown = pseudonym_of_number(data_class, number, masked);
	PlaintextWipeDatum(number);
	return shown;
}
