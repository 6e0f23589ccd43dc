# shellcheck shell=bash
# What it costs to look at a value for what it could be, without a server: discovery does it for each of its sample.

TARGETS+='
recognize_prose_120 recognize_unit      <= 2       longer text, looked through for values, in microseconds
'

part_recognize() {
	local round name ns title
	compile recognize_bench
	for ((round = 1; round <= ROUNDS; round++)); do
		while read -r name ns title; do
			if ((round == 1)); then about recognize "recognize_$name" - "$title"; fi
			awk -v name="$name" -v ns="$ns" 'BEGIN { printf "sample recognize_%s 1 %.12f\n", name, ns / 1e9 }' >>"$SAMPLES"
		done < <("$DIR/recognize_bench")
		echo "sample recognize_unit 1 0.000001" >>"$SAMPLES"
	done
}
