-- events: security events, which no rollback takes back

CREATE FUNCTION tarot.log_security_event(event_type text, user_id text, action text, status text, details jsonb DEFAULT NULL) RETURNS void
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_events_log';
COMMENT ON FUNCTION tarot.log_security_event(text, text, text, text, jsonb) IS
	'Puts an event of an application on record, in tarot.security_event: what kind, about whom (NULL: who the session is), what was '
	'tried, what came of it, and what else there is to tell. A rollback does not take it back. Who the session is, and that an '
	'application said so, is on record beside it. Does not wait: the event is in the log a moment later (tarot.flush_events()), and in '
	'the server log where it cannot be written, as on a standby. Of a type the first 63 bytes are kept, of a user and an action 255, of a '
	'status 63; details of more than about 900 bytes are cut and say so. What a session reports again and again within '
	'tarot_security.event_repeat_interval is one event with a count. For whom EXECUTE is granted. Raises 22004 without an event type.';

-- For this extension's own functions.
CREATE FUNCTION tarot.note_event(event_type text, action text, status text, details jsonb) RETURNS void
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_events_note';

CREATE FUNCTION tarot.flush_events(timeout interval DEFAULT '10 s') RETURNS boolean
	LANGUAGE c VOLATILE STRICT PARALLEL RESTRICTED
	AS 'MODULE_PATHNAME', 'tarot_events_flush';
COMMENT ON FUNCTION tarot.flush_events(interval) IS
	'Waits until all security events of this database that were reported so far are written, at most so long (up to a day): false if they '
	'are not by then. For whom EXECUTE is granted. Raises 22023 for a negative or longer time.';

CREATE FUNCTION tarot.event_counts(OUT size integer, OUT waiting integer, OUT written bigint, OUT logged bigint,
		OUT overflowed bigint, OUT repeated bigint) RETURNS record
	LANGUAGE c VOLATILE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_events_counts';

CREATE VIEW tarot.event_queue AS
	SELECT c.size, c.waiting, c.written, c.logged, c.overflowed, c.repeated FROM tarot.event_counts() c;
COMMENT ON VIEW tarot.event_queue IS
	'The queue in which security events of all databases wait to be written, and what became of them since the start of the server.';
COMMENT ON COLUMN tarot.event_queue.size IS 'How many can wait: tarot_security.event_queue_size.';
COMMENT ON COLUMN tarot.event_queue.waiting IS 'How many do.';
COMMENT ON COLUMN tarot.event_queue.written IS 'How many were written to the logs of their databases.';
COMMENT ON COLUMN tarot.event_queue.logged IS 'How many went to the server log instead.';
COMMENT ON COLUMN tarot.event_queue.overflowed IS 'How many of those since the queue was full.';
COMMENT ON COLUMN tarot.event_queue.repeated IS
	'How many were like one a moment before (tarot_security.event_repeat_interval), and are on record by the count of another.';

REVOKE ALL ON FUNCTION tarot.log_security_event(text, text, text, text, jsonb), tarot.note_event(text, text, text, jsonb),
	tarot.flush_events(interval), tarot.event_counts() FROM PUBLIC;
GRANT SELECT ON tarot.event_queue TO pg_monitor;
GRANT EXECUTE ON FUNCTION tarot.event_counts() TO pg_monitor;
