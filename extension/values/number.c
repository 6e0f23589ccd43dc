/*
 * number.c
 *		Masks of numbers.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/numeric.h"

#include "base/secret.h"
#include "base/varlena.h"
#include "values/number.h"

/* Of a number that is counted in 64 bits: twice as much fits, too. */
#define SHORT_DIGITS 18
#define SHORT_LIMIT INT64CONST(1000000000000000000)

/* Numbers beyond 10^64000 are not masked: a quotient could be none. */
#define GROUPS_MAX 16000

/* Digits of a group; and groups of any number in 64 bits: 20 digits are in six, wherever the point
 * is */
#define GROUP_DIGITS 4
#define GROUP 10000
#define SHORT_GROUPS 6

static const int64 powers[SHORT_DIGITS + 1] = {1,
											   10,
											   100,
											   1000,
											   10000,
											   100000,
											   1000000,
											   10000000,
											   100000000,
											   1000000000,
											   INT64CONST(10000000000),
											   INT64CONST(100000000000),
											   INT64CONST(1000000000000),
											   INT64CONST(10000000000000),
											   INT64CONST(100000000000000),
											   INT64CONST(1000000000000000),
											   INT64CONST(10000000000000000),
											   INT64CONST(100000000000000000),
											   SHORT_LIMIT};

/* ---------------------------------------------------------------- digits */

/*
 * What a numeric looks like on disk, which is the same in all versions since
 * 9.1, for pg_upgrade leaves it as it is: a word that tells sign and scale, and
 * for short ones the weight, too, else another for that; then the digits. There
 * is no function that gives them away without making a text.
 */
#define HEADER_KIND 0xC000
#define HEADER_POSITIVE 0x0000
#define HEADER_NEGATIVE 0x4000
#define HEADER_SHORT 0x8000
#define HEADER_SCALE 0x3FFF
#define SHORT_NEGATIVE 0x2000
#define SHORT_SCALE 0x1F80
#define SHORT_SCALE_SHIFT 7
#define SHORT_WEIGHT 0x007F
#define SHORT_WEIGHT_SIGN 0x0040

bool
NumberOfNumeric(Datum numeric, Number *number)
{
	Bytes bytes = BytesOfVarlena(DatumGetPointer(numeric));
	uint16 header;
	int16 weight;

	memcpy(&header, bytes.data, sizeof(header));
	bytes = bytes_view(bytes.data + 2, bytes.len - 2);
	if ((header & HEADER_KIND) == HEADER_SHORT)
	{
		weight = header & SHORT_WEIGHT;
		number->weight = (weight ^ SHORT_WEIGHT_SIGN) - SHORT_WEIGHT_SIGN;
		number->negative = header & SHORT_NEGATIVE;
		number->scale = (header & SHORT_SCALE) >> SHORT_SCALE_SHIFT;
	}
	else if ((header & HEADER_KIND) == HEADER_POSITIVE || (header & HEADER_KIND) == HEADER_NEGATIVE)
	{
		memcpy(&weight, bytes.data, sizeof(weight));
		bytes = bytes_view(bytes.data + 2, bytes.len - 2);
		number->weight = weight;
		number->negative = (header & HEADER_KIND) == HEADER_NEGATIVE;
		number->scale = header & HEADER_SCALE;
	}
	else
		return false;
	number->count = (int) (bytes.len / 2);
	number->digits = bytes.data;
	number->swapped = false;
	return true;
}

/* docs/formats.md, "The plaintext": count, weight, sign and scale, 16 bits each, and the digits. */
bool
NumberOfPlaintext(Bytes plaintext, Number *number)
{
	uint32 first;
	uint32 second;

	if (plaintext.len < 8)
		return false;
	first = bytes_get_u32(plaintext.data);
	second = bytes_get_u32(plaintext.data + 4);
	number->count = (int) (first >> 16);
	number->weight = (int16) (first & 0xFFFF);
	number->negative = second >> 16 == HEADER_NEGATIVE;
	number->scale = (int) (second & 0xFFFF);
	number->digits = plaintext.data + 8;
	number->swapped = true;
	return (second >> 16 & HEADER_KIND) != HEADER_KIND &&
		   plaintext.len == 8 + 2 * (size_t) number->count;
}

