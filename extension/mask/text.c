/*
 * text.c - masks of text; what each tells is written in mask.h
 */
#include "mask/text.h"

#include <string.h>

#include "mask/mask.h"

size_t
mask_redact(uint8_t *out)
{
	memcpy(out, MASK_REDACTED, MASK_REDACTED_SIZE);
	return MASK_REDACTED_SIZE;
}

size_t
mask_constant(const MaskInput *in, const char *text, uint8_t *out)
{
	size_t size = strnlen(text, MASK_ARGUMENT_MAX - 1);
	const uint8_t *start = (const uint8_t *) text;
	CharacterCode now;

	/* It was not read by mask_parse from a text in UTF-8, then. */
	for (const uint8_t *at = start; at < start + size; at += now.size)
	{
		character_look(in->utf8, at, start + size, &now);
		if (now.class == CHARACTER_INVALID)
			return mask_redact(out);
	}
	memcpy(out, text, size);
	return size;
}

static size_t
hide(uint8_t *out)
{
	memcpy(out, MASK_HIDDEN, MASK_HIDDEN_SIZE);
	return MASK_HIDDEN_SIZE;
}

/* ----------------------------------------------------------------- partial */

/* How many characters are remembered while looking for the last; a power of two, to count in bits.
 */
#define RECENT MASK_KEEP_MAX
_Static_assert((RECENT & (RECENT - 1)) == 0, "RECENT is used as a bit mask");

/*
 * A place, not long before the last `suffix` characters, where a character
 * surely begins, so that a long text need not be read from its beginning:
 * with a code point that joins nothing before it, and nothing before that
 * joins all. `from`, which is such a place, if no other is near. *exact where
 * no more than the `suffix` characters follow.
 */
static const uint8_t *
near_end(const MaskInput *in, const uint8_t *from, unsigned suffix, bool *exact)
{
	size_t tail = (size_t) suffix * CHARACTER_BYTES_MAX;
	const uint8_t *limit = (size_t) (in->end - from) > tail ? in->end - tail : from;
	const uint8_t *at = in->end;
	const uint8_t *next;
	const uint8_t *start = NULL; /* of a character, unless what is before joins all */
	CharacterCode now;
	unsigned found = 0;

	*exact = true;
	while (at > limit)
	{
		/* Of the bytes of a code point, and of invalid ones, those of the form 10xxxxxx alone can
		 * be in the middle of one. */
		next = at--;
		while (in->utf8 && (*at & 0xC0) == 0x80 && at > limit)
			at--;
		if (in->utf8 && (*at & 0xC0) == 0x80)
			break;
		character_look(in->utf8, at, in->end, &now);
		if (start != NULL && (now.class != CHARACTER_PREPEND || at + now.size != start) &&
			++found == suffix)
			return start;
		start = now.class <= CHARACTER_INVALID ? at : NULL;
		*exact = *exact && start != NULL && at + now.size == next;
	}
	*exact = false;
	return from;
}

/* Where the last `suffix` characters begin; NULL if there are fewer after `from`. */
static const uint8_t *
suffix_start(const MaskInput *in, const uint8_t *from, unsigned suffix)
{
	const uint8_t *recent[RECENT];
	CharacterScan scan;
	Character character;
	size_t count = 0;
	bool exact;
	const uint8_t *start;

	if (suffix == 0)
		return in->end;
	start = near_end(in, from, suffix, &exact);
	if (exact)
		return start;
	character_scan(&scan, in->utf8, start, in->end);
	while (character_next(&scan, &character))
		recent[count++ % RECENT] = character.start;
	return count < suffix ? NULL : recent[(count - suffix) % RECENT];
}

/*
 * The next `count` characters, in as few pieces as can be, with a star for
 * each that must not be shown, so that its place is seen. NULL if there are fewer.
 */
static uint8_t *
append_characters(uint8_t *out, CharacterScan *scan, unsigned count)
{
	const uint8_t *piece = scan->at;
	Character character;

	while (count-- > 0)
	{
		if (!character_next(scan, &character))
			return NULL;
		if (!character.shown)
		{
			out = append(out, piece, (size_t) (character.start - piece));
			*out++ = '*';
			piece = scan->at;
		}
	}
	return append(out, piece, (size_t) (scan->at - piece));
}

