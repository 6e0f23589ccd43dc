-- Included after retention.sql by the tests of retention that go by data classes: one of each kind of mask, and :reader, who sees what is there.
SELECT tarot.create_key('people') > 0 AS created;
SELECT tarot.create_class('person', key => 'people', mask => 'name');
SELECT tarot.create_class('card', key => 'people', mask => 'card');
SELECT tarot.create_class('number', key => 'people', mask => 'hash', searchable => true);
SELECT tarot.create_class('note', key => 'people', mask => 'redact');
SELECT tarot.create_class('age', key => 'people', mask => 'year');
SELECT tarot.create_class('hidden', key => 'people', mask => 'null');
SELECT tarot.create_class('own', key => 'people', per_subject => true);
CREATE ROLE :"reader";
SELECT tarot.grant_class(c, :'reader', 'plain') FROM unnest('{person,card,number,note,age,hidden,own}'::text[]) AS c;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO :"reader";
