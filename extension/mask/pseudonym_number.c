/*
 * pseudonym_number.c - numbers that stand for whole numbers of as many digits
 */
#include "base/secret.h"
#include "mask/permute.h"

/* As many digits as a word has room for. */
#define CHUNK_DIGITS 9
#define CHUNK 1000000000

static WholeNumber
power_of_ten(size_t exponent)
{
	WholeNumber number = whole_of(1);

	for (; exponent >= CHUNK_DIGITS; exponent -= CHUNK_DIGITS)
		whole_multiply_add(&number, CHUNK, 0);
	for (; exponent > 0; exponent--)
		whole_multiply_add(&number, 10, 0);
	return number;
}

static void
read_digits(const char *digits, size_t count, WholeNumber *number)
{
	number->size = 0;
	for (size_t i = 0; i < count; i++)
		whole_multiply_add(number, 10, (uint32_t) (digits[i] - '0'));
}

static size_t
write_digits(WholeNumber *number, char digits[MASK_NUMBER_DIGITS_MAX])
{
	char reversed[MASK_NUMBER_DIGITS_MAX + CHUNK_DIGITS];
	size_t count = 0, size = 0;

	do
	{
		uint32_t chunk = whole_divide(number, CHUNK);

		for (int i = 0; i < CHUNK_DIGITS; i++, chunk /= 10)
			reversed[count++] = (char) ('0' + chunk % 10);
	} while (number->size > 0);
	while (count > 1 && reversed[count - 1] == '0')
		count--;
	while (count > 0)
		digits[size++] = reversed[--count];
	secret_wipe(reversed, sizeof(reversed));
	return size;
}

/*
 * Numbers that have pseudonyms among themselves: from *low on, below *high.
 * All with as many digits; those that fit 32 bits, and 64, apart from the
 * longer ones, so that the pseudonym of an integer is one of its type. Returns
 * which part it is.
 */
static uint8_t
find_range(const WholeNumber *number, size_t count, bool negative, WholeNumber *low,
		   WholeNumber *high)
{
	WholeNumber border;

	*high = power_of_ten(count > MASK_NUMBER_SMALL ? count : MASK_NUMBER_SMALL);
	*low = count > MASK_NUMBER_SMALL ? power_of_ten(count - 1) : whole_of(0);
	if (count == 10)
		border = whole_of((UINT64_C(1) << 31) + negative);
	else if (count == 19)
		border = whole_of((UINT64_C(1) << 63) + negative);
	else
		return 0;
	if (whole_is_less(number, &border))
	{
		*high = border;
		return 1;
	}
	*low = border;
	return 2;
}

bool
mask_pseudonym_number(MaskKeys *keys, bool negative, char digits[MASK_NUMBER_DIGITS_MAX],
					  size_t *count)
{
	uint8_t tweak[9] = {'n', 'u', 'm', 'b', 'e', 'r', negative ? '-' : '+'};
	WholeNumber number, low, high;
	bool fits = false;

	if (*count == 0 || *count > MASK_NUMBER_DIGITS_MAX)
		return false;
	read_digits(digits, *count, &number);
	tweak[7] = (uint8_t) (*count > MASK_NUMBER_SMALL ? *count - 1 : 0);
	tweak[8] = find_range(&number, *count, negative, &low, &high);
	whole_add(&number, &low, true);
	whole_add(&high, &low, true);
	if (permute_number(keys, bytes_view(tweak, sizeof(tweak)), &high, &number, &fits) !=
			CRYPTO_OK ||
		!fits)
		return false;
	whole_add(&number, &low, false);
	*count = write_digits(&number, digits);
	return true;
}
