-- Facts of the catalog that must stay so, whatever else changes.
SET client_min_messages = warning;
BEGIN;
SELECT no_plan();

CREATE TEMP VIEW member AS SELECT classid, objid FROM pg_depend
	WHERE refclassid = 'pg_extension'::regclass AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'tarot_security') AND deptype = 'e';
CREATE TEMP VIEW tarot_function AS SELECT p.* FROM pg_proc p JOIN member ON objid = p.oid AND classid = 'pg_proc'::regclass;
CREATE TEMP VIEW tarot_relation AS SELECT c.* FROM pg_class c JOIN member ON objid = c.oid AND classid = 'pg_class'::regclass;
-- The encrypted types and what each is cast to.
CREATE TEMP TABLE encrypted_type AS SELECT 'encrypted_' || base AS name, base, ('tarot.encrypted_' || base)::regtype AS type
	FROM unnest(ARRAY['text', 'bytea', 'jsonb', 'numeric', 'date', 'timestamptz']) AS base;

-- Comments: the reference is made of them.
SELECT set_eq(
	$$SELECT DISTINCT proname::text FROM tarot_function WHERE obj_description(oid, 'pg_proc') IS NULL$$,
	ARRAY['guard_key_version', 'check_name', 'root_key_state', 'first_root_key', 'next_root_key', 'new_data_key', 'rewrap_data_key', 'check_key_unused', 'begin_key_change',
		'insert_key', 'get_key_id', 'class_id', 'normalize_mask', 'check_class_unused', 'get_class', 'require_class', 'is_line', 'forget_class_access', 'record_break_glass', 'record_end_of_break_glass', 'refuse_change_of_record', 'encrypted_typmod_in', 'encrypted_typmod_out',
		'require_class_access', 'find_conversion', 'set_conversion', 'conversion_batch', 'constant_default', 'fill_converted_column', 'converted_type',
		'conversion_obstacles', 'require_convertible', 'converted_default', 'column_properties', 'convert_table', 'begin_conversion', 'constrain_conversion', 'conversion_constraints',
		'check_conversion', 'unconstrain_conversion', 'swap_conversion', 'convert_column',
		'index_conversion', 'drop_conversion_indexes', 'conversion_indexes', 'index_mentions', 'convertible_index', 'index_properties', 'index_statistics',
		'add_search_key', 'check_search_settings', 'search_key_obstacles', 'rebuild_search_indexes', 'rebuild_indexes_of_version', 'hold_search_keys', 'restart_reseals', 'check_search_key', 'begin_search_key',
		'activate_search_key', 'start_search_key', 'switch_search_key', 'retire_search_key',
		'start_reseal', 'reseal_batch', 'check_issuer_keys', 'seal_issuer_key', 'reseal_issuer_key', 'seal_given_key', 'get_issuer', 'check_database_roles', 'put_issuer', 'is_permission', 'check_permission', 'check_role', 'forget_role', 'check_subject', 'check_resource_grant', 'covering_permissions', 'sign_claims', 'prepare_subjects', 'destroy_subject', 'rewrap_subjects', 'normalize_search', 'pin_search_key', 'check_searchable', 'require_searchable', 'search_eq_support', 'search_ne_support', 'name_not_null',
		'row_comparison', 'row_is_of', 'row_is_among', 'row_is_valid', 'command_of_policy', 'create_row_policy', 'force_row_security', 'policies_of_rule', 'require_protectable', 'tell_of_policies',
		'suggest_index', 'check_row_commands', 'kind_of_row_rule', 'inherit_rules', 'adds_children', 'drops_children', 'count_rows', 'count_rows_as',
		'label_column', 'label_of_class', 'inherit_labels', 'class_of_column', 'class_of_type', 'is_under_subject_key', 'is_under_key', 'subject_keys',
		'survey_columns', 'check_survey', 'survey_table', 'tables_to_survey', 'classifying_statements', 'ordered_distance', 'quoted_columns', 'relation_name', 'relation_tree', 'plain_type', 'require_anonymity', 'sees_all_rows',
		'masked', 'masked_row', 'mask_site_in', 'mask_site_out', 'label_table', 'require_owner', 'require_relation', 'require_maskable', 'added_columns', 'check_conversions', 'take_triggers', 'may_read_stored', 'is_masked', 'relatives', 'held_privileges', 'grant_statement', 'revoke_statement', 'change_privileges', 'narrow_privileges', 'widen_privileges',
		'restore_privileges', 'columns_without_label', 'columns_of_view', 'masking_views_of', 'extend_masking_view',
		'anonymization_obstacles', 'anonymization_keys',
		'note_event', 'event_counts', 'worker_state',
		'audit_triggers', 'audit_arguments', 'is_complete_audit_trigger', 'make_audit_trigger', 'make_audit_triggers', 'enforce_audit', 'forget_audited', 'rename_audited_column', 'require_auditable', 'require_readable',
		'require_statement_kinds', 'require_auditable_schema', 'rename_audited_schema', 'forget_audited_schemas', 'moves_to_schema', 'key_after', 'has_member_of', 'is_of_columns', 'index_audit_partition',
		'seal_log', 'new_audit_signer', 'audit_signer_key', 'sign_checkpoint', 'give_out_checkpoint', 'current_audit_signer', 'sign_last_checkpoint', 'entry_position', 'tree_leaf', 'tree_root', 'prove_inclusion',
		'prove_consistency', 'read_checkpoint', 'check_log', 'audit_tree_size', 'tree_peaks', 'tree_leaves',
		'examine_audit_entries', 'remove_audit_partition', 'erase_entries_at', 'put_retention_entry', 'past_audit_partitions', 'hold_audit_partition', 'lock_audit_partitions', 'put_dropped_entry', 'erase_found_details', 'require_erase_reason', 'columns_of_document', 'changes_of_table', 'entries_of_key', 'entries_of_keys', 'logged_tables', 'told_entries', 'logged_lives', 'has_foreign_cast',
		'subject_registrations', 'is_searchable', 'column_numbers', 'column_names', 'number_subject_columns', 'subject_foreign_key', 'masked_among', 'subject_table_problem', 'subject_comparison', 'subject_condition', 'registered_tables', 'require_subject', 'require_line',
		'classified_among', 'tables_of_data', 'is_like_subject', 'run_as_owner', 'end_deferral', 'role_writes_class', 'record_erasure', 'run_on_subject', 'read_on_subject', 'foreign_key_pairs', 'logged_value', 'logged_object', 'logged_key', 'logged_subject', 'base_type', 'logged_keys', 'untold_entries', 'telling_columns', 'subject_rows', 'naming_tables', 'subject_names', 'subject_documents', 'logged_subject_tables', 'subject_entries', 'erase_details_of_subject', 'subject_paths', 'breached_subjects', 'resolve_subjects', 'count_subjects', 'reads_on_record', 'reads_are_on_record', 'columns_not_read', 'number_rule_columns', 'anonymizing_update', 'shredded_columns', 'erasure_steps', 'references_left', 'keys_of_erasure', 'rows_on_hold', 'parts_on_hold', 'lock_rows_of_subject', 'referring_condition', 'changed_on_hold', 'hold_problem', 'rows_on_hold_under_key', 'require_version_not_on_hold', 'require_key_not_on_hold',
		'erase_rows', 'erasure_rows', 'erasure_changes', 'certify_erasure', 'record_subject_hold', 'require_read_committed', 'require_own_temporary', 'lock_subject_tables', 'open_erasure', 'erasure_binding', 'erasure_reason', 'sight_of_class', 'export_of_class', 'export_of_retention', 'export_of_subject', 'export_tables_of_ours', 'export_tables', 'export_of_table', 'export_of_end', 'exported_columns', 'follow_job_change', 'note_loaded_job', 'is_being_loaded',
		'job_opens', 'job_after', 'next_job', 'begin_job_batch', 'take_job', 'require_job_line', 'record_job_change', 'begin_job_run', 'unfinished_progress', 'schedule_job', 'end_job_batch', 'fail_job_batch', 'put_job', 'remove_job', 'set_job', 'renamed_condition', 'anonymized', 'job_mask_in', 'job_mask_out', 'mask_fits',
		'retention_leaves', 'break_conditions', 'require_retainable', 'require_no_rules', 'retention_cutoff', 'retention_held', 'relations_on_hold', 'acts_as', 'either', 'held_itself', 'keys_along', 'goes_by_mask', 'changing_columns', 'references_changing', 'may_lock_along', 'ways_along', 'steps_along', 'held_along', 'locked_along', 'retention_statement', 'subjects_on_hold', 'tables_of_subjects_on_hold', 'retention_references', 'retention_referred', 'retention_passes_again', 'plan_retention', 'retention_references_statement', 'retention_preview_statement', 'age_edge', 'old_share', 'goes_by_age', 'archived_columns', 'archive_column_problem', 'archive_step', 'require_archive', 'forget_archive', 'require_age_partitions', 'is_partitioned_by', 'partition_end', 'is_old_partition', 'old_partitions', 'partition_kept_statement', 'partition_estimate', 'drop_partition', 'drop_detached', 'detaches_concurrently', 'partition_state', 'plan_partition', 'require_droppable', 'finish_partition', 'partition_count_statement', 'finish_retention', 'retention_count_statement', 'apply_retention', 'retention_change', 'change_retention', 'count_retention', 'review_time', 'review_number', 'plan_review', 'finish_review', 'note_review', 'rename_retention_column', 'require_keep', 'clear_by_replacements', 'try_value', 'retention_keep', 'required_keep', 'retention_basis', 'forget_class_retention', 'retention_marked', 'require_marker', 'anonymized_columns', 'anonymization_of', 'anonymizing_changes', 'anonymizes_keys', 'has_secret_mask', 'has_unique_mask', 'anonymizing_obstacles', 'require_anonymizable',
		'search_sort', 'search_analyze', 'search_eq', 'search_ne', 'search_probe', 'search_lt', 'search_le', 'search_ge', 'search_gt', 'search_cmp', 'search_hash']
		|| ARRAY(SELECT name || suffix FROM encrypted_type, unnest(ARRAY['_in', '_out', '_recv', '_send']) AS suffix),
	'every function has a comment, but those for internal use');
