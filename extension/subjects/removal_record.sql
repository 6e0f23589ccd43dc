-- subjects: erasing one, and what shows that it was done

-- Who was erased is here twice: by a keyed hash, for ever, and sealed, so that a restored backup can be erased again, until
-- tarot.forget_erasures().
CREATE TABLE tarot.erasure (
	erasure_id uuid PRIMARY KEY,
	pseudonym text COLLATE "C" NOT NULL,
	sealed text COLLATE "C",
	erased_at timestamptz NOT NULL,
	erased_by name NOT NULL,
	system bigint NOT NULL,
	transaction xid8 NOT NULL,
	audit_details boolean NOT NULL,
	report jsonb NOT NULL
);
COMMENT ON TABLE tarot.erasure IS
	'Data subjects that were erased: by their pseudonym, and, until tarot.forget_erasures(), sealed by the key "default". For the owner '
	'of the extension and whom it grants SELECT.';
SELECT tarot.guard_table('tarot.erasure'), pg_extension_config_dump('tarot.erasure', '');

-- The rows of a report.
CREATE FUNCTION tarot.erasure_rows(report jsonb) RETURNS TABLE ("table" text, action text, "rows" bigint, legal_basis text, problem text)
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT coalesce(e->>'table', e->>'class'), e->>'action', (e->'rows')::bigint, e->>'legal_basis', e->>'problem'
			FROM jsonb_array_elements(report) WITH ORDINALITY AS p (e, position)
			ORDER BY position
	$$;

-- Whether anything was, or would be, taken away.
CREATE FUNCTION tarot.erasure_changes(report jsonb) RETURNS bigint
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT coalesce(sum(e.rows), 0)::bigint
			FROM tarot.erasure_rows(report) e
			WHERE e.action IN ('delete', 'anonymize', 'destroy key', 'erase audit details')
	$$;

-- What the sealed subject of an erasure is bound to: all else that a line from outside says of it.
CREATE FUNCTION tarot.erasure_binding(of tarot.erasure) RETURNS text[]
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET datestyle = 'ISO, YMD'
	AS $$
		SELECT ARRAY['erasure', of.erasure_id::text, of.pseudonym, of.erased_at::text, of.erased_by::text,
			of.system::text, of.transaction::text, of.audit_details::text, of.report::text]
	$$;

-- Why an erasure is to be done, or was, where details of the audit log go with it.
CREATE FUNCTION tarot.erasure_reason(id uuid, audit_details boolean) RETURNS text
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$ SELECT CASE WHEN audit_details THEN format('ERASE SUBJECT %s', id) ELSE '' END $$;

-- Tells how it went, in the log.
CREATE FUNCTION tarot.certify_erasure(id uuid, pseudonym text, report jsonb, audit_details boolean, again boolean) RETURNS void
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	PERFORM tarot.record_erasure(jsonb_build_object(
		'command', CASE WHEN again THEN 'ERASE SUBJECT AGAIN' ELSE 'ERASE SUBJECT' END,
		'erasure', id,
		'pseudonym', pseudonym,
		'erased_at', now(),
		'audit_details', CASE WHEN audit_details THEN 'erased' ELSE 'kept' END,
		'tables', (SELECT coalesce(jsonb_agg(e), '[]') FROM jsonb_array_elements(report) e WHERE e->>'action' <> 'not reached'),
		'not_reached',
			(SELECT coalesce(jsonb_agg(e->'table'), '[]') FROM jsonb_array_elements(report) e WHERE e->>'action' = 'not reached')));
END
$$;

-- In another transaction a hold, or rows, that were committed since its first statement would not be seen.
CREATE FUNCTION tarot.require_read_committed() RETURNS void
	LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	IF current_setting('transaction_isolation') <> 'read committed' THEN
		RAISE EXCEPTION 'who is on legal hold is asked in a transaction that is READ COMMITTED'
			USING ERRCODE = 'active_sql_transaction', DETAIL = 'Another would not see who was put on hold since it began.';
	END IF;
END
$$;

-- No row comes to these tables from here to the end of the transaction.
CREATE FUNCTION tarot.lock_subject_tables() RETURNS void
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	relation regclass;
BEGIN
	FOR relation IN SELECT r FROM tarot.registered_tables() r LOOP
		EXECUTE format('LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE', relation);
	END LOOP;
END
$$;

