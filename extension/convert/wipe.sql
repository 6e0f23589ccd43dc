-- convert: what is left of old values in the free space of a table

CREATE FUNCTION tarot.wipe_free_space(target regclass) RETURNS bigint
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_convert_wipe_free_space';
COMMENT ON FUNCTION tarot.wipe_free_space(regclass) IS
	'Overwrites the free space in the pages of a table, its TOAST table, partitions and children with zeros, and returns in how many '
	'pages there was something: what rows held that VACUUM has removed. Call it after VACUUM; dead rows that VACUUM could not remove yet '
	'keep their bytes. Writes each of these pages to the write-ahead log, so that standbys do it too. For the owner of the table (42501).';
