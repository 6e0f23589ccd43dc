/*
 * recognize.c
 *		Which recognizers a text is shown to, and what stands within a longer one.
 */
#include "recognize/recognize.h"

#include "recognize/digits.h"
#include "mask/mask.h"

/* What a text is made of: one pass, after which most recognizers need not be asked. */
typedef struct Shape
{
	size_t digits;
	size_t letters; /* of ASCII */
	size_t blanks;
	size_t other; /* bytes beyond ASCII */
	size_t ats;
	size_t colons;
	size_t points;
	size_t hyphens;
} Shape;

static Shape
shape_of(Bytes text)
{
	Shape shape = {0};

	for (size_t i = 0; i < text.len; i++)
	{
		uint8_t byte = text.data[i];

		shape.digits += byte >= '0' && byte <= '9';
		shape.letters += (byte | 0x20) >= 'a' && (byte | 0x20) <= 'z';
		shape.blanks += byte <= ' ';
		shape.other += byte >= 0x80;
		shape.ats += byte == '@';
		shape.colons += byte == ':';
		shape.points += byte == '.';
		shape.hyphens += byte == '-';
	}
	return shape;
}

static void
note(Recognition *found, SensitiveKind kind, Likeness likeness)
{
	uint32_t bit = SENSITIVE_BIT(kind);

	found->proven |= likeness >= LIKE_PROVEN ? bit : 0;
	found->alike |= likeness >= LIKE_FORM ? bit : 0;
	found->possible |= likeness >= LIKE_POSSIBLE ? bit : 0;
}

/* Whether a mask that redacts what has not its form shows anything of it. */
static bool
has_form_of(const MaskSpec *spec, Bytes text, bool utf8)
{
	char out[MASK_BOUND_MAX];
	size_t size = mask_text(spec, utf8, (const char *) text.data, text.len, out);

	return size != strlen("[redacted]") || memcmp(out, "[redacted]", size) != 0;
}

/* Of file names with "@", of which "icon@2x.png" is the usual one. */
static bool
is_file_name(Bytes text)
{
	static const char *const endings[] = {".png", ".jpg",  ".jpeg", ".gif", ".svg", ".webp",
										  ".js",  ".json", ".css",  ".pdf", ".html"};

	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++)
	{
		size_t size = strlen(endings[i]);

		if (text.len > size && memcmp(text.data + text.len - size, endings[i], size) == 0)
			return true;
	}
	return false;
}

static bool
is_email(Bytes text, bool utf8)
{
	static const MaskSpec email = {.kind = MASK_EMAIL};

	return has_form_of(&email, text, utf8) && !is_file_name(text);
}

/* ------------------------------------------------------------ networks, devices, places */

/*
 * Version numbers have the form of IPv4 addresses, too, with small parts: of an
 * address the first one is large, but in a seventh of them and in 10.0.0.0/8
 * (RFC 1918), where others are.
 */
#define VERSION_PART_MAX 31

static Likeness
like_ip(Bytes text)
{
	static const MaskSpec ip = {.kind = MASK_IP, .prefix = MASK_IP_V4, .suffix = MASK_IP_V6};
	unsigned parts[4] = {0};
	size_t at = 0;
	int large = 0;

	if (!has_form_of(&ip, text, true))
		return LIKE_NOTHING;
	if (memchr(text.data, ':', text.len) != NULL)
		return text.len > 3 ? LIKE_PROVEN : LIKE_FORM; /* "::" may be C++ */
	for (size_t i = 0; i < text.len && text.data[i] != '/'; i++)
	{
		if (text.data[i] == '.')
			at++;
		else
			parts[at] = parts[at] * 10 + (text.data[i] - '0');
	}
	for (size_t i = 1; i < 4; i++)
		large += parts[i] > VERSION_PART_MAX;
	return parts[0] > VERSION_PART_MAX || large >= (parts[0] == 10 ? 1 : 2) ? LIKE_PROVEN
																			: LIKE_POSSIBLE;
}