CREATE FUNCTION tarot.erase_subject(
		subject text, dry_run boolean DEFAULT true, lock_tables boolean DEFAULT false, audit_details boolean DEFAULT false,
		OUT erasure uuid, OUT "table" text, OUT action text, OUT "rows" bigint, OUT legal_basis text, OUT problem text) RETURNS SETOF record
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	done tarot.erasure;
BEGIN
	PERFORM tarot.require_subject(subject);
	IF num_nulls(dry_run, lock_tables, audit_details) > 0 THEN
		RAISE EXCEPTION 'dry_run, lock_tables and audit_details must not be null' USING ERRCODE = 'null_value_not_allowed';
	-- Two keys for what may be evidence: the role that called, whose function this may be called by.
	ELSIF audit_details AND NOT has_function_privilege(
			CASE current_setting('role') WHEN 'none' THEN session_user ELSE current_setting('role') END,
			'tarot.erase_audit_details(regclass, jsonb, text)', 'EXECUTE') THEN
		RAISE EXCEPTION 'permission denied to erase details of the audit log'
			USING ERRCODE = 'insufficient_privilege', HINT = 'It takes EXECUTE on tarot.erase_audit_details().';
	END IF;
	IF NOT dry_run THEN
		PERFORM tarot.require_read_committed();
		done.pseudonym := tarot.subject_pseudonym(subject);
		IF lock_tables THEN
			PERFORM tarot.lock_subject_tables();
		END IF;
		-- A hold that is coming waits, and one that came is seen. Erasures take turns: each writes there in the end.
		LOCK TABLE tarot.subject_hold IN SHARE ROW EXCLUSIVE MODE;
	END IF;
	done.erasure_id := gen_random_uuid();
	done.audit_details := audit_details;
	done.report := tarot.erase_rows(subject, dry_run, tarot.erasure_reason(done.erasure_id, audit_details));
	IF NOT dry_run THEN
		done.erased_at := now();
		done.erased_by := session_user;
		done.system := (SELECT s.system_identifier FROM pg_control_system() s);
		done.transaction := pg_current_xact_id();
		done.sealed := tarot.encrypt(subject, 'default', tarot.erasure_binding(done));
		INSERT INTO tarot.erasure SELECT done.*;
		PERFORM tarot.certify_erasure(done.erasure_id, done.pseudonym, done.report, audit_details, false);
	END IF;
	RETURN QUERY SELECT CASE WHEN NOT dry_run THEN done.erasure_id END, e.* FROM tarot.erasure_rows(done.report) e;
END
$$;
COMMENT ON FUNCTION tarot.erase_subject(text, boolean, boolean, boolean) IS
	'Erases a data subject (GDPR, article 17) from all registered tables, in this transaction, by what tarot.set_erasure() says of each; '
	'unless dry_run is false it only tells what it would do. A row for each table: its action and how many rows; "unlink" are rows of '
	'others whose foreign key becomes NULL, "destroy key" a class in which the subject''s key is destroyed (in "table" the class), "not '
	'reached" a table with columns of a data class and no registration, which it leaves alone; "problem" is what an erasure refuses for, '
	'before it writes anything, also rows on legal hold, by tarot.hold() or as those of anybody whom tarot.hold_subject() names, that '
	'would go, be changed or become unreadable; an action "change" is of rows that would be changed with others by ON UPDATE. Consents, '
	'restrictions and holds that were end, and stay under the subject''s pseudonym. It leaves a certificate, tarot.erasure_certificate(), '
	'and an entry in tarot.erasure by which a restored backup is erased again. Children go before what they refer to, and tables in a '
	'circle of foreign keys in one statement. Each statement runs with the rights of the table''s owner, and its triggers with the '
	'search_path "pg_catalog, pg_temp"; deferred constraints are made immediate, for the rest of the transaction. Erasures take turns. '
	'Rows that others have not yet committed are not seen: unless lock_tables is true, which keeps writers from these tables meanwhile, '
	'tarot.replay_erasures() afterwards takes a second look. What the audit log has of the rows stays in it, values of columns without a '
	'class as they were, unless audit_details is true: then key, old and new of its entries about the rows that go, or went before, are '
	'erased as tarot.erase_audit_details() does ("erase audit details"; not of tables that are kept), while the rows were the subject''s: '
	'not those of whoever had a key before, nor of an identifier that was used before, as far as the log tells these apart; that takes '
	'EXECUTE on tarot.erase_audit_details(), too, of the role of the session or of SET ROLE; "not told in audit" are entries of deleted '
	'rows that stay, since whose they were cannot be told. For whom EXECUTE is granted. Raises 55000 where there is a problem, the '
	'subject or one of the rows is on hold, a trigger keeps rows, or the session has temporary tables or types of a role without the '
	'rights of a table''s owner, 22023 for an empty subject, 25001 in another transaction than a READ COMMITTED one, unless it is a dry '
	'run, TS001 when the server is locked; 42501, also where code of a table''s owner makes temporary objects, and constraints in the way '
	'without telling of values.';

CREATE FUNCTION tarot.erasure_certificate(erasure uuid) RETURNS jsonb
	LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	done tarot.erasure;
	entry tarot.audit_entry;
	certificate jsonb;
	proof record;
