-- column: encrypted types
--
-- One pattern for all, so that a type is learned by knowing encrypted_text. The C functions are
-- shared: they take the type from the signature, or from the envelope.

CREATE TYPE tarot.encrypted_text;
CREATE TYPE tarot.encrypted_bytea;
CREATE TYPE tarot.encrypted_jsonb;
CREATE TYPE tarot.encrypted_numeric;
CREATE TYPE tarot.encrypted_date;
CREATE TYPE tarot.encrypted_timestamptz;

CREATE FUNCTION tarot.encrypted_typmod_in(cstring[]) RETURNS integer
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_column_typmod_in';
CREATE FUNCTION tarot.encrypted_typmod_out(integer) RETURNS cstring
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_column_typmod_out';

-- Input and coercion seal with a new nonce each time, yet they are STABLE: within a statement
-- one sealed value is as good as another, and VOLATILE ones would keep indexes from being used.
-- Ciphertext does not compress, hence EXTERNAL. To the base type silently, so that LIKE, lower()
-- or || go on working; from it where it is stored. All of these functions are for everybody: what
-- they do is decided by the gate. Opening and sealing cost several times what a comparison does.

-- ------------------------------------------------------------ text

CREATE FUNCTION tarot.encrypted_text_in(cstring, oid, integer) RETURNS tarot.encrypted_text
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_column_encrypted_in';
CREATE FUNCTION tarot.encrypted_text_out(tarot.encrypted_text) RETURNS cstring
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_column_encrypted_out';
CREATE FUNCTION tarot.encrypted_text_recv(internal, oid, integer) RETURNS tarot.encrypted_text
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_column_encrypted_recv';
CREATE FUNCTION tarot.encrypted_text_send(tarot.encrypted_text) RETURNS bytea
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_column_encrypted_send';
CREATE TYPE tarot.encrypted_text (
	INPUT = tarot.encrypted_text_in,
	OUTPUT = tarot.encrypted_text_out,
	RECEIVE = tarot.encrypted_text_recv,
	SEND = tarot.encrypted_text_send,
	TYPMOD_IN = tarot.encrypted_typmod_in,
	TYPMOD_OUT = tarot.encrypted_typmod_out,
	INTERNALLENGTH = VARIABLE,
	STORAGE = EXTERNAL,
	CATEGORY = 'S'
);
COMMENT ON TYPE tarot.encrypted_text IS
	'Text that is stored encrypted, of a data class: tarot.encrypted_text(''email''). Input seals, output shows what the current role is '
	'granted: the text, its mask, or a placeholder.';

CREATE FUNCTION tarot.encrypted_text(text, integer, boolean) RETURNS tarot.encrypted_text
	LANGUAGE c STABLE STRICT PARALLEL SAFE COST 10
	AS 'MODULE_PATHNAME', 'tarot_column_seal';
COMMENT ON FUNCTION tarot.encrypted_text(text, integer, boolean) IS
	'The cast from text: seals under the class of the type modifier. Needs write access to the class.';
CREATE FUNCTION tarot.encrypted_text(tarot.encrypted_text, integer, boolean) RETURNS tarot.encrypted_text
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_column_coerce';
COMMENT ON FUNCTION tarot.encrypted_text(tarot.encrypted_text, integer, boolean) IS
	'The coercion to another class: opens and seals again. Needs write access to the new class, and plain read access to the old one.';
CREATE FUNCTION tarot.text(tarot.encrypted_text) RETURNS text
	LANGUAGE c STABLE STRICT PARALLEL SAFE COST 10
	AS 'MODULE_PATHNAME', 'tarot_column_open';
COMMENT ON FUNCTION tarot.text(tarot.encrypted_text) IS
	'The cast to text: what the current role is granted, the text, its mask (which can be NULL), or a placeholder.';
CREATE FUNCTION tarot.try_decrypt(tarot.encrypted_text) RETURNS text
	LANGUAGE c STABLE STRICT PARALLEL SAFE COST 10
	AS 'MODULE_PATHNAME', 'tarot_column_try_decrypt';
COMMENT ON FUNCTION tarot.try_decrypt(tarot.encrypted_text) IS
	'As the cast to text, but NULL for a value that cannot be opened, so that one damaged value does not end a scan.';

