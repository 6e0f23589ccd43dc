/*
 * utf8.c
 *		Text as it is sealed: always UTF-8.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "mb/pg_wchar.h"
#include "storage/shmem.h"
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

static Bytes
convert(Bytes text, int from, int to)
{
	Oid procedure = FindDefaultConversionProc(from, to);
	size_t room = mul_size(text.len, MAX_CONVERSION_GROWTH) + 1;
	unsigned char *out;

	if (!OidIsValid(procedure) || text.len > INT_MAX / MAX_CONVERSION_GROWTH - 1)
		raise_unconvertible();
	out = MemoryContextAllocHuge(CurrentMemoryContext, room);

	/* The usual functions name the offending bytes in their errors. This one only stops. */
	if (pg_do_encoding_conversion_buf(procedure, from, to, (unsigned char *) text.data,
									  (int) text.len, out, (int) room, true) != (int) text.len)
		raise_unconvertible();
	return bytes_of_string((char *) out);
}

Bytes
Utf8FromServer(Bytes text)
{
	int encoding = GetDatabaseEncoding();

	if (encoding == PG_UTF8 || text.len == 0)
		return text;
	if (encoding != PG_SQL_ASCII)
		return convert(text, encoding, PG_UTF8);

	/* Bytes of no declared encoding: accepted only if they are what will be read. */
	if (!pg_verify_mbstr(PG_UTF8, (const char *) text.data, (int) text.len, true))
		raise_unconvertible();
	return text;
}

Bytes
Utf8ToServer(Bytes text)
{
	int encoding = GetDatabaseEncoding();

	if (!pg_verify_mbstr(PG_UTF8, (const char *) text.data, (int) text.len, true))
		raise_unconvertible();
	if (encoding == PG_UTF8 || encoding == PG_SQL_ASCII || text.len == 0)
		return text;
	return convert(text, PG_UTF8, encoding);
}
