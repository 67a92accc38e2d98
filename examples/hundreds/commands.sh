#!/bin/sh
# A migration, one step at a time: ./commands.sh check|probe|run|status|failed|report [LIST]
# Every step can be run again at any time. Exit codes are those of imapfleet.
set -eu

step=${1:-}
list=${2:-accounts.csv}
parallel=${PARALLEL:-8}

case $step in
check) # log in everywhere and say what would go wrong
	imapfleet check "$list" --parallel 16
	;;
probe) # how fast it can go; writes to mailboxes of its own, and removes them
	imapfleet probe "$list" --out probe.json
	;;
run) # everything that is not at the destination yet
	imapfleet run "$list" --parallel "$parallel"
	;;
status) # where the rows stand, also while a run goes on
	imapfleet status "$list"
	;;
failed) # only the rows that are not done
	imapfleet run "$list" --parallel "$parallel" --failed
	;;
report) # one line per account: line, user, state, messages, octets at the source
	results=${list%.csv}.imapfleet/results.csv
	awk -F ';' -v OFS='\t' 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i }
		{ print $at["line"], $at["user2"], $at["state"], $at["listed"], $at["source_octets"] }' "$results"
	;;
*)
	echo "usage: $0 check|probe|run|status|failed|report [LIST]" >&2
	exit 2
	;;
esac
