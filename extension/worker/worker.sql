-- worker: background workers, by database

CREATE FUNCTION tarot.worker_state(OUT database oid, OUT pid integer, OUT state text, OUT started_at timestamptz, OUT duty text,
		OUT last_run timestamptz, OUT failures integer, OUT failed_at timestamptz, OUT sqlstate text) RETURNS SETOF record
	LANGUAGE c VOLATILE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_worker_state';

CREATE VIEW tarot.worker_status AS
	SELECT coalesce(d.datname, w.database::text) AS database, w.pid, w.state, w.started_at, w.duty,
		w.last_run, w.failures, w.failed_at, w.sqlstate
	FROM tarot.worker_state() w LEFT JOIN pg_catalog.pg_database d ON d.oid = w.database;
COMMENT ON VIEW tarot.worker_status IS
	'The background workers of this server: the launcher, and for each database that had something to do since the server''s start each '
	'duty of its worker.';
COMMENT ON COLUMN tarot.worker_status.database IS 'The database; NULL for the launcher.';
COMMENT ON COLUMN tarot.worker_status.pid IS
	'The process, NULL while there is none: a worker leaves when it has had nothing to do for a while.';
COMMENT ON COLUMN tarot.worker_status.state IS
	'running; asleep: it waits for something to do; waiting: there is something to do, and no worker yet; held: a statement wants the '
	'database for itself; stopped: nothing to do.';
COMMENT ON COLUMN tarot.worker_status.started_at IS 'When the worker, or the last one, started.';
COMMENT ON COLUMN tarot.worker_status.duty IS 'What it does.';
COMMENT ON COLUMN tarot.worker_status.last_run IS 'When it last did.';
COMMENT ON COLUMN tarot.worker_status.failures IS
	'How often it failed since it last went well. It is tried again after a second, two, four, at most a minute.';
COMMENT ON COLUMN tarot.worker_status.failed_at IS 'When it last failed.';
COMMENT ON COLUMN tarot.worker_status.sqlstate IS 'With which SQLSTATE. The server log tells more.';

REVOKE ALL ON FUNCTION tarot.worker_state() FROM PUBLIC;
GRANT SELECT ON tarot.worker_status TO pg_monitor;
GRANT EXECUTE ON FUNCTION tarot.worker_state() TO pg_monitor;
