-- What places of a query and a backend remember to be fast is asked again where it may have changed: keys, access, the
-- lock of the server. All of it within one call of a function, whose statements are planned once and go on being used.
SET client_min_messages = warning;
CREATE EXTENSION tarot_security;
SELECT tarot.create_key('one') <> tarot.create_key('two') AS created, tarot.create_class('one', 'one', searchable => true), tarot.create_class('two', 'two', searchable => true),
	tarot.grant_class('one', current_user::regrole, 'plain'), tarot.grant_class('two', current_user::regrole, 'plain');
CREATE TABLE one (id int, v tarot.encrypted_text('one') UNIQUE);
CREATE TABLE two (id int, v tarot.encrypted_text('two') UNIQUE);
CREATE ROLE tarot_remembered;
CREATE ROLE tarot_remembered_none;
SELECT tarot.grant_class('one', 'tarot_remembered', write => true, search => true);
GRANT ALL ON one, two TO tarot_remembered, tarot_remembered_none;
SET enable_seqscan = off;
SET plan_cache_mode = force_generic_plan;

-- Writes to both, finds what it wrote, compares two values in an expression. What fails says why.
CREATE FUNCTION step(step int, what text, tables text[] DEFAULT '{one,two}') RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	wanted text := 'value ' || step;
	found int;
	a tarot.encrypted_text('one');
	b tarot.encrypted_text('one');
BEGIN
	IF 'one' = ANY (tables) THEN
		BEGIN
			INSERT INTO one VALUES (step, wanted);
			RETURN NEXT what || ': one is written';
		EXCEPTION WHEN OTHERS THEN
			RETURN NEXT what || ': one: ' || sqlerrm;
		END;
		BEGIN
			SELECT id INTO found FROM one WHERE v = wanted::tarot.encrypted_text;
			RETURN NEXT what || ': one finds ' || coalesce(found::text, 'nothing');
		EXCEPTION WHEN OTHERS THEN
			RETURN NEXT what || ': one: ' || sqlerrm;
		END;
		BEGIN
			SELECT v INTO a FROM one WHERE id = 1;
			SELECT v INTO b FROM one WHERE id = 1;
			RETURN NEXT what || ': equal: ' || (a = b);
		EXCEPTION WHEN OTHERS THEN
			RETURN NEXT what || ': equal: ' || sqlerrm;
		END;
	END IF;
	IF 'two' = ANY (tables) THEN
		BEGIN
			INSERT INTO two VALUES (step, wanted);
			SELECT id INTO found FROM two WHERE v = wanted::tarot.encrypted_text;
			RETURN NEXT what || ': two finds ' || coalesce(found::text, 'nothing');
		EXCEPTION WHEN OTHERS THEN
			RETURN NEXT what || ': two: ' || sqlerrm;
		END;
	END IF;
END
$$;

-- Keys in turn; one suspended, rotated, the server locked.
CREATE FUNCTION keys() RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY SELECT step(1, 'at first');
	RETURN QUERY SELECT step(2, 'again');
	PERFORM tarot.set_key_state('one', 1, 'suspended');
	RETURN QUERY SELECT step(3, 'suspended');
	PERFORM tarot.set_key_state('one', 1, 'active');
	RETURN QUERY SELECT step(4, 'active');
	PERFORM tarot.rotate_key('one');
	RETURN QUERY SELECT step(5, 'rotated');
	PERFORM tarot.lock();
	RETURN QUERY SELECT step(6, 'locked');
	PERFORM tarot.unlock();
	RETURN QUERY SELECT step(7, 'unlocked');
END
$$;
SELECT keys();
SELECT id, v::text FROM one ORDER BY id;
SELECT "table", key, version, "values" FROM tarot.key_usage() ORDER BY 1, 2, 3;

-- Access, as a role that holds it by grant alone, and loses it; and as one that never had it.
CREATE FUNCTION give(what text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
	IF what = 'nothing' THEN
		PERFORM tarot.revoke_class('one', 'tarot_remembered');
	ELSE
		PERFORM tarot.grant_class('one', 'tarot_remembered', write => what <> 'search', search => what <> 'write');
	END IF;
END
$$;
CREATE FUNCTION access() RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY SELECT step(11, 'at first', '{one}');
	RETURN QUERY SELECT step(12, 'again', '{one}');
	PERFORM give('search');
	RETURN QUERY SELECT step(13, 'search', '{one}');
	PERFORM give('write');
	RETURN QUERY SELECT step(14, 'write', '{one}');
	PERFORM give('nothing');
	RETURN QUERY SELECT step(15, 'nothing', '{one}');
	PERFORM give('both');
	RETURN QUERY SELECT step(16, 'both', '{one}');
	SET LOCAL ROLE tarot_remembered_none;
	RETURN QUERY SELECT step(17, 'another role', '{one}');
	SET LOCAL ROLE tarot_remembered;
	RETURN QUERY SELECT step(18, 'back', '{one}');
END
$$;
SET ROLE tarot_remembered;
SELECT access();
RESET ROLE;

DROP OWNED BY tarot_remembered, tarot_remembered_none CASCADE;
DROP ROLE tarot_remembered, tarot_remembered_none;
