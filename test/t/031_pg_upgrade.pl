# pg_upgrade from the newest older PostgreSQL that is installed: stored values stay what they are byte for
# byte, and keys, classes and grants, which name roles by their OIDs, mean what they meant. So do issuers and revocations.
use strict;
use warnings;
use Digest::MD5 qw(md5_hex);
use File::Copy 'copy';
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use TarotTest;
use Test::More;

my $older_bin = $ENV{TAROT_OLDER_BINDIR}
  or plan skip_all => 'no older PostgreSQL is installed here, with its headers, to upgrade from';
my $dir = PostgreSQL::Test::Utils::tempdir;
my @initdb = (initdb => ['--data-checksums'], conf => 'log_statement = none');

# ---------------------------------------------------------------- the old server

my $old = new_node('old', install_path => $older_bin =~ s{/bin$}{}r, @initdb);
note('from PostgreSQL ' . ask($old, 'SHOW server_version'));

# Roles whose OIDs a new server would not give them anyway.
ask($old, 'CREATE ROLE passing; DROP ROLE passing');
set_up_customers($old);
ask($old, 'CREATE DATABASE second; CREATE DATABASE plain; ');
ask($old, q{CREATE TABLE t AS SELECT 'a plain table' AS v}, db => 'plain');
ask($old, <<'END');
SELECT tarot.create_key('other');
SELECT tarot.create_key('handles');
SELECT tarot.create_class('Kund''in "ö"', key => 'other', mask => 'hash');
SELECT tarot.create_class('doomed', key => 'other');
SELECT tarot.grant_class('Kund''in "ö"', 'app', 'plain');
SELECT tarot.grant_class('Kund''in "ö"', 'support', 'masked');
CREATE ROLE importer LOGIN;
CREATE ROLE gone LOGIN;
SELECT tarot.grant_class('note', 'importer', 'none', write => true);
SELECT tarot.grant_class('note', 'gone', 'plain');
DROP ROLE gone;
CREATE DOMAIN address AS tarot.encrypted_text('email');
CREATE TYPE contact AS (email tarot.encrypted_text('email'), since date);
CREATE TABLE extras (id int PRIMARY KEY, name tarot.encrypted_text('Kund''in "ö"'), domain address,
	many tarot.encrypted_text('email')[], pair contact, preset tarot.encrypted_text('note') DEFAULT 'default note',
	dropped tarot.encrypted_text('doomed'));
CREATE TABLE kinds (id int PRIMARY KEY, b tarot.encrypted_bytea('note'), j tarot.encrypted_jsonb('note'),
	n tarot.encrypted_numeric('note'), d tarot.encrypted_date('note'), t tarot.encrypted_timestamptz('note'));
CREATE TABLE visit (id int, at date, note tarot.encrypted_text('note')) PARTITION BY RANGE (at);
CREATE TABLE visit_2024 PARTITION OF visit FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE unknown_class (id int, v tarot.encrypted_text('doomed'));
CREATE TABLE audited (id int PRIMARY KEY, gone int, name text, note text);
ALTER TABLE audited DROP gone;
SELECT tarot.audit_table('audited', exclude => '{note}'), tarot.audit_statements('{ddl,role}');
SELECT tarot.create_class('handle', key => 'handles', searchable => true);
SELECT tarot.grant_class('handle', 'app', 'plain');
CREATE TABLE member (id int, handle tarot.encrypted_text('handle') PRIMARY KEY, born tarot.encrypted_date('handle') UNIQUE);
CREATE INDEX member_hash ON member USING hash (handle);
CREATE TABLE post (id int, author tarot.encrypted_text('handle') REFERENCES member);
CREATE VIEW ada AS SELECT id FROM member WHERE handle = 'ada';
CREATE VIEW few AS SELECT id FROM member WHERE handle IN ('grace', 'alan');
CREATE VIEW customer_view AS SELECT id, email, coalesce(email, 'a literal in a view') AS or_literal FROM customer;
CREATE MATERIALIZED VIEW customer_kept AS SELECT id, email FROM customer;
CREATE TABLE lead (id int, mail text, note text, lowered text GENERATED ALWAYS AS (lower(mail)) STORED) PARTITION BY RANGE (id);
CREATE TABLE a_lead PARTITION OF lead FOR VALUES FROM (0) TO (10);
INSERT INTO lead VALUES (1, 'ada.lovelace@plaintext.example', 'a note');
SELECT tarot.classify_column('lead', 'mail', 'email');
SECURITY LABEL FOR tarot_security ON COLUMN lead.note IS 'class:never created';
GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA public TO app;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO support;
SELECT tarot.create_masking_view('lead', 'lead_view'), tarot.mask_table('lead');
GRANT SELECT ON lead_view TO app, support;
ALTER TABLE lead ADD later text DEFAULT 'a plaintext default';
END
ask_as($old, 'app', <<'END');
INSERT INTO extras (id, name, domain, many, pair) VALUES (1, 'Jörg', 'domain@plaintext.example',
	ARRAY['one@plaintext.example', 'two@plaintext.example']::text[]::tarot.encrypted_text('email')[], ('pair@plaintext.example'::tarot.encrypted_text('email'), '2024-01-01'));
