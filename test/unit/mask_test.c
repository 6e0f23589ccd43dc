/*
 * mask_test.c - the masks, by tables and by random texts
 *
 * SOURCES: extension/mask/[a-z]*.c
 *
 * Stands alone; prints TAP. Every input and output lies in a block of exactly
 * its size, so that sanitizers and valgrind see a byte too many.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mask/character.h"
#include "mask/mask.h"
#include "mask/text.h"

static int tests;
static int failures;

static void
ok(bool passed, const char *name)
{
	tests++;
	failures += !passed;
	printf("%s %d - %s\n", passed ? "ok" : "not ok", tests, name);
}

static void
show(const char *what, const char *bytes, size_t len)
{
	printf("#   %s: \"", what);
	for (size_t i = 0; i < len && i < 400; i++)
	{
		unsigned char c = (unsigned char) bytes[i];

		if (c < ' ' || c == 0x7F || c == '"' || c == '\\')
			printf("\\x%02X", c);
		else
			putchar(c);
	}
	printf("\" (%zu bytes)\n", len);
}

static void *
allocate(size_t size)
{
	void *block = malloc(size > 0 ? size : 1);

	if (block == NULL)
	{
		printf("Bail out! out of memory\n");
		exit(1);
	}
	return block;
}

typedef struct Output
{
	char *bytes;
	size_t size;
	bool bounded;
} Output;

static Output
run(const MaskSpec *spec, bool utf8, const char *in, size_t len)
{
	size_t bound = mask_bound(spec, len);
	char *copy = allocate(len);
	Output output = {allocate(bound), 0, false};

	if (len > 0)
		memcpy(copy, in, len);
	output.size = mask_text(spec, utf8, len > 0 ? copy : NULL, len, output.bytes);
	output.bounded = output.size <= bound && bound <= MASK_BOUND_MAX;
	free(copy);
	return output;
}

/* Unicode 14, table 3-7, row by row: not the way that the code under test takes. */
static bool
valid_utf8(const char *bytes, size_t len)
{
	static const unsigned char rows[][9] = {
		/* size, then from and to of each byte */
		{1, 0x00, 0x7F},
		{2, 0xC2, 0xDF, 0x80, 0xBF},
		{3, 0xE0, 0xE0, 0xA0, 0xBF, 0x80, 0xBF},
		{3, 0xE1, 0xEC, 0x80, 0xBF, 0x80, 0xBF},
		{3, 0xED, 0xED, 0x80, 0x9F, 0x80, 0xBF},
		{3, 0xEE, 0xEF, 0x80, 0xBF, 0x80, 0xBF},
		{4, 0xF0, 0xF0, 0x90, 0xBF, 0x80, 0xBF, 0x80, 0xBF},
		{4, 0xF1, 0xF3, 0x80, 0xBF, 0x80, 0xBF, 0x80, 0xBF},
		{4, 0xF4, 0xF4, 0x80, 0x8F, 0x80, 0xBF, 0x80, 0xBF},
	};
	size_t at = 0;

	while (at < len)
	{
		size_t size = 0;

		for (size_t row = 0; row < sizeof(rows) / sizeof(rows[0]) && size == 0; row++)
		{
			size = rows[row][0];
			for (size_t i = 0; i < rows[row][0]; i++)
			{
				unsigned char c = at + i < len ? (unsigned char) bytes[at + i] : 0xFF;

				if (c < rows[row][1 + 2 * i] || c > rows[row][2 + 2 * i])
					size = 0;
			}
		}
		if (size == 0)
			return false;
		at += size;
	}
	return true;
}

/* ------------------------------------------------------------------ tables */

typedef struct Case
{
	const char *spec;
	const char *name;
	const char *in;
	size_t len;
	const char *out;
	bool bytes; /* an encoding of one byte a character */
} Case;

#define TEXT(literal) literal, sizeof(literal) - 1
#define MARKS_10 "\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301"
#define REDACTED "[redacted]"
#define A_64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define FAMILY "\U0001F468\u200D\U0001F469\u200D\U0001F467\u200D\U0001F466"
#define KISS "\U0001F469\U0001F3FD\u200D\u2764\uFE0F\u200D\U0001F48B\u200D\U0001F468\U0001F3FF"
#define GERMANY "\U0001F1E9\U0001F1EA"
#define FRANCE "\U0001F1EB\U0001F1F7"
#define ENGLAND "\U0001F3F4\U000E0067\U000E0062\U000E0065\U000E006E\U000E0067\U000E007F"

