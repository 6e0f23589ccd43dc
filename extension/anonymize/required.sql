-- anonymize: how anonymous a table has to be before it is copied with masks
--
-- Asked where masks are dumped (required.c), as who dumps, of what that role would get.

CREATE TABLE tarot.required_anonymity (
	relation regclass PRIMARY KEY,
	quasi_identifiers name[] NOT NULL,
	k integer NOT NULL CHECK (k >= 2),
	sensitive name[] NOT NULL,
	l integer CHECK (l >= 2),
	t double precision CHECK (t BETWEEN 0 AND 1),
	set_by name NOT NULL,
	set_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE tarot.required_anonymity IS
	'Tables that are dumped with masks only where these hide people well enough: set by tarot.set_required_anonymity().';
SELECT tarot.declare_policy_table('tarot.required_anonymity',
	'WHERE EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = relation AND c.relpersistence <> ''t'')');

-- ------------------------------------------------------------ for the functions below alone

CREATE FUNCTION tarot.require_anonymity(rel regclass, quasi_identifiers name[], k integer,
		sensitive name[], l integer, t double precision) RETURNS void
	LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	value name;
	report record;
BEGIN
	PERFORM tarot.require_k_anonymity(rel, quasi_identifiers, k);
	FOREACH value IN ARRAY sensitive LOOP
		IF l IS NOT NULL THEN
			report := tarot.l_diversity(rel, quasi_identifiers, value, l);
			IF report.groups_below > 0 THEN
				RAISE EXCEPTION '"%" is not %-diverse in column "%"', tarot.relation_name(rel), l, value
					USING ERRCODE = 'check_violation',
					DETAIL = format('%s of %s groups have fewer than %s different values; the one with the fewest has %s.',
						report.groups_below, report.groups, l, report.smallest),
					HINT = 'Generalize the sensitive column or a quasi-identifier, or leave out these rows.';
			END IF;
		END IF;
		IF t IS NOT NULL THEN
			report := tarot.t_closeness(rel, quasi_identifiers, value, t);
			IF report.groups_above > 0 THEN
				RAISE EXCEPTION '"%" is not %-close in column "%"', tarot.relation_name(rel), t, value
					USING ERRCODE = 'check_violation',
					DETAIL = format('%s of %s groups are farther from all rows than %s; the farthest is at %s.',
						report.groups_above, report.groups, t, round(report.largest::numeric, 3)),
					HINT = 'Generalize the sensitive column or a quasi-identifier, or leave out these rows.';
			END IF;
		END IF;
	END LOOP;
END
$$;

-- ------------------------------------------------------------

CREATE FUNCTION tarot.set_required_anonymity(rel regclass, quasi_identifiers name[], k integer DEFAULT 5,
		sensitive name[] DEFAULT '{}', l integer DEFAULT NULL, t double precision DEFAULT NULL) RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	PERFORM tarot.quoted_columns(rel, quasi_identifiers);
	IF sensitive IS NULL OR sensitive <> '{}' THEN
		PERFORM tarot.quoted_columns(rel, sensitive);
	END IF;
	IF NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = rel AND c.relkind IN ('r', 'p', 'm')) THEN
		RAISE EXCEPTION '"%" is not a table', tarot.relation_name(rel) USING ERRCODE = 'wrong_object_type';
	ELSIF (k >= 2) IS NOT TRUE THEN
		RAISE EXCEPTION 'k must be 2 at least' USING ERRCODE = 'invalid_parameter_value';
	ELSIF l < 2 THEN
		RAISE EXCEPTION 'l must be 2 at least' USING ERRCODE = 'invalid_parameter_value';
	ELSIF (t BETWEEN 0 AND 1) IS FALSE THEN
		RAISE EXCEPTION 't must be between 0 and 1' USING ERRCODE = 'invalid_parameter_value';
	ELSIF (sensitive = '{}') <> (num_nonnulls(l, t) = 0) THEN
		RAISE EXCEPTION 'sensitive columns need l or t, and these a sensitive column' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	INSERT INTO tarot.required_anonymity AS r (relation, quasi_identifiers, k, sensitive, l, t, set_by)
		VALUES (rel, set_required_anonymity.quasi_identifiers, set_required_anonymity.k, set_required_anonymity.sensitive,
			set_required_anonymity.l, set_required_anonymity.t, session_user)
		ON CONFLICT ON CONSTRAINT required_anonymity_pkey DO UPDATE
			SET quasi_identifiers = excluded.quasi_identifiers, k = excluded.k, sensitive = excluded.sensitive,
				l = excluded.l, t = excluded.t, set_by = excluded.set_by, set_at = excluded.set_at;
END
$$;
COMMENT ON FUNCTION tarot.set_required_anonymity(regclass, name[], integer, name[], integer, double precision) IS
	'Requires of a table that its masks hide people well enough wherever they are dumped: while tarot_security.io is masked, COPY TO that '
	'reads it, and pg_dump, raise 23514 unless each group of rows with the same quasi-identifiers has k rows at least '
	'(tarot.k_anonymity()), and where sensitive columns are named, l different values of each at least (tarot.l_diversity()), and none is '
	'farther than t from all rows (tarot.t_closeness()). So does tarot.anonymize_table() with copy_to, of the copy. It is asked of all '
	'rows of the table with its partitions and children, also where one of these is dumped alone. A table has one requirement: another '
	'takes its place. Raises 22023 for other numbers, 42703 for a column that does not exist, 42809 for what is no table.';

CREATE FUNCTION tarot.drop_required_anonymity(rel regclass) RETURNS boolean
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	DELETE FROM tarot.required_anonymity r WHERE r.relation = rel;
	RETURN FOUND;
END
$$;
COMMENT ON FUNCTION tarot.drop_required_anonymity(regclass) IS
	'Takes back tarot.set_required_anonymity(). Returns whether there was a requirement.';

REVOKE ALL ON FUNCTION tarot.set_required_anonymity(regclass, name[], integer, name[], integer, double precision),
	tarot.drop_required_anonymity(regclass) FROM PUBLIC;

CREATE FUNCTION tarot.check_required_anonymity(rel regclass) RETURNS boolean
	LANGUAGE c STABLE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_anonymize_check_required_anonymity';
COMMENT ON FUNCTION tarot.check_required_anonymity(regclass) IS
	'Raises 23514 unless a table, as the caller sees it now, is as anonymous as tarot.set_required_anonymity() wants it and what it is a '
	'part of; so with tarot_security.io = masked as a dump would get it. Returns whether there is a requirement.';