CREATE CAST (text AS tarot.encrypted_text)
	WITH FUNCTION tarot.encrypted_text(text, integer, boolean) AS ASSIGNMENT;
CREATE CAST (varchar AS tarot.encrypted_text)
	WITH FUNCTION tarot.encrypted_text(text, integer, boolean) AS ASSIGNMENT;
CREATE CAST (tarot.encrypted_text AS tarot.encrypted_text)
	WITH FUNCTION tarot.encrypted_text(tarot.encrypted_text, integer, boolean) AS IMPLICIT;
CREATE CAST (tarot.encrypted_text AS text)
	WITH FUNCTION tarot.text(tarot.encrypted_text) AS IMPLICIT;

-- ------------------------------------------------------------ bytea

CREATE FUNCTION tarot.encrypted_bytea_in(cstring, oid, integer) RETURNS tarot.encrypted_bytea
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_column_encrypted_in';
CREATE FUNCTION tarot.encrypted_bytea_out(tarot.encrypted_bytea) RETURNS cstring
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_column_encrypted_out';
CREATE FUNCTION tarot.encrypted_bytea_recv(internal, oid, integer) RETURNS tarot.encrypted_bytea
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_column_encrypted_recv';
CREATE FUNCTION tarot.encrypted_bytea_send(tarot.encrypted_bytea) RETURNS bytea
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_column_encrypted_send';
CREATE TYPE tarot.encrypted_bytea (
	INPUT = tarot.encrypted_bytea_in,
	OUTPUT = tarot.encrypted_bytea_out,
	RECEIVE = tarot.encrypted_bytea_recv,
	SEND = tarot.encrypted_bytea_send,
	TYPMOD_IN = tarot.encrypted_typmod_in,
	TYPMOD_OUT = tarot.encrypted_typmod_out,
	INTERNALLENGTH = VARIABLE,
	STORAGE = EXTERNAL,
	CATEGORY = 'U'
);
COMMENT ON TYPE tarot.encrypted_bytea IS
	'Bytes, stored encrypted, of a data class: tarot.encrypted_bytea(''profile''). Input seals, output and the cast to bytea show what '
	'the current role is granted: the value, its mask, or nothing.';

CREATE FUNCTION tarot.encrypted_bytea(bytea, integer, boolean) RETURNS tarot.encrypted_bytea
	LANGUAGE c STABLE STRICT PARALLEL SAFE COST 10
	AS 'MODULE_PATHNAME', 'tarot_column_seal';
COMMENT ON FUNCTION tarot.encrypted_bytea(bytea, integer, boolean) IS
	'The cast from bytea: seals under the class of the type modifier. Needs write access to the class.';
CREATE FUNCTION tarot.encrypted_bytea(tarot.encrypted_bytea, integer, boolean) RETURNS tarot.encrypted_bytea
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_column_coerce';
COMMENT ON FUNCTION tarot.encrypted_bytea(tarot.encrypted_bytea, integer, boolean) IS
	'The coercion to another class: opens and seals again. Needs write access to the new class, and plain read access to the old one.';
CREATE FUNCTION tarot.bytea(tarot.encrypted_bytea) RETURNS bytea
	LANGUAGE c STABLE STRICT PARALLEL SAFE COST 10
	AS 'MODULE_PATHNAME', 'tarot_column_open';
COMMENT ON FUNCTION tarot.bytea(tarot.encrypted_bytea) IS
	'The cast to bytea: what the current role is granted, the value or its mask; else, and where the mask of the class does not fit '
	'bytea, NULL.';
CREATE FUNCTION tarot.try_decrypt(tarot.encrypted_bytea) RETURNS bytea
	LANGUAGE c STABLE STRICT PARALLEL SAFE COST 10
	AS 'MODULE_PATHNAME', 'tarot_column_try_decrypt';
COMMENT ON FUNCTION tarot.try_decrypt(tarot.encrypted_bytea) IS
	'As the cast to bytea, but NULL for a value that cannot be opened, so that one damaged value does not end a scan.';

CREATE CAST (bytea AS tarot.encrypted_bytea)
	WITH FUNCTION tarot.encrypted_bytea(bytea, integer, boolean) AS ASSIGNMENT;
