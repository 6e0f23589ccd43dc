-- Included by the tests of jobs and of retention, which set :owner, the role that has tables and policies, and :other, which has neither right nor table.
\i :source/sql/include/attempt.sql
SET client_min_messages = warning;
CREATE EXTENSION tarot_security;
CREATE ROLE :"owner";
CREATE ROLE :"other";
GRANT CREATE ON SCHEMA public TO :"owner";
GRANT SELECT ON tarot.retention_status, tarot.job_run, tarot.job_status, tarot.audit_log, tarot.legal_hold TO :"owner";
GRANT EXECUTE ON PROCEDURE tarot.run_due_jobs TO :"owner";
GRANT EXECUTE ON FUNCTION tarot.add_retention TO :"owner";
-- What came of the last run of a policy.
CREATE FUNCTION last_run(policy text, OUT outcome text, OUT rows bigint, OUT skipped bigint, OUT sqlstate text, OUT message text) LANGUAGE sql AS
	$$ SELECT r.outcome, r.rows, r.skipped, r.sqlstate, r.message FROM tarot.job_run r WHERE r.job = policy ORDER BY r.number DESC LIMIT 1 $$;
\set SHOW_CONTEXT never
\set VERBOSITY terse
\pset null '(null)'
SET TimeZone = 'UTC';