INSERT INTO kinds VALUES (1, '\x00ff'::bytea, '{"card": "plaintext star"}'::jsonb, 12.50, '2024-02-29'::date, '2024-02-29 12:00:00.000001+00'::timestamptz);
INSERT INTO member VALUES (1, 'ada', '1815-12-10'), (2, 'grace', '1906-12-09'), (3, 'alan', '1912-06-23');
INSERT INTO member SELECT n, 'member ' || n, '2000-01-01'::date + n FROM generate_series(4, 1000) n;
INSERT INTO post SELECT n, CASE WHEN n % 3 = 0 THEN 'ada' ELSE 'member ' || n END FROM generate_series(10, 500) n;
INSERT INTO visit VALUES (1, '2024-05-05', 'a partitioned note, plaintext');
END
ask($old, <<'END');
ALTER TABLE extras DROP dropped;
DROP TABLE unknown_class;
SELECT tarot.drop_class('doomed');
CREATE TABLE unknown_class (id int, v tarot.encrypted_text('never created'));
SELECT tarot.rotate_key('profile');
CALL tarot.reseal('customer');
SELECT tarot.rotate_key('other', activate => false);
SELECT tarot.set_key_state('other', 2, 'compromised');
ANALYZE;
END
set_up_customers($old, db => 'second');

# Issuers by a secret, a private key and public keys, and who was revoked. Each token has its word; whoever holds a secret
# signs the rest of them.
ask($old, <<'END');
CREATE ROLE reader;
SELECT tarot.create_issuer('app', 'https://app.example', '{api,web}', secret => 'a plaintext secret of 32 bytes or more');
SELECT tarot.create_issuer('ed', 'https://ed.example', '{}', signing_key => '{"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "d": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"}',
	max_age => '30 days', leeway => '1 minute', subject_prefix => 'ed/', database_role_claim => 'role', database_roles => '{reader}');
SELECT tarot.create_issuer('late', 'https://late.example', '{}', secret => repeat('l', 32));
END
my %token = map {
	my ($subject, $issuer) = split /,/;
	$_ => ask($old, qq{SELECT tarot.sign_jwt('{"sub": "$subject", "jti": "$subject-1", "role": "reader"}', '$issuer')})
} qw(ada,app ada,ed bob,app bob,ed eve,app carol,app dave,late dora,app);
# Public keys alone: its tokens are those of ed, from before it moved.
ask($old, <<'END');
SELECT tarot.create_issuer('idp', 'https://idp.example', '{}', jwks => '{"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "k", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}');
SELECT tarot.set_principal('bob', status => 'suspended'), tarot.set_principal('ed/bob', 'agent', 'banned'), tarot.set_principal('dora', 'service', 'deleted');
SELECT tarot.revoke_token('app', 'eve-1', '2040-01-01'), tarot.revoke_subject('carol'), tarot.revoke_issuer('late');
END
{
	ask($old, q{SELECT tarot.alter_issuer('idp', issuer => 'https://aside.example'), tarot.alter_issuer('ed', issuer => 'https://idp.example')});
	$token{'ada,idp'} = ask($old, q{SELECT tarot.sign_jwt('{"sub": "ada"}', 'ed')});
	ask($old, q{SELECT tarot.alter_issuer('ed', issuer => 'https://ed.example'), tarot.alter_issuer('idp', issuer => 'https://idp.example')});
}