/* clang-format off */
static const Case cases[] = {
	{"redact", "empty", TEXT(""), REDACTED, false},
	{"redact", "a word", TEXT("secret"), REDACTED, false},
	{"redact", "invalid", TEXT("\xFF\xFE"), REDACTED, false},
	{"hash", "is the caller's", TEXT("secret"), REDACTED, false},
	{"null", "is the caller's", TEXT("secret"), REDACTED, false},

	{"partial(2,4)", "empty", TEXT(""), "***", false},
	{"partial(2,4)", "one character", TEXT("a"), "***", false},
	{"partial(2,4)", "as many as kept", TEXT("abcdef"), "***", false},
	{"partial(2,4)", "one less than twice as many", TEXT("abcdefghijk"), "***", false},
	{"partial(2,4)", "twice as many", TEXT("abcdefghijkl"), "ab***ijkl", false},
	{"partial(2,4)", "the length is hidden", TEXT("abcdefghijklmnopqrstuvwxyz"), "ab***wxyz", false},
	{"partial(0,0)", "nothing kept", TEXT("abcdefghijkl"), "***", false},
	{"partial(3,0)", "prefix alone", TEXT("abcdef"), "abc***", false},
	{"partial(0,3)", "suffix alone", TEXT("abcdef"), "***def", false},
	{"partial(0,1)", "empty, suffix alone", TEXT(""), "***", false},
	{"partial(64,64)", "too short", TEXT(A_64 A_64 A_64), "***", false},
	{"partial(64,64)", "the most", TEXT(A_64 "b" A_64 A_64 "b" A_64), A_64 "***" A_64, false},
	{"partial(1,1)", "Latin", TEXT("Éloïse"), "É***e", false},
	{"partial(2,4)", "Greek", TEXT("Κωνσταντίνος"), "Κω***ίνος", false},
	{"partial(1,1)", "Cyrillic", TEXT("Анна"), "А***а", false},
	{"partial(1,1)", "Cyrillic, short", TEXT("Ия"), "***", false},
	{"partial(1,1)", "Arabic", TEXT("محمد"), "م***د", false},
	{"partial(1,1)", "Hebrew with points", TEXT("\u05E9\u05C1\u05B8\u05DC\u05D5\u05B9\u05DD\u05D0"), "\u05E9\u05C1\u05B8***\u05D0", false},
	{"partial(1,0)", "Chinese", TEXT("王小明"), "王***", false},
	{"partial(1,0)", "Chinese, one character", TEXT("王"), "***", false},
	{"partial(1,1)", "Chinese beyond the BMP", TEXT("\U00020BB7野家店"), "\U00020BB7***店", false},
	{"partial(1,1)", "Devanagari", TEXT("नमस्ते"), "न***ते", false},
	{"partial(1,1)", "conjoining jamo", TEXT("\u1112\u1161\u11AB글ab\u1100\u1161"), "\u1112\u1161\u11AB***\u1100\u1161", false},
	{"partial(1,1)", "syllables with a final jamo", TEXT("가\u11A8나다라\u11A8"), "가\u11A8***라\u11A8", false},
	{"partial(1,1)", "emoji family and flag", TEXT(FAMILY "ab" GERMANY), FAMILY "***" GERMANY, false},
	{"partial(1,1)", "longest emoji", TEXT(KISS "ab" KISS), KISS "***" KISS, false},
	{"partial(1,1)", "flags pair from the left", TEXT(GERMANY "ab" FRANCE GERMANY), GERMANY "***" GERMANY, false},
	{"partial(1,1)", "flag of tags", TEXT(ENGLAND "abc"), ENGLAND "***c", false},
	{"partial(1,1)", "keycap", TEXT("1\uFE0F\u20E3xyz"), "1\uFE0F\u20E3***z", false},
	{"partial(1,1)", "joiner between letters", TEXT("a\u200Dbcd"), "a\u200D***d", false},
	{"partial(1,1)", "combining marks", TEXT("e\u0301abe\u0308"), "e\u0301***e\u0308", false},
	{"partial(1,1)", "mark without base", TEXT("\u0301abcd"), "****d", false},
	{"partial(1,1)", "mark after a control", TEXT("abc\n\u0301"), "a****", false},
	{"partial(1,1)", "nine marks", TEXT("a\u0301\u0302\u0303\u0304\u0305\u0306\u0307\u0308\u0309bcd"), "a\u0301\u0302\u0303\u0304\u0305\u0306\u0307\u0308\u0309***d", false},
	{"partial(1,1)", "a heap of marks", TEXT("a" MARKS_10 "bcd"), "****d", false},
	{"partial(1,1)", "a heap of marks at the end", TEXT("abcd" MARKS_10), "a****", false},
	{"partial(1,1)", "hidden heaps hide nothing", TEXT("ab" MARKS_10 "c" MARKS_10 "d"), "***", false},
	{"partial(1,0)", "prepended sign", TEXT("\u0600" "1abc"), "\u06001***", false},
	{"partial(0,1)", "prepended sign left alone", TEXT("abc\u0600"), "****", false},
	{"partial(2,0)", "padding hides nothing", TEXT("Bob         "), "***", false},
	{"partial(2,0)", "wide padding hides nothing", TEXT("Bob\u3000\u3000\u00A0\u2003\u2800"), "***", false},
	{"partial(1,1)", "escape", TEXT("\x1B[31mred"), "****d", false},
	{"partial(1,1)", "zero bytes", TEXT("\0abc\0"), "*****", false},
	{"partial(1,1)", "line ends", TEXT("\r\nabc\r\n"), "*****", false},
	{"partial(2,0)", "right-to-left override", TEXT("\u202E" "abcdef"), "*a***", false},
	{"partial(2,0)", "C1 control", TEXT("\xC2\x9B" "abcdef"), "*a***", false},
	{"partial(1,1)", "invalid: no such byte", TEXT("\xFF" "abcdef"), "****f", false},
	{"partial(2,1)", "invalid: overlong of two", TEXT("\xC0\x80" "abcd"), "*****d", false},
	{"partial(2,1)", "invalid: overlong slash", TEXT("\xC1\xBF" "abcd"), "*****d", false},
	{"partial(3,1)", "invalid: overlong of three", TEXT("\xE0\x9F\xBF" "abcdefg"), "******g", false},
	{"partial(4,1)", "invalid: overlong of four", TEXT("\xF0\x8F\xBF\xBF" "abcdefg"), "*******g", false},
	{"partial(3,1)", "invalid: high surrogate", TEXT("\xED\xA0\x80" "abcdefg"), "******g", false},
	{"partial(3,1)", "invalid: low surrogate", TEXT("\xED\xBF\xBF" "abcdefg"), "******g", false},
	{"partial(4,1)", "invalid: beyond U+10FFFF", TEXT("\xF4\x90\x80\x80" "abcdefg"), "*******g", false},
	{"partial(4,1)", "invalid: F5", TEXT("\xF5\x80\x80\x80" "abcdefg"), "*******g", false},
	{"partial(1,1)", "invalid: lone continuation", TEXT("\x80" "abcd"), "****d", false},
	{"partial(1,1)", "invalid: two of three, then ASCII", TEXT("\xE4\xB8" "abcd"), "****d", false},
	{"partial(1,1)", "truncated at the end: one of two", TEXT("abcdef\xC3"), "a****", false},
	{"partial(1,2)", "truncated at the end: two of three", TEXT("abcdef\xE4\xB8"), "a*****", false},
	{"partial(1,3)", "truncated at the end: three of four", TEXT("abcdef\xF0\x9F\x91"), "a******", false},
	{"partial(1,1)", "invalid bytes hide nothing", TEXT("a\xFF\xFF\xFF\xFF" "b"), "***", false},
	{"partial(1,1)", "Latin-1", TEXT("\xE9t\xE9s"), "\xE9***s", true},
	{"partial(1,1)", "Latin-1, what would be UTF-8", TEXT("\xC3\xA9t\xE9s"), "\xC3***s", true},

	{"email", "empty", TEXT(""), REDACTED, false},
	{"email", "one character", TEXT("a"), REDACTED, false},
	{"email", "at alone", TEXT("@"), REDACTED, false},
	{"email", "plain", TEXT("anna.maria@example.com"), "a***@e***.com", false},
	{"email", "shortest", TEXT("a@b.de"), "a***@b***.de", false},
	{"email", "several labels", TEXT("x+tag@mail.corp.example.co.uk"), "x***@m***.uk", false},
	{"email", "upper case", TEXT("ANNA@EXAMPLE.COM"), "A***@E***.COM", false},
	{"email", "all of RFC 5322's atext", TEXT("!#$%&'*+-/=?^_`{|}~@example.org"), "!***@e***.org", false},
	{"email", "no at", TEXT("anna.example.com"), REDACTED, false},
	{"email", "two ats", TEXT("a@b@example.com"), REDACTED, false},
	{"email", "two ats in the domain", TEXT("a@b.com@c.com"), REDACTED, false},
	{"email", "empty local part", TEXT("@example.com"), REDACTED, false},
	{"email", "empty domain", TEXT("anna@"), REDACTED, false},
	{"email", "one label", TEXT("root@localhost"), REDACTED, false},
	{"email", "dot first in the domain", TEXT("a@.com"), REDACTED, false},
	{"email", "dot last", TEXT("a@example.com."), REDACTED, false},
	{"email", "two dots in the domain", TEXT("a@example..com"), REDACTED, false},
	{"email", "dot first", TEXT(".a@example.com"), REDACTED, false},
	{"email", "dot before at", TEXT("a.@example.com"), REDACTED, false},
	{"email", "two dots", TEXT("a..b@example.com"), REDACTED, false},
	{"email", "hyphen first", TEXT("a@-example.com"), REDACTED, false},
	{"email", "hyphen last", TEXT("a@example-.com"), REDACTED, false},
	{"email", "hyphens within", TEXT("a-b@ex-am--ple.com"), "a***@e***.com", false},
	{"email", "underscore in the domain", TEXT("a@ex_ample.com"), REDACTED, false},
	{"email", "address literal", TEXT("a@[192.0.2.1]"), REDACTED, false},
	{"email", "numbers for a domain", TEXT("a@192.0.2.1"), REDACTED, false},
	{"email", "space within", TEXT("anna maria@example.com"), REDACTED, false},
	{"email", "space before", TEXT(" anna@example.com"), REDACTED, false},
	{"email", "words behind", TEXT("anna@example.com likes tarot"), REDACTED, false},
	{"email", "words stuck to it", TEXT("anna@example.com，谢谢"), REDACTED, false},
	{"email", "words stuck to a name of their script", TEXT("anna@例子.公司，谢谢"), REDACTED, false},
	{"email", "display name", TEXT("Anna <anna@example.com>"), REDACTED, false},
	{"email", "a secret for a top-level domain", TEXT("a@b.4111111111111111"), REDACTED, false},
	{"email", "a sentence for a top-level domain", TEXT("a@b.abcdefghijklmnopqrstuvwxy"), REDACTED, false},
	{"email", "the longest top-level domain", TEXT("a@b.xn--vermgensberatung-pwb"), "a***@b***.xn--vermgensberatung-pwb", false},
	{"email", "punycode", TEXT("a@xn--bcher-kva.xn--p1ai"), "a***@x***.xn--p1ai", false},
	{"email", "punycode of nothing", TEXT("a@b.xn--"), REDACTED, false},
	{"email", "quoted", TEXT("\"anna maria\"@example.com"), "a***@e***.com", false},
	{"email", "quoted at", TEXT("\"a@b.org\"@example.com"), "a***@e***.com", false},
	{"email", "quoted pair first", TEXT("\"\\\"anna\\\"\"@example.com"), "\"***@e***.com", false},
	{"email", "quoted space first", TEXT("\" anna\"@example.com"), REDACTED, false},
	{"email", "quoted nothing", TEXT("\"\"@example.com"), REDACTED, false},
	{"email", "quote not closed", TEXT("\"anna@example.com"), REDACTED, false},
	{"email", "quote closed by a pair", TEXT("\"anna\\\"@example.com"), REDACTED, false},
	{"email", "backslash at the end", TEXT("\"anna\\"), REDACTED, false},
	{"email", "quote alone", TEXT("\""), REDACTED, false},
	{"email", "text after the quote", TEXT("\"anna\"b@example.com"), REDACTED, false},
	{"email", "quote within", TEXT("an\"na\"@example.com"), REDACTED, false},
	{"email", "Latin", TEXT("élodie@bücher.example"), "é***@b***.example", false},
	{"email", "Greek", TEXT("χρήστης@παράδειγμα.ελ"), "χ***@π***.ελ", false},
	{"email", "Cyrillic", TEXT("иван@почта.рф"), "и***@п***.рф", false},
	{"email", "Arabic", TEXT("محمد@مثال.السعودية"), "م***@م***.السعودية", false},
	{"email", "Chinese", TEXT("用户@例子.公司"), "用***@例***.公司", false},
	{"email", "Tamil", TEXT("அ@உதாரணம்.சிங்கப்பூர்"), "அ***@உ***.சிங்கப்பூர்", false},
	{"email", "joiner in a name", TEXT("a@نامه\u200Cای.ایران"), "a***@ن***.ایران", false},
	{"email", "emoji", TEXT(FAMILY "x@example.com"), FAMILY "***@e***.com", false},
	{"email", "combining marks", TEXT("e\u0301ric@a\u0308rzte.de"), "e\u0301***@a\u0308***.de", false},
	{"email", "heap of marks", TEXT("e" MARKS_10 "@example.com"), REDACTED, false},
	{"email", "mark for a local part", TEXT("\u0301@example.com"), REDACTED, false},
	{"email", "mark first in the domain", TEXT("a@\u0301example.com"), REDACTED, false},
	{"email", "mark first in the last label", TEXT("a@example.\u0301com"), REDACTED, false},
	{"email", "prepended sign at the dot", TEXT("a@\u0600.com"), REDACTED, false},
	{"email", "other full stops", TEXT("a@例子。公司"), REDACTED, false},
	{"email", "other full stop after a dot", TEXT("a@b.例子。公司"), REDACTED, false},
	{"email", "tags in the last label", TEXT("a@b.рф\U000E0061\U000E0062"), REDACTED, false},
	{"email", "line end within", TEXT("anna\n@example.com"), REDACTED, false},
	{"email", "line end behind", TEXT("anna@example.com\n"), REDACTED, false},
	{"email", "zero byte within", TEXT("anna@example\0.com"), REDACTED, false},
	{"email", "zero byte quoted", TEXT("\"an\0na\"@example.com"), REDACTED, false},
	{"email", "bidirectional control", TEXT("\u202E" "anna@example.com"), REDACTED, false},
	{"email", "invalid in the local part", TEXT("an\xFFna@example.com"), REDACTED, false},
	{"email", "invalid in the domain", TEXT("anna@ex\xC0\x80.com"), REDACTED, false},
	{"email", "surrogate in the last label", TEXT("anna@example.\xED\xA0\x80"), REDACTED, false},
	{"email", "truncated at the end", TEXT("иван@почта.р\xD1"), REDACTED, false},
	{"email", "local part of 64", TEXT(A_64 "@example.com"), "a***@e***.com", false},
	{"email", "local part of 65", TEXT("a" A_64 "@example.com"), REDACTED, false},
	{"email", "label of 64", TEXT("a@" A_64 ".com"), REDACTED, false},
	{"email", "domain too long", TEXT("a@b." A_64 "." A_64 "." A_64 "." A_64 ".com"), REDACTED, false},
	{"email", "KOI8-R", TEXT("\xC9\xD7\xC1\xCE@\xD0\xCF\xDE\xD4\xC1.\xD2\xC6"), "\xC9***@\xD0***.\xD2\xC6", true},

	{"card", "empty", TEXT(""), REDACTED, false},
	{"card", "one character", TEXT("4"), REDACTED, false},
	{"card", "16 digits", TEXT("4111111111111234"), "**** **** **** 1234", false},
	{"card", "spaces", TEXT("4111 1111 1111 1234"), "**** **** **** 1234", false},
	{"card", "hyphens", TEXT(" 4111-1111-1111-1234 "), "**** **** **** 1234", false},
	{"card", "hyphens among the last", TEXT("4111-1111-1111-1-2-3-4"), "**** **** **** 1234", false},
	{"card", "15 digits", TEXT("3782 822463 10005"), "**** **** **** 0005", false},
	{"card", "12 digits", TEXT("123456789012"), "**** **** **** 9012", false},
	{"card", "11 digits", TEXT("12345678901"), REDACTED, false},
	{"card", "19 digits", TEXT("1234567890123456789"), "**** **** **** 6789", false},
	{"card", "20 digits", TEXT("12345678901234567890"), REDACTED, false},
	{"card", "letters", TEXT("4111111111111234x"), REDACTED, false},
	{"card", "dots", TEXT("4111.1111.1111.1234"), REDACTED, false},
	{"card", "control", TEXT("4111111111111234\n"), REDACTED, false},
	{"card", "zero byte", TEXT("4111111111111\0" "234"), REDACTED, false},
	{"card", "Arabic digits", TEXT("٤١١١١١١١١١١١١٢٣٤"), REDACTED, false},
	{"card", "wide digits", TEXT("４１１１１１１１１１１１１２３４"), REDACTED, false},
	{"card", "mark on the last digit", TEXT("4111111111111234\u0301"), REDACTED, false},
	{"card", "invalid", TEXT("4111111111111234\xFF"), REDACTED, false},

	{"phone", "empty", TEXT(""), "***", false},
	{"phone", "one character", TEXT("7"), "***", false},
	{"phone", "international", TEXT("+49 30 1234567"), "+** ** *****67", false},
	{"phone", "national", TEXT("(030) 123-45.67"), "(***) ***-**.67", false},
	{"phone", "slash", TEXT("030/1234567"), "***/*****67", false},
	{"phone", "plus within brackets", TEXT("(+49) 30 1234567"), "(+**) ** *****67", false},
	{"phone", "two plus signs", TEXT("++4930123456"), "+*********56", false},
	{"phone", "plus within", TEXT("0301+234567"), "*********67", false},
	{"phone", "7 digits", TEXT("1234567"), "*****67", false},
	{"phone", "6 digits", TEXT("123456"), "***", false},
	{"phone", "6 digits and much between", TEXT("+1-2-3-4-5-6"), "***", false},
	{"phone", "last two apart", TEXT("12345 6-7"), "***** 6-7", false},
	{"phone", "formatting at the end", TEXT("1234567 )"), "*****67 )", false},
	{"phone", "formatting alone", TEXT("() -./"), "***", false},
	{"phone", "extension", TEXT("+1 212 555 1234 ext. 99"), "+* *** *** **** ***. 99", false},
	{"phone", "letter last", TEXT("1-800-TAROT9X"), "*-***-*******", false},
	{"phone", "letters, then two digits", TEXT("TAROT99"), "*******", false},
	{"phone", "Arabic digits", TEXT("+٩٦٦ ٥٠١٢٣٤٥"), "+*** *******", false},
	{"phone", "Devanagari digits", TEXT("०९८७६५४३२१"), "**********", false},
	{"phone", "Arabic digits, the last two ASCII", TEXT("٩٦٦٥٠١٢45"), "*********", false},
	{"phone", "wide digits", TEXT("０３１２３４５６７"), "*********", false},
	{"phone", "Chinese", TEXT("电话零一二三四五六"), "*********", false},
	{"phone", "keycaps", TEXT("12345671\uFE0F\u20E3"), "********", false},
	{"phone", "mark on the last digit", TEXT("12345678\u0301"), "********", false},
	{"phone", "mark on a bracket", TEXT("12345678)\u0301"), "*********", false},
	{"phone", "mark on the plus", TEXT("+\u0301" "12345678"), "*******78", false},
	{"phone", "emoji", TEXT("\u260E 1234567" FAMILY), "* ********", false},
	{"phone", "bidirectional marks", TEXT("\u202A+49 30 123456\u202C"), "**** ** *******", false},
	{"phone", "line end", TEXT("12345678\n"), "*********", false},
	{"phone", "zero byte", TEXT("123456\0" "78"), "*******78", false},
	{"phone", "invalid", TEXT("\xC0\x80" "12345678"), "********78", false},
	{"phone", "truncated at the end", TEXT("12345678\xE4\xB8"), "**********", false},
	{"phone", "24 digits", TEXT("123456789012345678901234"), "**********************34", false},
	{"phone", "25 digits", TEXT("1234567890123456789012345"), "***", false},
	{"phone", "a sentence", TEXT("please call my sister Anna at 12345678"), "***", false},
	{"phone", "much formatting", TEXT("1 2 3 4 5 6 7 ..........."), "***", false},
	{"phone", "Latin-1", TEXT("T\xE9l 1234567"), "*** *****67", true},

	{"iban", "empty", TEXT(""), REDACTED, false},
	{"iban", "plain", TEXT("DE89370400440532013000"), "DE** **** **** 3000", false},
	{"iban", "grouped", TEXT("DE89 3704 0044 0532 0130 00"), "DE** **** **** 3000", false},
	{"iban", "small letters", TEXT("gb82 west 1234 5698 7654 32"), "GB** **** **** 5432", false},
	{"iban", "letters last", TEXT("MU17BOMM0101101030300200000MUR"), "MU** **** **** 0MUR", false},
	{"iban", "the shortest", TEXT("NO9386011117947"), "NO** **** **** 7947", false},
	{"iban", "shorter", TEXT("NO938601111794"), REDACTED, false},
	{"iban", "the longest", TEXT("XX00aaaabbbbccccddddeeeeffffgggghh"), "XX** **** **** gghh", false},
	{"iban", "longer", TEXT("XX00aaaabbbbccccddddeeeeffffgggghhi"), REDACTED, false},
	{"iban", "wrong check digits", TEXT("DE00370400440532013000"), "DE** **** **** 3000", false},
	{"iban", "no country", TEXT("89370400440532013000"), REDACTED, false},
	{"iban", "no check digits", TEXT("DEUTSCHLAND370400440"), REDACTED, false},
	{"iban", "hyphens", TEXT("DE89-3704-0044-0532-0130-00"), REDACTED, false},
	{"iban", "line end", TEXT("DE89370400440532013000\n"), REDACTED, false},
	{"iban", "zero byte", TEXT("DE8937040044\0" "0532013000"), REDACTED, false},
	{"iban", "wide digits", TEXT("DE89３７０４０0440532013000"), REDACTED, false},
	{"iban", "mark on the last digit", TEXT("DE89370400440532013000\u0301"), REDACTED, false},
	{"iban", "invalid", TEXT("DE89370400440532013000\xFF"), REDACTED, false},

	{"name", "empty", TEXT(""), REDACTED, false},
	{"name", "spaces", TEXT("   "), REDACTED, false},
	{"name", "two words", TEXT("Anna Schmidt"), "A*** S***", false},
	{"name", "spaces around", TEXT("  Anna   Schmidt "), "A*** S***", false},
	{"name", "other white space", TEXT("Anna\tMaria\nSchmidt\u00A0\u3000Z\u00FC"), "A*** M*** S*** Z***", false},
	{"name", "hyphen", TEXT("Anne-Marie Dupont"), "A***-M*** D***", false},
	{"name", "other hyphens", TEXT("Anne\u2010Marie\u2011Lou\u2013Zoe"), "A***-M***-L***-Z***", false},
	{"name", "hyphens apart", TEXT("Anne - Marie -Lou- Zoe"), "A*** M*** L*** Z***", false},
	{"name", "hyphens around", TEXT("-Anne-"), "A***", false},
	{"name", "apostrophe", TEXT("Sinead O'Neill d\u2019Arc"), "S*** O*** d***", false},
	{"name", "apostrophe first", TEXT("Gerard 't Hooft"), "G*** *** H***", false},
	{"name", "initials are whole names", TEXT("J. R. R. Tolkien"), "*** *** *** T***", false},
	{"name", "title", TEXT("Dr. Anna Schmidt, MD"), "D*** A*** S*** M***", false},
	{"name", "last name first", TEXT("Schmidt, Anna"), "S*** A***", false},
	{"name", "one letter", TEXT("X"), "***", false},
	{"name", "two letters", TEXT("Xi"), "X***", false},
	{"name", "digits", TEXT("Anna 4711 R2D2"), "A*** *** ***", false},
	{"name", "other digits", TEXT("Anna \u0664\u0667 \u096A\u096D"), "A*** *** ***", false},
	{"name", "punctuation alone", TEXT("... !? ()"), REDACTED, false},
	{"name", "brackets", TEXT("(Anna) \"Annie\" <Schmidt>"), "A*** A*** S***", false},
	{"name", "Latin", TEXT("Éloïse Ångström"), "É*** Å***", false},
	{"name", "combining marks", TEXT("E\u0301lo A\u030Angstro\u0308m"), "E\u0301*** A\u030A***", false},
	{"name", "one letter with its mark", TEXT("E\u0301 lo"), "*** l***", false},
	{"name", "heap of marks", TEXT("E" MARKS_10 "loise"), "l***", false},
	{"name", "Cyrillic", TEXT("Анна Шмидт"), "А*** Ш***", false},
	{"name", "Arabic", TEXT("محمد بن سلمان"), "م*** ب*** س***", false},
	{"name", "Arabic comma", TEXT("محمد، سلمان"), "م*** س***", false},
	{"name", "signs that are no second letter", TEXT("\u0627\u060C \u0627\u061C \u0627\u061F \u06A9\u06D4 e\u00D7 e\u00F7"), "*** *** *** *** *** ***", false},
	{"name", "Arabic letters and digits", TEXT("\u0627\u0644\u0663 \u06A9\u0644\u06F3 \u0627\u066E \u06A9\u06FA"), "*** *** \u0627*** \u06A9***", false},
	{"name", "one Arabic letter with its mark", TEXT("\u0645\u064E \u0645\u064E\u062D"), "*** \u0645\u064E***", false},
	{"name", "a digit late in a word", TEXT("Annaлиза7 Анна\u0669 王小明\u0966"), "*** *** ***", false},
	{"name", "letters cut off", TEXT("\u0645\u062D\xD9 An\xD8 An\xE4\xB8 \xC3-An\xD9"), "\u0645*** A*** A*** A***", false},
	{"name", "a digit behind half a letter", TEXT("An\xE4\u0663 An\xD9\xD9\xA3"), "*** ***", false},
	{"name", "Hebrew with points", TEXT("\u05E9\u05C1\u05B8\u05DC\u05D5\u05B9\u05DD"), "\u05E9\u05C1\u05B8***", false},
	{"name", "Devanagari", TEXT("सीता देवी"), "सी*** दे***", false},
	{"name", "Chinese", TEXT("王小明"), "王***", false},
	{"name", "Chinese, in parts", TEXT("王 小明"), "*** 小***", false},
	{"name", "Korean", TEXT("김민준"), "김***", false},
	{"name", "conjoining jamo", TEXT("\u1112\u1161\u11AB\u1100\u1161"), "\u1112\u1161\u11AB***", false},
	{"name", "Katakana with a dot", TEXT("アンナ・シュミット"), "ア***-シ***", false},
	{"name", "emoji", TEXT(FAMILY " Anna " GERMANY " 👍🏽"), "A***", false},
	{"name", "eight words", TEXT("Aa Bb Cc Dd Ee Ff Gg Hh"), "A*** B*** C*** D*** E*** F*** G*** H***", false},
	{"name", "nine words", TEXT("Aa Bb Cc Dd Ee Ff Gg Hh Ii"), REDACTED, false},
	{"name", "512 bytes", TEXT(A_64 A_64 A_64 A_64 A_64 A_64 A_64 A_64), "a***", false},
	{"name", "more", TEXT(A_64 A_64 A_64 A_64 A_64 A_64 A_64 A_64 "a"), REDACTED, false},
	{"name", "bidirectional control", TEXT("\u202E" "Anna"), "A***", false},
	{"name", "zero byte", TEXT("An\0na"), "A*** n***", false},
	{"name", "invalid first", TEXT("\xFF" "Anna Sch\xC3"), "A*** S***", false},
	{"name", "invalid alone", TEXT("\xFF\xFE"), REDACTED, false},
	{"name", "mark without base", TEXT("\u0301Anna"), "A***", false},
	{"name", "Latin-1", TEXT("\xC9lo\xEFse"), "\xC9***", true},

	{"address", "empty", TEXT(""), REDACTED, false},
	{"address", "country last", TEXT("Unter den Linden 5, 10117 Berlin, Germany"), "***, Germany", false},
	{"address", "lines", TEXT("Unter den Linden 5\n10117 Berlin\nGERMANY\n"), "***, Germany", false},
	{"address", "lines of another system", TEXT("1 High St\r\nLondon\r\nUnited  Kingdom\r\nUnited Kingdom."), "***, United Kingdom", false},
	{"address", "points within", TEXT("1 Main St, Springfield, IL 62704, u.s.a."), "***, U.S.A", false},
	{"address", "other languages", TEXT("Тверская 1, Москва, Россия"), "***, Россия", false},
	{"address", "Arabic", TEXT("شارع 1, مصر"), "***, مصر", false},
	{"address", "Latin", TEXT("Ring 1, Wien, Österreich"), "***, Österreich", false},
	{"address", "longest name", TEXT("a,  \u0420\u043E\u0441\u0441\u0438\u0439\u0441\u043A\u0430\u044F \u0424\u0435\u0434\u0435\u0440\u0430\u0446\u0438\u044F"), "***, \u0420\u043E\u0441\u0441\u0438\u0439\u0441\u043A\u0430\u044F \u0424\u0435\u0434\u0435\u0440\u0430\u0446\u0438\u044F", false},
	{"address", "no country", TEXT("Unter den Linden 5, 10117 Berlin"), REDACTED, false},
	{"address", "country first", TEXT("Germany, Berlin, Unter den Linden 5"), REDACTED, false},
	{"address", "country alone", TEXT("Germany"), REDACTED, false},
	{"address", "country and more", TEXT("Berlin, Germany 10117"), REDACTED, false},
	{"address", "not quite a country", TEXT("Berlin, Germanyx"), REDACTED, false},
	{"address", "beginning of a country", TEXT("Berlin, Germ"), REDACTED, false},
	{"address", "a person last", TEXT("12 Main St, Anna Schmidt"), REDACTED, false},
	{"address", "long last part", TEXT("a, " A_64), REDACTED, false},
	{"address", "commas alone", TEXT(",,,,"), REDACTED, false},
	{"address", "other comma", TEXT("Berlin，Germany"), REDACTED, false},
	{"address", "zero byte", TEXT("Berlin, Germany\0"), REDACTED, false},
	{"address", "invalid", TEXT("Berlin, Germany\xFF"), REDACTED, false},

	{"ip", "empty", TEXT(""), REDACTED, false},
	{"ip", "IPv4", TEXT("192.0.2.55"), "192.0.2.0", false},
	{"ip", "IPv4, the least", TEXT("0.0.0.0"), "0.0.0.0", false},
	{"ip", "IPv4, the most", TEXT("255.255.255.255"), "255.255.255.0", false},
	{"ip(16,32)", "IPv4, 16 bits", TEXT("192.168.2.55"), "192.168.0.0", false},
	{"ip(20,32)", "IPv4, 20 bits", TEXT("192.168.255.55"), "192.168.240.0", false},
	{"ip(0,0)", "IPv4, no bits", TEXT("192.168.255.55"), "0.0.0.0", false},
	{"ip", "IPv4 with its network", TEXT("192.0.2.55/32"), "192.0.2.0", false},
	{"ip", "IPv4, too many bits", TEXT("192.0.2.55/33"), REDACTED, false},
	{"ip", "IPv4 with a slash", TEXT("192.0.2.55/"), REDACTED, false},
	{"ip", "IPv4 with a port", TEXT("192.0.2.55:80"), REDACTED, false},
	{"ip", "IPv4 with a zone", TEXT("192.0.2.55%eth0"), REDACTED, false},
	{"ip", "IPv4, 256", TEXT("192.0.2.256"), REDACTED, false},
	{"ip", "IPv4, octal", TEXT("192.0.2.010"), REDACTED, false},
	{"ip", "IPv4, three parts", TEXT("192.0.2"), REDACTED, false},
	{"ip", "IPv4, five parts", TEXT("192.0.2.5.5"), REDACTED, false},
	{"ip", "IPv4, empty part", TEXT("192..2.5"), REDACTED, false},
	{"ip", "IPv4, four digits", TEXT("192.0.2.0005"), REDACTED, false},
	{"ip", "IPv4, hexadecimal", TEXT("0xC0.0.2.5"), REDACTED, false},
	{"ip", "IPv4 with a space", TEXT(" 192.0.2.5"), REDACTED, false},
	{"ip", "IPv4 with a line end", TEXT("192.0.2.5\n"), REDACTED, false},
	{"ip", "IPv6", TEXT("2001:db8:1:2:3:4:5:6"), "2001:db8:1::", false},
	{"ip", "IPv6, zeros and capitals", TEXT("2001:0DB8:0001::00AB"), "2001:db8:1::", false},
	{"ip", "IPv6, nothing", TEXT("::"), "::", false},
	{"ip", "IPv6, loopback", TEXT("::1"), "::", false},
	{"ip", "IPv6, zone", TEXT("fe80::1:2:3%eth0"), "fe80::", false},
	{"ip", "IPv6, zone and network", TEXT("fe80::1%eth0/64"), "fe80::", false},
	{"ip", "IPv6, empty zone", TEXT("fe80::1%"), REDACTED, false},
	{"ip", "IPv6, network", TEXT("2001:db8:1:2::/64"), "2001:db8:1::", false},
	{"ip", "IPv6, too many bits", TEXT("2001:db8:1:2::/129"), REDACTED, false},
	{"ip(24,64)", "IPv6, 64 bits", TEXT("2001:db8:0:f:3:4:5:6"), "2001:db8:0:f::", false},
	{"ip(24,64)", "IPv6, two runs of zeros", TEXT("0:0:1:0:0:0:0:1"), "0:0:1::", false},
	{"ip(24,64)", "IPv6, runs of the same length", TEXT("1:0:0:2::"), "1:0:0:2::", false},
	{"ip(24,64)", "IPv6, zeros first", TEXT("::7:8:0:0:0:0"), "0:0:7:8::", false},
	{"ip(24,50)", "IPv6, within a group", TEXT("2001:db8:1:ffff::"), "2001:db8:1:c000::", false},
	{"ip(24,10)", "IPv6, few bits", TEXT("ffff:ffff::1"), "ffc0::", false},
	{"ip(24,0)", "IPv6, none", TEXT("ffff:ffff::1"), "::", false},
	{"ip", "IPv6, IPv4 last", TEXT("2001:db8:1:2:3:4:192.0.2.5"), "2001:db8:1::", false},
	{"ip", "mapped", TEXT("::ffff:192.0.2.5"), "::ffff:192.0.2.0", false},
	{"ip(16,64)", "mapped, in groups", TEXT("::FFFF:c0a8:0205"), "::ffff:192.168.0.0", false},
	{"ip(8,64)", "6to4", TEXT("2002:c0a8:0205:7::1"), "2002:c000::", false},
	{"ip", "6to4, as much as of IPv4", TEXT("2002:c0a8:0205:7::1"), "2002:c0a8:200::", false},
	{"ip", "IPv6, seven groups", TEXT("1:2:3:4:5:6:7"), REDACTED, false},
	{"ip", "IPv6, nine groups", TEXT("1:2:3:4:5:6:7:8:9"), REDACTED, false},
	{"ip", "IPv6, :: for nothing", TEXT("1:2:3:4::5:6:7:8"), REDACTED, false},
	{"ip", "IPv6, two ::", TEXT("1::2::3"), REDACTED, false},
	{"ip", "IPv6, :::", TEXT("1:::2"), REDACTED, false},
	{"ip", "IPv6, colon first", TEXT(":1::2"), REDACTED, false},
	{"ip", "IPv6, colon last", TEXT("1::2:"), REDACTED, false},
	{"ip", "IPv6, colon alone", TEXT(":"), REDACTED, false},
	{"ip", "IPv6, five digits", TEXT("12345::"), REDACTED, false},
	{"ip", "IPv6, IPv4 not last", TEXT("::192.0.2.5:1"), REDACTED, false},
	{"ip", "IPv6, IPv4 too late", TEXT("1:2:3:4:5:6:7:192.0.2.5"), REDACTED, false},
	{"ip", "IPv6, wrong IPv4", TEXT("::192.0.2"), REDACTED, false},
	{"ip", "IPv6 in brackets", TEXT("[::1]"), REDACTED, false},
	{"ip", "a name", TEXT("localhost"), REDACTED, false},
	{"ip", "wide digits", TEXT("１９２.0.2.5"), REDACTED, false},

	{"range(10)", "empty", TEXT(""), REDACTED, false},
	{"range(10)", "within", TEXT("47"), "[40,50)", false},
	{"range(10)", "lower end", TEXT("40"), "[40,50)", false},
	{"range(10)", "just below", TEXT("39.999999999999999999999999999999"), "[30,40)", false},
	{"range(10)", "zero", TEXT("0"), "[0,10)", false},
	{"range(10)", "minus zero", TEXT("-0.000"), "[0,10)", false},
	{"range(10)", "just below zero", TEXT("-0.0000001"), "[-10,0)", false},
	{"range(10)", "negative", TEXT("-47"), "[-50,-40)", false},
	{"range(10)", "negative lower end", TEXT("-50"), "[-50,-40)", false},
	{"range(10)", "plus and zeros", TEXT("+0000000000000000000000047.50"), "[40,50)", false},
	{"range(0.25)", "fraction", TEXT("1.3"), "[1.25,1.50)", false},
	{"range(0.25)", "negative fraction", TEXT("-0.1"), "[-0.25,0.00)", false},
	{"range(0.25)", "whole", TEXT("2"), "[2.00,2.25)", false},
	{"range(7)", "18 digits", TEXT("999999999999999998"), "[999999999999999992,999999999999999999)", false},
	{"range(7)", "18 digits, negative", TEXT("-999999999999999998"), "[-999999999999999999,-999999999999999992)", false},
	{"range(7)", "19 digits", TEXT("1000000000000000000"), REDACTED, false},
	{"range(0.1)", "17 digits and one of the step's", TEXT("10000000000000000"), "[10000000000000000.0,10000000000000000.1)", false},
	{"range(0.1)", "18 digits and one of the step's", TEXT("100000000000000000"), REDACTED, false},
	{"range(12345678901234567890)", "a step of 20 digits", TEXT("5"), REDACTED, false},
	{"range(0.0000000000000000001)", "a step of 19 places", TEXT("5"), REDACTED, false},
	{"range(10)", "point first", TEXT(".5"), REDACTED, false},
	{"range(10)", "point last", TEXT("5."), REDACTED, false},
	{"range(10)", "two points", TEXT("1.2.3"), REDACTED, false},
	{"range(10)", "thousands", TEXT("1,000"), REDACTED, false},
	{"range(10)", "exponent", TEXT("1e3"), REDACTED, false},
	{"range(10)", "space", TEXT(" 5"), REDACTED, false},
	{"range(10)", "sign alone", TEXT("-"), REDACTED, false},
	{"range(10)", "not a number", TEXT("NaN"), REDACTED, false},
	{"range(10)", "zero byte", TEXT("47\0"), REDACTED, false},
	{"range(10)", "Arabic digits", TEXT("\u0664\u0667"), REDACTED, false},

	{"constant(x)", "empty", TEXT(""), "x", false},
	{"constant( hidden (by law) )", "any", TEXT("secret"), "hidden (by law)", false},
	{"constant()", "nothing", TEXT("secret"), "", false},
	{"constant(№ 名)", "UTF-8", TEXT("secret"), "№ 名", false},
	{"constant(\xE9t\xE9)", "no UTF-8", TEXT("secret"), REDACTED, false},
	{"constant(\xE9t\xE9)", "Latin-1", TEXT("secret"), "\xE9t\xE9", true},

	{"pseudonym", "is keyed", TEXT("secret"), REDACTED, false},
	{"fake_name", "is keyed", TEXT("secret"), REDACTED, false},
	{"noise(5)", "is not for text", TEXT("secret"), REDACTED, false},
	{"week", "is not for text", TEXT("secret"), REDACTED, false},
};
/* clang-format on */

