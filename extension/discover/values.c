/*
 * values.c
 *		Values of SQL types as the recognizers see them: text as its bytes,
 *		numbers in decimal, of documents what lies at each path.
 *
 * Only output functions of the server's own types are called, so no code of
 * others runs, and nothing is converted that could fail.
 */
#include "postgres.h"

#include "access/detoast.h"
#include "access/transam.h"
#include "catalog/pg_type.h"
#include "datatype/timestamp.h"
#include "mb/pg_wchar.h"
#include "parser/parse_coerce.h"
#include "utils/array.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "base/varlena.h"
#include "discover/values.h"
#include "token/json.h"

/* Of arrays and documents no more is opened: what is larger was not made by hand. */
#define WHOLE_BYTES_MAX (64 * 1024)
#define ELEMENTS_MAX 16
#define JSON_VALUES_MAX 1024

static int
current_year(void)
{
	struct pg_tm now;
	fsec_t fraction;
	int zone;

	if (timestamp2tm(GetCurrentTransactionStartTimestamp(), &zone, &now, &fraction, NULL, NULL) !=
		0)
		return 0;
	return now.tm_year;
}

/* ---------------------------------------------------------------- types */

static bool
is_text(Oid type)
{
	char category;
	bool preferred;

	if (type == TEXTOID || type == VARCHAROID || type == BPCHAROID || type == XMLOID)
		return true;
	if (type < FirstNormalObjectId)
		return false;
	/* citext: a string that is stored as text is */
	get_type_category_preferred(type, &category, &preferred);
	return category == TYPCATEGORY_STRING && IsBinaryCoercible(type, TEXTOID);
}

bool
ValueReaderOf(Oid type, bool array, ValueReader *reader)
{
	*reader = (ValueReader){.type = COLUMN_OTHER, .base = type};
	switch (type)
	{
		case INT4OID:
		case INT8OID:
		case NUMERICOID:
			reader->type = COLUMN_NUMBER;
			break;
		case FLOAT4OID:
		case FLOAT8OID:
			reader->type = COLUMN_FRACTION;
			break;
		case DATEOID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			reader->type = COLUMN_DATE;
			break;
		case INETOID:
			reader->type = COLUMN_NETWORK;
			break;
		case MACADDROID:
		case MACADDR8OID:
			reader->type = COLUMN_DEVICE;
			break;
		case POINTOID:
			reader->type = COLUMN_PLACE;
			break;
		case BYTEAOID:
			reader->type = COLUMN_BYTES;
			break;
		case JSONOID:
		case JSONBOID:
			reader->type = COLUMN_TEXT;
			reader->json = true;
			break;
		default:
			if (!is_text(type))
				return false;
			reader->type = COLUMN_TEXT;
			break;
	}
	if (array)
		get_typlenbyvalalign(type, &reader->length, &reader->by_value, &reader->align);
	return reader->type != COLUMN_PLACE;
}

/* ---------------------------------------------------------------- one value */

/* Masks know UTF-8, and encodings of one byte a character. */
static void
count_text(Bytes text, ColumnCounts *counts)
{
	Recognition found;
	bool utf8 = true;

	if (text.len == 0)
		return;
	if (text.len > RECOGNIZE_BYTES_MAX)
		text.len = RECOGNIZE_BYTES_MAX;
	if (GetDatabaseEncoding() != PG_UTF8)
		utf8 = pg_database_encoding_max_length() >
			   1; /* whose bytes are then no UTF-8, and so not shown */
	recognize(text, utf8, current_year(), &found);
	counts_add(counts, &found);
}

static void
count_year(int year, ColumnCounts *counts)
{
	Recognition found;

	recognize_date(year, current_year(), &found);
	counts_add(counts, &found);
}

static void
count_date(DateADT date, ColumnCounts *counts)
{
	int year, month, day;

	if (DATE_NOT_FINITE(date))
		return;
	j2date(date + POSTGRES_EPOCH_JDATE, &year, &month, &day);
	count_year(year, counts);
}

static void
count_timestamp(Timestamp timestamp, ColumnCounts *counts)
{
	if (!TIMESTAMP_NOT_FINITE(timestamp))
		count_date((DateADT) (timestamp / USECS_PER_DAY), counts);
}

/* Unmistakable by its type alone. */
static void
count_proven(SensitiveKind kind, ColumnCounts *counts)
{
	uint32_t bit = SENSITIVE_BIT(kind);
	Recognition found = {.proven = bit, .alike = bit, .possible = bit};

	counts_add(counts, &found);
}

static void
count_output(Oid type, Datum value, ColumnCounts *counts)
{
	Oid output;
	bool varlena;
	Bytes text;

	getTypeOutputInfo(type, &output, &varlena);
	text = bytes_of_string(OidOutputFunctionCall(output, value));
	/* "4111111111111111.00" */
	if (memchr(text.data, '.', text.len) != NULL && type == NUMERICOID)
	{
		while (text.data[text.len - 1] == '0')
			text.len--;
		if (text.data[text.len - 1] == '.')
			text.len--;
	}
	count_text(text, counts);
}

/* ---------------------------------------------------------------- documents */