void
NumberOfInteger(int64 value, Number *number)
{
	uint64 rest = value < 0 ? -(uint64) value : (uint64) value;
	int at = lengthof(number->room);

	for (; rest > 0; rest /= GROUP)
		number->room[--at] = (int16) (rest % GROUP);
	number->count = (int) lengthof(number->room) - at;
	number->weight = number->count - 1;
	number->scale = 0;
	number->negative = value < 0;
	number->swapped = false;
	number->digits = (const uint8_t *) (number->room + at);
}

static inline int
digit_at(const Number *number, int i)
{
	int16 digit;

	if (number->swapped)
		return number->digits[2 * i] << 8 | number->digits[2 * i + 1];
	memcpy(&digit, number->digits + 2 * i, sizeof(digit));
	return digit;
}

/* The whole units of 10^-scale, of at most 18 digits, and whether there is a rest. */
static bool
count_units(const Number *number, int scale, int64 *units, bool *rest)
{
	int exponent = GROUP_DIGITS * number->weight + scale; /* of the group that is looked at */
	int64 value = 0;

	*rest = false;
	for (int i = 0; i < number->count; i++, exponent -= GROUP_DIGITS)
	{
		int digit = digit_at(number, i);

		if (exponent <= -GROUP_DIGITS)
		{
			*rest = *rest || digit != 0;
			continue;
		}
		if (value >= SHORT_LIMIT / GROUP)
			return false;
		if (exponent >= 0)
			value = value * GROUP + digit;
		else
		{
			value = value * powers[GROUP_DIGITS + exponent] + digit / powers[-exponent];
			*rest = *rest || digit % powers[-exponent] != 0;
		}
	}
	exponent += GROUP_DIGITS;
	if (exponent > 0 && value > 0)
	{
		if (exponent > SHORT_DIGITS || value >= powers[SHORT_DIGITS - exponent])
			return false;
		value *= powers[exponent];
	}
	*units = value;
	return true;
}

/* ---------------------------------------------------------------- short numbers */

bool
ShortNumberRescale(ShortNumber *number, int scale)
{
	int more = scale - number->scale;
	int64 limit;

	if (more == 0)
		return true;
	if (more > 0)
	{
		limit = more > SHORT_DIGITS ? 0 : powers[SHORT_DIGITS - more];
		if (number->units != 0 && (number->units >= limit || number->units <= -limit))
			return false;
		number->units = number->units != 0 ? number->units * powers[more] : 0;
	}
	else if (more < -SHORT_DIGITS)
		number->units = 0;
	else
	{
		int64 divisor = powers[-more];
		int64 rest = number->units % divisor;

		number->units /= divisor;
		if (rest >= divisor - rest && rest > 0)
			number->units++;
		else if (-rest >= divisor + rest && rest < 0)
			number->units--;
	}
	number->scale = scale;
	return true;
}

bool
ShortNumberFits(const ShortNumber *number, int precision)
{
	return precision >= SHORT_DIGITS ||
		   (number->units < powers[precision] && number->units > -powers[precision]);
}

/*
 * Written as it lies on disk, at once: the server's functions take several times as long. The
 * weight of at most 19 digits, of which so many are after the point, fits.
 */