static void
check_cases(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		const Case *c = &cases[i];
		MaskSpec spec;
		const char *problem;
		Output output;
		bool same;
		char name[128];

		snprintf(name, sizeof(name), "%s: %s", c->spec, c->name);
		if (!mask_parse(c->spec, &spec, &problem))
		{
			ok(false, name);
			continue;
		}
		output = run(&spec, !c->bytes, c->in, c->len);
		same = output.size == strlen(c->out) && memcmp(output.bytes, c->out, output.size) == 0;
		ok(same && output.bounded, name);
		if (!same)
		{
			show("in", c->in, c->len);
			show("got", output.bytes, output.size);
			show("expected", c->out, strlen(c->out));
		}
		free(output.bytes);
	}
}

static const struct
{
	const char *text;
	const char *canonical; /* NULL where it must be refused */
} spellings[] = {
	{"redact", "redact"},
	{"email", "email"},
	{"card", "card"},
	{"phone", "phone"},
	{"hash", "hash"},
	{"null", "null"},
	{"partial(2,4)", "partial(2,4)"},
	{" \t\r\n\v\fPARTIAL ( 2 , 4 ) ", "partial(2,4)"},
	{"Partial(00000000000000064,064)", "partial(64,64)"},
	{"partial(0,0)", "partial(0,0)"},
	{"  eMail  ", "email"},
	{"", NULL},
	{" ", NULL},
	{"emai", NULL},
	{"emails", NULL},
	{"e mail", NULL},
	{"email()", NULL},
	{"email(1,2)", NULL},
	{"email,", NULL},
	{"email email", NULL},
	{"email\xC2\xA0", NULL},
	{"\xEF\xBD\x85mail", NULL},
	{"card4", NULL},
	{"partial", NULL},
	{"partial(", NULL},
	{"partial()", NULL},
	{"partial(1)", NULL},
	{"partial(1,)", NULL},
	{"partial(,1)", NULL},
	{"partial(1,2", NULL},
	{"partial(1,2,3)", NULL},
	{"partial(1,2))", NULL},
	{"partial(1;2)", NULL},
	{"partial(-1,2)", NULL},
	{"partial(+1,2)", NULL},
	{"partial(1 1,2)", NULL},
	{"partial(65,2)", NULL},
	{"partial(2,65)", NULL},
	{"partial(4294967297,2)", NULL},
	{"partial(99999999999999999999999999,2)", NULL},
	{"partial(0x1,2)", NULL},
	{"partial(1.0,2)", NULL},
	{"partial(a,b)", NULL},
	{"partial(1,2); drop table", NULL},
	{"year", "year"},
	{" MONTH ", "month"},
	{"year(1)", NULL},
	{"zero", "zero"},
	{"length", "length"},
	{"round(1000)", "round(1000)"},
	{"Round ( 0.05 )", "round(0.05)"},
	{"round(12345678901234567890)", "round(12345678901234567890)"},
	{"round(123456789012345678901)", NULL},
	{"round", NULL},
	{"round()", NULL},
	{"round(0)", NULL},
	{"round(0.00)", NULL},
	{"round(-1)", NULL},
	{"round(.5)", NULL},
	{"round(5.)", NULL},
	{"round(1.2.3)", NULL},
	{"round(1e3)", NULL},
	{"round(1,2)", NULL},
	{"json", "json"},
	{"json(a)", NULL},
	{"json_hide(a)", "json_hide(a)"},
	{"JSON_SHOW( Straße . house no. 2 ,\xE5\x90\x8D )",
	 "json_show(Straße.house no.2,\xE5\x90\x8D)"},
	{"json_hide", NULL},
	{"json_hide()", NULL},
	{"json_hide(a,)", NULL},
	{"json_hide(a..b)", NULL},
	{"json_hide(.a)", NULL},
	{"json_hide(a.)", NULL},
	{"json_hide(a", NULL},
	{"json_hide(a(b))", NULL},
	{"json_hide(\"a\")", NULL},
	{"json_hide(a\nb)", NULL},
	{"json__hide(a)", NULL},
	{"iban", "iban"},
	{"name", "name"},
	{"Address", "address"},
	{"ip", "ip"},
	{"ip(24,48)", "ip"},
	{"IP ( 8 , 32 )", "ip(8,32)"},
	{"ip(0,0)", "ip(0,0)"},
	{"ip(24,64)", "ip(24,64)"},
	{"ip(25,48)", NULL},
	{"ip(24,65)", NULL},
	{"ip(24)", NULL},
	{"ip()", NULL},
	{"ip(24,48", NULL},
	{"range(10)", "range(10)"},
	{"range(0)", NULL},
	{"range(10%)", NULL},
	{"round(10%)", NULL},
	{"noise(5)", "noise(5)"},
	{"noise( 0.5 % )", "noise(0.5%)"},
	{"noise(10%)", "noise(10%)"},
	{"noise", NULL},
	{"noise()", NULL},
	{"noise(%)", NULL},
	{"noise(10%%)", NULL},
	{"noise(10.%)", NULL},
	{"noise(0%)", NULL},
	{"noise(-5)", NULL},
	{"constant()", "constant()"},
	{"Constant( A (b) ) ", "constant(A (b))"},
	{"constant(a) b)", "constant(a) b)"},
	{"constant", NULL},
	{"constant(", NULL},
	{"constant(a) b", NULL},
	{"constant(a\nb)", NULL},
	{"constant(a\x7F)", NULL},
	{"constant(" A_64 A_64 A_64 A_64 A_64 A_64 A_64 A_64 ")", NULL},
	{"pseudonym", "pseudonym"},
	{"pseudonym_card", "pseudonym_card"},
	{"pseudonym(1)", NULL},
	{"fake_first_name", "fake_first_name"},
	{"fake_last_name", "fake_last_name"},
	{"FAKE_NAME", "fake_name"},
	{"fake_city", "fake_city"},
	{"fake_company", "fake_company"},
	{"fake", NULL},
	{"decade", "decade"},
	{"quarter", "quarter"},
	{"week", "week"},
	{"day", "day"},
	{"json_hide(" A_64 A_64 A_64 A_64 A_64 A_64 A_64 A_64 ")", NULL},
};