static SurveyPath *
path_of(Survey *survey, const char *path, const char *key)
{
	SurveyPath *new;

	if (survey->paths == NULL)
		return NULL;
	for (int i = 1; i < survey->npaths; i++)
	{
		if (strcmp(survey->paths[i].path, path) == 0)
			return &survey->paths[i];
	}
	if (survey->npaths == SURVEY_PATHS_MAX)
		return &survey->paths[0];
	new = &survey->paths[survey->npaths++];
	strlcpy(new->path, path, SURVEY_PATH_SIZE);
	new->key = new->path + (key - path);
	return new;
}

/* Keys that are no names, such as those of a map by address, are values themselves. */
static bool
is_plain_key(Bytes key)
{
	if (key.len == 0 || key.len > 40 || (key.data[0] >= '0' && key.data[0] <= '9'))
		return false;
	for (size_t i = 0; i < key.len; i++)
	{
		uint8_t byte = key.data[i];

		if (!((byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
			  (byte >= '0' && byte <= '9') || byte == '_' || byte == '-'))
			return false;
	}
	return true;
}

static void
count_leaf(const JsonValue *value, const char *path, const char *key, Survey *survey)
{
	SurveyPath *at = path_of(survey, path, key);

	if (at->last_document != survey->documents)
	{
		at->last_document = survey->documents;
		at->documents++;
	}
	at->text |= value->kind == JSON_STRING;
	count_text(value->text, &at->counts);
}

static void
count_tree(const JsonValue *value, char path[SURVEY_PATH_SIZE], size_t size, size_t key,
		   Survey *survey)
{
	const JsonValue *member;

	if (value->kind == JSON_STRING || value->kind == JSON_NUMBER)
		count_leaf(value, path, path + key, survey);
	if (value->kind != JSON_OBJECT && value->kind != JSON_ARRAY)
		return;
	member = json_first(value);
	for (uint32_t i = 0; i < value->count; i++, member = json_next(member))
	{
		size_t more = size;
		size_t from = key;

		/* What an array holds is where the array is. */
		if (value->kind == JSON_OBJECT)
		{
			Bytes name = is_plain_key(member->name) ? member->name : bytes_of_string("*");

			if (size + 1 + name.len >= SURVEY_PATH_SIZE)
				name = bytes_of_string("*");
			if (size + 2 >= SURVEY_PATH_SIZE)
				continue;
			if (size > 0)
				path[more++] = '.';
			from = more;
			memcpy(path + more, name.data, name.len);
			more += name.len;
			path[more] = '\0';
			if (!is_plain_key(member->name))
				count_text(member->name, &survey->paths[0].counts);
		}
		count_tree(member, path, more, from, survey);
		path[size] = '\0';
	}
}

static void
count_document(Bytes text, Survey *survey)
{
	char path[SURVEY_PATH_SIZE] = "";
	JsonValue *values = palloc(JSON_VALUES_MAX * sizeof(JsonValue));
	uint8_t *strings = palloc(text.len + 1);

	if (survey->paths == NULL)
		return;
	survey->documents++;
	if (json_read(text, values, JSON_VALUES_MAX, strings) == JSON_OK)
		count_tree(values, path, 0, 0, survey);
	else /* too much for one look, or no UTF-8 */
		count_text(text, &survey->paths[0].counts);
}

/* ---------------------------------------------------------------- */

static void
survey_one(const ValueReader *reader, Datum value, Survey *survey)
{
	ColumnCounts *counts = &survey->counts;

	switch (reader->base)
	{
		case INT4OID:
		case INT8OID:
		case NUMERICOID:
		case FLOAT4OID:
		case FLOAT8OID:
			count_output(reader->base, value, counts);
			return;
		case DATEOID:
			count_date(DatumGetDateADT(value), counts);
			return;
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			count_timestamp(DatumGetTimestamp(value), counts);
			return;
		case INETOID:
			count_proven(SENSITIVE_IP, counts);
			return;
		case MACADDROID:
		case MACADDR8OID:
			count_proven(SENSITIVE_DEVICE, counts);
			return;
		default:
			break;
	}
	if (reader->json)
	{
		if (toast_raw_datum_size(value) > WHOLE_BYTES_MAX)
			return;
		if (reader->base == JSONBOID)
			count_document(bytes_of_string(JsonbToCString(NULL, &DatumGetJsonbP(value)->root, -1)),
						   survey);
		else
			count_document(BytesOfVarlena(PG_DETOAST_DATUM_PACKED(value)), survey);
		return;
	}

	/* A slice: of a long text no more is fetched than is looked at. */
	struct varlena *bytes = PG_DETOAST_DATUM_SLICE(value, 0, RECOGNIZE_BYTES_MAX);

	if (reader->type != COLUMN_BYTES)
		count_text(BytesOfVarlena(bytes), counts);
	else if (VARSIZE_ANY_EXHDR(bytes) > 0)
	{
		Recognition found;

		recognize_binary(BytesOfVarlena(bytes), current_year(), &found);
		counts_add(counts, &found);
	}
}

void
ValueSurvey(const ValueReader *reader, bool array, Datum value, Survey *survey)
{
	Datum *elements;
	bool *nulls;
	int count;

	if (!array)
	{
		survey_one(reader, value, survey);
		return;
	}
	if (toast_raw_datum_size(value) > WHOLE_BYTES_MAX)
		return;
	deconstruct_array(DatumGetArrayTypeP(value), reader->base, reader->length, reader->by_value,
					  reader->align, &elements, &nulls, &count);
	for (int i = 0; i < count && i < ELEMENTS_MAX; i++)
	{
		if (!nulls[i])
			survey_one(reader, elements[i], survey);
	}
}
