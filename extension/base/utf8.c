/*
 * utf8.c
 *		Text as it is sealed: always UTF-8.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "mb/pg_wchar.h"
#include "utils/memutils.h"

#include "base/compat.h"
#include "base/utf8.h"

pg_noreturn static void
raise_unconvertible(void)
{
	ereport(ERROR, (errcode(ERRCODE_UNTRANSLATABLE_CHARACTER),
					errmsg("a value cannot be converted between UTF8 and the database encoding %s",
						   GetDatabaseEncodingName()),
					errdetail("Sealed text is kept in UTF8.")));
}

static bool
convert(Bytes text, int from, int to, Bytes *converted)
{
	Oid procedure = FindDefaultConversionProc(from, to);
	size_t room = mul_size(text.len, MAX_CONVERSION_GROWTH) + 1;
	unsigned char *out;

	if (!OidIsValid(procedure) || text.len > INT_MAX / MAX_CONVERSION_GROWTH - 1)
		return false;
	out = MemoryContextAllocHuge(CurrentMemoryContext, room);

	/* The usual functions name the offending bytes in their errors. This one only stops. */
	if (pg_do_encoding_conversion_buf(procedure, from, to, (unsigned char *) text.data,
									  (int) text.len, out, (int) room, true) != (int) text.len)
		return false;
	*converted = bytes_of_string((char *) out);
	return true;
}

bool
Utf8TryConvert(Bytes text, Bytes *utf8)
{
	int encoding = GetDatabaseEncoding();

	*utf8 = text;
	if (text.len == 0)
		return true;
	if (encoding != PG_SQL_ASCII)
		return convert(text, encoding, PG_UTF8, utf8);

	/* Bytes of no declared encoding: accepted only if they are what will be read. */
	return pg_verify_mbstr(PG_UTF8, (const char *) text.data, (int) text.len, true);
}

Bytes
Utf8Convert(Bytes text)
{
	Bytes utf8;

	if (!Utf8TryConvert(text, &utf8))
		raise_unconvertible();
	return utf8;
}

/*
 * True only for ASCII without zero bytes, which is valid UTF-8: what most values
 * are, told several times faster than the server's check can. Short ones, and
 * all others, are left to that. The last word may overlap the one before it.
 */
static bool
is_surely_ascii(Bytes text)
{
	const uint64 high_bits = UINT64CONST(0x8080808080808080);
	const uint64 low_bits = UINT64CONST(0x0101010101010101);
	uint64 word;
	uint64 found = 0;

	if (text.len < sizeof(word))
		return false;
	for (size_t i = 0; i + sizeof(word) < text.len; i += sizeof(word))
	{
		memcpy(&word, text.data + i, sizeof(word));
		found |= word | (word - low_bits); /* a zero byte borrows: its high bit appears */
	}
	memcpy(&word, text.data + text.len - sizeof(word), sizeof(word));
	found |= word | (word - low_bits);
	return (found & high_bits) == 0;
}

bool
Utf8TryToServer(Bytes text, Bytes *converted)
{
	int encoding = GetDatabaseEncoding();

	*converted = text;
	if (encoding == PG_UTF8 && is_surely_ascii(text))
		return true;
	if (!pg_verify_mbstr(PG_UTF8, (const char *) text.data, (int) text.len, true))
		return false;
	if (encoding == PG_UTF8 || encoding == PG_SQL_ASCII || text.len == 0)
		return true;
	return convert(text, PG_UTF8, encoding, converted);
}

Bytes
Utf8ToServer(Bytes text)
{
	Bytes converted;

	if (!Utf8TryToServer(text, &converted))
		raise_unconvertible();
	return converted;
}