static void
check_spellings(void)
{
	for (size_t i = 0; i < sizeof(spellings) / sizeof(spellings[0]); i++)
	{
		MaskSpec spec = {.kind = MASK_NULL, .prefix = -7, .suffix = -7};
		MaskSpec again;
		const char *problem = NULL;
		const char *ignored;
		char out[MASK_SPEC_MAX];
		char name[128];
		bool parsed = mask_parse(spellings[i].text, &spec, &problem);
		bool passed;

		if (spellings[i].canonical == NULL)
			passed = !parsed && problem != NULL && spec.kind == MASK_NULL && spec.prefix == -7;
		else
		{
			passed = parsed;
			mask_format(&spec, out);
			passed = passed && strcmp(out, spellings[i].canonical) == 0 &&
					 mask_parse(out, &again, &ignored) && again.kind == spec.kind &&
					 again.prefix == spec.prefix && again.suffix == spec.suffix &&
					 strcmp(again.argument, spec.argument) == 0;
		}
		snprintf(name, sizeof(name), "spelling %zu is %s", i,
				 spellings[i].canonical ? spellings[i].canonical : "refused");
		ok(passed, name);
	}
	ok(strstr(mask_names(), "partial(prefix, suffix)") != NULL, "names");
}

/* --------------------------------------------------------- what a spec may be */