Datum
ShortNumberToNumeric(ShortNumber number)
{
	uint64 rest = number.units < 0 ? -(uint64) number.units : (uint64) number.units;
	uint16 header = HEADER_SHORT | (number.units < 0 ? SHORT_NEGATIVE : 0);
	int weight = -((number.scale + GROUP_DIGITS - 1) / GROUP_DIGITS); /* of the group looked at */
	int part = number.scale % GROUP_DIGITS; /* how many of its digits count; 0 for all */
	int16 groups[SHORT_GROUPS];
	int first = SHORT_GROUPS;
	struct varlena *numeric;
	Size size;

	if (number.scale > SHORT_SCALE >> SHORT_SCALE_SHIFT)
		return NumericGetDatum(int64_div_fast_to_numeric(number.units, number.scale));
	for (; rest > 0; weight++)
	{
		uint64 group;

		if (part > 0)
		{
			group = rest % powers[part] * powers[GROUP_DIGITS - part];
			rest /= powers[part];
			part = 0;
		}
		else
		{
			group = rest % GROUP;
			rest /= GROUP;
		}
		if (group == 0 && first == SHORT_GROUPS)
			continue; /* zeros at the end are left out */
		groups[--first] = (int16) group;
	}
	header |= number.scale << SHORT_SCALE_SHIFT;
	if (first < SHORT_GROUPS)
		header |= (weight - 1) & SHORT_WEIGHT;
	size = VARHDRSZ + sizeof(header) + (size_t) (SHORT_GROUPS - first) * sizeof(groups[0]);
	numeric = palloc(size);
	SET_VARSIZE(numeric, size);
	memcpy(VARDATA(numeric), &header, sizeof(header));
	for (char *to = VARDATA(numeric) + sizeof(header); first < SHORT_GROUPS; to += sizeof(int16))
		memcpy(to, &groups[first++], sizeof(int16));
	return PointerGetDatum(numeric);
}

static NumberSight
round_number(const MaskSpec *mask, const Number *number, ShortNumber *masked)
{
	int64 units;
	int64 count;
	bool rest;

	/* In tenths of the step's unit the half of a step is a whole number. */
	if (mask->step == 0 || !count_units(number, mask->scale + 1, &units, &rest))
		return NUMBER_LONG;
	count = units / (10 * mask->step);
	if (units % (10 * mask->step) >= 5 * mask->step)
		count++;
	masked->units = number->negative ? -count * mask->step : count * mask->step;
	masked->scale = mask->scale;
	return NUMBER_SHORT;
}

/* The greatest multiple of the step that is not above the number. */
static NumberSight
floor_number(const MaskSpec *mask, const Number *number, ShortNumber *masked)
{
	int64 units;
	int64 count;
	bool rest;

	if (mask->step == 0 || !count_units(number, mask->scale, &units, &rest))
		return NUMBER_LONG;
	count = units / mask->step;
	if (number->negative && (rest || units % mask->step > 0))
		count++;
	masked->units = number->negative ? -count * mask->step : count * mask->step;
	masked->scale = mask->scale;
	return NUMBER_SHORT;
}

/* ---------------------------------------------------------------- noise */

/* Noise is drawn in billionths of its amount, */
#define NOISE_PARTS 1000000000
#define NOISE_PARTS_DIGITS 9

/*
 * and of the number no digits are left that are smaller than a millionth of
 * it: below the noise they would tell one number from all others.
 */
#define NOISE_DIGITS 6

/* Digits before the point of the amount of an absolute noise; 0 where it is below 1, -1 below 0.1,
 * ... */
static int
magnitude_of(double amount)
{
	int magnitude = 0;

	for (; amount >= 1; amount /= 10)
		magnitude++;
	for (; amount > 0 && amount < 0.1; amount *= 10)
		magnitude--;
	return magnitude;
}

/* How many digits after the point are shown; negative where some before it are zeros. */
static int
noise_scale(const MaskSpec *mask, const Number *number)
{
	int magnitude = magnitude_of(mask->percent ? mask->amount / 100 : mask->amount);

	if (mask->percent)
	{
		if (number->count == 0)
			return number->scale;
		magnitude += GROUP_DIGITS * number->weight + magnitude_of(digit_at(number, 0)) - 1;
	}
	return Min(number->scale, NOISE_DIGITS - magnitude);
}

