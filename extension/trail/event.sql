-- trail: security events

CREATE VIEW tarot.security_event AS
	SELECT (e.new->>'occurred_at')::timestamptz AS occurred_at,
		e.new->>'event_type' AS event_type,
		coalesce(e.new->>'user_id', e.subject, e.session_role) AS user_id,
		e.new->>'action' AS action,
		e.new->>'status' AS status,
		e.new->'details' AS details,
		e.new->>'source' AS source,
		e.role, e.session_role, e.subject, e.client, e.application,
		(e.new->>'pid')::integer AS pid,
		(e.new->>'transaction')::xid8 AS transaction,
		(e.new->>'cut')::boolean AS cut,
		coalesce((e.new->>'count')::bigint, 1) AS count,
		coalesce(e.new->>'last_at', e.new->>'occurred_at')::timestamptz AS last_at,
		e.recorded_at, e.transaction AS recorded_by, e.number, e.system
	FROM tarot.audit_entry e WHERE e.operation = 'E';
COMMENT ON VIEW tarot.security_event IS
	'Security events of this database: denials and the like, key operations, and what applications put on record by '
	'tarot.log_security_event(). No rollback takes them back. For the owner of the extension and whom it grants SELECT.';
COMMENT ON COLUMN tarot.security_event.occurred_at IS 'When, by the server''s clock.';
COMMENT ON COLUMN tarot.security_event.event_type IS 'What kind.';
COMMENT ON COLUMN tarot.security_event.user_id IS
	'Whom it is about: as the application said, else the subject, else the role of the session.';
COMMENT ON COLUMN tarot.security_event.action IS 'What was tried.';
COMMENT ON COLUMN tarot.security_event.status IS 'What came of it: success, failure, denied; an application may say otherwise.';
COMMENT ON COLUMN tarot.security_event.details IS
	'What else there is to tell. What was too long: {"cut": true, "bytes": its length, "text": how it began}.';
COMMENT ON COLUMN tarot.security_event.source IS
	'tarot_security; or application: of tarot.log_security_event(), whose caller says what it likes in the columns before this one.';
COMMENT ON COLUMN tarot.security_event.role IS 'The role by whose rights it was done.';
COMMENT ON COLUMN tarot.security_event.session_role IS 'The role of the session.';
COMMENT ON COLUMN tarot.security_event.subject IS 'Whom a verified token named: tarot.subject().';
COMMENT ON COLUMN tarot.security_event.client IS 'The client''s address; NULL for a Unix socket and for workers.';
COMMENT ON COLUMN tarot.security_event.application IS 'application_name, which the client chooses.';
COMMENT ON COLUMN tarot.security_event.pid IS 'The process of the session.';
COMMENT ON COLUMN tarot.security_event.transaction IS
	'Its transaction, if that had a number by then: pg_xact_status() tells for some time whether it was committed.';
COMMENT ON COLUMN tarot.security_event.cut IS 'Whether something of it was too long, and is not all there.';
COMMENT ON COLUMN tarot.security_event.count IS
	'How often it happened: the first time is an event of its own, and what the same session repeats within '
	'tarot_security.event_repeat_interval is one event together.';
COMMENT ON COLUMN tarot.security_event.last_at IS 'When the last of them did.';
COMMENT ON COLUMN tarot.security_event.recorded_at IS 'When it was written.';
COMMENT ON COLUMN tarot.security_event.recorded_by IS 'By which transaction of the worker: tarot.audit_entry.transaction.';
COMMENT ON COLUMN tarot.security_event.number IS 'Its position in that.';
COMMENT ON COLUMN tarot.security_event.system IS 'The database cluster: the system identifier of pg_control_system().';
