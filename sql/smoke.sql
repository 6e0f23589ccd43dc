-- The extension installs, and says which version it is.
CREATE EXTENSION tarot_security;
SELECT extname, extversion FROM pg_extension WHERE extname = 'tarot_security';
DROP EXTENSION tarot_security;