my @tables = qw(customer extras kinds visit member post customer_kept unknown_class);

# All that must be the same after the upgrade: name, and what a role is told.
sub facts
{
	my ($node) = @_;
	my @facts;
	my $add = sub {
		my ($name, $sql, %option) = @_;
		my $text = ask($node, $sql, %option);
		push @facts, [ $name, $text =~ s/^(.{300}.+)$/md5_hex($1)/gmer ];
	};
	$add->('audited tables', q{SELECT "table", columns, exclude, enforced FROM tarot.audited_tables ORDER BY "table"::text});
	$add->('audited statements', 'SELECT * FROM tarot.audited_statements ORDER BY kind');
	foreach my $table (@tables)
	{
		$add->("$table, as stored", "SELECT * FROM $table ORDER BY 1", pgoptions => '-c tarot_security.io=envelope');
		next if $table eq 'unknown_class';
		$add->("$table, to $_", "SELECT * FROM $table ORDER BY 1", role => $_) foreach qw(app support);
	}
	$add->('a view', 'SELECT id, email, or_literal::text FROM customer_view ORDER BY 1', role => 'app');
	foreach my $db (qw(postgres second))
	{
		$add->("$db: $_", "SELECT * FROM tarot.$_ ORDER BY 1, 2", db => $db)
		  foreach qw(keyring key key_version class class_access table_job search_key subject_key root_key_status);
		$add->("$db: grants by OID", 'SELECT class_id, grantee::oid, grantee, read, search, write FROM tarot.class_grant ORDER BY 1, 2', db => $db);
		$add->("$db: columns", <<'END', db => $db);
SELECT attrelid::regclass, attname, format_type(atttypid, atttypmod), attstorage
FROM pg_attribute WHERE atttypid IN (SELECT oid FROM pg_type WHERE typnamespace = 'tarot'::regnamespace) AND attnum > 0 AND NOT attisdropped
	AND attrelid::regclass::text NOT LIKE 'tarot.%'
ORDER BY attrelid::regclass::text, attname
END
		$add->("$db: the extension", <<'END', db => $db);
SELECT extversion, (SELECT string_agg(c::regclass::text, ',') FROM unnest(extconfig) c), extcondition
FROM pg_extension e WHERE extname = 'tarot_security'
END
		$add->("$db: the event trigger", 'SELECT evtname, evtevent, evtfoid::regproc, evtenabled, evttags FROM pg_event_trigger ORDER BY 1', db => $db);
	}
	$add->('a default', "SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef WHERE adrelid = 'extras'::regclass", pgoptions => '-c tarot_security.io=envelope');
	$add->("search: $_", "SELECT count(*), min(id), max(id) FROM $_", role => 'app')
	  foreach q{member WHERE handle = 'ada'}, q{member WHERE handle IN ('grace', 'alan', 'nobody')}, q{member WHERE handle = 'member 77'::text},
	  q{post JOIN member USING (id)}, q{post JOIN (SELECT handle FROM member) m ON author = handle}, q{member WHERE born = '1906-12-09'}, 'ada', 'few';
	$add->("masking: $_", "SELECT * FROM tarot.$_ ORDER BY 1, 2") foreach qw(classified_columns masked_tables masking_views);
	foreach my $role (qw(app support))
	{
		$add->("masking: $_, to $role", "SELECT id, mail, lowered, later FROM $_", role => $role) foreach qw(lead a_lead lead_view);
	}
	$add->('another database', 'SELECT * FROM t', db => 'plain');
	$add->("identity: $_", "SELECT * FROM tarot.$_ ORDER BY 1, 2") foreach qw(issuer issuer_status principal revoked_token);
	$add->("token: $_", "SELECT tarot.check_jwt('$token{$_}')") foreach sort keys %token;
	$add->('who it is', "BEGIN; SELECT tarot.authenticate('$token{'ada,ed'}'); SELECT tarot.subject(), current_user; COMMIT");
	$add->("signed now: $_", "SELECT tarot.check_jwt(tarot.sign_jwt('{}', '$_'))") foreach qw(app ed);
	return @facts;
}