/* IEEE 802: six bytes in hexadecimal between colons or hyphens */
static Likeness
like_mac(Bytes text)
{
	if (text.len != 17 || (text.data[2] != ':' && text.data[2] != '-'))
		return LIKE_NOTHING;
	for (size_t i = 0; i < text.len; i++)
	{
		uint8_t byte = text.data[i] | 0x20;

		if (i % 3 == 2 ? text.data[i] != text.data[2]
					   : !((byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'f')))
			return LIKE_NOTHING;
	}
	return LIKE_PROVEN;
}

/* A number of degrees with three decimal places or more: a place of 100 m. */
static bool
read_degrees(Bytes text, size_t *at, int most)
{
	int whole = 0;
	size_t places = 0;
	size_t start;

	while (*at < text.len && text.data[*at] == ' ')
		(*at)++;
	if (*at < text.len && text.data[*at] == '-')
		(*at)++;
	for (start = *at;
		 *at < text.len && *at < start + 3 && text.data[*at] >= '0' && text.data[*at] <= '9';
		 (*at)++)
		whole = whole * 10 + (text.data[*at] - '0');
	if (*at == start || *at == text.len || text.data[*at] != '.' || whole > most)
		return false;
	for ((*at)++; *at < text.len && text.data[*at] >= '0' && text.data[*at] <= '9'; (*at)++)
		places++;
	return places >= 3;
}

/* "48.8566, 2.3522", perhaps in brackets */
static Likeness
like_location(Bytes text)
{
	size_t at = text.data[0] == '(';

	if (!read_degrees(text, &at, 90))
		return LIKE_NOTHING;
	if (at == text.len || (text.data[at] != ',' && text.data[at] != ' '))
		return LIKE_NOTHING;
	at++;
	if (!read_degrees(text, &at, 180))
		return LIKE_NOTHING;
	return at == text.len || (at + 1 == text.len && text.data[at] == ')') ? LIKE_FORM
																		  : LIKE_NOTHING;
}

/* ------------------------------------------------------------ dates */

/* Of people who are old enough to sign up somewhere; most other dates are of later years. */
#define AGE_MIN 14
#define AGE_MAX 110

void
recognize_date(int born, int year, Recognition *found)
{
	int age = year - born;

	*found = (Recognition){0};
	if (age >= 0 && age <= AGE_MAX)
		note(found, SENSITIVE_BIRTH_DATE, age >= AGE_MIN ? LIKE_FORM : LIKE_POSSIBLE);
}

/* "1815-12-10", "10.12.1815", "12/10/1815", of which day and month need not be known */
static int
year_of_date(Bytes text)
{
	Digits digits;
	bool year_first;

	if (!digits_read(text, "-./", &digits) || digits.groups != 2 || digits.count < 6 ||
		digits.count > 8)
		return 0;
	year_first = digits.ends[0] == 4;
	if (!year_first && (digits.ends[0] > 2 || digits.count - digits.ends[1] != 4))
		return 0;
	if (digits.ends[1] - digits.ends[0] > 2)
		return 0;
	return (int) (year_first ? digits_number(&digits, 0, 4)
							 : digits_number(&digits, digits.ends[1], digits.count));
}

/* ------------------------------------------------------------ one value */

static void
recognize_number(Bytes text, Recognition *found)
{
	note(found, SENSITIVE_CARD, like_card(text));
	note(found, SENSITIVE_PHONE, like_phone(text));
	note(found, SENSITIVE_NATIONAL_ID, like_national_id(text));
	note(found, SENSITIVE_DEVICE, like_imei(text));
}

static void
recognize_secret(Bytes text, Recognition *found)
{
	if (like_private_key(text))
		note(found, SENSITIVE_PRIVATE_KEY, LIKE_PROVEN);
	if (like_token(text))
		note(found, SENSITIVE_TOKEN, LIKE_PROVEN);
	if (like_access_key(text))
		note(found, SENSITIVE_ACCESS_KEY, LIKE_PROVEN);
	if (like_password_hash(text))
		note(found, SENSITIVE_PASSWORD_HASH, LIKE_PROVEN);
}

