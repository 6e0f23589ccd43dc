-- label: triggers whose arguments are names of columns, for binding and audit.

CREATE FUNCTION tarot.trigger_arguments(tgargs bytea) RETURNS text[]
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_label_trigger_arguments';
COMMENT ON FUNCTION tarot.trigger_arguments(bytea) IS
	'The arguments of a trigger, from pg_trigger.tgargs. For views of this extension.';
