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
 */
/*
 * The other masks are for values that are no text, and done where the types
 * are known (class/masking.c); a text is redacted under them:
 *
 * year, month	of a date or point of time: its first day, in UTC.
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
 */
#ifndef MASK_MASK_H
#define MASK_MASK_H

#include <stdbool.h>
#include <stddef.h>

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
	MASK_JSON_SHOW
} MaskKind;

/* Most characters that partial keeps at each end: more is not a mask. */
#define MASK_KEEP_MAX 64

/* The text that round and json_... take, and the zero byte after it */
#define MASK_ARGUMENT_MAX 512

typedef struct MaskSpec
{
	MaskKind kind;
	int prefix; /* characters that partial keeps */
	int suffix;

	/* round: a positive decimal number. json_...: "a.b,c", keys by which a path leads down. */
	char argument[MASK_ARGUMENT_MAX];
} MaskSpec;

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

/* What mask_text makes of a number that mask_parse would have refused. */
int mask_clamp_keep(int keep);

/* All that mask_parse knows, for hints. */
const char *mask_names(void);

/* At least what mask_text writes for an input of len bytes; never more than MASK_BOUND_MAX. */
size_t mask_bound(const MaskSpec *spec, size_t len);

/* partial(64,64) of characters of 40 bytes each, with "***" between: fits on the stack */
#define MASK_BOUND_MAX (2 * MASK_KEEP_MAX * 40 + 3)

/*
 * Writes the masked text, without a NUL at its end, and returns its size.
 * Valid UTF-8 gives valid UTF-8. MASK_HASH and MASK_NULL are the caller's, who
 * has the key; here they are redacted, as are the kinds that are not for text.
 * `in` may be NULL where len is 0; `out` must not overlap it.
 */
size_t mask_text(const MaskSpec *spec, bool utf8, const char *in, size_t len, char *out);

#endif
