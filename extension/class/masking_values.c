/*
 * masking_values.c
 *		Masks of numbers, dates and points of time.
 */
#include "postgres.h"

#include <math.h>

#include "datatype/timestamp.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#include "base/secret.h"
#include "class/class.h"
#include "class/masking.h"
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
ClassMaskDate(DataClass *data_class, DateADT date, DateADT *masked)
{
	uint8_t bytes[4];
	int64 noise;

	if (DATE_NOT_FINITE(date))
		return false;
	if (data_class->mask.kind != MASK_NOISE)
	{
		*masked = first_day(data_class->mask.kind, date);
		return IS_VALID_DATE(*masked);
	}
	bytes_put_u32(bytes, (uint32) date);
	if (!noise_of(data_class, bytes_view(bytes, sizeof(bytes)), SECS_PER_DAY, &noise))
		return false;
	noise += date;
	if (noise < DATETIME_MIN_JULIAN - POSTGRES_EPOCH_JDATE ||
		noise >= DATE_END_JULIAN - POSTGRES_EPOCH_JDATE)
		return false;
	*masked = (DateADT) noise;
	return true;
}

bool
ClassMaskTimestamp(DataClass *data_class, Timestamp time, Timestamp *masked)
{
	uint8_t bytes[8];
	int64 noise;

	if (TIMESTAMP_NOT_FINITE(time))
		return false;
	if (data_class->mask.kind == MASK_NOISE)
	{
		bytes_put_u64(bytes, (uint64) time);
		if (!noise_of(data_class, bytes_view(bytes, sizeof(bytes)), 1, &noise))
			return false;
		/* Parts of a second would be left as they are, and tell one from another. */
		*masked = time - (time % USECS_PER_SEC + USECS_PER_SEC) % USECS_PER_SEC;
		*masked += noise * USECS_PER_SEC;
	}
	else
	{
		DateADT date = (DateADT) (time / USECS_PER_DAY) - (time % USECS_PER_DAY < 0 ? 1 : 0);

		date = first_day(data_class->mask.kind, date);
		if (!IS_VALID_DATE(date))
			return false;
		*masked = (Timestamp) date * USECS_PER_DAY;
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

/* ---------------------------------------------------------------- floating point */

/* Steps of the noise in the power of ten that it is rounded to, at least. */
#define NOISE_FLOAT_STEPS 1000

/*
 * A number with all its binary digits would tell, by those below the noise, which value it was
 * made of: it is rounded to a power of ten that the value decides little about.
 */
static bool
add_float_noise(DataClass *data_class, double value, double *masked)
{
	const char *argument = data_class->mask.argument;
	double amount = strtod(argument, NULL);
	uint8_t bytes[8];
	uint64 bits;
	double grid;
	int64 parts;

	if (strchr(argument, '%') != NULL)
		amount *= fabs(value) / 100;
	if (!(amount > 0)) /* a part of nothing */
	{
		*masked = value;
		return value == 0;
	}
	value += 0.0; /* of the two zeros, one */
	memcpy(&bits, &value, sizeof(bits));
	bytes_put_u64(bytes, bits);
	parts = mask_noise(ClassMaskKeys(data_class), bytes_view(NULL, 0),
					   bytes_view(bytes, sizeof(bytes)), NOISE_PARTS);
	grid = pow(10, floor(log10(amount / NOISE_FLOAT_STEPS)));
	*masked = value + amount * ((double) parts / NOISE_PARTS);
	*masked = grid < 1 ? rint(*masked * (1 / grid)) / (1 / grid) : rint(*masked / grid) * grid;
	return true;
}

bool
ClassMaskFloat(DataClass *data_class, double value, double *masked)
{
	const MaskSpec *mask = &data_class->mask;
	double step;

	*masked = 0;
	if (mask->kind == MASK_ZERO)
		return true;
	if (!isfinite(value))
		return false;
	switch (mask->kind)
	{
		case MASK_NOISE:
			return add_float_noise(data_class, value, masked) && isfinite(*masked);
		case MASK_ROUND:
		case MASK_RANGE:
			step = strtod(mask->argument, NULL);
			*masked = step * (mask->kind == MASK_ROUND ? round(value / step) : floor(value / step));
			return isfinite(*masked);
		default:
			return false;
	}
}
