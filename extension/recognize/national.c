/*
 * national.c
 *		Numbers by which states know people, where their form is public.
 *
 * A number of nine or eleven digits that has a right check digit by chance is
 * not rare: such a column shows itself by having nothing else.
 */
#include "recognize/digits.h"
#include "recognize/recognize.h"

static bool
is_upper(uint8_t byte)
{
	return byte >= 'A' && byte <= 'Z';
}

static bool
is_day(uint64_t month, uint64_t day)
{
	return month >= 1 && month <= 12 && day >= 1 && day <= 31;
}

/* The sum of the first `count` digits, each times its weight. */
static unsigned
weighted(const Digits *digits, const uint8_t *weights, size_t count)
{
	unsigned sum = 0;

	for (size_t i = 0; i < count; i++)
		sum += (unsigned) digits->value[i] * weights[i];
	return sum;
}

/* ------------------------------------------------------------ 8 and 9 digits */

/* United States: as the Social Security Administration gives them out since 2011 */
static bool
is_ssn(const Digits *digits)
{
	uint64_t area = digits_number(digits, 0, 3);

	return digits->groups == 2 && digits->ends[0] == 3 && digits->ends[1] == 5 && area != 0 &&
		   area != 666 && area < 900 && digits_number(digits, 3, 5) != 0 &&
		   digits_number(digits, 5, 9) != 0;
}

/* Netherlands: the eleven-test, the last digit times -1 */
static bool
is_bsn(const Digits *digits)
{
	static const uint8_t weights[9] = {9, 8, 7, 6, 5, 4, 3, 2, 10};

	return weighted(digits, weights, 9) % 11 == 0;
}

/* Canada: Luhn's digit; 0 and 8 are not given out as the first. */
static bool
is_sin(const Digits *digits)
{
	return digits->value[0] != 0 && digits->value[0] != 8 && digits_luhn(digits);
}

/* ------------------------------------------------------------ 11 digits */

/* Brazil, CPF: two check digits modulo 11 */
static bool
is_cpf(const Digits *digits)
{
	for (size_t length = 9; length <= 10; length++)
	{
		unsigned sum = 0;

		for (size_t i = 0; i < length; i++)
			sum += (unsigned) (length + 1 - i) * digits->value[i];
		if (sum * 10 % 11 % 10 != digits->value[length])
			return false;
	}
	return true;
}

/*
 * Germany, identification number for taxes: ISO 7064, MOD 11,10. Of the first
 * ten digits one comes twice or three times, and the others at most once.
 */
static bool
is_german_tax_id(const Digits *digits)
{
	unsigned seen[10] = {0};
	unsigned product = 10;
	unsigned repeated = 0;

	if (digits->value[0] == 0)
		return false;
	for (size_t i = 0; i < 10; i++)
	{
		unsigned sum = (digits->value[i] + product) % 10;

		product = 2 * (sum == 0 ? 10 : sum) % 11;
		if (++seen[digits->value[i]] == 2)
			repeated++;
		else if (seen[digits->value[i]] > 3)
			return false;
	}
	return repeated == 1 && (11 - product) % 10 == digits->value[10];
}

/* Poland: born in 1800 to 2299, told by what is added to the month */
static bool
is_pesel(const Digits *digits)
{
	static const uint8_t weights[10] = {1, 3, 7, 9, 1, 3, 7, 9, 1, 3};

	return is_day(digits_number(digits, 2, 4) % 20, digits_number(digits, 4, 6)) &&
		   (weighted(digits, weights, 10) + digits->value[10]) % 10 == 0;
}

/* Turkey */
static bool
is_tckn(const Digits *digits)
{
	const uint8_t *d = digits->value;
	unsigned odd = d[0] + d[2] + d[4] + d[6] + d[8];
	unsigned even = d[1] + d[3] + d[5] + d[7];

	return d[0] != 0 && (7 * odd + 10 * 9 - even) % 10 == d[9] && (odd + even + d[9]) % 10 == d[10];
}

/* Belgium: 97 less the rest by 97; since 2000 with a 2 before the number */
static bool
is_belgian(const Digits *digits)
{
	uint64_t number = digits_number(digits, 0, 9);
	uint64_t check = digits_number(digits, 9, 11);

	return is_day(digits_number(digits, 2, 4), digits_number(digits, 4, 6)) &&
		   (97 - number % 97 == check || 97 - (number + 2000000000) % 97 == check);
}

