-- By the calendar: what is kept goes when its time is over, unless somebody's data is evidence; and people look at what only they can judge.

\connect - postgres
GRANT EXECUTE ON FUNCTION tarot.hold_subject, tarot.release_subject, tarot.schedule_review, tarot.complete_review, tarot.flush_events TO officer;
GRANT SELECT ON tarot.reviews, tarot.review_outcome, tarot.security_event TO officer;

-- ------------------------------------------------------------ nothing for ever, but what a court wants to see

SELECT customer_id AS held, count(*) AS of_held FROM reading WHERE held_on < (now() - interval '2 years')::date GROUP BY customer_id ORDER BY count(*) DESC, customer_id LIMIT 1 \gset
SELECT count(*) AS readings, count(*) FILTER (WHERE held_on < (now() - interval '2 years')::date) AS old FROM reading \gset
\setenv WAIT 'for i in $(seq 300); do [ "$(psql -X -q -At -c "CALL tarot.run_due_jobs()" -c "SELECT count(*) FROM tarot.job_run WHERE job = ''old readings'' AND outcome = ''finished''" | tail -n 1)" = $RUNS ] && break; sleep 0.1; done'
\connect - officer
\echo '> SELECT tarot.hold_subject($1, ''case 12/2026'');'
SELECT tarot.hold_subject(:'held', 'case 12/2026') \g /dev/null
SELECT problem FROM tarot.erase_subject(:'held') WHERE problem LIKE '%hold' \gset
\connect - postgres
SELECT clock_timestamp() AS began \gset
\echo '> SELECT tarot.add_retention(''reading'', ''held_on'', ''2 years'', legal_basis => ''GDPR 5 (1) e'');'
SELECT tarot.add_retention('reading', 'held_on', '2 years', legal_basis => 'GDPR 5 (1) e', policy => 'old readings') \g /dev/null
\! RUNS=1 sh -c "$WAIT"
SELECT round(extract(epoch FROM clock_timestamp() - :'began')::numeric, 1) AS seconds \gset
SELECT demo.claim(format('%s of %s readings were older than two years, and went in batches: %s s', :old - count(*), :readings, :seconds), :old > 1000 AND count(*) = :of_held) FROM reading WHERE held_on < (now() - interval '2 years')::date;
SELECT demo.claim(format('%s stayed, of a person on hold, who cannot be erased meanwhile either', :of_held), count(*) = :of_held AND bool_and(customer_id = :held) AND :'problem' = 'the subject is on hold')
	FROM reading WHERE held_on < (now() - interval '2 years')::date;
SELECT demo.claim('The run is on record, with its legal basis, and how many rows it left', count(*) = 1) FROM tarot.audit_log
	WHERE operation = 'RETENTION' AND new->>'policy' = 'old readings' AND ((new->>'rows')::int, (new->>'held')::int) = (:old - :of_held, :of_held) AND new->>'legal_basis' = 'GDPR 5 (1) e';
\connect - officer
SELECT tarot.release_subject(:'held') \g /dev/null
\connect - postgres
SELECT tarot.run_job_soon('old readings') \g /dev/null
\! RUNS=2 sh -c "$WAIT"
SELECT demo.claim('The case is closed: they go with the next run', count(*) = 0) FROM reading WHERE held_on < (now() - interval '2 years')::date;
SELECT tarot.remove_retention('old readings'), tarot.unaudit_table('reading') \g /dev/null

-- ------------------------------------------------------------ what people look at

\connect - officer
\echo '> SELECT tarot.schedule_review(''security'', ''7 days'', ...), tarot.schedule_review(''compliance audit'', ''1 month'', ...), ...;'
SELECT tarot.schedule_review('security', '7 days', 'Denials and break-glass of the week', first_due => now() - interval '1 hour', within => '2 days'),
	tarot.schedule_review('compliance audit', '1 month', 'Grants, tarot.minimization_report(), tarot.retention_gaps', first_due => now() - interval '10 days'),
	tarot.schedule_review('penetration test', '3 months', 'By somebody from outside') \g /dev/null
\! for i in $(seq 100); do [ "$(psql -X -q -At -c "CALL tarot.run_due_jobs()" -c "SELECT count(*) FROM tarot.job_run WHERE kind = 'review' AND outcome = 'finished'" | tail -n 1)" = 3 ] && break; sleep 0.1; done
SELECT name, every, due_since IS NOT NULL AS due, overdue FROM tarot.reviews ORDER BY next_due;
SELECT tarot.flush_events('3 min') AS flushed \gset
SELECT demo.claim('What is due, and what is overdue, is told without anybody asking', :'flushed' AND array_agg(concat_ws(' ', details->>'review', action) ORDER BY details->>'review', action) = '{"compliance audit due","compliance audit overdue","security due"}')
	FROM tarot.security_event WHERE event_type = 'REVIEW';
SELECT tarot.complete_review('compliance audit', 'findings', 'Of payments nobody has said how long they are kept') \g /dev/null
SELECT demo.claim('Done late, it is due again on its own day of the month, not a month from now', next_due > now() AND next_due < now() + interval '1 month' AND last_outcome = 'findings') FROM tarot.reviews WHERE name = 'compliance audit';
\connect - postgres
\set SHOW_CONTEXT never
UPDATE tarot.review_outcome SET outcome = 'passed';
SELECT demo.claim('What came of it stays as it is, for the superuser, too', :'SQLSTATE' <> '00000' AND (SELECT outcome FROM tarot.review_outcome) = 'findings');