/* Different amounts are different noise: the same at two scales would be no secret to who sees
 * both. */
static int64
noise_parts(DataClass *data_class, const MaskSpec *mask, Bytes canonical)
{
	return mask_noise(ClassMaskKeys(data_class), bytes_of_string(mask->argument), canonical,
					  NOISE_PARTS);
}

/* As numeric_normalize() writes a number: in the shortest way. */
static size_t
write_canonical(bool negative, uint64 units, int scale, char out[SHORT_DIGITS + 24])
{
	char digits[2 * SHORT_DIGITS + 4];
	int count = 0;
	size_t size = 0;

	for (; scale > 0 && units % 10 == 0; scale--)
		units /= 10;
	for (; units > 0 || count <= scale; units /= 10)
		digits[count++] = (char) ('0' + units % 10);
	if (negative)
		out[size++] = '-';
	while (count > 0)
	{
		out[size++] = digits[--count];
		if (count == scale && count > 0)
			out[size++] = '.';
	}
	return size;
}

static NumberSight
add_noise(DataClass *data_class, const MaskSpec *mask, const Number *number, ShortNumber *masked)
{
#ifdef HAVE_INT128
	char canonical[SHORT_DIGITS + 24];
	int scale = noise_scale(mask, number);
	int written =
		GROUP_DIGITS * (number->count - 1 - number->weight); /* zeros at the end are not */
	int exact = Max(Min(number->scale, written), 0);
	int64 units;
	bool rest;
	int64 parts;
	int128 sum;
	int128 divisor;
	int exponent;
	size_t size;

	/* So that nothing below is larger than 10^37: else it is a long number. */
	if (mask->step == 0 || mask->step >= NOISE_PARTS || mask->scale > 7 || exact > SHORT_DIGITS ||
		scale < -GROUP_DIGITS || !count_units(number, exact, &units, &rest) ||
		units >= SHORT_LIMIT / 100)
		return NUMBER_LONG;
	size = write_canonical(number->negative, (uint64) units, exact, canonical);
	parts = noise_parts(data_class, mask, bytes_view(canonical, size));
	secret_wipe(canonical, size);
	if (number->negative)
		units = -units;

	/* In units of 10^-exponent: the number, and its noise. */
	if (mask->percent)
	{
		exponent = mask->scale + NOISE_PARTS_DIGITS + 2;
		sum = (int128) units * ((int128) powers[exponent] + (int128) mask->step * parts);
		exponent += exact;
	}
	else
	{
		exponent = Max(exact, mask->scale + NOISE_PARTS_DIGITS);
		sum = (int128) units * powers[exponent - exact] +
			  (int128) mask->step * parts * powers[exponent - mask->scale - NOISE_PARTS_DIGITS];
	}
	exponent -= scale;
	if (exponent < 0 || exponent > 37)
		return NUMBER_LONG;
	for (divisor = 1; exponent > 0; exponent--)
		divisor *= 10;
	sum = (sum + (sum < 0 ? -divisor : divisor) / 2) / divisor;
	if (sum >= SHORT_LIMIT || sum <= -SHORT_LIMIT)
		return NUMBER_LONG;
	masked->units = (int64) sum;
	masked->scale = scale;
	return scale >= 0 || ShortNumberRescale(masked, 0) ? NUMBER_SHORT : NUMBER_LONG;
#else
	return NUMBER_LONG;
#endif
}

/* ---------------------------------------------------------------- pseudonyms */

/* Of whole numbers alone. */
static NumberSight
pseudonym(DataClass *data_class, const Number *number, ShortNumber *masked)
{
	char digits[MASK_NUMBER_DIGITS_MAX];
	int64 units;
	bool rest;
	size_t size;

	if (!count_units(number, 0, &units, &rest))
		return NUMBER_LONG;
	if (rest)
		return NUMBER_NULL;
	size = write_canonical(false, (uint64) units, 0, digits);
	if (!mask_pseudonym_number(ClassMaskKeys(data_class), number->negative, digits, &size))
		return NUMBER_NULL;
	masked->scale = 0;
	masked->units = 0;
	for (size_t i = 0; i < size; i++)
		masked->units = masked->units * 10 + (digits[i] - '0');
	if (number->negative)
		masked->units = -masked->units;
	return NUMBER_SHORT;
}