BEGIN
	SELECT * INTO done FROM tarot.erasure e WHERE e.erasure_id = erasure;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'there is no erasure "%"', erasure USING ERRCODE = 'undefined_object';
	END IF;
	SELECT * INTO entry
		FROM tarot.audit_entry a
		WHERE a.recorded_at >= done.erased_at AND a.transaction = done.transaction AND a.system = done.system AND a.operation = 'S'
			AND a.new->>'erasure' = erasure::text;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'the entry of erasure "%" is not in the audit log', erasure
			USING ERRCODE = 'undefined_object',
				HINT = 'It may have been exported, and dropped here. What it said is in tarot.erasure.';
	END IF;
	certificate := jsonb_build_object('certificate', entry.new,
		'recorded_at', entry.recorded_at, 'role', entry.role, 'session_role', entry.session_role, 'subject', entry.subject,
		'entry', jsonb_build_object('system', entry.system::text, 'transaction', entry.transaction::text, 'number', entry.number));
	BEGIN
		proof := tarot.inclusion_proof(entry.system, entry.transaction, entry.number);
	EXCEPTION WHEN undefined_object THEN
		RETURN certificate || '{"sealed": false}';
	END;
	RETURN certificate || jsonb_build_object('sealed', true,
		'leaf', encode(proof.leaf, 'hex'), 'position', proof."position", 'tree_size', proof.tree_size,
		'proof', (SELECT coalesce(jsonb_agg(encode(p, 'hex') ORDER BY i), '[]') FROM unnest(proof.proof) WITH ORDINALITY AS u (p, i)),
		'checkpoint', (SELECT c.note FROM tarot.audit_checkpoint c WHERE c.size = proof.tree_size));
END
$$;
COMMENT ON FUNCTION tarot.erasure_certificate(uuid) IS
	'What shows that a data subject was erased: the entry of the audit log, which tells the subject by a pseudonym '
	'(tarot.subject_pseudonym()) alone, what was done in which table to how many rows and on what legal basis rest was kept, who did it '
	'and when; and, once the log is sealed, the proof that the entry is in its hash tree, with the signed checkpoint, for '
	'tarot.verify_inclusion() and tarot.verify_checkpoint(). For whom EXECUTE is granted. Raises 42704 for an erasure that is not known, '
	'or whose entry is no longer in the log.';

-- ------------------------------------------------------------ again

CREATE FUNCTION tarot.export_erasures(since timestamptz DEFAULT '-infinity') RETURNS SETOF text
	LANGUAGE sql STABLE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT to_json(e)::text
			FROM tarot.erasure e
			WHERE e.erased_at >= coalesce(since, '-infinity') AND e.sealed IS NOT NULL
			ORDER BY e.erased_at, e.erasure_id
	$$;
COMMENT ON FUNCTION tarot.export_erasures(timestamptz) IS
	'The erasures since a time, by default all, a line of JSON each, to be kept outside of the database for a restore. Who was erased is '
	'in it sealed by the key "default". For whom EXECUTE is granted.';

CREATE FUNCTION tarot.open_erasure(of tarot.erasure) RETURNS text
	LANGUAGE sql STABLE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$ SELECT tarot.try_decrypt(of.sealed, tarot.erasure_binding(of)) $$;

CREATE FUNCTION tarot.import_erasure(line text) RETURNS boolean
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	given tarot.erasure;
BEGIN
	BEGIN
		given := json_populate_record(NULL::tarot.erasure, line::json);
	EXCEPTION WHEN data_exception THEN
		given := NULL;
	END;
	IF num_nulls(given.erasure_id, given.pseudonym, given.sealed, given.erased_at, given.erased_by, given.system, given.transaction,
			given.audit_details, given.report) > 0 OR NOT isfinite(given.erased_at) THEN
		RAISE EXCEPTION 'the line is no erasure' USING ERRCODE = 'invalid_parameter_value', HINT = 'tarot.export_erasures() writes them.';
	ELSIF tarot.subject_pseudonym(tarot.open_erasure(given)) IS DISTINCT FROM given.pseudonym THEN
		RAISE EXCEPTION 'erasure "%" cannot be opened with the keys of this database', given.erasure_id
			USING ERRCODE = 'TS102',
				DETAIL = 'The line is of another database, or was changed.',
				HINT = 'Put the present tables of keys in the place of those that were restored.';
	END IF;
	INSERT INTO tarot.erasure SELECT given.* ON CONFLICT DO NOTHING;
	RETURN FOUND;
END
$$;
COMMENT ON FUNCTION tarot.import_erasure(text) IS
	'Takes a line of tarot.export_erasures() into tarot.erasure, for tarot.replay_erasures(); returns whether it was not there. It must '
	'be one that the keys of this database sealed, with nothing in it changed. For whom EXECUTE is granted. Raises 22023 for another '
	'line, TS102 for one that cannot be opened, TS001 when the server is locked.';