size_t
mask_partial(const MaskInput *in, unsigned prefix, unsigned suffix, uint8_t *out)
{
	CharacterScan scan;
	Character character;
	const uint8_t *tail;
	uint8_t *to;
	size_t keep = prefix + suffix;
	size_t hidden = 0;

	if (keep == 0)
		return hide(out);
	character_scan(&scan, in->utf8, in->start, in->end);
	to = append_characters(out, &scan, prefix);
	if (to == NULL)
		return hide(out);
	tail = suffix_start(in, scan.at, suffix);
	if (tail == NULL)
		return hide(out);

	/* As many visible characters hidden as kept, and not more: padding with spaces hides nothing.
	 */
	while (hidden < keep)
	{
		if (scan.at >= tail)
			return hide(out);
		character_next(&scan, &character);
		hidden += character.visible;
	}

	to = append(to, MASK_HIDDEN, MASK_HIDDEN_SIZE);
	character_scan(&scan, in->utf8, tail, in->end);
	to = append_characters(to, &scan, suffix);
	return (size_t) (to - out);
}

/* ------------------------------------------------------------------ e-mail */

/* A reader of code points; what it looks at is `now`, of size 0 at the end. */
typedef struct Reader
{
	const uint8_t *at;
	const uint8_t *end;
	bool utf8;
	CharacterCode now;
} Reader;

static inline void
advance(Reader *reader)
{
	reader->at += reader->now.size;
	character_look(reader->utf8, reader->at, reader->end, &reader->now);
}

static inline bool
is_text(const CharacterCode *now)
{
	return now->class != CHARACTER_CONTROL && now->class != CHARACTER_INVALID;
}

/* RFC 5322, 3.2.3, "atext"; beyond ASCII, RFC 6531, 3.3. */
static inline bool
is_atom(const CharacterCode *now)
{
	/* One bit a code point from 0 to 63 and from 64 to 127: letters, digits, !#$%&'*+-/=?^_`{|}~ */
	static const uint64_t atoms[2] = {UINT64_C(0xA3FFACFA00000000), UINT64_C(0x7FFFFFFFC7FFFFFE)};
	uint32_t code = now->code;

	if (code >= 0x80)
		return is_text(now) && now->class != CHARACTER_BLANK;
	return atoms[code / 64] >> code % 64 & 1;
}

/* Dots between atoms; the reader stops at the "@". */
static bool
read_dot_atom(Reader *reader)
{
	bool dot = true; /* or the beginning: where an atom must follow */

	for (; reader->now.size > 0 && reader->now.code != '@'; advance(reader))
	{
		if (reader->now.code == '.' ? dot : !is_atom(&reader->now))
			return false;
		dot = reader->now.code == '.';
	}
	return !dot;
}

/* RFC 5322, 3.2.4, without folding; the reader stops after the closing quote. */
static bool
read_quoted(Reader *reader)
{
	bool empty = true;

	for (advance(reader); reader->now.code != '"'; advance(reader))
	{
		if (reader->now.code == '\\')
			advance(reader);
		if (!is_text(&reader->now))
			return false; /* or it is the end */
		empty = false;
	}
	advance(reader);
	return !empty;
}

/* Could the code point be of a label of a domain (RFC 5890, 2.3.2), but for hyphens? */
static bool
is_label(bool utf8, const CharacterCode *now)
{
	uint32_t code = now->code;

	if (code < 0x80)
		return is_letter(code) || is_digit(code);
	if (!is_text(now) || now->class == CHARACTER_BLANK || now->class == CHARACTER_PICTURE)
		return false;
	if (!utf8)
		return true;
	/*
	 * Punctuation, symbols, tags, and compatibility forms, among them three more
	 * full stops (UTS #46, 4.5) that would hide where the last label begins,
	 * and commas between an address and words after it that must not pass
	 * for a part of it. IDNA 2008 (RFC 5892) has none of these in names,
	 * except joiners, and three in blocks left out here.
	 */
	return !((code >= 0x2000 && code <= 0x2BFF && code != 0x200C && code != 0x200D) ||
			 (code >= 0x3000 && code <= 0x303F && code != 0x3005 && code != 0x3007) ||
			 (code >= 0xFE00 && code <= 0xFE6F) || (code >= 0xFF00 && code <= 0xFFEF) ||
			 code >= 0xE0000 || code == 0x060C || code == 0x061B || code == 0x061F ||
			 code == 0x06D4 || code == 0x0964 || code == 0x0965);
}

