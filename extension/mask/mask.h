/*
 * mask.h - what a reader sees of a value that is not theirs to read
 *
 * Pure functions over bytes: no server, no allocation, no failure. What cannot
 * be masked in its kind's shape becomes a constant, so a mask never answers
 * with an error, and never with the value.
 *
 * "Character" is what character.h says; "*" stands where one that must not be
 * shown would have been. In an encoding that is neither UTF-8 nor of one byte
 * a character, convert to UTF-8 first, or use redact.
 *
 * What each mask tells about a value:
 *
 * redact	"[redacted]": that there is one.
 *
 * partial	The first `prefix` and last `suffix` characters with "***" between,
 *			"***" alone unless at least as many visible characters are hidden
 *			as are kept: tells these, and that the value has at least twice as
 *			many characters, but not its length. Nothing of shorter values. Choose
 *			numbers for the column: both ends of a value from a small set name it.
 *
 * email	"a***@e***.com": the first character of the local part and of the
 *			domain, and the top-level domain; no lengths. "[redacted]" for all
 *			that is not an address as in RFC 5321 and 5322, or RFC 6531 and
 *			5890 for other scripts.
 *
 * card		"**** **** **** 1234": the last four digits, whatever the length.
 *			PCI DSS 4.0, 3.4.1, would allow the first six, too (the bank, and
 *			then only six digits are unknown, one of which is the check digit).
 *			"[redacted]" for all that is not 12 to 19 ASCII digits (ISO/IEC
 *			7812-1: at most 19) with spaces and hyphens among them.
 *
 * phone	"+** *** *** **67": the last two digits, the number of characters,
 *			and the grouping, which hints at the country. Only ASCII digits are
 *			shown, and only out of at least seven; where one of the last two
 *			is anything else, none. "***" for what is too short or too
 *			long to be a number (ITU-T E.164: at most 15 digits, and we leave
 *			room for an extension), so that a text tells little of its form.
 *
 * iban		"DE** **** **** 3000": the country and the last four characters, as
 *			payment services show an account to its holder; not the check digits,
 *			which would narrow down the rest, nor the bank. "[redacted]" for all
 *			that has not the form of ISO 13616: two letters, two digits, 15 to 34
 *			letters and digits in all, with spaces among them. Nothing is checked:
 *			a mask for right numbers only would tell which are right.
 *
 * name		"A*** S***": the first letter of each word, and of each part between
 *			hyphens; no lengths, no punctuation, but how many words there are. A
 *			word with fewer than two letters, or with a digit, shows none: an
 *			initial or a family name of one character would be shown whole.
 *			"[redacted]" for more than 8 words: a name has not so many.
 *
 * address	"***, Germany": the country alone, in our spelling, and only where it
 *			is what stands after the last comma or line end. "[redacted]" for
 *			all else: what the last part of an address is, nobody can know.
 *
 * ip		"192.0.2.0", "2001:db8:1::": the network, of 24 bits in IPv4, which is
 *			at most 256 hosts, and of 48 in IPv6, a site or more (RFC 6177),
 *			in the form of RFC 5952. ip(v4, v6) keeps other numbers of bits. Of
 *			IPv4 within IPv6, mapped or 6to4 (RFC 3056), as many bits of that
 *			as of other IPv4. "[redacted]" for what is no address.
 *
 * range	"[40,50)": between which multiples of the step a text lies that is a
 *			decimal number, of at most 18 digits when counted in the step's last
 *			one, the step of at most 17; "[redacted]" for all else. Of a number, the lower of the
 *two.
 *
 * constant	the text that is its argument: that there is a value.
 *
 * Keyed masks are in keyed.h: hash, pseudonym, fake_..., noise.
 */
/*
 * The other masks are for values that are no text, and done where the types
 * are known (values/masking_scalar.c, values/masking.c); a text is redacted under them:
 *
 * decade, year, quarter, month, week, day	of a date or point of time: its first
 *			day, in UTC; a week begins on Monday (ISO 8601). A date is itself a
 *			day, and so hidden by that mask.
 *
 * round	of a number: the nearest multiple of the step.
 *
 * zero		of a number: 0.
 *
 * length	of bytes: as many zero bytes.
 *
 * json, json_hide, json_show	of a JSON document: its keys and its shape, with
 *			strings as "***", numbers as 0, true and false as null. json does so
 *			everywhere, json_hide at the paths given, json_show everywhere else.
 *			json(path: mask, ...) has for strings at a path, or below, a mask
 *			for text, for numbers one for numbers; "show" shows them. The longest
 *			path counts. All keys are shown.
 */
/*
 * function	what a function in SQL makes of a value of a plain column
 *			(values/mask_function.h); of encrypted ones nothing is shown.
 */