SELECT is_empty($$SELECT relname FROM tarot_relation WHERE obj_description(oid, 'pg_class') IS NULL$$, 'every table and view has one');
SELECT is_empty($$SELECT typname FROM pg_type JOIN member ON objid = oid AND classid = 'pg_type'::regclass WHERE typrelid = 0 AND typcategory <> 'A' AND obj_description(oid, 'pg_type') IS NULL$$, 'every type too');
SELECT isnt(obj_description('tarot'::regnamespace, 'pg_namespace'), NULL, 'and the schema');

-- Dumps: every table holds what an administrator made, and is dumped, but for the states of jobs in this database.
CREATE TEMP VIEW job_table AS SELECT oid FROM tarot_relation WHERE relname IN ('table_job', 'conversion', 'audit_frontier', 'job_state', 'job_run');
SELECT set_eq($$SELECT unnest(extconfig)::oid FROM pg_extension WHERE extname = 'tarot_security'$$,
	$$SELECT oid FROM tarot_relation WHERE relkind = 'r' EXCEPT TABLE job_table$$, 'every table is dumped');
SELECT set_eq(
	$$SELECT relname::text, condition FROM pg_extension, unnest(extconfig, extcondition) AS c (relation, condition) JOIN pg_class ON pg_class.oid = relation
		WHERE extname = 'tarot_security' AND condition <> ''$$,
	$$VALUES ('accepted_column', 'WHERE EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = relation AND c.relpersistence <> ''t'')'), ('class_grant', 'WHERE grantee = 0 OR EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.oid = grantee)'), ('role', 'WHERE NOT predefined'), ('required_anonymity', 'WHERE EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = relation AND c.relpersistence <> ''t'')'),
		('audited_read', 'WHERE EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = relation AND c.relpersistence <> ''t'')'),
		('job', 'WHERE relation IS NULL OR EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = relation AND c.relpersistence <> ''t'')'),
		('retention_policy', 'WHERE EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = relation AND c.relpersistence <> ''t'')'), ('legal_hold', 'WHERE EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = relation AND c.relpersistence <> ''t'')'),
		('audited_table', 'WHERE EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = relation AND c.relpersistence <> ''t'')'),
		('subject_table', 'WHERE EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = relation)'), ('subject_rule', 'WHERE EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = relation)'),
		('break_glass_list', 'WHERE EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.oid = role)')$$,
	'all their rows, but grants to roles and columns of tables that are gone, and roles that are there from the start');
