/*
 * typmod.c
 *		The type modifier of encrypted types: the data class.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "class/class.h"
#include "column/column.h"
#include "gate/gate.h"

/*
 * A dump defines columns before it fills the table of classes, so an unknown
 * class is no error here, and not worth a word while one is restored. The
 * server asks twice in one CREATE TABLE.
 */
static void
warn_unknown_class(int32 class_id, const char *name)
{
	static int32 warned_class;
	static TimestampTz warned_statement;

	if (warned_class == class_id && warned_statement == GetCurrentStatementStartTimestamp())
		return;
	warned_class = class_id;
	warned_statement = GetCurrentStatementStartTimestamp();
	ereport(WARNING,
			(errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("data class \"%s\" does not exist", name),
			 errdetail("Nothing can be written to a column of it."),
			 errhint("Create it with tarot.create_class().")));
}

static int32
read_typmod(const char *name)
{
	int32 class_id;

	/* A class that is not known here is written by its number. */
	if (name[0] == '#')
	{
		char *end;
		long number;

		errno = 0;
		number = strtol(name + 1, &end, 10);
		if (errno != 0 || end == name + 1 || *end != '\0' || number <= CLASS_NONE ||
			number >= CLASS_LITERAL)
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("\"#\" must be followed by the number of a data class")));
		class_id = (int32) number;
	}
	else
	{
		if (name[0] == '\0' || strlen(name) >= NAMEDATALEN)
			ereport(ERROR, (errcode(ERRCODE_INVALID_NAME),
							errmsg("the name of a data class must have between 1 and %d bytes",
								   NAMEDATALEN - 1)));
		/* No class has such a name (tarot.check_name), and a warning would print it. */
		for (const char *at = name; *at != '\0'; at++)
		{
			if ((unsigned char) *at < ' ' || *at == 0x7F)
				ereport(ERROR, (errcode(ERRCODE_INVALID_NAME),
								errmsg("the name of a data class must not contain control "
									   "characters")));
		}
		class_id = ClassIdOfName(bytes_of_string(name));
	}

	/* Where a dump is restored the classes come later; pg_upgrade makes their table later, too. */
	if (GateCurrentIo() != GATE_IO_ENVELOPE && !ClassFind(class_id)->exists)
		warn_unknown_class(class_id, name);
	return class_id;
}

char *
ColumnTypmodOut(int32 typmod)
{
	DataClass *data_class;

	if (!CLASS_IS_NAMED(typmod))
		return pstrdup("");
	data_class = ClassFind(typmod);
	return data_class->exists ? psprintf("(%s)", quote_literal_cstr(data_class->name))
							  : psprintf("('#%d')", typmod);
}

/*
 * tarot.encrypted_typmod_in(cstring[]) RETURNS integer
 */
PG_FUNCTION_INFO_V1(tarot_column_typmod_in);
Datum
tarot_column_typmod_in(PG_FUNCTION_ARGS)
{
	Datum *items;
	int count;

	deconstruct_array(PG_GETARG_ARRAYTYPE_P(0), CSTRINGOID, -2, false, TYPALIGN_CHAR, &items, NULL,
					  &count);
	if (count != 1)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("an encrypted type takes the name of one data class"),
						errhint("For instance: tarot.encrypted_text('email').")));
	PG_RETURN_INT32(read_typmod(DatumGetCString(items[0])));
}

/*
 * tarot.encrypted_typmod_out(integer) RETURNS cstring
 */
PG_FUNCTION_INFO_V1(tarot_column_typmod_out);
Datum
tarot_column_typmod_out(PG_FUNCTION_ARGS)
{
	PG_RETURN_CSTRING(ColumnTypmodOut(PG_GETARG_INT32(0)));
}

/*
 * tarot.class_of_type(type oid, typmod integer) RETURNS text
 *
 * The class of a column of an encrypted type, domains included; NULL for
 * every other.
 */
PG_FUNCTION_INFO_V1(tarot_column_class_of_type);
Datum
tarot_column_class_of_type(PG_FUNCTION_ARGS)
{
	int32 typmod = PG_GETARG_INT32(1);
	Oid type = getBaseTypeAndTypmod(PG_GETARG_OID(0), &typmod);
	const DataClass *data_class;

	if (!ColumnIsEncrypted(type))
		PG_RETURN_NULL();
	data_class = ClassFind(typmod);
	PG_RETURN_TEXT_P(
		cstring_to_text(data_class->exists ? data_class->name : psprintf("#%d", typmod)));
}
