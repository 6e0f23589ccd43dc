/*
 * masking_scalar.c
 *		Masks of dates, points of time and floating-point numbers.
 */
#include "postgres.h"

#include <math.h>

#include "datatype/timestamp.h"
#include "fmgr.h"
#include "utils/date.h"
#include "utils/datetime.h"

#include "class/class.h"
#include "values/masking.h"
#include "values/plaintext.h"

/* Numbers beyond 10^64000 are not rounded: the quotient could be none. */
#define NUMERIC_GROUPS_MAX 16000

/* ---------------------------------------------------------------- dates */

/*
 * So many units on both sides, of which there are `per_day`; false where nothing would be hidden,
 * as for a whole number of days that is none, or a part of a date. Different amounts are different
 * noise: the same at two scales would be no secret to who sees both.
 */
static bool
noise_of(DataClass *data_class, Bytes value, int per_day, int64 *noise)
{
	const MaskSpec *mask = &data_class->mask;
	double units = mask->amount * per_day;

	if (mask->percent || units < 1)
		return false;
	*noise = mask_noise(ClassMaskKeys(data_class), bytes_of_string(mask->argument), value,
						(uint32) Min(units, (double) MASK_NOISE_RANGE_MAX));
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
	if (!noise_of(data_class, bytes_view(bytes, sizeof(bytes)), 1, &noise))
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
		if (!noise_of(data_class, bytes_view(bytes, sizeof(bytes)), SECS_PER_DAY, &noise))
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

/* ---------------------------------------------------------------- floating point */

/* Noise is drawn in billionths of its amount, and rounded to a thousandth of it or less. */
#define NOISE_PARTS 1000000000
#define NOISE_STEPS 1000

/*
 * A number with all its binary digits would tell, by those below the noise, which value it was
 * made of: it is rounded to a power of ten that the value decides little about.
 */
static bool
add_float_noise(DataClass *data_class, double value, double *masked)
{
	const MaskSpec *mask = &data_class->mask;
	double amount = mask->percent ? mask->amount * fabs(value) / 100 : mask->amount;
	uint8_t bytes[8];
	uint64 bits;
	double grid;
	int64 parts;

	if (!(amount > 0)) /* a part of nothing */
	{
		*masked = value;
		return value == 0;
	}
	value += 0.0; /* of the two zeros, one */
	memcpy(&bits, &value, sizeof(bits));
	bytes_put_u64(bytes, bits);
	parts = mask_noise(ClassMaskKeys(data_class), bytes_of_string(mask->argument),
					   bytes_view(bytes, sizeof(bytes)), NOISE_PARTS);
	grid = pow(10, floor(log10(amount / NOISE_STEPS)));
	*masked = value + amount * ((double) parts / NOISE_PARTS);
	*masked = grid < 1 ? rint(*masked * (1 / grid)) / (1 / grid) : rint(*masked / grid) * grid;
	return true;
}

bool
ClassMaskFloat(DataClass *data_class, double value, double *masked)
{
	const MaskSpec *mask = &data_class->mask;
	double step = mask->amount;

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
			*masked = step * (mask->kind == MASK_ROUND ? round(value / step) : floor(value / step));
			return isfinite(*masked);
		default:
			return false;
	}
}