SELECT set_eq($$SELECT relname::text FROM tarot_relation WHERE relkind IN ('S', 'm', 'f', 'p')$$, ARRAY['audit_entry'], 'there is nothing else that would have to be, but the parent of the audit log''s partitions');

-- Every table that a cache is made of tells when it changes, also where replication writes it.
SELECT is_empty(
	$$SELECT relname, kind FROM tarot_relation c, (VALUES ('row', 29), ('truncate', 32), ('before', 62)) AS kinds (kind, type) WHERE relkind = 'r' AND oid NOT IN (TABLE job_table) AND (relname, kind) <> ('subject_key', 'row') AND (relname NOT IN ('audit_entry_default', 'audit_tile', 'audit_checkpoint', 'audit_signer', 'job', 'retention_policy', 'legal_hold', 'review', 'review_outcome', 'class_retention', 'subject_hold', 'erasure', 'consent_purpose', 'consent', 'subject_restriction', 'subject_request') OR kind = 'before') AND NOT EXISTS (
		SELECT FROM pg_trigger WHERE tgrelid = c.oid AND tgfoid = 'tarot.announce_policy_change'::regproc AND tgtype = type AND tgenabled = 'A' AND tgqual IS NULL)$$,
	'every table announces its changes, by row and by TRUNCATE, and asks by whom before, always; the audit log and its tree, jobs and what they go by, and what is on record of data subjects only ask');