# What the extension consists of, with its privileges. The server's own rules for that differ between majors.
sub parts
{
	my ($node, $db) = @_;
	return ask($node, <<'END', db => $db);
SELECT pg_describe_object(d.classid, d.objid, d.objsubid) AS object
FROM pg_depend d JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
WHERE d.deptype = 'e' AND e.extname = 'tarot_security' ORDER BY 1;
SELECT pg_describe_object('pg_proc'::regclass, oid, 0), proacl, provolatile, proparallel, proisstrict, prosecdef, proconfig
FROM pg_proc WHERE pronamespace = 'tarot'::regnamespace ORDER BY 1;
SELECT pg_describe_object('pg_class'::regclass, oid, 0), relacl FROM pg_class WHERE relnamespace = 'tarot'::regnamespace ORDER BY 1;
SELECT pg_describe_object(objclass, obj, 0), privtype, initprivs
FROM (SELECT classoid AS objclass, objoid AS obj, privtype, initprivs FROM pg_init_privs) p
WHERE (objclass, obj) IN (SELECT classid, objid FROM pg_depend WHERE deptype = 'e' AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'tarot_security'))
ORDER BY 1
END
}

my @before = facts($old);
my %before = map { @$_ } @before;
like($before{'customer, to app'}, qr/ada\.lovelace\@plaintext\.example/, 'there is something to upgrade: plain');
like($before{'customer, to support'}, qr/a\*\*\*\@p\*\*\*\.example/, 'masked');
like($before{'customer, as stored'}, qr/\$tarot1\$/, 'stored as envelopes');
like($before{'masking: a_lead, to app'}, qr/^1\|ada\.lovelace\@plaintext\.example\|ada\.lovelace\@plaintext\.example\|$/, 'plain columns');
like($before{'masking: lead, to support'}, qr/^1\|a\*\*\*\@p\*\*\*\.example\|/, 'and their masks');
like($before{'second: grants by OID'}, qr/\|app\|plain\|/, 'granted');
is(join(' ', map { $before{"token: $_"} } sort keys %token), 'valid valid valid suspended banned revoked revoked deleted revoked' , 'tokens are valid, or not');
is($before{'who it is'}, "\ned/ada|reader", 'and say who somebody is');
$old->stop;

# ---------------------------------------------------------------- the new one

# The new server: the upgrade's exit status and output.
sub upgrade
{
	my ($new, @options) = @_;
	local $ENV{PGOPTIONS};
	my $work = PostgreSQL::Test::Utils::tempdir;
	my $log = "$work/output";
	my $command = join ' ', map { "'$_'" } 'pg_upgrade', '-d', $old->data_dir, '-D', $new->data_dir, '-b', $older_bin, '-B',
	  $new->config_data('--bindir'), '-s', $new->host, '-p', $old->port, '-P', $new->port, @options;
	my $status = system "cd '$work' && $command >'$log' 2>&1 </dev/null";
	my $output = slurp_file($log);
	foreach my $file (glob $new->data_dir . '/pg_upgrade_output.d/*/*.txt ' . $new->data_dir . '/pg_upgrade_output.d/*/log/*') { $output .= "$file:\n" . slurp_file($file) if $status; }
	return ($status, $output);
}

my $unloaded = new_node('unloaded', start => 0, preload => 0, @initdb);
my ($status, $output) = upgrade($unloaded, '--check');
isnt($status, 0, 'not preloaded: refused');
like($output, qr/tarot_security must be loaded at server start/, 'not preloaded: and why');

my $new = new_node('new', start => 0, @initdb);
($status, $output) = upgrade($new);
is($status, 0, 'upgraded') or BAIL_OUT($output);
$new->start;
note('to PostgreSQL ' . ask($new, 'SHOW server_version'));

