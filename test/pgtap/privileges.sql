-- What the extension lets an ordinary role do: use the type, and nothing else. And that what runs with
-- its owner's rights runs nothing that a caller put in its way.
SET client_min_messages = warning;
BEGIN;
SELECT no_plan();
CREATE ROLE tarot_tap_nobody;
CREATE ROLE tarot_tap_evil;

CREATE TEMP VIEW member AS SELECT classid, objid FROM pg_depend
	WHERE refclassid = 'pg_extension'::regclass AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'tarot_security') AND deptype = 'e';
CREATE TEMP VIEW tarot_function AS SELECT p.* FROM pg_proc p JOIN member ON objid = p.oid AND classid = 'pg_proc'::regclass;
CREATE TEMP VIEW tarot_relation AS SELECT c.* FROM pg_class c JOIN member ON objid = c.oid AND classid = 'pg_class'::regclass;

-- ------------------------------------------------------------ PUBLIC

SELECT set_eq(
	$$SELECT oid::regprocedure::text FROM tarot_function WHERE has_function_privilege('tarot_tap_nobody', oid, 'EXECUTE')$$,
	$$SELECT unnest(ARRAY['tarot.encrypted_typmod_in(cstring[])', 'tarot.encrypted_typmod_out(integer)',
			'tarot.reseal(regclass,text,integer,interval)', 'tarot.start_reseal(regclass,text)', 'tarot.reseal_batch(oid,integer,integer)',
			'tarot.encrypt_column(regclass,name,text,boolean,integer,interval)', 'tarot.decrypt_column(regclass,name,boolean,integer,interval)', 'tarot.cancel_conversion(regclass,name)',
			'tarot.convert_column(oid,name,text,boolean,boolean,integer,interval)', 'tarot.require_class_access(text,integer,boolean,boolean)', 'tarot.find_conversion(oid,name)',
			'tarot.set_conversion(oid,name,smallint,name,boolean,text,text)', 'tarot.conversion_batch(oid,name,integer)', 'tarot.constant_default(oid,name)', 'tarot.fill_converted_column()',
			'tarot.wipe_free_space(regclass)', 'tarot.converted_type(oid,boolean)', 'tarot.conversion_obstacles(oid,name,boolean,boolean,boolean)',
			'tarot.require_convertible(oid,name,boolean,boolean,boolean)', 'tarot.converted_default(oid,name)', 'tarot.column_properties(oid,name)', 'tarot.convert_table(oid,name,text)',
			'tarot.begin_conversion(oid,name,text,boolean,text,boolean)', 'tarot.constrain_conversion(oid,name,name)', 'tarot.conversion_constraints(oid,name,name)', 'tarot.check_conversion(oid,name,name)',
			'tarot.unconstrain_conversion(oid,name,boolean)', 'tarot.swap_conversion(oid,name,name,boolean,boolean)',
			'tarot.index_conversion(oid,name)', 'tarot.drop_conversion_indexes(oid,name)', 'tarot.conversion_indexes(oid,name)', 'tarot.index_mentions(oid,smallint)',
			'tarot.convertible_index(oid,smallint,boolean,boolean)', 'tarot.index_properties(oid,oid)', 'tarot.index_statistics(oid)',
			'tarot.start_search_key(text,text,integer)', 'tarot.switch_search_key(text)', 'tarot.retire_search_key(text)', 'tarot.hold_search_keys()', 'tarot.name_not_null(oid,name,name)',
			'tarot.check_searchable(integer,name)',
			'tarot.trigger_arguments(bytea)', 'tarot.audit_triggers(oid)', 'tarot.is_complete_audit_trigger(pg_trigger,text[])', 'tarot.key_after(jsonb,jsonb)', 'tarot.has_member_of(jsonb,jsonb)', 'tarot.is_of_columns(jsonb,text[])', 'tarot.audit_history(regclass,jsonb)', 'tarot.audit_report(timestamp with time zone,timestamp with time zone)', 'tarot.read_report(timestamp with time zone,timestamp with time zone)', 'tarot.columns_read(timestamp with time zone,timestamp with time zone)', 'tarot.audit_change()',
			'tarot.break_glass(text,text,interval)', 'tarot.end_break_glass(text)', 'tarot.class_purposes(text)',
			'tarot.authenticate(text,boolean)', 'tarot.authenticate_request()', 'tarot.sign_out()', 'tarot.subject()', 'tarot.claims()', 'tarot.claim(text)', 'tarot.issuer()', 'tarot.token_id()', 'tarot.expires_at()', 'tarot.verify_jwt(text)', 'tarot.check_jwt(text)',
			'tarot.has_permission(text)', 'tarot.has_permission(text,text,text)', 'tarot.accessible(text,text)', 'tarot.roles()',
			'tarot.protect_rows(regclass,name,name[],name,text,text,text,name,name,name,interval,text[],regrole[],text)', 'tarot.unprotect_rows(regclass,text)', 'tarot.policy_report(text[],regrole,regclass)',
			'tarot.try_bigint(text)', 'tarot.try_uuid(text)', 'tarot.try_character(text)', 'tarot.row_comparison(oid,name)', 'tarot.row_is_of(oid,name,text)', 'tarot.row_is_among(oid,name,text)',
			'tarot.row_is_valid(oid,name,name,interval)', 'tarot.command_of_policy("char")', 'tarot.create_row_policy(oid,name,boolean,"char",oid[],text,text,text)', 'tarot.force_row_security(oid)',
			'tarot.policies_of_rule(oid,text)', 'tarot.require_owner(oid,text)', 'tarot.require_relation(oid,text)', 'tarot.require_protectable(oid)', 'tarot.tell_of_policies(oid)', 'tarot.suggest_index(oid,name)', 'tarot.check_row_commands(text[])',
			'tarot.kind_of_row_rule(name,name[],name,text,text,text,name,name,name,interval)', 'tarot.inherit_rules(oid)', 'tarot.adds_children(pg_ddl_command)', 'tarot.drops_children(pg_ddl_command)',
			'tarot.classify_column(regclass,name,text)', 'tarot.unclassify_column(regclass,name)', 'tarot.label_column(regclass,name,text)', 'tarot.label_of_class(text)', 'tarot.inherit_labels(oid)',
			'tarot.class_of_column(oid,smallint)', 'tarot.class_of_type(oid,integer)', 'tarot.is_under_subject_key("any",bigint[])', 'tarot.is_under_key("any",integer,integer,boolean)',
			'tarot.masked(anyelement,tarot.mask_site)', 'tarot.masked_row(anyelement,tarot.mask_site)', 'tarot.mask_site_in(cstring)', 'tarot.mask_site_out(tarot.mask_site)',
			'tarot.mask_table(regclass)', 'tarot.unmask_table(regclass)', 'tarot.label_table(oid,text)', 'tarot.require_maskable(oid)', 'tarot.added_columns(pg_ddl_command)', 'tarot.check_conversions(pg_ddl_command)', 'tarot.take_triggers(oid)', 'tarot.may_read_stored(oid,oid,smallint)', 'tarot.is_masked(oid)', 'tarot.relatives(oid)',
			'tarot.held_privileges(oid)', 'tarot.grant_statement(oid,text,text,oid,boolean)', 'tarot.revoke_statement(oid,text,text,oid)', 'tarot.change_privileges(text[],text[])', 'tarot.narrow_privileges(oid)',
			'tarot.widen_privileges(oid,name)', 'tarot.restore_privileges(oid)', 'tarot.columns_without_label(oid,smallint[])',
			'tarot.create_masking_view(regclass,text,name[])', 'tarot.drop_masking_view(regclass)', 'tarot.columns_of_view(oid)', 'tarot.masking_views_of(oid)', 'tarot.extend_masking_view(oid,oid)',
			'tarot.anonymize_table(regclass,boolean,text,name[],name[],text[],name[],name[],name[],boolean,boolean)', 'tarot.anonymize_tables(regclass[],boolean,name[],name[],text[],name[],name[],name[],boolean,boolean)',
			'tarot.check_anonymization(regclass,name[],name[],text[],name[],name[],name[],regclass[])', 'tarot.anonymization_obstacles(oid[],oid[],smallint[],text[],boolean)', 'tarot.anonymization_keys(oid[])',
			'tarot.audit_signer_key(text,bytea)', 'tarot.count_rows(oid,boolean)', 'tarot.count_rows_as(oid,text,oid)',
			'tarot.discover_sensitive(regnamespace,integer,real,text)', 'tarot.classification_drift(regnamespace,integer,real,text)', 'tarot.survey_columns(oid,integer,real)',
			'tarot.survey_table(oid,integer,real)', 'tarot.check_survey(integer,real,text)', 'tarot.tables_to_survey(regnamespace)', 'tarot.classifying_statements(text,name,text,text,boolean,text)',
			'tarot.k_anonymity(regclass,name[],integer)', 'tarot.require_k_anonymity(regclass,name[],integer)', 'tarot.l_diversity(regclass,name[],name,integer)',
			'tarot.t_closeness(regclass,name[],name,double precision,boolean)', 'tarot.ordered_distance(integer[],bigint[],double precision[],double precision[])', 'tarot.quoted_columns(regclass,name[])', 'tarot.relation_name(regclass)', 'tarot.relation_tree(oid,"char"[])', 'tarot.plain_type(oid)',
			'tarot.require_anonymity(regclass,name[],integer,name[],integer,double precision)', 'tarot.check_required_anonymity(regclass)', 'tarot.sees_all_rows(regclass)',
			'tarot.subject_registrations()', 'tarot.is_searchable(text)', 'tarot.column_numbers(oid,name[])', 'tarot.column_names(oid,smallint[],name[])', 'tarot.subject_foreign_key(tarot.subject_table)', 'tarot.masked_among(oid,name[])', 'tarot.subject_comparison(oid,name,text,text)',
			'tarot.subject_table_problem(tarot.subject_table)', 'tarot.subject_condition(oid,text,text)', 'tarot.registered_tables()', 'tarot.require_subject(text)', 'tarot.sight_of_class(text)', 'tarot.export_of_class(text)', 'tarot.export_of_subject(text)', 'tarot.export_tables_of_ours()', 'tarot.export_tables()', 'tarot.export_of_table(oid)', 'tarot.export_of_end(oid,text,jsonb,bigint,boolean)', 'tarot.exported_columns(oid)', 'tarot.export_of_retention(oid,text)', 'tarot.foreign_key_pairs(oid,text,text)', 'tarot.has_foreign_cast(oid)',
			'tarot.pause_job(text)', 'tarot.resume_job(text)', 'tarot.cancel_job(text)', 'tarot.run_job_soon(text)', 'tarot.is_being_loaded(integer,timestamp with time zone)', 'tarot.change_retention(oid,text,text,text,jsonb)', 'tarot.count_retention(text,text)', 'tarot.drop_partition(oid,oid,text,text[],bigint,boolean,boolean)', 'tarot.drop_detached(oid,oid,boolean,boolean,text,text[],jsonb)', 'tarot.alter_retention(text,name,interval,text,integer,interval,time without time zone,time without time zone,integer[],text,text,name,name[],name[],jsonb,regclass)',
			
			'tarot.clear_by_replacements(name[],jsonb)', 'tarot.anonymized_columns(tarot.retention_policy,oid)', 'tarot.anonymized(anyelement,boolean,tarot.job_mask)', 'tarot.job_mask_in(cstring)', 'tarot.job_mask_out(tarot.job_mask)',
			'tarot.remove_retention(text)', 'tarot.preview_retention(text)', 'tarot.preview_references(text)', 'tarot.hold(regclass,text,text,text)', 'tarot.release(regclass,text)',
			'tarot.enforce_row()', 'tarot.bind_column(regclass,name,name[])', 'tarot.unbind_column(regclass,name)', 'tarot.set_subject(regclass,name,name)', 'tarot.unset_subject(regclass,name)', 'tarot.verify_bindings(regclass)'])
		UNION ALL SELECT format(signature, type, base) FROM unnest(ARRAY['text', 'bytea', 'jsonb', 'numeric', 'date', 'timestamptz']) AS type, LATERAL (SELECT type::regtype::text AS base) AS b,
			unnest(ARRAY['tarot.encrypted_%1$s_in(cstring,oid,integer)', 'tarot.encrypted_%1$s_out(tarot.encrypted_%1$s)', 'tarot.encrypted_%1$s_recv(internal,oid,integer)',
				'tarot.encrypted_%1$s_send(tarot.encrypted_%1$s)', 'tarot.encrypted_%1$s(%2$s,integer,boolean)', 'tarot.encrypted_%1$s(tarot.encrypted_%1$s,integer,boolean)',
				'tarot.%1$I(tarot.encrypted_%1$s)', 'tarot.try_decrypt(tarot.encrypted_%1$s)',
				'tarot.search_eq(tarot.encrypted_%1$s,tarot.encrypted_%1$s)', 'tarot.search_eq(tarot.encrypted_%1$s,%2$s)', 'tarot.search_eq(%2$s,tarot.encrypted_%1$s)',
				'tarot.search_ne(tarot.encrypted_%1$s,tarot.encrypted_%1$s)', 'tarot.search_ne(tarot.encrypted_%1$s,%2$s)', 'tarot.search_ne(%2$s,tarot.encrypted_%1$s)',
				'tarot.search_probe(tarot.encrypted_%1$s,integer,internal)', 'tarot.search_probe(%2$s,integer,internal)']) AS signature
		UNION ALL SELECT format('tarot.to_json(tarot.encrypted_%s)', type) FROM unnest(ARRAY['jsonb', 'numeric', 'date', 'timestamptz']) AS type
		UNION ALL SELECT format('tarot.encrypted_%s(%s,integer,boolean)', type, source::regtype) FROM (VALUES ('jsonb', 'json'), ('numeric', 'int2'), ('numeric', 'int4'), ('numeric', 'int8'), ('numeric', 'float4'),
			('numeric', 'float8'), ('date', 'timestamp'), ('date', 'timestamptz'), ('timestamptz', 'timestamp'), ('timestamptz', 'date')) AS kin (type, source)
		UNION ALL SELECT format('tarot.%I(tarot.encrypted_%s)', target, type) FROM (VALUES ('text', '{varchar,bpchar,name}'), ('numeric', '{int2,int4,int8,float4,float8}'), ('date', '{timestamp,timestamptz}'),
			('timestamptz', '{date,time,timetz,timestamp}'), ('jsonb', '{bool,numeric,int2,int4,int8,float4,float8}')) AS casts (type, targets), unnest(targets::text[]) AS target
		UNION ALL SELECT format('tarot.column_concat(tarot.encrypted_%1$s,tarot.encrypted_%1$s)', type) FROM unnest(ARRAY['jsonb', 'bytea']) AS type
		UNION ALL SELECT format('tarot.search_%s(%s)', operator, types) FROM unnest(ARRAY['eq', 'ne']) AS operator, unnest(ARRAY['name,tarot.encrypted_text', 'tarot.encrypted_text,name']) AS types
		UNION ALL SELECT unnest(ARRAY['date_trunc(text,tarot.encrypted_date)', 'to_char(tarot.encrypted_date,text)', 'timezone(text,tarot.encrypted_date)', 'age(tarot.encrypted_date)',
			'age(tarot.encrypted_date,timestamp with time zone)', 'age(timestamp with time zone,tarot.encrypted_date)', 'age(tarot.encrypted_date,tarot.encrypted_date)'])$$,
	'an ordinary role may call the functions of the types, whose gate decides, those for tables of its own and for its own identity, and no others');