static void
check_bounds(void)
{
	bool passed = true;

	for (int kind = MASK_REDACT; kind <= MASK_KINDS; kind++)
	{
		MaskSpec spec = {.kind = (MaskKind) kind, .prefix = 64, .suffix = 64};

		passed = passed && mask_bound(&spec, SIZE_MAX) <= MASK_BOUND_MAX &&
				 mask_bound(&spec, SIZE_MAX) >= 3 && mask_bound(&spec, 0) >= 3;
	}
	ok(passed, "bounds of the greatest size");

	MaskSpec wild = {.kind = MASK_PARTIAL, .prefix = INT32_MAX, .suffix = INT32_MIN};
	Output output = run(&wild, true, TEXT(A_64 A_64 A_64));
	ok(output.bounded && output.size == 67, "numbers out of range are clamped");
	free(output.bytes);

	MaskSpec unknown = {.kind = (MaskKind) 99, .prefix = 0, .suffix = 0};
	char out[MASK_SPEC_MAX];
	output = run(&unknown, true, TEXT("secret"));
	mask_format(&unknown, out);
	ok(output.size == 10 && memcmp(output.bytes, REDACTED, 10) == 0 && strcmp(out, "redact") == 0,
	   "an unknown kind redacts");
	free(output.bytes);
}