#ifndef MASK_MASK_H
#define MASK_MASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum MaskKind
{
	MASK_REDACT,
	MASK_PARTIAL,
	MASK_EMAIL,
	MASK_CARD,
	MASK_PHONE,
	MASK_HASH,
	MASK_NULL,
	MASK_YEAR,
	MASK_MONTH,
	MASK_ROUND,
	MASK_ZERO,
	MASK_LENGTH,
	MASK_JSON,
	MASK_JSON_HIDE,
	MASK_JSON_SHOW,
	MASK_IBAN,
	MASK_NAME,
	MASK_ADDRESS,
	MASK_IP,
	MASK_RANGE,
	MASK_CONSTANT,
	MASK_DECADE,
	MASK_QUARTER,
	MASK_WEEK,
	MASK_DAY,
	MASK_NOISE,
	MASK_PSEUDONYM,
	MASK_PSEUDONYM_CARD,
	MASK_FAKE_FIRST_NAME,
	MASK_FAKE_LAST_NAME,
	MASK_FAKE_NAME,
	MASK_FAKE_CITY,
	MASK_FAKE_COMPANY,
	MASK_FUNCTION,
	MASK_KINDS /* how many there are */
} MaskKind;

/* Most characters that partial keeps at each end: more is not a mask. */
#define MASK_KEEP_MAX 64

/* Most bits of an address that ip keeps: more is a host, or its subnet. */
#define MASK_IP_V4 24 /* unless told otherwise */
#define MASK_IP_V6 48
#define MASK_IP_V4_MAX 24
#define MASK_IP_V6_MAX 64

/* The text that round, json_... and others take, and the zero byte after it */
#define MASK_ARGUMENT_MAX 512

typedef struct MaskSpec
{
	MaskKind kind;
	int prefix; /* characters that partial keeps; bits that ip keeps, of IPv4 */
	int suffix; /* and of IPv6 */

	/*
	 * round, range: a positive decimal number; noise: that, perhaps with "%" after it.
	 * constant: any text without controls. json_...: "a.b,c", keys by which a path leads down.
	 * function: "schema.name", as they are in the catalog.
	 * json: "a.b: email, c: redact", such paths and masks; or nothing.
	 */
	char argument[MASK_ARGUMENT_MAX];

	/* A number that is the argument: step / 10^scale, or 0 where it has too many digits for that.
	 */
	int64_t step;
	int scale; /* digits after the point, as written */
	double amount;
	bool percent;
} MaskSpec;

/* The digits of a step that can be counted in. */
#define MASK_STEP_DIGITS 17

/* "json_hide(", an argument, and ")" with its end */
#define MASK_SPEC_MAX (MASK_ARGUMENT_MAX + 16)

/*
 * Reads "email", "partial(2,4)", "json_hide(a.b,c)", ...: names in any case,
 * ASCII spaces anywhere between. On anything else false, and *problem is a constant clause
 * that holds nothing of the text; *spec is then untouched.
 */
bool mask_parse(const char *text, MaskSpec *spec, const char **problem);

/* The one spelling that mask_parse reads back as *spec. */
void mask_format(const MaskSpec *spec, char out[MASK_SPEC_MAX]);

/* What stands for a mask within json where values are shown. */
#define MASK_JSON_SHOWN "show"

/* Whether a text has a mask of this kind; under all others but "null" it is redacted. */
bool mask_is_for_text(MaskKind kind);

/* What mask_text makes of a number that mask_parse would have refused. */
int mask_clamp_keep(int keep);
int mask_clamp_bits(int bits, int most);

/* All that mask_parse knows, for hints. */
const char *mask_names(void);

/* At least what mask_text writes for an input of len bytes; never more than MASK_BOUND_MAX. */
size_t mask_bound(const MaskSpec *spec, size_t len);

/* partial(64,64) of characters of 40 bytes each, with "***" between: fits on the stack */
#define MASK_BOUND_MAX (2 * MASK_KEEP_MAX * 40 + 3)

/*
 * Writes the masked text, without a NUL at its end, and returns its size.
 * Valid UTF-8 gives valid UTF-8. MASK_NULL is the caller's, and so are the keyed
 * kinds (keyed.h); here they are redacted, as are those that are not for text.
 * `in` may be NULL where len is 0; `out` must not overlap it.
 */
size_t mask_text(const MaskSpec *spec, bool utf8, const char *in, size_t len, char *out);

/* What "ip" leaves of an address of 4 or 16 bytes; returns the bits of the network. */
unsigned mask_ip_address(const MaskSpec *spec, uint8_t *address, size_t size);

#endif
