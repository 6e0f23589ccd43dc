/*
 * number.c
 *		Numbers with check digits, and those of telephones.
 */
#include "recognize/digits.h"
#include "recognize/recognize.h"

bool
digits_read(Bytes text, const char *separators, Digits *digits)
{
	bool separated = true; /* or the beginning, where no separator may stand */

	*digits = (Digits){0};
	for (size_t i = 0; i < text.len; i++)
	{
		uint8_t byte = text.data[i];

		if (byte >= '0' && byte <= '9')
		{
			if (digits->count == DIGITS_MAX)
				return false;
			digits->value[digits->count++] = (uint8_t) (byte - '0');
			separated = false;
		}
		else if (byte != 0 && strchr(separators, byte) != NULL && !separated)
		{
			if (digits->groups < DIGITS_GROUPS_MAX)
				digits->ends[digits->groups] = (uint8_t) digits->count;
			digits->groups++;
			separated = true;
		}
		else
			return false;
	}
	return digits->count > 0 && !separated;
}

uint64_t
digits_number(const Digits *digits, size_t from, size_t to)
{
	uint64_t number = 0;

	for (size_t i = from; i < to; i++)
		number = number * 10 + digits->value[i];
	return number;
}

/* ISO/IEC 7812-1, annex B */
bool
digits_luhn(const Digits *digits)
{
	unsigned sum = 0;

	for (size_t i = 0; i < digits->count; i++)
	{
		unsigned value = digits->value[digits->count - 1 - i];

		sum += i % 2 == 0 ? value : value < 5 ? 2 * value : 2 * value - 9;
	}
	return sum % 10 == 0;
}

bool
digits_same(const Digits *digits)
{
	for (size_t i = 1; i < digits->count; i++)
	{
		if (digits->value[i] != digits->value[0])
			return false;
	}
	return true;
}

/* ------------------------------------------------------------ payment cards */

/* Which first digits are a card issuer's, and how long its numbers are; as the networks publish it.
 */
static const struct
{
	uint16_t first; /* of four digits */
	uint16_t last;
	uint8_t shortest;
	uint8_t longest;
} issuers[] = {
	{2200, 2204, 16, 19},                       /* Mir */
	{2221, 2720, 16, 16},                       /* Mastercard */
	{3000, 3059, 14, 19},                       /* Diners Club */
	{3095, 3095, 14, 19}, {3400, 3499, 15, 15}, /* American Express */
	{3528, 3589, 16, 19},                       /* JCB */
	{3600, 3699, 14, 19},                       /* Diners Club */
	{3700, 3799, 15, 15},                       /* American Express */
	{3800, 3999, 14, 19},                       /* Diners Club */
	{4000, 4999, 16, 16}, /* Visa: its 13 digits are of the past, and of EAN codes */
	{5018, 5018, 12, 19}, /* Maestro */
	{5020, 5020, 12, 19}, {5038, 5038, 12, 19}, {5100, 5599, 16, 16}, /* Mastercard */
	{5893, 5893, 12, 19},                                             /* Maestro */
	{6011, 6011, 16, 19},                                             /* Discover */
	{6200, 6299, 16, 19},                                             /* UnionPay */
	{6304, 6304, 12, 19},                                             /* Maestro */
	{6440, 6599, 16, 19},                                             /* Discover, RuPay */
	{6759, 6759, 12, 19},                                             /* Maestro */
	{6761, 6763, 12, 19}, {8100, 8299, 16, 19},                       /* UnionPay, RuPay */
	{9792, 9792, 16, 16},                                             /* Troy */
};

Likeness
like_card(Bytes text)
{
	Digits digits;
	uint64_t prefix;

	if (!digits_read(text, " -", &digits) || digits.count < 12 || digits.groups > 5 ||
		digits_same(&digits))
		return LIKE_NOTHING;
	prefix = digits_number(&digits, 0, 4);
	for (size_t i = 0; i < sizeof(issuers) / sizeof(issuers[0]); i++)
	{
		if (prefix >= issuers[i].first && prefix <= issuers[i].last &&
			digits.count >= issuers[i].shortest && digits.count <= issuers[i].longest)
			return digits_luhn(&digits) ? LIKE_PROVEN : LIKE_POSSIBLE;
	}
	return LIKE_NOTHING;
}

/* 3GPP TS 23.003, 6.2: 15 digits, the first two of the body that gave it. */
Likeness
like_imei(Bytes text)
{
	static const uint8_t bodies[] = {1, 35, 44, 45, 49, 86, 99};
	Digits digits;
	uint64_t body;

	if (!digits_read(text, " -", &digits) || digits.count != 15)
		return LIKE_NOTHING;
	body = digits_number(&digits, 0, 2);
	for (size_t i = 0; i < sizeof(bodies); i++)
	{
		if (body == bodies[i] && digits_luhn(&digits))
			return LIKE_FORM;
	}
	return LIKE_NOTHING;
}

/* ------------------------------------------------------------ bank accounts */