/* ------------------------------------------------------------------- huge ones */

/* partial as its rule says, with all of the text read: the slow way that long texts avoid. */
static size_t
slow_partial(const MaskSpec *spec, bool utf8, const char *in, size_t len, char *out)
{
	size_t prefix = (size_t) spec->prefix, suffix = (size_t) spec->suffix;
	Character *all = allocate((len + 1) * sizeof(Character));
	CharacterScan scan;
	size_t count = 0, hidden = 0, size = 0;

	character_scan(&scan, utf8, (const uint8_t *) in, (const uint8_t *) in + len);
	while (character_next(&scan, &all[count]))
		count++;
	if (prefix + suffix > 0 && count > prefix + suffix)
	{
		for (size_t i = prefix; i < count - suffix; i++)
			hidden += all[i].visible;
	}
	if (prefix + suffix > 0 && hidden >= prefix + suffix)
	{
		for (size_t i = 0; i < count; i++)
		{
			if (i == prefix)
			{
				memcpy(out + size, "***", 3);
				size += 3;
			}
			if (i >= prefix && i < count - suffix)
				continue;
			if (all[i].shown)
				memcpy(out + size, all[i].start, all[i].size);
			else
				out[size] = '*';
			size += all[i].shown ? all[i].size : 1;
		}
		if (prefix == count)
			size = 0;
	}
	else
	{
		memcpy(out, "***", 3);
		size = 3;
	}
	free(all);
	return size;
}

