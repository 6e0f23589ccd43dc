-- label: statements that give a table children, or take them from it; for event triggers

CREATE FUNCTION tarot.adds_children(command pg_ddl_command) RETURNS boolean
	LANGUAGE c STABLE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_label_adds_children';

CREATE FUNCTION tarot.drops_children(command pg_ddl_command) RETURNS boolean
	LANGUAGE c STABLE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_label_drops_children';