/* ------------------------------------------------------------ longer ones */

/* India, Aadhaar: Verhoeff's digit, by the group of the pentagon's symmetries */
static bool
is_aadhaar(const Digits *digits)
{
	static const uint8_t permutation[10] = {1, 5, 7, 6, 2, 8, 3, 0, 9, 4};
	unsigned check = 0;

	if (digits->value[0] < 2)
		return false;
	for (size_t i = 0; i < digits->count; i++)
	{
		unsigned value = digits->value[digits->count - 1 - i];

		for (size_t times = i % 8; times > 0; times--)
			value = permutation[value];
		if (check < 5)
			check = (value < 5 ? 0 : 5) + (check + value) % 5;
		else
			check = (value < 5 ? 5 : 0) + (check + 10 - value) % 5;
	}
	return check == 0;
}

/* Switzerland: 756, and the check digit of EAN-13 */
static bool
is_ahv(const Digits *digits)
{
	static const uint8_t weights[13] = {1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1};

	return digits_number(digits, 0, 3) == 756 && weighted(digits, weights, 13) % 10 == 0;
}

/* France: sex, year, month (beyond 12 where it is not known), place, order; and the key */
static bool
is_nir(const Digits *digits)
{
	uint64_t month = digits_number(digits, 3, 5);

	return (digits->value[0] == 1 || digits->value[0] == 2) && month >= 1 &&
		   (month <= 12 || month >= 20) &&
		   97 - digits_number(digits, 0, 13) % 97 == digits_number(digits, 13, 15);
}

/* Sweden: Luhn's digit over the last ten, with a sign before the last four, or the whole year */
static bool
is_swedish(const Digits *digits)
{
	size_t from = digits->count - 10;
	Digits last = {.count = 10};

	if (from == 2 ? digits_number(digits, 0, 2) != 19 && digits_number(digits, 0, 2) != 20
				  : digits->groups != 1)
		return false;
	if (digits->groups > 1 || (digits->groups == 1 && digits->ends[0] != from + 6))
		return false;
	memcpy(last.value, digits->value + from, 10);
	return is_day(digits_number(&last, 2, 4), digits_number(&last, 4, 6)) && digits_luhn(&last);
}

/* ------------------------------------------------------------ with letters */

/* Spain: the letter of the number modulo 23; X, Y and Z for 0, 1 and 2 before those of foreigners
 */
static bool
is_dni(const uint8_t *text)
{
	uint64_t number = 0;

	if (text[0] >= 'X' && text[0] <= 'Z')
		number = (uint64_t) (text[0] - 'X');
	else if (text[0] >= '0' && text[0] <= '9')
		number = (uint64_t) (text[0] - '0');
	else
		return false;
	for (size_t i = 1; i < 8; i++)
	{
		if (text[i] < '0' || text[i] > '9')
			return false;
		number = number * 10 + (text[i] - '0');
	}
	return text[8] == (uint8_t) "TRWAGMYFPDXBNJZSQVHLCKE"[number % 23];
}

/* "9" for a digit, "A" for a letter, "*" for either */
static bool
has_form(const uint8_t *text, const char *form)
{
	for (; *form != '\0'; form++, text++)
	{
		bool digit = *text >= '0' && *text <= '9';

		if (*form == '9' ? !digit : *form == 'A' ? !is_upper(*text) : !digit && !is_upper(*text))
			return false;
	}
	return true;
}

/* Italy: decree of 23 December 1976; what an odd place counts, for 0 to 9 and A to Z alike */
static bool
is_codice_fiscale(const uint8_t *text)
{
	static const uint8_t odd[26] = {1,  0,  5, 7, 9, 13, 15, 17, 19, 21, 2,  4,  18,
									20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23};
	unsigned sum = 0;

	if (!has_form(text, "AAAAAA**A**A***A"))
		return false;
	for (size_t i = 0; i < 15; i++)
	{
		unsigned value = text[i] <= '9' ? text[i] - '0' : text[i] - 'A';

		sum += i % 2 == 0 ? odd[value] : value;
	}
	return text[15] == 'A' + sum % 26;
}