static bool
same_as_slow(const MaskSpec *spec, bool utf8, const char *in, size_t len)
{
	char *expected = allocate(len + MASK_BOUND_MAX);
	size_t size = slow_partial(spec, utf8, in, len, expected);
	Output output = run(spec, utf8, in, len);
	bool same = output.bounded && output.size == size && memcmp(output.bytes, expected, size) == 0;

	if (!same)
	{
		printf("#   partial(%d,%d)\n", spec->prefix, spec->suffix);
		show("in", in, len);
		show("got", output.bytes, output.size);
		show("expected", expected, size);
	}
	free(output.bytes);
	free(expected);
	return same;
}

#define HUGE_SIZE ((size_t) 1 << 20)

static void
check_huge(void)
{
	static const char *const fillings[] = {"a",
										   "é",
										   "मस्ते",
										   GERMANY,
										   FAMILY,
										   "\u0301",
										   "\u200D",
										   "\u0600",
										   "\xFF",
										   "\x80",
										   "\xE4\xB8",
										   " ",
										   "\r\n",
										   "王",
										   "\u1112\u1161",
										   ("a" MARKS_10),
										   "\U0001F1E9",
										   "a\U0001F1E9",
										   "1",
										   "a@",
										   "-"};
	char *text = allocate(HUGE_SIZE);
	bool passed = true;
	bool partials = true;

	for (size_t i = 0; i < sizeof(fillings) / sizeof(fillings[0]); i++)
	{
		size_t size = strlen(fillings[i]);

		for (size_t at = 0; at < HUGE_SIZE; at++)
			text[at] = fillings[i][at % size];
		for (int kind = MASK_REDACT; kind < MASK_KINDS; kind++)
		{
			MaskSpec spec = {.kind = (MaskKind) kind, .prefix = 3, .suffix = 4};
			Output output = run(&spec, true, text, HUGE_SIZE);

			passed = passed && output.bounded;
			free(output.bytes);
		}
		for (int suffix = 0; suffix <= 64; suffix += 16)
		{
			MaskSpec spec = {.kind = MASK_PARTIAL, .prefix = 64 - suffix, .suffix = suffix};

			/* The text ends in the middle of a character, or not; and has a plain beginning. */
			for (size_t cut = 0; cut < 4 && partials; cut++)
				partials = same_as_slow(&spec, true, text, HUGE_SIZE / 8 - cut);
			memset(text, 'x', 200);
			partials = partials && same_as_slow(&spec, true, text, HUGE_SIZE / 8) &&
					   same_as_slow(&spec, false, text, HUGE_SIZE / 8);
		}
	}
	ok(passed, "a megabyte of anything, every mask");
	ok(partials, "partial of long texts is what reading all of it gives");
	free(text);
}

/* ------------------------------------------------------------------ properties */

static uint64_t random_state = UINT64_C(0x9E3779B97F4A7C15);

/* xorshift64*: the same texts in every run */
static uint32_t
random_below(uint32_t limit)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return (uint32_t) ((random_state * UINT64_C(0x2545F4914F6CDD1D)) >> 33) % limit;
}

/* Code points that are each a character: what survives can be counted in them. */
static const char *const plain_pieces[] = {
	"0",          "1",         "2",       "3",
	"4",          "5",         "6",       "7",
	"8",          "9",         "a",       "b",
	"c",          "x",         "Y",       "Z",
	"@",          ".",         ".",       "-",
	"+",          " ",         "(",       ")",
	"/",          "\"",        "\\",      "é",
	"ß",          "я",         "Ж",       "λ",
	"Ω",          "ب",         "س",       "٣",
	"王",         "明",        "한",      "４",
	"\U00020BB7", "com",       "example", "@example.com",
	".de",        "@почта.рф", "555",     "4111",
};

/* And those that join, act, or are not valid. */
static const char *const odd_pieces[] = {
	"\u0301",     "\u0308", "\u200D",     "\u200C",     "\uFE0F",     "\u20E3",     "\U0001F3FD",
	"\U0001F468", "\u2764", "\U0001F1E9", "\U0001F1EB", "\U0001F3F4", "\U000E0067", "\u1112",
	"\u1161",     "\u11AB", "가",         "각",         "\u0600",     "\u0903",     "स",
	"\u094D",     "\u202E", "\u2066",     "\n",         "\r",         "\t",         "\x1B",
	"\x7F",       "\u3000", "\u00A0",     "\u200B",     "\u00AD",     "。",
};

static const char *const invalid_pieces[] = {
	"\x80",         "\xBF",         "\xC0",
	"\xC3",         "\xE4",         "\xE4\xB8",
	"\xED\xA0\x80", "\xF0\x9F",     "\xF4\x90\x80\x80",
	"\xFF",         "\xE0\x80\x80",
};

#define PIECES(list) (sizeof(list) / sizeof((list)[0]))

static size_t
random_text(char *text, size_t max, bool odd, bool invalid)
{
	size_t len = 0;
	uint32_t pieces = random_below(random_below(8) == 0 ? 400 : 40);

	for (uint32_t i = 0; i < pieces; i++)
	{
		const char *piece = plain_pieces[random_below(PIECES(plain_pieces))];
		uint32_t choice = random_below(8);

		if (choice == 0 && invalid)
			piece = invalid_pieces[random_below(PIECES(invalid_pieces))];
		else if (choice < 4 && odd)
			piece = odd_pieces[random_below(PIECES(odd_pieces))];
		if (len + strlen(piece) > max)
			break;
		memcpy(text + len, piece, strlen(piece));
		len += strlen(piece);
	}
	return len;
}

/* Perhaps of a card, perhaps of a phone. */
static size_t
random_number(char *text)
{
	uint32_t choices = random_below(2) ? 12 : 17;
	size_t len = 0;

	while (len < 20 && random_below(60) > 0)
		text[len++] = "0123456789 -()+./"[random_below(choices)];
	return len;
}

static size_t
random_address(char *text, bool odd)
{
	static const char *const tops[] = {".de", ".com", ".рф", ".公司", ".xn--p1ai", "."};
	const char *top = tops[random_below(PIECES(tops))];
	size_t len = random_text(text, 1 + random_below(8), odd, false);

	text[len++] = '@';
	len += random_text(text + len, 1 + random_below(8), odd, false);
	memcpy(text + len, top, strlen(top));
	len += strlen(top);
	return len + random_text(text + len, random_below(4), odd, false);
}

/* Of ASCII alone. */
static size_t
random_usual_address(char *text)
{
	size_t len = 0;

	for (uint32_t left = random_below(10); left > 0; left--)
		text[len++] = "abcdeXYZ01.+-_/@"[random_below(16)];
	text[len++] = '@';
	for (uint32_t left = random_below(10); left > 0; left--)
		text[len++] = "abcdeXYZ01.-"[random_below(12)];
	text[len++] = '.';
	for (uint32_t left = random_below(5); left > 0; left--)
		text[len++] = "abcdxyABCDXYZ.1"[random_below(15)];
	return len;
}

static bool
starts_code(char byte)
{
	return ((unsigned char) byte & 0xC0) != 0x80;
}

/* The most consecutive code points of `out` that stand in `in` as well. */
static size_t
longest_survivor(const char *in, size_t len, const char *out, size_t size)
{
	size_t most = 0;

	for (size_t i = 0; i < len; i++)
	{
		for (size_t j = 0; j < size; j++)
		{
			size_t run = 0, codes = 0;

			if (!starts_code(in[i]) || !starts_code(out[j]))
				continue;
			while (i + run < len && j + run < size && in[i + run] == out[j + run])
				codes += starts_code(out[j + run++]);
			if (codes > most)
				most = codes;
		}
	}
	return most;
}