/* No value of these kinds is longer: an address with all its lines. */
#define VALUE_BYTES_MAX 320

static void
recognize_whole(Bytes text, bool utf8, int year, Recognition *found)
{
	Shape shape = shape_of(text);
	size_t rest = text.len - shape.digits - shape.blanks;

	recognize_secret(text, found);
	if (found->proven != 0 || text.len > VALUE_BYTES_MAX)
		return;
	if (shape.ats > 0 && shape.points > 0 && is_email(text, utf8))
		note(found, SENSITIVE_EMAIL, LIKE_PROVEN);
	if (shape.digits >= 7 && shape.letters + shape.other == 0)
	{
		recognize_number(text, found);
		if (shape.points == 2)
			note(found, SENSITIVE_LOCATION, like_location(text));
	}
	if ((shape.points == 3 && shape.letters + shape.other == 0 && shape.digits >= 4) ||
		shape.colons >= 2)
		note(found, SENSITIVE_IP, like_ip(text));
	if (rest == 2 && shape.digits >= 6)
	{
		int born = year_of_date(text);
		Recognition date;

		if (born > 0)
		{
			recognize_date(born, year, &date);
			found->alike |= date.alike;
			found->possible |= date.possible;
		}
	}
	if (shape.other == 0 && shape.digits >= 2 && shape.letters > 0)
	{
		note(found, SENSITIVE_BANK_ACCOUNT, like_iban(text));
		if (shape.letters <= 9)
			note(found, SENSITIVE_NATIONAL_ID, like_national_id(text));
	}
	if (shape.colons == 5 || shape.hyphens == 5)
		note(found, SENSITIVE_DEVICE, like_mac(text));
	if (shape.digits == 0 && shape.ats == 0)
		note(found, SENSITIVE_NAME, like_name(text));
	else if (shape.letters + shape.other > 2 && shape.blanks > 0)
		note(found, SENSITIVE_ADDRESS, like_address(text));
}

/* ------------------------------------------------------------ what stands within a text */

/* Between two of these, words; a value does not begin or end in one. */
static bool
is_border(uint8_t byte)
{
	return byte <= ' ' || (byte < 0x80 && strchr("\"'<>()[]{},;=|`", byte) != NULL);
}

static bool
is_stop(uint8_t byte)
{
	return byte < 0x80 && strchr(".:!?", byte) != NULL;
}

/* Longer than any number with what people write between digits. */
#define NUMBER_BYTES_MAX 40

/* Where does such a number end? */
static size_t
number_end(Bytes text, size_t at)
{
	size_t end = at;
	size_t limit = text.len - at > NUMBER_BYTES_MAX ? at + NUMBER_BYTES_MAX : text.len;

	for (; at < limit; at++)
	{
		uint8_t byte = text.data[at];
		bool digit = byte >= '0' && byte <= '9';

		if (digit || (byte == '+' && end == at))
			end = at + 1;
		else if ((byte != ' ' && byte != '-') || (at > 0 && text.data[at - 1] == byte))
			break;
	}
	return end;
}

/* What of a number in the middle of words is more than a chance: nothing by its check digit alone.
 */
static void
within_number(Bytes text, Recognition *found)
{
	Likeness card = like_card(text);

	note(found, SENSITIVE_CARD, card == LIKE_PROVEN ? LIKE_POSSIBLE : card);
	if (card == LIKE_PROVEN)
		found->within |= SENSITIVE_BIT(SENSITIVE_CARD);
	else if (text.data[0] == '+' && text.data[1] != ' ' && like_phone(text) == LIKE_PROVEN)
		found->within |= SENSITIVE_BIT(SENSITIVE_PHONE);
	else if (text.len == 11 && text.data[3] == '-' && like_national_id(text) >= LIKE_FORM)
		found->within |= SENSITIVE_BIT(SENSITIVE_NATIONAL_ID);
}