# The generated root key is not PostgreSQL's to copy.
like(error_of($new, 'SELECT email FROM customer', role => 'app'), qr/ERROR:  TS001/, 'without the root key: locked');
is(ask($new, 'SELECT unlocked FROM tarot.root_key_status'), 'f', 'without the root key: the status says so');
copy($old->data_dir . '/tarot_security.root_key', $new->data_dir) or die $!;
chmod 0600, $new->data_dir . '/tarot_security.root_key' or die $!;
is(error_of($new, 'SELECT tarot.unlock()'), '', 'unlocked by the old root key');

my @after = facts($new);
is($after[$_][1], $before[$_][1], "the same: $before[$_][0]") foreach 0 .. $#before;

ask($new, 'CREATE DATABASE fresh');
ask($new, 'CREATE EXTENSION tarot_security', db => 'fresh');
is(parts($new, $_), parts($new, 'fresh'), "$_: the extension is what it is in a new database") foreach qw(postgres second);

# ---------------------------------------------------------------- and it goes on

is(error_of($new, q{INSERT INTO customer VALUES (10, 'new', 'new@plaintext.example'); INSERT INTO extras (id) VALUES (2)}, role => 'app'), '', 'values are written');
is(ask_as($new, 'app', 'SELECT email::text FROM customer WHERE id = 10'), 'new@plaintext.example', 'and read');
is(ask_as($new, 'app', 'SELECT preset::text FROM extras WHERE id = 2'), 'default note', 'a default is sealed');
is(ask_as($new, 'outsider', 'SELECT email FROM customer WHERE id = 10'), '[encrypted]', 'and not by others');
like(ask_as($new, 'app', q{SET enable_seqscan = off; EXPLAIN (COSTS OFF) SELECT id FROM member WHERE handle = 'grace'}), qr/Index Scan using member_(?:pkey|hash)/, 'an index is used');
like(error_of($new, $_, role => 'app'), qr/ERROR:  23/, $_)
  foreach q{INSERT INTO member VALUES (1, 'ada')}, q{INSERT INTO post VALUES (1, 'nobody')}, q{UPDATE member SET handle = 'grace' WHERE handle = 'alan'};
like(error_of($new, 'CREATE TABLE t (v tarot.encrypted_text)'), qr/ERROR:  42P16/, 'a column needs a class');
ask($new, q{SELECT tarot.set_principal('bob', status => 'active'), tarot.revoke_token('app', 'ada-1'), tarot.alter_issuer('ed', max_age => '1 hour')});
is(ask($new, "SELECT tarot.check_jwt('$token{'bob,app'}'), tarot.check_jwt('$token{'ada,app'}'), tarot.check_jwt('$token{'ada,ed'}')"), 'valid|revoked|too_long_lived', 'who is welcome changes');
ask($new, q{SELECT tarot.create_key('newer'); SELECT tarot.create_class('newer', key => 'newer'); SELECT tarot.revoke_class('email', 'support')});
is(ask_as($new, 'support', 'SELECT email FROM customer WHERE id = 1'), '[encrypted]', 'a grant is revoked');
ask($new, 'SELECT tarot.rotate_root_key(); CALL tarot.reseal()');
is(ask($new, q{SELECT count(*) FROM tarot.key_version WHERE state = 'active'}), ask($new, 'SELECT count(*) FROM tarot.key'), 'keys are rotated');
is(ask_as($new, 'app', 'SELECT email::text FROM customer WHERE id = 2'), 'grace+hopper@plaintext.example', 'and values resealed');
is(ask($new, 'SELECT tarot.destroy_key(\'profile\', 1)'), '', 'a version that nothing needs is destroyed');
is(ask_as($new, 'app', 'SELECT * FROM customer ORDER BY 1', db => 'second') =~ s/^(.{300}.+)$/md5_hex($1)/gmer, $before{'customer, to app'}, 'the second database reads on');
unlike(server_log($new), qr/plaintext|PANIC|was terminated by signal/, 'the log holds no plaintext, and no crash');

done_testing;
