-- Included by the tests of identity: tokens as a forger makes them, with any header and any claims.

CREATE FUNCTION base64url(data bytea) RETURNS text LANGUAGE sql IMMUTABLE AS
	$$ SELECT translate(encode(data, 'base64'), E'+/=\n', '-_') $$;
CREATE FUNCTION base64url(data text) RETURNS text LANGUAGE sql IMMUTABLE AS
	$$ SELECT base64url(convert_to(data, 'UTF8')) $$;

-- RFC 2104
CREATE FUNCTION hmac_sha256(key bytea, message bytea) RETURNS bytea LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
	block bytea := CASE WHEN length(key) > 64 THEN sha256(key) ELSE key END;
	inner_pad bytea;
	outer_pad bytea;
BEGIN
	block := block || decode(repeat('00', 64 - length(block)), 'hex');
	inner_pad := block;
	outer_pad := block;
	FOR i IN 0 .. 63 LOOP
		inner_pad := set_byte(inner_pad, i, get_byte(block, i) # 54);
		outer_pad := set_byte(outer_pad, i, get_byte(block, i) # 92);
	END LOOP;
	RETURN sha256(outer_pad || sha256(inner_pad || message));
END
$$;

CREATE FUNCTION forge(header text, claims bytea, secret bytea) RETURNS text LANGUAGE sql IMMUTABLE AS $$
	SELECT input || '.' || base64url(hmac_sha256(secret, convert_to(input, 'UTF8')))
		FROM (SELECT base64url(header) || '.' || base64url(claims) AS input) AS t
$$;
