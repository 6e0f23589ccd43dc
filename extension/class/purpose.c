/*
 * purpose.c
 *		What a session says that it wants values for.
 *
 * Anybody can say anything: a purpose is a statement, which is held against
 * what is allowed and put on record, and no secret. It must be said by the session
 * itself, though. What stands in the settings of a role or a database is said
 * by nobody.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/guc.h"

#include "base/bytes.h"
#include "base/varlena.h"
#include "class/purpose.h"

#define PURPOSE_SIZE_MAX 200

uint64 PurposeEpoch = 1;

/*
 * What the session's statements read values for, where a class asks that
 * (tarot.set_class_purposes). It is recorded with what was revealed.
 */
static char *purpose_setting;

bool
PurposeIsLine(const char *text)
{
	size_t size = strlen(text);

	if (strspn(text, " ") == size || !pg_verifymbstr(text, (int) size, true))
		return false;
	for (size_t i = 0; i < size; i++)
	{
		uint8 c = (uint8) text[i];

		if (c < 0x20 || c == 0x7F)
			return false;

		/* Unicode's: U+0080 to U+009F, U+2028 and U+2029. */
		if (GetDatabaseEncoding() == PG_UTF8 &&
			((c == 0xC2 && (uint8) text[i + 1] < 0xA0) ||
			 (c == 0xE2 && (uint8) text[i + 1] == 0x80 && ((uint8) text[i + 2] & 0xFE) == 0xA8)))
			return false;
	}
	return true;
}

static bool
check_purpose(char **value, void **extra, GucSource source)
{
	const char *text = *value;

	(void) extra;
	if (text == NULL || *text == '\0')
		return true;
	if (source != PGC_S_CLIENT && source != PGC_S_SESSION)
	{
		GUC_check_errmsg("a purpose is stated by the session alone");
		GUC_check_errdetail("In the settings of a role, a database, a function or the server "
							"nobody would state it.");
		GUC_check_errhint("SET LOCAL tarot_security.purpose, in the transaction that reads.");
		return false;
	}
	if (strlen(text) > PURPOSE_SIZE_MAX || !PurposeIsLine(text))
	{
		GUC_check_errdetail("A purpose has at most %d bytes, no control characters, and not only "
							"spaces.",
							PURPOSE_SIZE_MAX);
		return false;
	}
	return true;
}

static void
assign_purpose(const char *value, void *extra)
{
	(void) value;
	(void) extra;
	PurposeEpoch++;
}

void
PurposeInit(void)
{
	DefineCustomStringVariable(
		"tarot_security.purpose", "What the session reads values of data classes for.",
		"Classes can ask for it: see tarot.set_class_purposes(). It is recorded with what was "
		"revealed.",
		&purpose_setting, "", PGC_USERSET, GUC_NOT_IN_SAMPLE | GUC_DISALLOW_IN_FILE, check_purpose,
		assign_purpose, NULL);
}

const char *
PurposeStated(void)
{
	return purpose_setting != NULL && *purpose_setting != '\0' ? purpose_setting : NULL;
}

bool
PurposeSuffices(ArrayType *allowed)
{
	const char *stated = PurposeStated();
	Datum *items;
	bool *nulls;
	int count;
	bool found;

	if (stated == NULL)
		return false;
	deconstruct_array(allowed, TEXTOID, -1, false, TYPALIGN_INT, &items, &nulls, &count);
	found = count == 0;
	for (int i = 0; i < count && !found; i++)
	{
		Bytes item = nulls[i] ? bytes_view(NULL, 0) : BytesOfVarlena(DatumGetTextPP(items[i]));

		found = item.len == strlen(stated) && memcmp(item.data, stated, item.len) == 0;
	}
	pfree(items);
	pfree(nulls);
	return found;
}

/*
 * tarot.is_line(line text) RETURNS boolean
 */
PG_FUNCTION_INFO_V1(tarot_class_is_line);
Datum
tarot_class_is_line(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(PurposeIsLine(text_to_cstring(PG_GETARG_TEXT_PP(0))));
}