SELECT is((SELECT array_agg(tgtype || ' ' || tgnargs ORDER BY tgtype) FROM pg_trigger WHERE tgrelid = 'tarot.subject_key'::regclass AND tgfoid = 'tarot.announce_policy_change'::regproc AND tgenabled = 'A' AND tgqual IS NULL),
	ARRAY['5 1', '25 0', '32 0', '62 0'], 'a new subject key is guarded, but not announced');
SELECT set_eq($$SELECT tgrelid::regclass::text, tgtype FROM pg_trigger WHERE tgfoid = 'tarot.refuse_change_of_record'::regproc AND tgenabled = 'A' AND tgqual IS NULL$$,
	$$SELECT 'tarot.' || t, type FROM unnest(ARRAY['break_glass_use', 'break_glass_end', 'review_outcome']) AS t, unnest('{27, 58}'::int2[]) AS type$$, 'records are never changed or deleted, always');
SELECT ok(EXISTS (SELECT FROM pg_trigger WHERE tgrelid = 'tarot.key_version'::regclass AND tgfoid = 'tarot.guard_key_version'::regproc AND tgtype = 19 AND tgqual IS NULL AND tgenabled <> 'D'),
	'states are guarded against every UPDATE');

-- Marks of functions: what depends on keys, grants or the session is never IMMUTABLE, and LEAKPROOF is equality alone.
SELECT set_eq($$SELECT DISTINCT proname::text FROM tarot_function WHERE provolatile = 'i'$$,
	ARRAY['check_name', 'class_id', 'is_line', 'normalize_search', 'encrypted_typmod_in', 'encrypted_typmod_out', 'search_eq_support', 'search_ne_support', 'search_sort', 'trigger_arguments',
		'is_permission', 'check_permission', 'check_subject', 'covering_permissions',
		'try_bigint', 'try_uuid', 'try_character', 'command_of_policy', 'check_row_commands', 'kind_of_row_rule',
		'check_survey', 'classifying_statements', 'ordered_distance', 'require_subject', 'require_line', 'erasure_rows', 'erasure_changes', 'erasure_reason', 'hold_problem',
		'verify_inclusion', 'verify_consistency', 'verify_checkpoint', 'audit_signer_key', 'read_checkpoint', 'key_after', 'has_member_of', 'is_of_columns'],
	'IMMUTABLE is only what asks nobody');
