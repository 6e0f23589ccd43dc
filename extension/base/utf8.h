/*
 * utf8.h
 *		Text as it is sealed: always UTF-8, so that an envelope can move to a
 *		database of another encoding. Errors never show a character of it.
 */
#ifndef TAROT_BASE_UTF8_H
#define TAROT_BASE_UTF8_H

#include "mb/pg_wchar.h"

#include "base/bytes.h"

/* For the two below alone: where the database is not in UTF-8. */
extern Bytes Utf8Convert(Bytes text);
extern bool Utf8TryConvert(Bytes text, Bytes *utf8);

/* The same bytes where the database is in UTF-8; otherwise palloc'd. */
static inline Bytes
Utf8FromServer(Bytes text)
{
	return likely(GetDatabaseEncoding() == PG_UTF8) ? text : Utf8Convert(text);
}

/* The same; false, rather than raising. */
static inline bool
Utf8TryFromServer(Bytes text, Bytes *utf8)
{
	*utf8 = text;
	return likely(GetDatabaseEncoding() == PG_UTF8) || Utf8TryConvert(text, utf8);
}

/*
 * Checks and converts to the database's encoding; the result is `text` itself
 * or palloc'd. Raises when a character has no equivalent there.
 */
extern Bytes Utf8ToServer(Bytes text);

/* The same; false, rather than raising. */
extern bool Utf8TryToServer(Bytes text, Bytes *converted);

#endif