SELECT is_empty(
	$$SELECT relname, privilege FROM tarot_relation, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) AS privilege
		WHERE has_table_privilege('tarot_tap_nobody', oid, privilege)$$,
	'an ordinary role has no privilege on any table or view');
SELECT is_empty(
	$$SELECT relname, privilege FROM tarot_relation, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'REFERENCES']) AS privilege
		WHERE has_any_column_privilege('tarot_tap_nobody', oid, privilege)$$,
	'nor on any of their columns');
SELECT is_empty($$SELECT oid::regprocedure, grantee::regrole FROM tarot_function, aclexplode(coalesce(proacl, acldefault('f', proowner)))
		WHERE grantee NOT IN (0, proowner, 'pg_monitor'::regrole)$$, 'no other role is granted a function');
SELECT is_empty($$SELECT oid::regprocedure FROM tarot_function, aclexplode(coalesce(proacl, acldefault('f', proowner))) WHERE is_grantable AND grantee <> proowner$$,
	'nobody may pass a grant on');
SELECT ok(has_schema_privilege('tarot_tap_nobody', 'tarot', 'USAGE'), 'the schema may be used by all');
SELECT ok(NOT has_schema_privilege('tarot_tap_nobody', 'tarot', 'CREATE'), 'but nothing be put into it');
SELECT ok(has_type_privilege('tarot_tap_nobody', 'tarot.encrypted_text', 'USAGE'), 'all may make columns of the type');
SELECT set_eq(
	$$SELECT relname::text FROM tarot_relation WHERE has_table_privilege('pg_monitor', oid, 'SELECT')$$,
	ARRAY['key_status', 'root_key_status', 'class_access', 'reseal_progress', 'search_key_status', 'conversion_progress', 'bound_column', 'issuer_status', 'classified_columns', 'masked_tables', 'anonymization_progress', 'masking_views', 'audited_tables', 'event_queue', 'worker_status', 'audited_statements', 'audited_schemas', 'audited_reads', 'audit_signers', 'subject_tables', 'job_status', 'job_progress', 'retention_status', 'reviews', 'retention_gaps'], 'pg_monitor sees the views of states and grants, and no table');