static size_t
without_formatting(const char *bytes, size_t len, char *kept)
{
	size_t size = 0;

	for (size_t i = 0; i < len; i++)
	{
		if (bytes[i] == '\0' || strchr(" ()-./", bytes[i]) == NULL)
			kept[size++] = bytes[i];
	}
	return size;
}

static bool
all_digits(const char *bytes, size_t len)
{
	while (len > 0 && bytes[len - 1] >= '0' && bytes[len - 1] <= '9')
		len--;
	return len == 0;
}

static CharacterScan
name_scan(const Output *output)
{
	CharacterScan scan;

	character_scan(&scan, true, (const uint8_t *) output->bytes,
				   (const uint8_t *) output->bytes + output->size);
	return scan;
}

static bool
little_survives(MaskKind kind, const char *in, size_t len, const Output *output)
{
	char left[512], right[512];
	size_t size = output->size;

	switch (kind)
	{
		case MASK_EMAIL:
			if (size == 10 && memcmp(output->bytes, REDACTED, 10) == 0)
				return true;
			/* all but the last label, whose end is the text's */
			while (output->bytes[size - 1] != '.')
				size--;
			return len > output->size - size &&
				   memcmp(in + len - (output->size - size), output->bytes + size,
						  output->size - size) == 0 &&
				   longest_survivor(in, len, output->bytes, size) < 3;
		case MASK_CARD:
			if (size == 10)
				return memcmp(output->bytes, REDACTED, 10) == 0;
			return size == 19 && memcmp(output->bytes, "**** **** **** ", 15) == 0 &&
				   all_digits(output->bytes + 15, 4);
		case MASK_PHONE:
		{
			size_t l = without_formatting(in, len, left);
			size_t r = without_formatting(output->bytes, size, right);

			return longest_survivor(left, l, right, r) <= 2;
		}
		case MASK_NAME:
			/* Nothing but "***" after a character or none, and one that parts it from the next. */
			for (CharacterScan scan = name_scan(output); scan.at < scan.end;)
			{
				Character character;

				character_next(&scan, &character);
				if (*character.start != '*')
				{
					if (*character.start == '[')
						return size == 10 && memcmp(output->bytes, REDACTED, 10) == 0;
					character_next(&scan, &character);
				}
				if (scan.end - character.start < 3 || memcmp(character.start, "***", 3) != 0)
					return false;
				scan.at = character.start + 3;
				if (scan.at < scan.end && *scan.at != ' ' && *scan.at != '-')
					return false;
				scan.at += scan.at < scan.end;
			}
			return true;
		default:
			return size == 10 && memcmp(output->bytes, REDACTED, 10) == 0;
	}
}

/* Each character of the output is a whole one of the input, or of the mask. */
static bool
only_whole_characters(const char *in, size_t len, const Output *output)
{
	CharacterScan scan, original;
	Character shown, character;

	character_scan(&scan, true, (const uint8_t *) output->bytes,
				   (const uint8_t *) output->bytes + output->size);
	while (character_next(&scan, &shown))
	{
		bool found = shown.size == 1 && *shown.start == '*';

		character_scan(&original, true, (const uint8_t *) in, (const uint8_t *) in + len);
		while (!found && character_next(&original, &character))
			found = shown.size == character.size &&
					memcmp(shown.start, character.start, shown.size) == 0;
		if (!found)
			return false;
	}
	return true;
}

/* Whether the fast way, where it is taken, comes to what the full one does. */
static bool
same_in_full(bool utf8, const char *text, size_t len, size_t *taken)
{
	char *copy = allocate(len);
	char *fast = allocate(len + MASK_BOUND_MAX);
	char *full = allocate(len + MASK_BOUND_MAX);
	const uint8_t *start = (uint8_t *) copy;
	MaskInput in = {start, start + len, utf8};
	unsigned prefix = random_below(4);
	bool same = true;

	memcpy(copy, text, len);
	for (int way = 0; way < 3; way++)
	{
		uint8_t *to = (uint8_t *) fast;
		size_t size = way == 0   ? mask_email_ascii(&in, to)
					  : way == 1 ? mask_phone_ascii(&in, to)
								 : mask_prefix_ascii(&in, prefix, to);

		if (size == 0)
			continue;
		taken[way]++;
		to = (uint8_t *) full;
		if (size != (way == 0   ? mask_email(&in, to)
					 : way == 1 ? mask_phone(&in, to)
								: mask_partial(&in, prefix, 0, to)) ||
			memcmp(fast, full, size) != 0)
		{
			same = false;
			show("in", text, len);
			show("fast", fast, size);
		}
	}
	free(copy);
	free(fast);
	free(full);
	return same;
}

#define ROUNDS 60000

static void
check_properties(void)
{
	static const MaskKind shaped[] = {MASK_REDACT, MASK_EMAIL, MASK_CARD,    MASK_PHONE,
									  MASK_IBAN,   MASK_NAME,  MASK_ADDRESS, MASK_IP};
	bool bounded = true, valid = true, survives = true, slow = true, whole = true;
	bool full = true;
	size_t addresses = 0, cards = 0, phones = 0, partials = 0;
	size_t taken[3] = {0};
	char text[512];

	for (int round = 0; round < ROUNDS; round++)
	{
		bool odd = round % 2 == 1, invalid = round % 4 == 3;
		size_t len = random_text(text, round % 16 == 5 ? 500 : 60, odd, invalid);
		bool was_valid;

		/* Texts of nearly the right form, for they are rare among random ones. */
		if (round % 8 == 0)
			len = random_number(text);
		else if (round % 8 < 3)
			len = random_address(text, odd);
		else if (round % 8 == 4)
			len = random_usual_address(text);
		was_valid = valid_utf8(text, len);

		for (size_t i = 0; i < sizeof(shaped) / sizeof(shaped[0]); i++)
		{
			MaskSpec spec = {.kind = shaped[i], .prefix = 0, .suffix = 0};
			Output output = run(&spec, random_below(8) > 0, text, len);

			bounded &= output.bounded;
			addresses += shaped[i] == MASK_EMAIL && output.bytes[0] != '[';
			cards += shaped[i] == MASK_CARD && output.bytes[0] != '[';
			phones += shaped[i] == MASK_PHONE && output.size != 3;
			if (!odd && !little_survives(shaped[i], text, len, &output))
			{
				survives = false;
				show("in", text, len);
				show("out", output.bytes, output.size);
			}
			free(output.bytes);
			output = run(&spec, true, text, len);
			valid &= !was_valid || valid_utf8(output.bytes, output.size);
			free(output.bytes);
		}

		MaskSpec spec = {
			.kind = MASK_PARTIAL, .prefix = (int) random_below(6), .suffix = (int) random_below(6)};
		Output output = run(&spec, true, text, len);
		bounded &= output.bounded;
		valid &= valid_utf8(output.bytes, output.size); /* whatever the input was */
		whole &= only_whole_characters(text, len, &output);
		partials += output.size != 3;
		free(output.bytes);
		slow =
			slow && same_as_slow(&spec, true, text, len) && same_as_slow(&spec, false, text, len);
		full = full && same_in_full(round % 3 > 0, text, len, taken);
	}
	ok(bounded, "random texts: within the bound");
	ok(valid, "random texts: valid UTF-8 stays so");
	ok(survives, "random texts: no run survives that the rules do not allow");
	ok(whole, "random texts: partial shows whole characters");
	ok(slow, "random texts: partial is what its rule says");
	ok(full, "random texts: the fast ways come to what the full ones do");
	ok(addresses > 500 && cards > 500 && phones > 500 && partials > 5000 && taken[0] > 500 &&
		   taken[1] > 500 && taken[2] > 500,
	   "random texts: each mask had enough of its own kind");
	printf("# of %d texts: %zu addresses, %zu cards, %zu phone numbers, %zu partials\n", ROUNDS,
		   addresses, cards, phones, partials);
	printf("# fast: %zu addresses, %zu phone numbers, %zu partials\n", taken[0], taken[1],
		   taken[2]);
}

/* Nothing but bytes. */
static void
check_noise(void)
{
	bool passed = true;
	char text[64];

	for (int round = 0; round < ROUNDS; round++)
	{
		size_t len = random_below(sizeof(text));
		bool high = round % 2 == 0;

		for (size_t i = 0; i < len; i++)
			text[i] = (char) (high ? 0x80 + random_below(128) : random_below(256));
		for (int kind = MASK_REDACT; kind < MASK_KINDS; kind++)
		{
			MaskSpec spec = {.kind = (MaskKind) kind,
							 .prefix = (int) random_below(65),
							 .suffix = (int) random_below(4)};
			Output output = run(&spec, true, text, len);

			passed = passed && output.bounded && valid_utf8(output.bytes, output.size);
			free(output.bytes);
		}
	}
	ok(passed, "random bytes: within the bound, and the output is valid UTF-8");
}

int
main(void)
{
	check_spellings();
	check_cases();
	check_bounds();
	check_huge();
	check_properties();
	check_noise();
	printf("1..%d\n", tests);
	return failures > 0;
}