CREATE CAST (tarot.encrypted_bytea AS tarot.encrypted_bytea)
	WITH FUNCTION tarot.encrypted_bytea(tarot.encrypted_bytea, integer, boolean) AS IMPLICIT;
CREATE CAST (tarot.encrypted_bytea AS bytea)
	WITH FUNCTION tarot.bytea(tarot.encrypted_bytea) AS IMPLICIT;

-- ------------------------------------------------------------ jsonb

CREATE FUNCTION tarot.encrypted_jsonb_in(cstring, oid, integer) RETURNS tarot.encrypted_jsonb
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_column_encrypted_in';
CREATE FUNCTION tarot.encrypted_jsonb_out(tarot.encrypted_jsonb) RETURNS cstring
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_column_encrypted_out';
CREATE FUNCTION tarot.encrypted_jsonb_recv(internal, oid, integer) RETURNS tarot.encrypted_jsonb
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_column_encrypted_recv';
CREATE FUNCTION tarot.encrypted_jsonb_send(tarot.encrypted_jsonb) RETURNS bytea
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_column_encrypted_send';
CREATE TYPE tarot.encrypted_jsonb (
	INPUT = tarot.encrypted_jsonb_in,
	OUTPUT = tarot.encrypted_jsonb_out,
	RECEIVE = tarot.encrypted_jsonb_recv,
	SEND = tarot.encrypted_jsonb_send,
	TYPMOD_IN = tarot.encrypted_typmod_in,
	TYPMOD_OUT = tarot.encrypted_typmod_out,
	INTERNALLENGTH = VARIABLE,
	STORAGE = EXTERNAL,
	CATEGORY = 'U'
);
COMMENT ON TYPE tarot.encrypted_jsonb IS
	'A JSON document, stored encrypted, of a data class: tarot.encrypted_jsonb(''profile''). Input seals, output and the cast to jsonb '
	'show what the current role is granted: the value, its mask, or nothing.';

CREATE FUNCTION tarot.encrypted_jsonb(jsonb, integer, boolean) RETURNS tarot.encrypted_jsonb
	LANGUAGE c STABLE STRICT PARALLEL SAFE COST 10
	AS 'MODULE_PATHNAME', 'tarot_column_seal';
COMMENT ON FUNCTION tarot.encrypted_jsonb(jsonb, integer, boolean) IS
	'The cast from jsonb: seals under the class of the type modifier. Needs write access to the class.';
CREATE FUNCTION tarot.encrypted_jsonb(json, integer, boolean) RETURNS tarot.encrypted_jsonb
	LANGUAGE c STABLE STRICT PARALLEL SAFE COST 10
	AS 'MODULE_PATHNAME', 'tarot_column_seal';
COMMENT ON FUNCTION tarot.encrypted_jsonb(json, integer, boolean) IS
	'The cast from json: as that to jsonb, then seals under the class of the type modifier. Needs write access to the class.';
CREATE FUNCTION tarot.encrypted_jsonb(tarot.encrypted_jsonb, integer, boolean) RETURNS tarot.encrypted_jsonb
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_column_coerce';
COMMENT ON FUNCTION tarot.encrypted_jsonb(tarot.encrypted_jsonb, integer, boolean) IS
	'The coercion to another class: opens and seals again. Needs write access to the new class, and plain read access to the old one.';
CREATE FUNCTION tarot.jsonb(tarot.encrypted_jsonb) RETURNS jsonb
	LANGUAGE c STABLE STRICT PARALLEL SAFE COST 10
	AS 'MODULE_PATHNAME', 'tarot_column_open';
COMMENT ON FUNCTION tarot.jsonb(tarot.encrypted_jsonb) IS
	'The cast to jsonb: what the current role is granted, the document, its mask (which can be NULL), or a placeholder, as a JSON string.';
CREATE FUNCTION tarot.to_json(tarot.encrypted_jsonb) RETURNS json
	LANGUAGE c STABLE STRICT PARALLEL SAFE COST 10
	AS 'MODULE_PATHNAME', 'tarot_column_to_json';
COMMENT ON FUNCTION tarot.to_json(tarot.encrypted_jsonb) IS
	'The cast to json, by which row_to_json() and its kin show a document and not the text of one: what the cast to jsonb shows, and null '
	'for NULL.';
