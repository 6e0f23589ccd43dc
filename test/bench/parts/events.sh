# shellcheck shell=bash
# Security events: what reporting one costs the caller, and how fast the worker writes them.

# Of processor time, since the worker wakes meanwhile and takes its share. The rest of the call is the query's; so the target holds for more
# than the event.
TARGETS+='
event_cpu           event_microsecond   <= 2       An event by tarot.log_security_event(), in microseconds of processor time, the query included
'

part_events() {
	local n=1500 round before="SELECT tarot.flush_events('1 min');"

	about events event_microsecond - 'a microsecond'
	for ((round = 1; round <= ROUNDS; round++)); do echo 'sample event_microsecond 1 0.000001' >>"$SAMPLES"; done
	measure events event event_microsecond 'tarot.log_security_event(), with details' "$n" \
		"SELECT count(*) FROM (SELECT tarot.log_security_event('FUNCTION_ACCESS', 'agent-7', 'send_mail', 'denied', '{\"parameters\": {\"to\": \"x\"}}') FROM generate_series(1, $n) OFFSET 0) AS e" "$before"
	measure events event_written - 'writing them, by the worker' "$n" "SELECT tarot.flush_events('1 min')" \
		"SELECT count(*) FROM (SELECT tarot.log_security_event('FUNCTION_ACCESS', 'agent-7', 'send_mail', 'denied', '{\"parameters\": {\"to\": \"x\"}}') FROM generate_series(1, $n) OFFSET 0) AS e;"
	about events event_cpu - 'tarot.log_security_event(), with details, processor time'
	run_rounds
}