typedef struct Label
{
	const uint8_t *start;
	const uint8_t *end;
	size_t codes;
	bool letters; /* nothing but ASCII letters */
	bool ascii;
	bool other; /* nothing of ASCII */
} Label;

/* The reader stops at the dot. A mark without its base begins no label (RFC 5891, 4.2.3.2). */
static bool
read_label(Reader *reader, Label *label)
{
	uint32_t last = '-';
	uint32_t code;

	*label = (Label){.start = reader->at, .letters = true, .ascii = true, .other = true};
	if (reader->now.class == CHARACTER_EXTEND || reader->now.class == CHARACTER_JOINER ||
		reader->now.class == CHARACTER_SPACING)
		return false;
	for (; reader->now.size > 0 && (code = reader->now.code) != '.'; advance(reader))
	{
		if (code == '-' ? label->codes == 0 : !is_label(reader->utf8, &reader->now))
			return false;
		last = code;
		label->letters &= is_letter(code);
		label->ascii &= code < 0x80;
		label->other &= code >= 0x80;
		label->codes++;
	}
	label->end = reader->at;
	return last != '-' && label->codes <= MASK_EMAIL_LABEL_MAX;
}

/*
 * The one part that is shown as it is must look like a top-level domain:
 * letters, or its ASCII form (RFC 5890, 2.3.2.1), or all in another script.
 * Mixtures are more often words stuck to an address.
 */
static bool
is_top_level(const Label *label)
{
	if (label->other)
		return label->codes <= MASK_EMAIL_TOP_OTHER_MAX;
	return label->ascii && label->codes >= 2 && label->codes <= MASK_EMAIL_TOP_ASCII_MAX &&
		   (label->letters ||
			(label->codes > 4 && (label->start[0] | 0x20) == 'x' &&
			 (label->start[1] | 0x20) == 'n' && label->start[2] == '-' && label->start[3] == '-'));
}

static bool
first_character(const MaskInput *in, const uint8_t *start, const uint8_t *end, Character *first)
{
	CharacterScan scan;

	character_scan(&scan, in->utf8, start, end);
	return character_next(&scan, first) && first->visible;
}

size_t
mask_email(const MaskInput *in, uint8_t *out)
{
	const uint8_t *local = in->start;
	const uint8_t *local_end;
	const uint8_t *domain;
	Reader reader = {.at = in->start, .end = in->end, .utf8 = in->utf8};
	Character name, host;
	Label first, top;
	uint8_t *to;

	if ((size_t) (in->end - in->start) > MASK_EMAIL_LOCAL_MAX + 1 + MASK_EMAIL_DOMAIN_MAX)
		return mask_redact(out);

	character_look(in->utf8, in->start, in->end, &reader.now);
	if (reader.now.code == '"')
	{
		if (!read_quoted(&reader))
			return mask_redact(out);
		local += local[1] == '\\' ? 2 : 1;
		local_end = reader.at - 1;
	}
	else
	{
		if (!read_dot_atom(&reader))
			return mask_redact(out);
		local_end = reader.at;
	}
	if (reader.now.code != '@' || reader.at - in->start > MASK_EMAIL_LOCAL_MAX)
		return mask_redact(out);

	domain = reader.at + 1;
	if (in->end - domain > MASK_EMAIL_DOMAIN_MAX)
		return mask_redact(out);
	advance(&reader);
	if (!read_label(&reader, &first) ||
		reader.now.size == 0) /* the only label: no domain to show */
		return mask_redact(out);
	while (reader.now.size > 0)
	{
		advance(&reader); /* the dot */
		if (!read_label(&reader, &top))
			return mask_redact(out);
	}
	if (!is_top_level(&top) || !first_character(in, local, local_end, &name) ||
		!first_character(in, first.start, first.end, &host))
		return mask_redact(out);

	to = append(out, name.start, name.size);
	to = append(to, MASK_HIDDEN "@", MASK_HIDDEN_SIZE + 1);
	to = append(to, host.start, host.size);
	to = append(to, MASK_HIDDEN ".", MASK_HIDDEN_SIZE + 1);
	to = append(to, top.start, (size_t) (top.end - top.start));
	return (size_t) (to - out);
}