CREATE FUNCTION tarot.try_decrypt(tarot.encrypted_jsonb) RETURNS jsonb
	LANGUAGE c STABLE STRICT PARALLEL SAFE COST 10
	AS 'MODULE_PATHNAME', 'tarot_column_try_decrypt';
COMMENT ON FUNCTION tarot.try_decrypt(tarot.encrypted_jsonb) IS
	'As the cast to jsonb, but NULL for a value that cannot be opened, so that one damaged value does not end a scan.';

CREATE CAST (jsonb AS tarot.encrypted_jsonb)
	WITH FUNCTION tarot.encrypted_jsonb(jsonb, integer, boolean) AS ASSIGNMENT;
CREATE CAST (json AS tarot.encrypted_jsonb)
	WITH FUNCTION tarot.encrypted_jsonb(json, integer, boolean) AS ASSIGNMENT;
CREATE CAST (tarot.encrypted_jsonb AS tarot.encrypted_jsonb)
	WITH FUNCTION tarot.encrypted_jsonb(tarot.encrypted_jsonb, integer, boolean) AS IMPLICIT;
CREATE CAST (tarot.encrypted_jsonb AS jsonb)
	WITH FUNCTION tarot.jsonb(tarot.encrypted_jsonb) AS IMPLICIT;
CREATE CAST (tarot.encrypted_jsonb AS json)
	WITH FUNCTION tarot.to_json(tarot.encrypted_jsonb);

-- ------------------------------------------------------------ numeric

CREATE FUNCTION tarot.encrypted_numeric_in(cstring, oid, integer) RETURNS tarot.encrypted_numeric
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_column_encrypted_in';
CREATE FUNCTION tarot.encrypted_numeric_out(tarot.encrypted_numeric) RETURNS cstring
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_column_encrypted_out';
CREATE FUNCTION tarot.encrypted_numeric_recv(internal, oid, integer) RETURNS tarot.encrypted_numeric
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_column_encrypted_recv';
CREATE FUNCTION tarot.encrypted_numeric_send(tarot.encrypted_numeric) RETURNS bytea
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_column_encrypted_send';
CREATE TYPE tarot.encrypted_numeric (
	INPUT = tarot.encrypted_numeric_in,
	OUTPUT = tarot.encrypted_numeric_out,
	RECEIVE = tarot.encrypted_numeric_recv,
	SEND = tarot.encrypted_numeric_send,
	TYPMOD_IN = tarot.encrypted_typmod_in,
	TYPMOD_OUT = tarot.encrypted_typmod_out,
	INTERNALLENGTH = VARIABLE,
	STORAGE = EXTERNAL,
	CATEGORY = 'N'
);
COMMENT ON TYPE tarot.encrypted_numeric IS
	'A number, stored encrypted, of a data class: tarot.encrypted_numeric(''profile''). Input seals, output and the cast to numeric show '
	'what the current role is granted: the value, its mask, or nothing.';

CREATE FUNCTION tarot.encrypted_numeric(numeric, integer, boolean) RETURNS tarot.encrypted_numeric
	LANGUAGE c STABLE STRICT PARALLEL SAFE COST 10
	AS 'MODULE_PATHNAME', 'tarot_column_seal';
COMMENT ON FUNCTION tarot.encrypted_numeric(numeric, integer, boolean) IS
	'The cast from numeric: seals under the class of the type modifier. Needs write access to the class.';
CREATE FUNCTION tarot.encrypted_numeric(int2, integer, boolean) RETURNS tarot.encrypted_numeric
	LANGUAGE c STABLE STRICT PARALLEL SAFE COST 10
	AS 'MODULE_PATHNAME', 'tarot_column_seal';
COMMENT ON FUNCTION tarot.encrypted_numeric(int2, integer, boolean) IS
	'The cast from smallint: as that to numeric, then seals under the class of the type modifier. Needs write access to the class.';
CREATE FUNCTION tarot.encrypted_numeric(int4, integer, boolean) RETURNS tarot.encrypted_numeric
	LANGUAGE c STABLE STRICT PARALLEL SAFE COST 10
	AS 'MODULE_PATHNAME', 'tarot_column_seal';
