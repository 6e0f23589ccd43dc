-- Names that need quotes stand between one pair of them in messages.
SET client_min_messages = warning;
CREATE EXTENSION tarot_security;
SELECT tarot.create_key('profile') > 0 AS key, tarot.create_class('email', 'profile', 'email', searchable => true), tarot.grant_class('email', current_user::regrole, 'plain', write => true);
\set VERBOSITY terse
CREATE SCHEMA "Sales";
CREATE TABLE "Sales"."Old Customer" (id int PRIMARY KEY, "E-Mail" text, box int DEFAULT 0);
CREATE TABLE "Sales"."Parted" (id int, "Owner" text) PARTITION BY LIST (id);
CREATE TABLE "Sales"."Part 1" PARTITION OF "Sales"."Parted" FOR VALUES IN (1);
CREATE SEQUENCE "Sales"."No Table";
CREATE VIEW "Sales"."Some View" AS SELECT 1 AS one;
INSERT INTO "Sales"."Old Customer" VALUES (1, 'ada@example.org'), (2, 'bob@example.org');
SELECT tarot.relation_name('"Sales"."Old Customer"'), tarot.relation_name('pg_class'), tarot.relation_name(4294967295::oid), tarot.relation_name(NULL) IS NULL AS nothing;
SET client_min_messages = notice;

SELECT tarot.k_anonymity('"Sales"."No Table"', '{id}');
SELECT tarot.k_anonymity('"Sales"."Old Customer"', '{none}');
SELECT tarot.require_k_anonymity('"Sales"."Old Customer"', '{"E-Mail"}', 2);
SELECT tarot.audit_table('"Sales"."No Table"');
SELECT tarot.audit_table('"Sales"."Old Customer"', '{none}');
SELECT tarot.unaudit_table('"Sales"."Old Customer"');
CALL tarot.encrypt_column('"Sales"."Old Customer"', 'none', 'email');
CALL tarot.encrypt_column('"Sales"."Old Customer"', 'box', 'email');
CALL tarot.cancel_conversion('"Sales"."Old Customer"', 'E-Mail');
SELECT tarot.mask_table('"Sales"."Some View"');
SELECT tarot.mask_table('"Sales"."Old Customer"');
SELECT tarot.unmask_table('"Sales"."Parted"');
SELECT tarot.create_masking_view('"Sales"."Old Customer"', '"Sales"."Masked View"');
SELECT tarot.create_masking_view('"Sales"."Old Customer"', '"Sales"."Other"', columns => '{none}');
SELECT tarot.drop_masking_view('"Sales"."Some View"');
SELECT tarot.protect_rows('"Sales"."Old Customer"', owner => 'none');
SELECT tarot.protect_rows('"Sales"."Old Customer"', owner => 'E-Mail');
SELECT tarot.protect_rows('"Sales"."Some View"', owner => 'one');
SELECT tarot.unprotect_rows('"Sales"."Parted"');
SELECT * FROM tarot.policy_report('{}', relation => '"Sales"."Some View"');
SELECT tarot.unclassify_column('"Sales"."Old Customer"', 'E-Mail');
SELECT tarot.accept_column('"Sales"."Some View"', 'one', 'why not');
SELECT tarot.accept_column('"Sales"."Old Customer"', 'none', 'why not');
CALL tarot.reseal('"Sales"."Old Customer"');
