-- permission: what the session's identity may do

CREATE FUNCTION tarot.has_permission(permission text) RETURNS boolean
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_permission_has_permission';
COMMENT ON FUNCTION tarot.has_permission(text) IS
	'Whether the session''s identity may do something, "readings:read" for instance, by the roles that it is assigned, that its token '
	'names, and that these inherit. False while nobody has authenticated. Raises as tarot.subject() when the identity is no longer good, '
	'22023 for what is no permission. In row policies call it in a scalar subquery: (SELECT tarot.has_permission(''readings:read'')).';

CREATE FUNCTION tarot.has_permission(permission text, resource_type text, resource_id text) RETURNS boolean
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_permission_has_permission_on';
COMMENT ON FUNCTION tarot.has_permission(text, text, text) IS
	'The same of one resource: by a permission for all, or one that tarot.grant_on() gave on this one, to the subject or to one of its '
	'roles.';

CREATE FUNCTION tarot.accessible(resource_type text, permission text) RETURNS SETOF text
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_permission_accessible';
COMMENT ON FUNCTION tarot.accessible(text, text) IS
	'The ids of all resources of a type on which tarot.grant_on() gave the session''s identity a permission, to the subject or to one of '
	'its roles; each once. Who has the permission for all (tarot.has_permission()) finds no more here than was granted singly. For '
	'policies that look at sets: id IN (SELECT tarot.accessible(''card'', ''cards:read'')). Empty while nobody has authenticated; raises '
	'as tarot.has_permission().';

CREATE FUNCTION tarot.roles() RETURNS SETOF text
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_permission_roles';
COMMENT ON FUNCTION tarot.roles() IS
	'The roles that the session''s identity has: by assignment, by its token, and by inheritance; in alphabetical order. None while '
	'nobody has authenticated; raises as tarot.subject().';