COMMENT ON FUNCTION tarot.encrypted_numeric(int4, integer, boolean) IS
	'The cast from integer: as that to numeric, then seals under the class of the type modifier. Needs write access to the class.';
CREATE FUNCTION tarot.encrypted_numeric(int8, integer, boolean) RETURNS tarot.encrypted_numeric
	LANGUAGE c STABLE STRICT PARALLEL SAFE COST 10
	AS 'MODULE_PATHNAME', 'tarot_column_seal';
COMMENT ON FUNCTION tarot.encrypted_numeric(int8, integer, boolean) IS
	'The cast from bigint: as that to numeric, then seals under the class of the type modifier. Needs write access to the class.';
CREATE FUNCTION tarot.encrypted_numeric(float4, integer, boolean) RETURNS tarot.encrypted_numeric
	LANGUAGE c STABLE STRICT PARALLEL SAFE COST 10
	AS 'MODULE_PATHNAME', 'tarot_column_seal';
COMMENT ON FUNCTION tarot.encrypted_numeric(float4, integer, boolean) IS
	'The cast from real: as that to numeric, then seals under the class of the type modifier. Needs write access to the class.';
CREATE FUNCTION tarot.encrypted_numeric(float8, integer, boolean) RETURNS tarot.encrypted_numeric
	LANGUAGE c STABLE STRICT PARALLEL SAFE COST 10
	AS 'MODULE_PATHNAME', 'tarot_column_seal';
COMMENT ON FUNCTION tarot.encrypted_numeric(float8, integer, boolean) IS
	'The cast from double precision: as that to numeric, then seals under the class of the type modifier. Needs write access to the class.';
CREATE FUNCTION tarot.encrypted_numeric(tarot.encrypted_numeric, integer, boolean) RETURNS tarot.encrypted_numeric
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_column_coerce';
COMMENT ON FUNCTION tarot.encrypted_numeric(tarot.encrypted_numeric, integer, boolean) IS
	'The coercion to another class: opens and seals again. Needs write access to the new class, and plain read access to the old one.';
CREATE FUNCTION tarot.numeric(tarot.encrypted_numeric) RETURNS numeric
	LANGUAGE c STABLE STRICT PARALLEL SAFE COST 10
	AS 'MODULE_PATHNAME', 'tarot_column_open';
COMMENT ON FUNCTION tarot.numeric(tarot.encrypted_numeric) IS
	'The cast to numeric: what the current role is granted, the value or its mask; else, and where the mask of the class does not fit '
	'numeric, NULL.';
CREATE FUNCTION tarot.to_json(tarot.encrypted_numeric) RETURNS json
	LANGUAGE c STABLE STRICT PARALLEL SAFE COST 10
	AS 'MODULE_PATHNAME', 'tarot_column_to_json';
COMMENT ON FUNCTION tarot.to_json(tarot.encrypted_numeric) IS
	'The cast to json, by which row_to_json() and its kin show a number and not the text of one: what the cast to numeric shows, and null '
	'for NULL.';
CREATE FUNCTION tarot.try_decrypt(tarot.encrypted_numeric) RETURNS numeric
	LANGUAGE c STABLE STRICT PARALLEL SAFE COST 10
	AS 'MODULE_PATHNAME', 'tarot_column_try_decrypt';
COMMENT ON FUNCTION tarot.try_decrypt(tarot.encrypted_numeric) IS
	'As the cast to numeric, but NULL for a value that cannot be opened, so that one damaged value does not end a scan.';

CREATE CAST (numeric AS tarot.encrypted_numeric)
	WITH FUNCTION tarot.encrypted_numeric(numeric, integer, boolean) AS ASSIGNMENT;
CREATE CAST (int2 AS tarot.encrypted_numeric)
	WITH FUNCTION tarot.encrypted_numeric(int2, integer, boolean) AS ASSIGNMENT;
CREATE CAST (int4 AS tarot.encrypted_numeric)
	WITH FUNCTION tarot.encrypted_numeric(int4, integer, boolean) AS ASSIGNMENT;
CREATE CAST (int8 AS tarot.encrypted_numeric)
	WITH FUNCTION tarot.encrypted_numeric(int8, integer, boolean) AS ASSIGNMENT;