SELECT is_empty(
	$$SELECT relname, privilege FROM tarot_relation, unnest(ARRAY['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) AS privilege
		WHERE has_table_privilege('pg_monitor', oid, privilege)$$, 'and writes nothing');
SELECT is_empty($$SELECT relname FROM tarot_relation WHERE relkind NOT IN ('r', 'v', 'p')$$, 'there are no sequences, whose privileges would have to be looked at');

-- The views show no key material to whom they may be shown.
SELECT is_empty(
	$$SELECT c.relname, a.attname FROM tarot_relation c JOIN pg_attribute a ON attrelid = c.oid AND attnum > 0
		WHERE relkind = 'v' AND attname ~ 'wrapped|secret|material|root_key$'$$, 'no view shows a key');

CREATE VIEW sealed AS SELECT NULL::tarot.encrypted_text AS v OFFSET 0;
GRANT SELECT ON sealed TO PUBLIC;
-- As that role, really: what has_..._privilege says is so.
SET LOCAL ROLE tarot_tap_nobody;
SELECT throws_ok(statement, '42501', NULL, 'not allowed: ' || statement) FROM unnest(ARRAY[
	'SELECT tarot.create_key(''x'')', 'SELECT tarot.rotate_key(''x'')', 'SELECT tarot.destroy_key(''x'', 1)', 'SELECT tarot.set_key_state(''x'', 1, ''active'')',
	'SELECT tarot.rotate_root_key()', 'SELECT tarot.lock()', 'SELECT tarot.unlock()', 'SELECT tarot.encrypt(''x''::text, ''y'', ''z''::text)',
	'SELECT tarot.decrypt(''x''::text, ''z''::text)', 'SELECT tarot.try_decrypt(''x''::bytea, ''z''::text)', 'SELECT tarot.create_class(''x'', ''y'')',
	'SELECT tarot.grant_class(''x'', ''tarot_tap_nobody'', ''plain'')', 'SELECT tarot.revoke_class(''x'', ''tarot_tap_nobody'')', 'SELECT tarot.drop_class(''x'')',
	'SELECT tarot.new_data_key(''x'', ''y'', 1, 1)', 'SELECT tarot.next_root_key(''x'')', 'SELECT tarot.first_root_key()', 'SELECT tarot.begin_key_change()',
	'SELECT tarot.rewrap_data_key(''a'', ''b'', ''c'', 1, 1, ''d'')', 'SELECT tarot.root_key_state()', 'SELECT tarot.note_event(''x'', NULL, NULL, NULL)', 'SELECT tarot.event_counts()', 'SELECT tarot.log_security_event(''x'', NULL, NULL, NULL)', 'SELECT tarot.flush_events()', 'TABLE tarot.security_event', 'TABLE tarot.event_queue', 'TABLE tarot.worker_status', 'SELECT tarot.worker_state()', 'SELECT tarot.class_id(''x'')', 'SELECT tarot.get_class(''x'')',
	'SELECT tarot.audit_reads(''pg_class'')', 'SELECT tarot.unaudit_reads(''pg_class'')', 'SELECT tarot.audit_class_reads(''x'')', 'SELECT tarot.unaudit_class_reads(''x'')', 'SELECT tarot.read_report()', 'SELECT tarot.columns_read()', 'TABLE tarot.audited_reads', 'INSERT INTO tarot.audited_read VALUES (1)', 'DELETE FROM tarot.audited_class_read',
	'TABLE tarot.key', 'TABLE tarot.keyring', 'TABLE tarot.key_version', 'TABLE tarot.class', 'TABLE tarot.class_grant', 'TABLE tarot.key_status',
	'TABLE tarot.class_access', 'TABLE tarot.root_key_status', 'INSERT INTO tarot.class_grant VALUES (1, 1, ''plain'', true, true, ''x'')',
	'TABLE tarot.break_glass_use', 'TABLE tarot.break_glass_log', 'SELECT tarot.allow_break_glass(''x'', ''tarot_tap_nobody'')', 'SELECT tarot.end_break_glass(''x'', NULL)',
	'SELECT tarot.record_break_glass(''x'', NULL, NULL, NULL, NULL, NULL, NULL, NULL)', 'SELECT tarot.record_end_of_break_glass(1, NULL, false, NULL, NULL)', 'SELECT tarot.set_class_purposes(''x'', NULL)',
	'DELETE FROM tarot.break_glass_use', 'INSERT INTO tarot.break_glass_list VALUES (1, ''tarot_tap_nobody'', ''1 hour'', ''x'')',
	'DELETE FROM tarot.key', 'TRUNCATE tarot.class_grant', 'ALTER TABLE tarot.key_version DISABLE TRIGGER guard', 'DROP TRIGGER announce ON tarot.class_grant',
	'CREATE FUNCTION tarot.f() RETURNS int LANGUAGE sql AS ''SELECT 1''', 'CREATE TRIGGER t BEFORE INSERT ON tarot.key FOR EACH ROW EXECUTE FUNCTION tarot.guard_key_version()',
	'TABLE tarot.search_key', 'TABLE tarot.search_key_status', 'CALL tarot.rotate_search_key(''x'')', 'SELECT tarot.start_search_key(''x'', NULL, NULL)', 'SELECT tarot.switch_search_key(''x'')',
	'SELECT tarot.retire_search_key(''x'')', 'SELECT tarot.cancel_search_key(''x'')', 'SELECT tarot.begin_search_key(''x'', NULL, NULL)', 'SELECT tarot.activate_search_key(1)',
	'SELECT tarot.search_cmp(v, v) FROM sealed', 'SELECT tarot.search_hash(v) FROM sealed', 'SELECT tarot.search_hash(v, 0) FROM sealed',
	'SELECT tarot.search_lt(v, v) FROM sealed', 'SELECT v OPERATOR(tarot.>=#) v FROM sealed', 'SELECT v OPERATOR(tarot.<#) v FROM sealed',
	'ALTER EVENT TRIGGER tarot_security_require_searchable DISABLE', 'ALTER EVENT TRIGGER tarot_security_require_class DISABLE', 'ALTER EXTENSION tarot_security DROP FUNCTION tarot.lock()',
	'TABLE tarot.job', 'TABLE tarot.job_run', 'TABLE tarot.job_status', 'TABLE tarot.retention_policy', 'TABLE tarot.retention_status', 'TABLE tarot.legal_hold', 'DELETE FROM tarot.legal_hold', 'CALL tarot.run_due_jobs()',
	'SELECT tarot.next_job(NULL)', 'SELECT tarot.put_job(NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)', 'SELECT tarot.take_job(NULL, NULL, NULL)', 'SELECT tarot.record_job_change(''{}'')',
	'SELECT tarot.schedule_review(''x'', ''1 day'', ''x'')', 'SELECT tarot.unschedule_review(''x'')', 'SELECT tarot.complete_review(''x'', ''passed'')', 'TABLE tarot.review', 'TABLE tarot.reviews', 'TABLE tarot.review_outcome', 'DELETE FROM tarot.review_outcome', 'SET tarot_security.job_timeout = 0', 'SET tarot_security.job_share = 1', 'SELECT tarot.apply_retention(NULL, NULL, NULL, NULL, NULL, NULL)',
	'SET tarot_security.job_max_lag = 0', 'SET tarot_security.redact_failed_statements = off', 'COMMENT ON SCHEMA tarot IS ''x''', 'LOCK TABLE tarot.keyring']) AS statement;
SELECT throws_ok('SET tarot_security.root_key_command = ''echo x''', '55P02', NULL, 'the root key''s provider is not for sessions to choose');
RESET ROLE;

-- A probe would find out for anybody what is in any class: it is the planner's to make. Minor releases
-- differ in which error refuses a value of type internal.
SELECT throws_ok($$SELECT tarot.search_probe('x'::text, 1, NULL)$$, NULL, NULL, 'a probe cannot be had');
SELECT throws_ok($$SELECT tarot.search_probe('x'::text, 1, NULL::internal)$$, NULL, NULL, 'nothing is of its last argument''s type');

-- Functions for the extension's own use, called by a superuser who should not: errors, no crash.
SELECT throws_ok('SELECT tarot.announce_policy_change()', '39P01', NULL, 'a trigger function is none to be called');
SELECT throws_ok('SELECT tarot.guard_key_version()', '39P01', NULL, 'nor is the other one');
CREATE TEMP TABLE elsewhere (state text);
CREATE TRIGGER guard BEFORE INSERT ON elsewhere FOR EACH ROW EXECUTE FUNCTION tarot.guard_key_version();
SELECT throws_ok($$INSERT INTO elsewhere VALUES ('active')$$, '39P01', NULL, 'the guard is for updates');
SELECT ok(tarot.create_key('tap') > 0, 'there is a key now');
SELECT throws_ok($$SELECT tarot.new_data_key('short', 'short', 1, 1)$$, '22023', NULL, 'a ring id has its length');
SELECT throws_ok($$SELECT tarot.next_root_key('')$$, '22023', NULL, 'a fingerprint too');
SELECT throws_ok($$SELECT tarot.new_data_key(decode(repeat('00', 16), 'hex'), decode(repeat('00', 16), 'hex'), 1, 1)$$, 'TS002', NULL, 'a key is wrapped by no root key but ours');
SELECT is(tarot.new_data_key(NULL, NULL, 1, 1), NULL, 'and by none');
SELECT throws_ok($$SELECT tarot.rewrap_data_key(ring_id, root_key_fingerprint, root_key_fingerprint, 1, 1, wrapped) FROM tarot.keyring, tarot.key_version LIMIT 1$$,
	'TS102', NULL, 'a wrapped key is bound to its number and version');
SELECT throws_ok($$SELECT tarot.rewrap_data_key(decode(repeat('00', 16), 'hex'), root_key_fingerprint, root_key_fingerprint, key_id, version, wrapped) FROM tarot.keyring, tarot.key_version LIMIT 1$$,
	'TS102', NULL, 'and to its ring');
SELECT throws_ok($$SELECT tarot.rewrap_data_key(ring_id, root_key_fingerprint, root_key_fingerprint, key_id, version, ''::bytea) FROM tarot.keyring, tarot.key_version LIMIT 1$$,
	'TS102', NULL, 'and is one');

-- ------------------------------------------------------------ whose rights, and whose search path

SELECT is_empty($$SELECT oid::regprocedure, proconfig FROM tarot_function WHERE prosecdef AND proconfig IS DISTINCT FROM ARRAY['search_path=pg_catalog, pg_temp']$$,
	'every SECURITY DEFINER function pins its search path, pg_temp last');
SELECT is_empty($$SELECT oid::regprocedure, proconfig FROM tarot_function WHERE prolang <> (SELECT oid FROM pg_language WHERE lanname = 'c')
	AND prokind <> 'p' AND prosqlbody IS NULL AND proconfig[1] IS DISTINCT FROM 'search_path=pg_catalog, pg_temp'$$, 'and so does every function in SQL that they call, unless its names were looked up when it was made');
SELECT is_empty($$SELECT oid::regprocedure FROM tarot_function WHERE prokind = 'p' AND prolang <> (SELECT oid FROM pg_language WHERE lanname = 'c')
	AND (prosrc !~ '^(?:(?!BEGIN).)*BEGIN\s+PERFORM pg_catalog\.set_config\(''search_path'', ''pg_catalog, pg_temp'', true\);'
		OR regexp_count(prosrc, 'COMMIT;') <> regexp_count(prosrc, 'COMMIT;\s+PERFORM pg_catalog\.set_config\(''search_path'', ''pg_catalog, pg_temp'', true\);'))$$,
	'procedures, which commit and so cannot, pin it first of all and after each commit');
SELECT is_empty($$SELECT oid::regprocedure FROM tarot_function WHERE prosecdef AND has_function_privilege('tarot_tap_nobody', oid, 'EXECUTE')$$, 'none of them is for all');
SELECT is_empty($$SELECT oid::regprocedure FROM tarot_function WHERE prosecdef AND prolang = (SELECT oid FROM pg_language WHERE lanname = 'c')$$, 'none of them is in C, where nothing is pinned');

-- Someone who may administer, and has put functions, operators and tables of pg_catalog's names in front of them.
SELECT lives_ok(format('GRANT EXECUTE ON FUNCTION %s TO tarot_tap_evil', oid::regprocedure), 'granted: ' || oid::regprocedure) FROM tarot_function WHERE prosecdef;
CREATE SCHEMA evil AUTHORIZATION tarot_tap_evil;
SET LOCAL ROLE tarot_tap_evil;
CREATE FUNCTION evil.trap() RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'trapped as %', current_user USING ERRCODE = 'ZZZZZ'; END $$;
DO $$
DECLARE
	t text;
	op text;
BEGIN
	FOREACH t IN ARRAY ARRAY['text', 'integer', 'bigint', 'oid', 'name', 'boolean', 'bytea', '"char"', 'bit'] LOOP
		EXECUTE format('CREATE FUNCTION evil.compare(%1$s, %1$s) RETURNS boolean LANGUAGE sql AS ''SELECT evil.trap() IS NULL''', t);
		FOREACH op IN ARRAY ARRAY['=', '<>', '<', '>', '~', '~~', '!~~', '&&'] LOOP
			EXECUTE format('CREATE OPERATOR evil.%2$s (LEFTARG = %1$s, RIGHTARG = %1$s, FUNCTION = evil.compare)', t, op);
		END LOOP;
	END LOOP;
	FOREACH t IN ARRAY ARRAY['integer', 'bigint', 'bit'] LOOP
		EXECUTE format('CREATE FUNCTION evil.combine(%1$s, %1$s) RETURNS %1$s LANGUAGE sql AS ''SELECT evil.trap()::%1$s''', t);
		FOREACH op IN ARRAY ARRAY['+', '&', '-'] LOOP
			EXECUTE format('CREATE OPERATOR evil.%2$s (LEFTARG = %1$s, RIGHTARG = %1$s, FUNCTION = evil.combine)', t, op);
		END LOOP;
	END LOOP;
	CREATE FUNCTION evil.concatenate(text, text) RETURNS text LANGUAGE sql AS 'SELECT evil.trap()';
	CREATE OPERATOR evil.|| (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.concatenate);
END
$$;
CREATE FUNCTION evil.octet_length(text) RETURNS integer LANGUAGE sql AS 'SELECT evil.trap()::integer';
CREATE FUNCTION evil.octet_length(bytea) RETURNS integer LANGUAGE sql AS 'SELECT evil.trap()::integer';
CREATE FUNCTION evil.format(text, integer) RETURNS text LANGUAGE sql AS 'SELECT evil.trap()';
CREATE FUNCTION evil.substr(text, integer, integer) RETURNS text LANGUAGE sql AS 'SELECT evil.trap()';
CREATE FUNCTION evil.now() RETURNS timestamptz LANGUAGE sql AS 'SELECT evil.trap()::timestamptz';
CREATE FUNCTION evil.gen_random_uuid() RETURNS uuid LANGUAGE sql AS 'SELECT evil.trap()::uuid';
CREATE FUNCTION evil.uuid_send(uuid) RETURNS bytea LANGUAGE sql AS 'SELECT evil.trap()::bytea';
CREATE FUNCTION evil.max_step(integer, integer) RETURNS integer LANGUAGE sql AS 'SELECT evil.trap()::integer';
CREATE AGGREGATE evil.max (integer) (SFUNC = evil.max_step, STYPE = integer);
CREATE TABLE evil.pg_roles (oid oid, rolname name);
CREATE TABLE evil.pg_class (oid oid, relname name, relkind "char");
CREATE TYPE evil.regrole AS (x int);
CREATE DOMAIN evil.text AS pg_catalog.text CHECK (false);
CREATE DOMAIN evil.integer AS pg_catalog.int4 CHECK (false);
-- Temporary objects come before pg_catalog unless a path says otherwise.
CREATE TEMP TABLE pg_roles (oid oid, rolname name);
CREATE TEMP TABLE key (key_id int, name text);
CREATE DOMAIN pg_temp.text AS pg_catalog.text CHECK (false);
RESET ROLE;
-- "ok", or the SQLSTATE, of a call from amidst the traps.
CREATE FUNCTION tempted(call pg_catalog.text) RETURNS pg_catalog.text LANGUAGE plpgsql SET search_path = evil, pg_catalog, pg_temp AS $$
BEGIN
	EXECUTE call;
	RETURN 'ok';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE;
END
$$;
SET LOCAL ROLE tarot_tap_evil;
CREATE TEMP TABLE outcome AS SELECT trap AS call, 'ZZZZZ'::pg_catalog.text AS wanted, tempted(trap) AS had FROM unnest(ARRAY['SELECT ''a''::pg_catalog.text = ''b''::pg_catalog.text', 'SELECT now()', 'SELECT 1 + 1',
	'SELECT octet_length(''a''::pg_catalog.text)', 'SELECT max(i) FROM generate_series(1, 2) AS i']::pg_catalog.text[]) AS trap;
INSERT INTO outcome SELECT call, wanted, tempted(call) FROM (VALUES
	('SELECT tarot.create_key(''evil'')', 'ok'), ('SELECT tarot.rotate_key(''evil'')', 'ok'), ('SELECT tarot.set_key_state(''evil'', 2, ''suspended'')', 'ok'),
	('SELECT tarot.set_key_state(''evil'', 2, ''active'')', 'ok'), ('SELECT tarot.destroy_key(''evil'', 1)', 'ok'), ('SELECT tarot.create_class(''evil'', ''evil'', ''email'', true)', 'ok'),
	('SELECT tarot.alter_class(''evil'', ''evil'', ''redact'', false)', 'ok'), ('SELECT tarot.grant_class(''evil'', ''tarot_tap_evil'', ''masked'', true, true)', 'ok'),
	('CREATE TABLE evil.sealed (v tarot.encrypted_text(''evil''))', 'ok'), ('INSERT INTO evil.sealed VALUES (''x''::pg_catalog.text)', 'ok'),
	('SELECT v FROM evil.sealed', 'ok'), ('SELECT tarot.drop_class(''evil'')', '2BP01'), ('DROP TABLE evil.sealed', 'ok'),
	('SELECT tarot.revoke_class(''evil'', ''tarot_tap_evil'')', 'ok'), ('SELECT tarot.drop_class(''evil'')', 'ok'), ('SELECT tarot.rotate_root_key()', 'ok'),
	('SELECT tarot.create_key(''evil'')', '42710'), ('SELECT tarot.create_key(pg_catalog.repeat(''x'', 100))', '42622'), ('SELECT tarot.get_key_id(''x'')', '42501'),
	('SELECT tarot.create_issuer(''evil'', ''evil'', ''{a}''::pg_catalog.text[], secret => repeat(''s''::pg_catalog.text, 32))', 'ok'), ('SELECT tarot.alter_issuer(''evil'', max_age => ''1 hour'')', 'ok'), ('SELECT tarot.alter_issuer(''evil'', secret => ''12345678901234567890123456789012'')', 'ok'),
	('SELECT tarot.alter_issuer(''evil'', jwks => ''{"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}'')', 'ok'), ('SELECT tarot.load_jwks(''evil'', ''{"kty": "OKP", "crv": "Ed25519", "kid": "k", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}'')', 'ok'),
	('SELECT tarot.sign_jwt(''{}'', ''evil'')', 'ok'), ('SELECT tarot.set_principal(''evil'', ''agent'', ''banned'')', 'ok'), ('SELECT tarot.revoke_token(''evil'', ''evil'')', 'ok'), ('SELECT tarot.revoke_subject(''evil'')', 'ok'), ('SELECT tarot.revoke_issuer(''evil'', ''infinity'')', 'ok'),
	('SELECT tarot.prune_revocations()', 'ok'), ('SELECT tarot.authenticate(tarot.sign_jwt(''{}'', ''evil''))', 'TS318'), ('SELECT tarot.drop_issuer(''evil'')', 'ok'),
	('SELECT tarot.set_key_state(''evil'', 9, ''active'')', '42704'), ('CREATE TABLE evil.bare (v tarot.encrypted_text)', '42P16')) AS calls (call, wanted);
-- pgTAP, too, would run into them.
DROP TABLE pg_temp.pg_roles, pg_temp.key;
DROP DOMAIN pg_temp.text;
SELECT is(had, wanted, CASE wanted WHEN 'ZZZZZ' THEN 'the traps are set: ' ELSE wanted || ', not trapped: ' END || call) FROM outcome;
RESET ROLE;

SELECT * FROM finish();
ROLLBACK;