NumberSight
ClassMaskNumber(DataClass *data_class, const MaskSpec *mask, const Number *number,
				ShortNumber *masked)
{
	if (number->weight > GROUPS_MAX && mask->kind != MASK_ZERO)
		return NUMBER_NULL;
	switch (mask->kind)
	{
		case MASK_ZERO:
			*masked = (ShortNumber){0};
			return NUMBER_SHORT;
		case MASK_ROUND:
			return round_number(mask, number, masked);
		case MASK_RANGE:
			return floor_number(mask, number, masked);
		case MASK_NOISE:
			return add_noise(data_class, mask, number, masked);
		case MASK_PSEUDONYM:
			return pseudonym(data_class, number, masked);
		default:
			return NUMBER_NULL;
	}
}

/* ---------------------------------------------------------------- long numbers */

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

static Datum
add_long_noise(DataClass *data_class, const MaskSpec *mask, Datum numeric, const Number *number)
{
	char *canonical = numeric_normalize(DatumGetNumeric(numeric));
	int64 parts = noise_parts(data_class, mask, bytes_of_string(canonical));
	char *argument = pstrdup(mask->argument);
	Datum amount;

	secret_wipe(canonical, strlen(canonical));
	argument[strcspn(argument, "%")] = '\0';
	amount = numeric_of(argument);
	if (mask->percent)
	{
		amount = DirectFunctionCall2(numeric_mul, amount, numeric);
		amount = DirectFunctionCall2(numeric_mul, amount, numeric_of("0.01"));
	}
	amount = DirectFunctionCall2(numeric_mul, amount, NumericGetDatum(int64_to_numeric(parts)));
	amount = DirectFunctionCall2(numeric_mul, amount, numeric_of("0.000000001"));
	return DirectFunctionCall2(numeric_round, DirectFunctionCall2(numeric_add, numeric, amount),
							   Int32GetDatum(noise_scale(mask, number)));
}

static bool
long_pseudonym(DataClass *data_class, Datum numeric, Datum *masked)
{
	char *text = numeric_normalize(DatumGetNumeric(numeric));
	bool negative = *text == '-';
	char *digits = text + negative;
	size_t count = strlen(digits);
	char shown[1 + MASK_NUMBER_DIGITS_MAX + 1] = "-";
	bool done = count <= MASK_NUMBER_DIGITS_MAX && strspn(digits, "0123456789") == count;

	if (done)
	{
		memcpy(shown + 1, digits, count);
		done = mask_pseudonym_number(ClassMaskKeys(data_class), negative, shown + 1, &count);
	}
	if (done)
	{
		shown[1 + count] = '\0';
		*masked = numeric_of(negative ? shown : shown + 1);
	}
	secret_wipe(text, strlen(text));
	return done;
}

bool
ClassMaskLongNumber(DataClass *data_class, const MaskSpec *mask, Datum numeric, Datum *masked)
{
	Number number;

	if (!NumberOfNumeric(numeric, &number) || number.weight > GROUPS_MAX)
		return false;
	switch (mask->kind)
	{
		case MASK_ROUND:
			*masked = round_to_step(numeric, numeric_of(mask->argument));
			return true;
		case MASK_RANGE:
			*masked = floor_to_step(numeric, numeric_of(mask->argument));
			return true;
		case MASK_NOISE:
			*masked = add_long_noise(data_class, mask, numeric, &number);
			return true;
		case MASK_PSEUDONYM:
			return long_pseudonym(data_class, numeric, masked);
		default:
			return false;
	}
}
