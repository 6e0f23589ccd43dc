RESET ROLE;
RESET tarot_security.io;
SET client_min_messages = error;
DROP OWNED BY regress_paths_app, regress_paths_masked, regress_paths_writer, regress_paths_none CASCADE;
DROP EXTENSION tarot_security CASCADE;
DROP ROLE regress_paths_app, regress_paths_masked, regress_paths_writer, regress_paths_none;