/* The IBAN registry (SWIFT, release 99): how long the numbers of a country are. */
static const char iban_lengths[][5] = {
	"AD24", "AE23", "AL28", "AT20", "AZ28", "BA20", "BE16", "BG22", "BH22", "BI27", "BR29", "BY28",
	"CH21", "CR22", "CY28", "CZ24", "DE22", "DJ27", "DK18", "DO28", "EE20", "EG29", "ES24", "FI18",
	"FK18", "FO18", "FR27", "GB22", "GE22", "GI23", "GL18", "GR27", "GT28", "HN28", "HR21", "HU28",
	"IE22", "IL23", "IQ23", "IS26", "IT27", "JO30", "KW30", "KZ20", "LB28", "LC32", "LI21", "LT20",
	"LU20", "LV21", "LY25", "MC27", "MD24", "ME22", "MK19", "MN20", "MR27", "MT31", "MU30", "NI28",
	"NL18", "NO15", "OM23", "PK24", "PL28", "PS29", "PT25", "QA29", "RO24", "RS22", "RU33", "SA24",
	"SC31", "SD18", "SE24", "SI19", "SK24", "SM27", "SO23", "ST25", "SV28", "TL23", "TN24", "TR26",
	"UA29", "VA22", "VG24", "XK20", "YE30",
};

#define IBAN_MAX 34

Likeness
like_iban(Bytes text)
{
	uint8_t compact[IBAN_MAX];
	size_t count = 0;
	unsigned rest = 0;

	for (size_t i = 0; i < text.len; i++)
	{
		uint8_t byte = text.data[i];

		if (byte >= 'a' && byte <= 'z')
			byte -= 'a' - 'A';
		if (byte == ' ' && count > 0 && i + 1 < text.len)
			continue;
		if (count == IBAN_MAX || !((byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z')))
			return LIKE_NOTHING;
		compact[count++] = byte;
	}
	if (count < 15)
		return LIKE_NOTHING;
	for (size_t i = 0; i < sizeof(iban_lengths) / sizeof(iban_lengths[0]); i++)
	{
		const char *country = iban_lengths[i];

		if (memcmp(compact, country, 2) != 0)
			continue;
		if (count != (size_t) ((country[2] - '0') * 10 + country[3] - '0'))
			return LIKE_NOTHING;
		/* ISO 7064, MOD 97-10, over what follows the first four characters, and these */
		for (size_t j = 0; j < count; j++)
		{
			uint8_t byte = compact[(j + 4) % count];

			rest = byte <= '9' ? rest * 10 + (byte - '0') : rest * 100 + (byte - 'A' + 10);
			rest %= 97;
		}
		return rest == 1 ? LIKE_PROVEN : LIKE_POSSIBLE;
	}
	return LIKE_NOTHING;
}

/* ------------------------------------------------------------ telephones */

/*
 * ITU-T E.164: is it an assigned country code? Those of one digit, then those of two;
 * all that begin with other digits have three.
 */
static bool
is_country_code(const Digits *digits)
{
	static const char two[] = "20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 "
							  "55 56 57 58 60 61 62 63 64 65 66 81 82 84 86 90 91 92 93 94 95 98 ";
	static const char three[] = "21 22 23 24 25 26 29 35 37 38 42 50 59 67 68 69 80 85 87 88 96 97 "
								"99 ";
	char start[4] = {(char) ('0' + digits->value[0]), (char) ('0' + digits->value[1]), ' ', 0};

	return start[0] == '1' || start[0] == '7' || strstr(two, start) != NULL ||
		   strstr(three, start) != NULL;
}

/* ISBN-10 (ISO 2108:1992) has the form of a national number, and a check digit. */
static bool
is_isbn(const Digits *digits)
{
	unsigned sum = 0;

	if (digits->count != 10)
		return false;
	for (unsigned i = 0; i < 10; i++)
		sum += (10 - i) * digits->value[i];
	return sum % 11 == 0;
}

Likeness
like_phone(Bytes text)
{
	uint8_t plain[32];
	size_t size = 0;
	bool plus = text.len > 0 && text.data[0] == '+';
	bool bracket = false;
	Digits digits;
	bool grouped;

	/* "+44 (0)20 ..." and "(555) 123-4567": brackets become a space, and two separators one. */
	for (size_t i = plus; i < text.len; i++)
	{
		uint8_t byte = text.data[i];

		if (byte == '(' || byte == ')')
		{
			bracket = true;
			byte = ' ';
		}
		if (byte == ' ' && (size == 0 || plain[size - 1] == ' '))
			continue;
		if (byte == '-' && size > 0 && plain[size - 1] == ' ')
			size--;
		if (size == sizeof(plain))
			return LIKE_NOTHING;
		plain[size++] = byte;
	}
	if (!digits_read(bytes_view(plain, size), " -./", &digits) || digits.count < 7 ||
		digits.count > 16 || digits_same(&digits))
		return LIKE_NOTHING;
	grouped = digits.groups > 0;

	if (plus)
		return digits.value[0] != 0 && is_country_code(&digits) && digits.count >= 8 ? LIKE_PROVEN
																					 : LIKE_NOTHING;
	/* North America: the area and the exchange begin with 2 to 9 */
	if (digits.count == 10 && digits.groups == 2 && digits.ends[0] == 3 && digits.ends[1] == 6 &&
		digits.value[0] >= 2 && digits.value[3] >= 2)
		return LIKE_FORM;
	if (digits.count == 11 && digits.groups == 3 && digits.value[0] == 1 && digits.ends[0] == 1 &&
		digits.ends[1] == 4 && digits.value[1] >= 2)
		return LIKE_FORM;
	/* Elsewhere a zero goes before the area's number, and two before a country's. */
	if (digits.value[0] == 0 && digits.count >= 9 && digits.count <= 15 &&
		(digits.value[1] != 0 || digits.value[2] != 0) && !is_isbn(&digits))
	{
		if (grouped ? digits.ends[0] >= 2 : digits.count <= 12)
			return grouped || bracket ? LIKE_FORM : LIKE_POSSIBLE;
	}
	return LIKE_POSSIBLE;
}
