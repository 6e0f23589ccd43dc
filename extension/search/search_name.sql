-- search: texts beside names
--
-- current_user and the columns of the catalogs are of type name, which is as near to text as an encrypted text is:
-- `owner = current_user` would be ambiguous. Their comparison is that with the name as text, which it becomes when
-- it is planned.

CREATE FUNCTION tarot.search_eq(tarot.encrypted_text, name) RETURNS boolean
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	RETURN $1 = $2::text;
CREATE FUNCTION tarot.search_ne(tarot.encrypted_text, name) RETURNS boolean
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	RETURN $1 <> $2::text;
CREATE FUNCTION tarot.search_eq(name, tarot.encrypted_text) RETURNS boolean
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	RETURN $1::text = $2;
CREATE FUNCTION tarot.search_ne(name, tarot.encrypted_text) RETURNS boolean
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	RETURN $1::text <> $2;

CREATE OPERATOR pg_catalog.= (LEFTARG = tarot.encrypted_text, RIGHTARG = name, FUNCTION = tarot.search_eq,
	COMMUTATOR = OPERATOR(pg_catalog.=), NEGATOR = OPERATOR(pg_catalog.<>), RESTRICT = eqsel, JOIN = eqjoinsel);
CREATE OPERATOR pg_catalog.<> (LEFTARG = tarot.encrypted_text, RIGHTARG = name, FUNCTION = tarot.search_ne,
	COMMUTATOR = OPERATOR(pg_catalog.<>), NEGATOR = OPERATOR(pg_catalog.=), RESTRICT = neqsel, JOIN = neqjoinsel);
CREATE OPERATOR pg_catalog.= (LEFTARG = name, RIGHTARG = tarot.encrypted_text, FUNCTION = tarot.search_eq,
	COMMUTATOR = OPERATOR(pg_catalog.=), NEGATOR = OPERATOR(pg_catalog.<>), RESTRICT = eqsel, JOIN = eqjoinsel);
CREATE OPERATOR pg_catalog.<> (LEFTARG = name, RIGHTARG = tarot.encrypted_text, FUNCTION = tarot.search_ne,
	COMMUTATOR = OPERATOR(pg_catalog.<>), NEGATOR = OPERATOR(pg_catalog.=), RESTRICT = neqsel, JOIN = neqjoinsel);