CREATE CAST (float4 AS tarot.encrypted_numeric)
	WITH FUNCTION tarot.encrypted_numeric(float4, integer, boolean) AS ASSIGNMENT;
CREATE CAST (float8 AS tarot.encrypted_numeric)
	WITH FUNCTION tarot.encrypted_numeric(float8, integer, boolean) AS ASSIGNMENT;
CREATE CAST (tarot.encrypted_numeric AS tarot.encrypted_numeric)
	WITH FUNCTION tarot.encrypted_numeric(tarot.encrypted_numeric, integer, boolean) AS IMPLICIT;
CREATE CAST (tarot.encrypted_numeric AS numeric)
	WITH FUNCTION tarot.numeric(tarot.encrypted_numeric) AS IMPLICIT;
CREATE CAST (tarot.encrypted_numeric AS json)
	WITH FUNCTION tarot.to_json(tarot.encrypted_numeric);

-- ------------------------------------------------------------ date

CREATE FUNCTION tarot.encrypted_date_in(cstring, oid, integer) RETURNS tarot.encrypted_date
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_column_encrypted_in';
CREATE FUNCTION tarot.encrypted_date_out(tarot.encrypted_date) RETURNS cstring
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_column_encrypted_out';
CREATE FUNCTION tarot.encrypted_date_recv(internal, oid, integer) RETURNS tarot.encrypted_date
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_column_encrypted_recv';
CREATE FUNCTION tarot.encrypted_date_send(tarot.encrypted_date) RETURNS bytea
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_column_encrypted_send';
CREATE TYPE tarot.encrypted_date (
	INPUT = tarot.encrypted_date_in,
	OUTPUT = tarot.encrypted_date_out,
	RECEIVE = tarot.encrypted_date_recv,
	SEND = tarot.encrypted_date_send,
	TYPMOD_IN = tarot.encrypted_typmod_in,
	TYPMOD_OUT = tarot.encrypted_typmod_out,
	INTERNALLENGTH = VARIABLE,
	STORAGE = EXTERNAL,
	CATEGORY = 'D'
);
COMMENT ON TYPE tarot.encrypted_date IS
	'A date, stored encrypted, of a data class: tarot.encrypted_date(''profile''). Input seals, output and the cast to date show what the '
	'current role is granted: the value, its mask, or nothing.';

CREATE FUNCTION tarot.encrypted_date(date, integer, boolean) RETURNS tarot.encrypted_date
	LANGUAGE c STABLE STRICT PARALLEL SAFE COST 10
	AS 'MODULE_PATHNAME', 'tarot_column_seal';
COMMENT ON FUNCTION tarot.encrypted_date(date, integer, boolean) IS
	'The cast from date: seals under the class of the type modifier. Needs write access to the class.';
CREATE FUNCTION tarot.encrypted_date(timestamp, integer, boolean) RETURNS tarot.encrypted_date
	LANGUAGE c STABLE STRICT PARALLEL SAFE COST 10
	AS 'MODULE_PATHNAME', 'tarot_column_seal';
COMMENT ON FUNCTION tarot.encrypted_date(timestamp, integer, boolean) IS
	'The cast from timestamp: as that to date, then seals under the class of the type modifier. Needs write access to the class.';
CREATE FUNCTION tarot.encrypted_date(timestamptz, integer, boolean) RETURNS tarot.encrypted_date
	LANGUAGE c STABLE STRICT PARALLEL SAFE COST 10
	AS 'MODULE_PATHNAME', 'tarot_column_seal';
COMMENT ON FUNCTION tarot.encrypted_date(timestamptz, integer, boolean) IS
	'The cast from timestamptz: as that to date, then seals under the class of the type modifier. Needs write access to the class.';
CREATE FUNCTION tarot.encrypted_date(tarot.encrypted_date, integer, boolean) RETURNS tarot.encrypted_date
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_column_coerce';
COMMENT ON FUNCTION tarot.encrypted_date(tarot.encrypted_date, integer, boolean) IS
	'The coercion to another class: opens and seals again. Needs write access to the new class, and plain read access to the old one.';
CREATE FUNCTION tarot.date(tarot.encrypted_date) RETURNS date
	LANGUAGE c STABLE STRICT PARALLEL SAFE COST 10
	AS 'MODULE_PATHNAME', 'tarot_column_open';