CREATE FUNCTION tarot.replay_erasures(
		since timestamptz DEFAULT '-infinity', dry_run boolean DEFAULT false,
		OUT erasure uuid, OUT erased_at timestamptz, OUT "rows" bigint, OUT problem text) RETURNS SETOF record
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	done tarot.erasure;
	subject text;
	report jsonb;
	state text;
BEGIN
	IF dry_run IS NULL THEN
		RAISE EXCEPTION 'dry_run must not be null' USING ERRCODE = 'null_value_not_allowed';
	ELSIF NOT dry_run THEN
		PERFORM tarot.require_read_committed();
		LOCK TABLE tarot.subject_hold IN SHARE ROW EXCLUSIVE MODE;
	END IF;
	FOR done IN
		SELECT *
			FROM tarot.erasure e
			WHERE e.erased_at >= coalesce(since, '-infinity') AND e.sealed IS NOT NULL
			ORDER BY e.erased_at, e.erasure_id
	LOOP
		erasure := done.erasure_id;
		erased_at := done.erased_at;
		rows := NULL;
		problem := NULL;
		subject := tarot.open_erasure(done);
		IF subject IS NULL THEN
			problem := 'it cannot be opened with the keys of this database';
		ELSE
			-- One that is refused does not keep the others from being done; and nothing of it is.
			BEGIN
				report := tarot.erase_rows(subject, dry_run, tarot.erasure_reason(done.erasure_id, done.audit_details), done.erased_at);
				rows := tarot.erasure_changes(report);
				IF EXISTS (SELECT FROM tarot.erasure_rows(report) e WHERE e.problem IS NOT NULL) THEN
					problem := 'the subject cannot be erased';
					rows := NULL;
				END IF;
				IF rows > 0 AND NOT dry_run THEN
					PERFORM tarot.certify_erasure(done.erasure_id, done.pseudonym, report, done.audit_details, true);
				END IF;
			EXCEPTION WHEN OTHERS THEN
				GET STACKED DIAGNOSTICS problem = MESSAGE_TEXT, state = RETURNED_SQLSTATE;
				rows := NULL;
				-- What somebody else's code says may tell of a person.
				IF state NOT IN ('55000', '42501', '55P03', '40P01', '40001') AND state NOT LIKE '23%' AND state NOT LIKE 'TS%'
						AND problem NOT LIKE 'rows of a data subject in table %' THEN
					problem := format('SQLSTATE %s', state);
				END IF;
			END;
		END IF;
		RETURN NEXT;
	END LOOP;
END
$$;
COMMENT ON FUNCTION tarot.replay_erasures(timestamptz, boolean) IS
	'Erases again who was erased since a time, by default all of them: after a backup was restored, and as a second look for what others '
	'committed meanwhile. A row for each erasure: how many rows and keys were taken away (0: there was nothing), or why it was not done, '
	'which keeps none of the others from being done; a deadlock or a lock that was not to be had may be over when it is called again. By '
	'what tarot.set_erasure() says now; what a subject asked for since (tarot.note_request()) stays open. Where there was something, an '
	'entry ERASE SUBJECT AGAIN goes into the audit log. Somebody new under the identifier of one who was erased would be erased, too: '
	'dry_run tells before. For whom EXECUTE is granted. Raises 25001 in another transaction than a READ COMMITTED one, TS001 when the '
	'server is locked.';

CREATE FUNCTION tarot.forget_erasures(before timestamptz) RETURNS bigint
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	forgotten bigint;
BEGIN
	UPDATE tarot.erasure e SET sealed = NULL WHERE e.erased_at < before AND e.sealed IS NOT NULL;
	GET DIAGNOSTICS forgotten = ROW_COUNT;
	RETURN forgotten;
END
$$;
COMMENT ON FUNCTION tarot.forget_erasures(timestamptz) IS
	'Forgets who was erased before a time, and returns how many: they can be replayed no more, and their pseudonyms and certificates '
	'stay. For when the last backup with their data is gone. For whom EXECUTE is granted.';

REVOKE ALL ON FUNCTION tarot.certify_erasure(uuid, text, jsonb, boolean, boolean), tarot.erasure_binding(tarot.erasure),
	tarot.erasure_reason(uuid, boolean), tarot.require_read_committed(), tarot.lock_subject_tables(),
	tarot.erase_subject(text, boolean, boolean, boolean), tarot.erasure_certificate(uuid), tarot.export_erasures(timestamptz),
	tarot.open_erasure(tarot.erasure), tarot.import_erasure(text), tarot.replay_erasures(timestamptz, boolean),
	tarot.forget_erasures(timestamptz), tarot.erasure_rows(jsonb), tarot.erasure_changes(jsonb) FROM PUBLIC;