SELECT set_eq($$SELECT proname::text, proargtypes::text FROM tarot_function WHERE proleakproof$$,
	$$SELECT f, type::oid || ' ' || type::oid FROM encrypted_type, unnest(ARRAY['search_eq', 'search_ne']) AS f$$, 'nothing is LEAKPROOF but equality of two values of a type');
SELECT is_empty($$SELECT oid::regprocedure FROM tarot_function WHERE proname = 'encrypt' AND provolatile <> 'v'$$, 'tarot.encrypt is VOLATILE: no two envelopes are the same');
SELECT is_empty($$SELECT oid::regprocedure FROM tarot_function WHERE (proname IN ('decrypt', 'try_decrypt') OR prosrc ~ '^tarot_(column|search)_' AND prosrc !~ '_typmod_|_support$|_sort$' OR prosrc ~ '_(key_usage|verify_bindings)$') AND provolatile <> 's'$$,
	'what goes through the gate is STABLE');
SELECT is_empty($$SELECT oid::regprocedure FROM tarot_function WHERE prolang = (SELECT oid FROM pg_language WHERE lanname = 'c') AND (prosrc NOT LIKE 'tarot\_%' OR probin NOT LIKE '%tarot_security')$$,
	'C functions are found by tarot_ in our library');
SELECT is_empty($$SELECT oid::regprocedure FROM tarot_function WHERE prosecdef AND proparallel <> 'u'$$, 'what changes anything is for no parallel worker');
SELECT set_eq($$SELECT DISTINCT proname::text, prosupport::regproc::text FROM tarot_function WHERE prosupport <> 0$$,
	$$VALUES ('search_eq', 'tarot.search_eq_support'), ('search_ne', 'tarot.search_ne_support')$$, 'equality alone is rewritten by the planner');

-- Comparing: equality where every search_path finds it, an order of its own that no one meets by chance, default operator classes that the server takes for complete.
SELECT set_eq($$SELECT oprnamespace::regnamespace::text, oprname::text, count(*) FROM pg_operator JOIN member ON objid = oid AND classid = 'pg_operator'::regclass GROUP BY 1, 2$$,
	$$VALUES ('pg_catalog', '=', 20::bigint), ('pg_catalog', '<>', 20), ('pg_catalog', '||', 2), ('tarot', '<#', 6), ('tarot', '<=#', 6), ('tarot', '>=#', 6), ('tarot', '>#', 6)$$, 'the operators');
SELECT is_empty($$SELECT oid::regoperator FROM pg_operator JOIN member ON objid = oid AND classid = 'pg_operator'::regclass WHERE (oprcom = 0 OR oprnegate = 0) AND oprname <> '||' OR oprcode = 0$$,
	'each with its commutator and its negator');
SELECT is_empty($$SELECT oid::regoperator FROM pg_operator JOIN member ON objid = oid AND classid = 'pg_operator'::regclass WHERE (oprcanhash OR oprcanmerge) <> (oprname = '=' AND oprleft = oprright)$$,
	'joins know equality of one type, which alone has a class on both sides');
SELECT set_eq($$SELECT amname::text, opcintype::regtype FROM pg_opclass JOIN member ON objid = pg_opclass.oid AND classid = 'pg_opclass'::regclass JOIN pg_am ON opcmethod = pg_am.oid WHERE opcdefault AND amvalidate(pg_opclass.oid)$$,
	$$SELECT method, type FROM encrypted_type, unnest(ARRAY['btree', 'hash']) AS method$$, 'each type has its default operator classes, and they are valid');
SELECT is_empty($$SELECT amproc FROM pg_amproc JOIN encrypted_type ON amproclefttype = type WHERE amproc::text LIKE '%equalimage%' OR amprocnum = 4$$, 'equal values are different envelopes: no index may merge them');
SELECT set_eq($$SELECT DISTINCT typanalyze::text FROM pg_type JOIN encrypted_type ON type = oid$$, ARRAY['tarot.search_analyze'], 'statistics are ours');