/* United Kingdom: letters that are not used, and prefixes that are not */
static bool
is_nino(const uint8_t *text)
{
	static const char unused[] = "BG GB NK KN TN NT ZZ ";
	char prefix[4] = {(char) text[0], (char) text[1], ' ', 0};

	return has_form(text, "AA999999A") && strchr("DFIQUV", text[0]) == NULL &&
		   strchr("DFIQUVO", text[1]) == NULL && strstr(unused, prefix) == NULL && text[8] <= 'D';
}

/* China, GB 11643: ISO 7064, MOD 11-2, over 17 digits, of which eight are a date */
static bool
is_chinese(const uint8_t *text)
{
	unsigned sum = 0;

	if (!has_form(text, "99999999999999999*") || (text[6] != '1' && text[6] != '2'))
		return false;
	if (!is_day((uint64_t) (text[10] - '0') * 10 + text[11] - '0',
				(uint64_t) (text[12] - '0') * 10 + text[13] - '0'))
		return false;
	for (size_t i = 0; i < 17; i++)
		sum = (sum + (unsigned) (text[i] - '0')) * 2;
	return text[17] == (uint8_t) "10X98765432"[sum % 11];
}

/* Finland: a date, the sign of the century, three digits, and a sign by the rest modulo 31 */
static bool
is_finnish(const uint8_t *text)
{
	uint64_t number = 0;

	for (size_t i = 0; i < 10; i++)
	{
		if (i == 6)
			continue;
		if (text[i] < '0' || text[i] > '9')
			return false;
		number = number * 10 + (text[i] - '0');
	}
	return text[6] != 0 && strchr("+-YXWVUABCDEF", text[6]) != NULL &&
		   is_day(number / 100000 % 100, number / 10000000) &&
		   text[10] == (uint8_t) "0123456789ABCDEFHJKLMNPRSTUVWXY"[number % 31];
}

static Likeness
like_lettered(Bytes text)
{
	uint8_t compact[18];
	size_t count = 0;

	for (size_t i = 0; i < text.len; i++)
	{
		uint8_t byte = text.data[i];

		if (byte == ' ' || byte == '.' || (byte == '-' && text.len != 11))
			continue;
		if (count == sizeof(compact))
			return LIKE_NOTHING;
		compact[count++] = byte >= 'a' && byte <= 'z' ? byte - ('a' - 'A') : byte;
	}
	switch (count)
	{
		case 9:
			return is_dni(compact) ? LIKE_PROVEN : is_nino(compact) ? LIKE_FORM : LIKE_NOTHING;
		case 10: /* India, PAN: the fourth letter tells whose it is, P for a person */
			return has_form(compact, "AAAAA9999A") && compact[3] == 'P' ? LIKE_FORM : LIKE_NOTHING;
		case 11:
			return is_finnish(compact) ? LIKE_PROVEN : LIKE_NOTHING;
		case 16:
			return is_codice_fiscale(compact) ? LIKE_PROVEN : LIKE_NOTHING;
		case 18:
			return is_chinese(compact) ? LIKE_PROVEN : LIKE_NOTHING;
		default:
			return LIKE_NOTHING;
	}
}

Likeness
like_national_id(Bytes text)
{
	Digits digits;
	bool proven = false;

	if (text.len < 8 || text.len > 24)
		return LIKE_NOTHING;
	if (!digits_read(text, " -.+", &digits))
		return like_lettered(text);
	if (digits_same(&digits))
		return LIKE_NOTHING;
	switch (digits.count)
	{
		case 9:
			if (is_ssn(&digits))
				return LIKE_FORM;
			proven = is_bsn(&digits) || is_sin(&digits);
			break;
		case 10:
			proven = is_swedish(&digits);
			break;
		case 11:
			proven = is_cpf(&digits) || is_german_tax_id(&digits) || is_pesel(&digits) ||
					 is_tckn(&digits) || is_belgian(&digits);
			break;
		case 12:
			proven = is_aadhaar(&digits) || is_swedish(&digits);
			break;
		case 13:
			proven = is_ahv(&digits);
			break;
		case 15:
			proven = is_nir(&digits);
			break;
		case 18:
			return like_lettered(text);
		default:
			break;
	}
	return proven ? LIKE_PROVEN : LIKE_NOTHING;
}
