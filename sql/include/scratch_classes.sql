-- Operator classes for encrypted_text that compare the values themselves, in the opposite of their order: whatever sorts by
-- them shows it at once. Slow, and for tests alone.
CREATE FUNCTION scratch_compare(a tarot.encrypted_text, b tarot.encrypted_text) RETURNS int LANGUAGE sql STABLE STRICT AS
	'SELECT bttextcmp(b::text, a::text)';
CREATE FUNCTION scratch_hash(a tarot.encrypted_text) RETURNS int LANGUAGE sql STABLE STRICT AS 'SELECT hashtext(a::text)';
CREATE FUNCTION scratch_lt(a tarot.encrypted_text, b tarot.encrypted_text) RETURNS boolean LANGUAGE sql STABLE STRICT AS 'SELECT a::text > b::text';
CREATE FUNCTION scratch_le(a tarot.encrypted_text, b tarot.encrypted_text) RETURNS boolean LANGUAGE sql STABLE STRICT AS 'SELECT a::text >= b::text';
CREATE FUNCTION scratch_eq(a tarot.encrypted_text, b tarot.encrypted_text) RETURNS boolean LANGUAGE sql STABLE STRICT AS 'SELECT a::text = b::text';
CREATE FUNCTION scratch_ge(a tarot.encrypted_text, b tarot.encrypted_text) RETURNS boolean LANGUAGE sql STABLE STRICT AS 'SELECT a::text <= b::text';
CREATE FUNCTION scratch_gt(a tarot.encrypted_text, b tarot.encrypted_text) RETURNS boolean LANGUAGE sql STABLE STRICT AS 'SELECT a::text < b::text';
CREATE OPERATOR <% (LEFTARG = tarot.encrypted_text, RIGHTARG = tarot.encrypted_text, FUNCTION = scratch_lt, COMMUTATOR = >%);
CREATE OPERATOR <=% (LEFTARG = tarot.encrypted_text, RIGHTARG = tarot.encrypted_text, FUNCTION = scratch_le);
CREATE OPERATOR =% (LEFTARG = tarot.encrypted_text, RIGHTARG = tarot.encrypted_text, FUNCTION = scratch_eq, COMMUTATOR = =%, HASHES, MERGES);
CREATE OPERATOR >=% (LEFTARG = tarot.encrypted_text, RIGHTARG = tarot.encrypted_text, FUNCTION = scratch_ge);
CREATE OPERATOR >% (LEFTARG = tarot.encrypted_text, RIGHTARG = tarot.encrypted_text, FUNCTION = scratch_gt, COMMUTATOR = <%);
CREATE OPERATOR CLASS scratch_order DEFAULT FOR TYPE tarot.encrypted_text USING btree AS
	OPERATOR 1 <%, OPERATOR 2 <=%, OPERATOR 3 =%, OPERATOR 4 >=%, OPERATOR 5 >%, FUNCTION 1 scratch_compare(tarot.encrypted_text, tarot.encrypted_text);
CREATE OPERATOR CLASS scratch_hashed DEFAULT FOR TYPE tarot.encrypted_text USING hash AS
	OPERATOR 1 =%, FUNCTION 1 scratch_hash(tarot.encrypted_text);