-- Casts: to the base type silently, on from there and from its kin only where it is stored or asked for; never without a function.
SELECT set_eq(
	$$SELECT castsource::regtype, casttarget::regtype, castcontext::text FROM pg_cast JOIN member ON objid = oid AND classid = 'pg_cast'::regclass$$,
	$$SELECT base::regtype, type, 'a' FROM encrypted_type
		UNION ALL SELECT type, base::regtype, 'i' FROM encrypted_type
		UNION ALL SELECT type, type, 'i' FROM encrypted_type
		UNION ALL SELECT source::regtype, ('tarot.encrypted_' || target)::regtype, 'a' FROM (VALUES ('varchar', 'text'), ('json', 'jsonb'),
			('int2', 'numeric'), ('int4', 'numeric'), ('int8', 'numeric'), ('float4', 'numeric'), ('float8', 'numeric'),
			('timestamp', 'date'), ('timestamptz', 'date'), ('timestamp', 'timestamptz'), ('date', 'timestamptz')) AS kin (source, target)
		UNION ALL SELECT ('tarot.encrypted_' || source)::regtype, target::regtype, context FROM (VALUES ('text', '{varchar,bpchar,name}', 'a'), ('numeric', '{int2,int4,int8,float4,float8}', 'a'),
			('date', '{timestamp,timestamptz}', 'a'), ('timestamptz', '{date,time,timetz,timestamp}', 'a'), ('jsonb', '{bool,numeric,int2,int4,int8,float4,float8}', 'e')) AS further (source, targets, context), unnest(targets::text[]) AS target
		UNION ALL SELECT type, 'json'::regtype, 'e' FROM encrypted_type WHERE base IN ('jsonb', 'numeric', 'date', 'timestamptz')$$,
	'the casts');
SELECT is_empty($$SELECT castsource::regtype, casttarget::regtype FROM pg_cast, encrypted_type WHERE type IN (castsource, casttarget) AND castmethod <> 'f'$$, 'each by a function: none takes the bytes as they are');
SELECT set_eq($$SELECT DISTINCT typstorage::text, typlen, typmodin::text FROM pg_type JOIN encrypted_type ON type = oid$$, $$VALUES ('e', -1::int2, 'tarot.encrypted_typmod_in')$$,
	'ciphertext is not compressed, and each type has a class');
SELECT set_eq($$SELECT e.name FROM encrypted_type e JOIN pg_type t ON t.oid = type JOIN pg_type b ON b.oid = base::regtype WHERE t.typcategory = b.typcategory$$, $$SELECT name FROM encrypted_type$$,
	'operators are looked for as for the base type');

-- Numbers of classes are on disk, and must stay what they are: a hash of the name.
SELECT is(tarot.class_id(name), ('x' || substr(encode(sha256(convert_to(name, 'UTF8')), 'hex'), 1, 8))::bit(32)::int & 2147483647, 'number of class ' || name)
	FROM unnest(ARRAY['email', 'card', 'почта', ' ', repeat('x', 63)]) AS name;
SELECT is(tarot.class_id('email'), 35931159, 'number of class email, written out');

-- Nothing outside of its schema but what extends functions of PostgreSQL's own to our types.
SELECT is_empty($$SELECT oid::regprocedure FROM tarot_function f WHERE pronamespace <> 'tarot'::regnamespace
	AND NOT (pronamespace = 'pg_catalog'::regnamespace AND prosqlbody IS NOT NULL AND proargtypes::oid[] && ARRAY(SELECT type::oid FROM encrypted_type)
		AND EXISTS (SELECT FROM pg_proc p WHERE p.pronamespace = f.pronamespace AND p.proname = f.proname AND p.oid < 16384))$$, 'no function lies elsewhere');
SELECT is_empty($$SELECT relname FROM tarot_relation WHERE relnamespace <> 'tarot'::regnamespace$$, 'nor a table');
SELECT is_empty($$SELECT conname FROM pg_constraint WHERE connamespace = 'tarot'::regnamespace AND NOT convalidated$$, 'all constraints are valid');
SELECT is((SELECT extversion FROM pg_extension WHERE extname = 'tarot_security'), (SELECT default_version FROM pg_available_extensions WHERE name = 'tarot_security'), 'the version is the one of the control file');

SELECT * FROM finish();
ROLLBACK;