COMMENT ON FUNCTION tarot.date(tarot.encrypted_date) IS
	'The cast to date: what the current role is granted, the value or its mask; else, and where the mask of the class does not fit date, '
	'NULL.';
CREATE FUNCTION tarot.to_json(tarot.encrypted_date) RETURNS json
	LANGUAGE c STABLE STRICT PARALLEL SAFE COST 10
	AS 'MODULE_PATHNAME', 'tarot_column_to_json';
COMMENT ON FUNCTION tarot.to_json(tarot.encrypted_date) IS
	'The cast to json, by which row_to_json() and its kin show a date in ISO 8601 and not the text of one: what the cast to date shows, '
	'and null for NULL.';
CREATE FUNCTION tarot.try_decrypt(tarot.encrypted_date) RETURNS date
	LANGUAGE c STABLE STRICT PARALLEL SAFE COST 10
	AS 'MODULE_PATHNAME', 'tarot_column_try_decrypt';
COMMENT ON FUNCTION tarot.try_decrypt(tarot.encrypted_date) IS
	'As the cast to date, but NULL for a value that cannot be opened, so that one damaged value does not end a scan.';

CREATE CAST (date AS tarot.encrypted_date)
	WITH FUNCTION tarot.encrypted_date(date, integer, boolean) AS ASSIGNMENT;
CREATE CAST (timestamp AS tarot.encrypted_date)
	WITH FUNCTION tarot.encrypted_date(timestamp, integer, boolean) AS ASSIGNMENT;
CREATE CAST (timestamptz AS tarot.encrypted_date)
	WITH FUNCTION tarot.encrypted_date(timestamptz, integer, boolean) AS ASSIGNMENT;
CREATE CAST (tarot.encrypted_date AS tarot.encrypted_date)
	WITH FUNCTION tarot.encrypted_date(tarot.encrypted_date, integer, boolean) AS IMPLICIT;
CREATE CAST (tarot.encrypted_date AS date)
	WITH FUNCTION tarot.date(tarot.encrypted_date) AS IMPLICIT;
CREATE CAST (tarot.encrypted_date AS json)
	WITH FUNCTION tarot.to_json(tarot.encrypted_date);

-- ------------------------------------------------------------ timestamptz

CREATE FUNCTION tarot.encrypted_timestamptz_in(cstring, oid, integer) RETURNS tarot.encrypted_timestamptz
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_column_encrypted_in';
CREATE FUNCTION tarot.encrypted_timestamptz_out(tarot.encrypted_timestamptz) RETURNS cstring
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_column_encrypted_out';
CREATE FUNCTION tarot.encrypted_timestamptz_recv(internal, oid, integer) RETURNS tarot.encrypted_timestamptz
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_column_encrypted_recv';
CREATE FUNCTION tarot.encrypted_timestamptz_send(tarot.encrypted_timestamptz) RETURNS bytea
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_column_encrypted_send';
CREATE TYPE tarot.encrypted_timestamptz (
	INPUT = tarot.encrypted_timestamptz_in,
	OUTPUT = tarot.encrypted_timestamptz_out,
	RECEIVE = tarot.encrypted_timestamptz_recv,
	SEND = tarot.encrypted_timestamptz_send,
	TYPMOD_IN = tarot.encrypted_typmod_in,
	TYPMOD_OUT = tarot.encrypted_typmod_out,
	INTERNALLENGTH = VARIABLE,
	STORAGE = EXTERNAL,
	CATEGORY = 'D'
);
COMMENT ON TYPE tarot.encrypted_timestamptz IS
	'A point of time, stored encrypted, of a data class: tarot.encrypted_timestamptz(''profile''). Input seals, output and the cast to '
	'timestamptz show what the current role is granted: the value, its mask, or nothing.';

CREATE FUNCTION tarot.encrypted_timestamptz(timestamptz, integer, boolean) RETURNS tarot.encrypted_timestamptz
	LANGUAGE c STABLE STRICT PARALLEL SAFE COST 10
	AS 'MODULE_PATHNAME', 'tarot_column_seal';
COMMENT ON FUNCTION tarot.encrypted_timestamptz(timestamptz, integer, boolean) IS
	'The cast from timestamptz: seals under the class of the type modifier. Needs write access to the class.';
