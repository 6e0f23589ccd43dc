/*
 * number.c - ranges of numbers that are texts
 */
#include "mask/mask.h"
#include "mask/text.h"

/* Numbers are counted in the last digit of the step: at most 18 digits of these. */
#define UNITS_DIGITS_MAX 18

/*
 * The greatest whole number of units of 10^-scale that is not above the
 * number, which is decimal digits with a sign and a point, if any, among them.
 */
static bool
read_units(const uint8_t *at, const uint8_t *end, unsigned scale, int64_t *units)
{
	bool negative = false, point = false, below = false;
	unsigned digits = 0, after = 0, significant = 0;
	int64_t value = 0;

	if (at < end && (*at == '-' || *at == '+'))
		negative = *at++ == '-';
	for (; at < end; at++)
	{
		if (*at == '.' && !point && digits > 0)
		{
			point = true;
			continue;
		}
		if (!is_digit(*at))
			return false;
		digits++;
		if (point && after == scale)
		{
			below = below || *at != '0';
			continue;
		}
		after += point;
		significant += value > 0 || *at != '0';
		if (significant > UNITS_DIGITS_MAX)
			return false;
		value = value * 10 + (*at - '0');
	}
	if (digits == 0 || end[-1] == '.')
		return false;
	for (; after < scale; after++)
	{
		if (value > 0 && ++significant > UNITS_DIGITS_MAX)
			return false;
		value *= 10;
	}
	*units = negative ? -value - below : value;
	return true;
}

static uint8_t *
append_units(uint8_t *out, int64_t units, unsigned scale)
{
	uint8_t digits[UNITS_DIGITS_MAX + 4];
	unsigned count = 0;
	uint64_t value = (uint64_t) (units < 0 ? -units : units);

	if (units < 0)
		*out++ = '-';
	do
	{
		digits[count++] = (uint8_t) ('0' + value % 10);
		value /= 10;
	} while (value > 0 || count <= scale);
	while (count > 0)
	{
		*out++ = digits[--count];
		if (count == scale && count > 0)
			*out++ = '.';
	}
	return out;
}

size_t
mask_range(const MaskInput *in, const MaskSpec *spec, uint8_t *out)
{
	unsigned scale = (unsigned) spec->scale;
	uint8_t *to = out;
	int64_t units, from;

	if (spec->step <= 0 || !read_units(in->start, in->end, scale, &units))
		return mask_redact(out);
	from = units / spec->step * spec->step;
	if (from > units)
		from -= spec->step; /* division cuts towards zero */
	*to++ = '[';
	to = append_units(to, from, scale);
	*to++ = ',';
	to = append_units(to, from + spec->step, scale); /* of 19 digits at most */
	*to++ = ')';
	return (size_t) (to - out);
}