/* -------------------------------------------------------------------- card */

size_t
mask_card(const MaskInput *in, uint8_t *out)
{
	const uint8_t *at = in->start;
	size_t digits = 0;

	for (; at < in->end; at++)
	{
		if (is_digit(*at))
			digits++;
		else if (*at != ' ' && *at != '-')
			return mask_redact(out);
	}
	if (digits < MASK_CARD_MIN || digits > MASK_CARD_MAX)
		return mask_redact(out);
	memcpy(out, "**** **** **** ", MASK_CARD_SIZE - 4);
	for (uint8_t *to = out + MASK_CARD_SIZE; to > out + MASK_CARD_SIZE - 4;)
	{
		if (is_digit(*--at))
			*--to = *at;
	}
	return MASK_CARD_SIZE;
}

/* -------------------------------------------------------------------- IBAN */

size_t
mask_iban(const MaskInput *in, uint8_t *out)
{
	uint8_t first[4];
	uint8_t last[4];
	size_t count = 0;

	for (const uint8_t *at = in->start; at < in->end; at++)
	{
		if (*at == ' ')
			continue;
		if ((!is_digit(*at) && !is_letter(*at)) || count == 34)
			return mask_redact(out);
		if (count < 4)
			first[count] = *at;
		last[count++ % 4] = *at;
	}
	if (count < 15 || !is_letter(first[0]) || !is_letter(first[1]) || !is_digit(first[2]) ||
		!is_digit(first[3]))
		return mask_redact(out);
	out[0] = first[0] & 0xDF; /* a capital letter */
	out[1] = first[1] & 0xDF;
	memcpy(out + 2, "** **** **** ", 13);
	for (size_t i = 0; i < 4; i++)
		out[15 + i] = last[(count + i) % 4];
	return MASK_IBAN_SIZE;
}

/* ------------------------------------------------------------------- phone */

/* What ITU-T E.123 and usage write between digits. */
static bool
is_formatting(uint8_t byte)
{
	return byte == ' ' || byte == '(' || byte == ')' || byte == '-' || byte == '.' || byte == '/';
}

size_t
mask_phone(const MaskInput *in, uint8_t *out)
{
	CharacterScan scan;
	Character character;
	uint8_t *to = out;
	uint8_t *places[2] = {NULL, NULL}; /* of the last two digits in the output */
	uint8_t digits[2] = {0, 0};        /* these, or 0 for what is no digit of ASCII */
	size_t positions = 0;
	size_t ascii = 0;
	size_t formatting = 0;
	bool plus = false;

	character_scan(&scan, in->utf8, in->start, in->end);
	while (character_next(&scan, &character))
	{
		/* One with marks on it is not what it looks like. */
		uint8_t byte = character.size == 1 ? *character.start : 0;

		if (is_formatting(byte))
		{
			if (++formatting > MASK_PHONE_FORMATTING_MAX)
				return hide(out);
			*to++ = byte;
		}
		else if (byte == '+' && positions == 0 && !plus)
		{
			plus = true;
			*to++ = byte;
		}
		else
		{
			if (++positions > MASK_PHONE_MAX)
				return hide(out);
			places[0] = places[1];
			digits[0] = digits[1];
			places[1] = to;
			digits[1] = is_digit(byte) ? byte : 0;
			ascii += digits[1] != 0;
			*to++ = '*';
		}
	}
	if (positions < MASK_PHONE_MIN)
		return hide(out);
	if (ascii >= MASK_PHONE_MIN && digits[0] != 0 && digits[1] != 0)
	{
		*places[0] = digits[0];
		*places[1] = digits[1];
	}
	return (size_t) (to - out);
}