static void
within_word(Bytes text, size_t from, size_t to, bool utf8, Recognition *found)
{
	Bytes word = bytes_view(text.data + from, to - from);
	Bytes rest = bytes_view(text.data + from, text.len - from);
	Recognition secret = {0};

	/* It was looked at by itself. */
	if (word.len == text.len && word.len <= VALUE_BYTES_MAX && !is_stop(word.data[word.len - 1]))
		return;
	/* Of a token that is not signed, the point at its end is a part. */
	if (like_token(word))
		found->within |= SENSITIVE_BIT(SENSITIVE_TOKEN);
	while (word.len > 0 && is_stop(word.data[word.len - 1]))
		word.len--;
	if (word.len < 6)
	{
		/* An IBAN in groups of four */
		if (word.len == 4 && rest.len >= 18 && word.data[0] >= 'A' && word.data[0] <= 'Z' &&
			word.data[3] >= '0' && word.data[3] <= '9')
		{
			for (size_t size = 18; size <= rest.len && size <= 42; size++)
			{
				if ((size == rest.len || is_border(rest.data[size]) || is_stop(rest.data[size])) &&
					like_iban(bytes_view(rest.data, size)) == LIKE_PROVEN)
					found->within |= SENSITIVE_BIT(SENSITIVE_BANK_ACCOUNT);
			}
		}
		return;
	}
	if (like_private_key(rest))
		found->within |= SENSITIVE_BIT(SENSITIVE_PRIVATE_KEY);
	if (memchr(word.data, '@', word.len) != NULL && word.len <= VALUE_BYTES_MAX &&
		is_email(word, utf8))
		found->within |= SENSITIVE_BIT(SENSITIVE_EMAIL);
	recognize_secret(word, &secret);
	found->within |= secret.proven;
	if (word.len >= 15 && word.len <= 34 && like_iban(word) == LIKE_PROVEN)
		found->within |= SENSITIVE_BIT(SENSITIVE_BANK_ACCOUNT);
}

static void
recognize_within(Bytes text, bool utf8, Recognition *found)
{
	size_t at = 0;

	while (at < text.len)
	{
		size_t start;

		while (at < text.len && is_border(text.data[at]))
			at++;
		start = at;
		if (at < text.len &&
			((text.data[at] >= '0' && text.data[at] <= '9') || text.data[at] == '+'))
		{
			size_t end = number_end(text, at);

			if (end > at + 6 &&
				(end == text.len || is_border(text.data[end]) || is_stop(text.data[end])))
			{
				within_number(bytes_view(text.data + at, end - at), found);
				at = end;
				continue;
			}
		}
		while (at < text.len && !is_border(text.data[at]))
			at++;
		if (at > start)
			within_word(text, start, at, utf8, found);
	}
}

/* ------------------------------------------------------------ */

static Bytes
trimmed(Bytes text)
{
	if (text.len > RECOGNIZE_BYTES_MAX)
		text.len = RECOGNIZE_BYTES_MAX;
	while (text.len > 0 && text.data[0] <= ' ')
		text = bytes_view(text.data + 1, text.len - 1);
	while (text.len > 0 && text.data[text.len - 1] <= ' ')
		text.len--;
	return text;
}

void
recognize(Bytes text, bool utf8, int year, Recognition *found)
{
	*found = (Recognition){0};
	text = trimmed(text);
	if (text.len == 0)
		return;
	recognize_whole(text, utf8, year, found);
	if (found->proven == 0 && text.len >= 12)
		recognize_within(text, utf8, found);
}

void
recognize_binary(Bytes bytes, int year, Recognition *found)
{
	*found = (Recognition){0};
	if (like_private_key_der(bytes))
		note(found, SENSITIVE_PRIVATE_KEY, LIKE_PROVEN);
	else
		recognize(bytes, false, year, found);
}