CREATE FUNCTION tarot.encrypted_timestamptz(timestamp, integer, boolean) RETURNS tarot.encrypted_timestamptz
	LANGUAGE c STABLE STRICT PARALLEL SAFE COST 10
	AS 'MODULE_PATHNAME', 'tarot_column_seal';
COMMENT ON FUNCTION tarot.encrypted_timestamptz(timestamp, integer, boolean) IS
	'The cast from timestamp: as that to timestamptz, then seals under the class of the type modifier. Needs write access to the class.';
CREATE FUNCTION tarot.encrypted_timestamptz(date, integer, boolean) RETURNS tarot.encrypted_timestamptz
	LANGUAGE c STABLE STRICT PARALLEL SAFE COST 10
	AS 'MODULE_PATHNAME', 'tarot_column_seal';
COMMENT ON FUNCTION tarot.encrypted_timestamptz(date, integer, boolean) IS
	'The cast from date: as that to timestamptz, then seals under the class of the type modifier. Needs write access to the class.';
CREATE FUNCTION tarot.encrypted_timestamptz(tarot.encrypted_timestamptz, integer, boolean) RETURNS tarot.encrypted_timestamptz
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_column_coerce';
COMMENT ON FUNCTION tarot.encrypted_timestamptz(tarot.encrypted_timestamptz, integer, boolean) IS
	'The coercion to another class: opens and seals again. Needs write access to the new class, and plain read access to the old one.';
CREATE FUNCTION tarot.timestamptz(tarot.encrypted_timestamptz) RETURNS timestamptz
	LANGUAGE c STABLE STRICT PARALLEL SAFE COST 10
	AS 'MODULE_PATHNAME', 'tarot_column_open';
COMMENT ON FUNCTION tarot.timestamptz(tarot.encrypted_timestamptz) IS
	'The cast to timestamptz: what the current role is granted, the value or its mask; else, and where the mask of the class does not fit '
	'timestamptz, NULL.';
CREATE FUNCTION tarot.to_json(tarot.encrypted_timestamptz) RETURNS json
	LANGUAGE c STABLE STRICT PARALLEL SAFE COST 10
	AS 'MODULE_PATHNAME', 'tarot_column_to_json';
COMMENT ON FUNCTION tarot.to_json(tarot.encrypted_timestamptz) IS
	'The cast to json, by which row_to_json() and its kin show a point of time in ISO 8601 and not the text of one: what the cast to '
	'timestamptz shows, and null for NULL.';
CREATE FUNCTION tarot.try_decrypt(tarot.encrypted_timestamptz) RETURNS timestamptz
	LANGUAGE c STABLE STRICT PARALLEL SAFE COST 10
	AS 'MODULE_PATHNAME', 'tarot_column_try_decrypt';
COMMENT ON FUNCTION tarot.try_decrypt(tarot.encrypted_timestamptz) IS
	'As the cast to timestamptz, but NULL for a value that cannot be opened, so that one damaged value does not end a scan.';

CREATE CAST (timestamptz AS tarot.encrypted_timestamptz)
	WITH FUNCTION tarot.encrypted_timestamptz(timestamptz, integer, boolean) AS ASSIGNMENT;
CREATE CAST (timestamp AS tarot.encrypted_timestamptz)
	WITH FUNCTION tarot.encrypted_timestamptz(timestamp, integer, boolean) AS ASSIGNMENT;
CREATE CAST (date AS tarot.encrypted_timestamptz)
	WITH FUNCTION tarot.encrypted_timestamptz(date, integer, boolean) AS ASSIGNMENT;
CREATE CAST (tarot.encrypted_timestamptz AS tarot.encrypted_timestamptz)
	WITH FUNCTION tarot.encrypted_timestamptz(tarot.encrypted_timestamptz, integer, boolean) AS IMPLICIT;
CREATE CAST (tarot.encrypted_timestamptz AS timestamptz)
	WITH FUNCTION tarot.timestamptz(tarot.encrypted_timestamptz) AS IMPLICIT;
CREATE CAST (tarot.encrypted_timestamptz AS json)
	WITH FUNCTION tarot.to_json(tarot.encrypted_timestamptz);
