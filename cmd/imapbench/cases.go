package main

import (
	"fmt"
	"regexp"
)

// benchCase is one line of the result.
type benchCase struct {
	name  string
	set   string // of accounts
	count int    // accounts, the first of the set
	lanes int    // --parallel of imapfleet, accounts at a time of the limit
	far   bool
	tls   bool
	limit rawWork // what imapfleet is held against
	// stores says that the limit leaves a copy at the destination.
	stores bool
	work   work
	group  string // cases of one group take turns; "": a group of its own
}

// work is what imapfleet does in a case.
type work uint8

const (
	copies work = iota // everything, to accounts that are empty
	again              // a pass over accounts that it has copied before
	rests              // nothing: only the servers are measured
)

// allCases returns the cases in the order in which they run.
func allCases(far bool) []*benchCase {
	cases := nearCases()
	cases = append(cases,
		&benchCase{name: caseLarge, set: large, count: 1, lanes: 1, limit: pipe, stores: true},
		&benchCase{name: caseRealistic + overTLS, set: realistic, count: 1, lanes: 1, tls: true, limit: pipe, stores: true},
		&benchCase{name: caseLarge + overTLS, set: large, count: 1, lanes: 1, tls: true, limit: pipe, stores: true})
	if !far {
		return cases
	}
	for _, c := range nearCases() {
		c.far = true
		c.name = farPrefix + c.name
		if c.group != "" {
			c.group = farPrefix + c.group
		}
		cases = append(cases, c)
	}
	return cases
}

// nearCases are those that run near and far.
func nearCases() []*benchCase {
	var cases []*benchCase
	for _, n := range []int{1, mostAccounts} {
		cases = append(cases,
			&benchCase{name: "realistic mix, FETCH drained, " + lanes(n), set: realistic, count: n, lanes: n, limit: drain, work: rests},
			&benchCase{name: "realistic mix, MULTIAPPEND from memory, " + lanes(n), set: realistic, count: n, lanes: n, limit: fill, stores: true, work: rests})
	}
	for _, n := range []int{1, 4, mostAccounts} {
		cases = append(cases, &benchCase{name: "realistic mix, " + lanes(n), set: realistic, count: n, lanes: n, limit: pipe, stores: true})
	}
	for _, n := range []int{1, mostAccounts} {
		cases = append(cases, &benchCase{name: "2 KB messages, " + lanes(n), set: small, count: n, lanes: n, limit: pipe, stores: true})
	}
	return append(cases,
		&benchCase{name: "one mailbox of 20,000, 1 lane", set: huge, count: 1, lanes: 1, limit: pipe, stores: true},
		&benchCase{name: caseEven, set: even, count: mostAccounts, lanes: mostAccounts, limit: pipe, stores: true, group: "skew"},
		&benchCase{name: caseSkewed, set: skewed, count: mostAccounts, lanes: mostAccounts, limit: pipe, stores: true, group: "skew"},
		&benchCase{name: caseUnchanged, set: quiet, count: 1, lanes: 1, limit: look, work: again},
	)
}

// The names of cases that are compared with each other.
const (
	caseRealistic = "realistic mix, 1 lane"
	caseLarge     = "realistic mix, 16,000 messages, 1 lane"
	overTLS       = ", TLS"
	caseEven      = "octets spread evenly, 8 lanes"
	caseSkewed    = "80 % of octets in one account, 8 lanes"
	caseUnchanged = "unchanged account, 40 mailboxes, 20,000 messages"
)

// farPrefix begins the name of a far case; its near twin is named by the rest.
const farPrefix = "far: "

func lanes(n int) string {
	if n == 1 {
		return "1 lane"
	}
	return fmt.Sprintf("%d lanes", n)
}

// choose returns the cases whose name matches pattern, in groups.
func choose(cases []*benchCase, pattern *regexp.Regexp) [][]*benchCase {
	var groups [][]*benchCase
	for _, c := range cases {
		if !pattern.MatchString(c.name) {
			continue
		}
		last := len(groups) - 1
		if c.group != "" && last >= 0 && groups[last][0].group == c.group {
			groups[last] = append(groups[last], c)
			continue
		}
		groups = append(groups, []*benchCase{c})
	}
	return groups
}
