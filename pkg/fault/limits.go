package fault

import (
	"regexp"
	"strconv"
)

var (
	// dovecotLimit counts the connections of one user from one address, which
	// are all of ours.
	dovecotLimit = wording(`mail_max_userip_connections=(\d{1,6})\b`)
	// cyrusLimits are "5 of 9 from old.example [192.0.2.1]" and "5 of 9 for
	// carla": both, or the one that its administrator has set.
	cyrusLimits = wording(`\b(\d{1,6}) of (\d{1,6}) (from|for)\b`)
	// plainLimits are "connection limit is 100", "a limit of 10 simultaneous
	// connections" and "only 5 sessions allowed", as various servers have it.
	plainLimits = []*regexp.Regexp{
		wording(`\b(?:connection|session|login)s? (?:limit|maximum)(?: is| of|:| =|=)? ?\(?(\d{1,6})\b`),
		wording(`\b(?:limit|maximum|max\.?)(?: is| of|:)? (\d{1,6}) (?:simultaneous |concurrent |open |active )*(?:imap )?(?:connections?|sessions?|logins?)\b`),
		wording(`\b(\d{1,6}) (?:simultaneous |concurrent |open |active )*(?:imap )?(?:connections?|sessions?|logins?) (?:are |is )?(?:allowed|permitted)\b`),
	}
	// ofTime marks a rate, which is no limit of connections at a time.
	ofTime   = wording(`\b(per|a|each|every) (second|minute|hour|day)\b`)
	perHosts = wording(ofThisAddress)
)

// caps returns how many connections the server allows, as it says itself, or
// else as the line says that has read the answer.
func (v verdict) caps(a Answer) (perUser, perHost int) {
	perUser, perHost = connectionLimits(a.Text)
	if a.Op == "greeting" && perHost == 0 { // nobody was named yet
		perUser, perHost = 0, perUser
	}
	if v.perUser > 0 {
		perUser = v.perUser
	}
	if v.perHost > 0 {
		perHost = v.perHost
	}
	return perUser, perHost
}

// connectionLimits reads how many connections a server says that it allows
// for one user and for one client host, in its refusal of one more; 0 where it
// does not say. Of Cyrus' two numbers only one that is reached counts.
func connectionLimits(text string) (perUser, perHost int) {
	if m := dovecotLimit.FindStringSubmatch(text); m != nil {
		perUser = atoi(m[1])
	}
	for _, m := range cyrusLimits.FindAllStringSubmatch(text, 2) {
		used, most := atoi(m[1]), atoi(m[2])
		switch {
		case used < most:
		case m[3] == "from":
			perHost = most
		default:
			perUser = most
		}
	}
	if perUser == 0 && perHost == 0 && !ofTime.MatchString(text) {
		n := plainLimit(text)
		if perHosts.MatchString(text) {
			return 0, n
		}
		return n, 0
	}
	return perUser, perHost
}

// plainLimit reads a limit from whichever server; 0: none is printed.
func plainLimit(text string) int {
	for _, p := range plainLimits {
		if m := p.FindStringSubmatch(text); m != nil {
			return atoi(m[1])
		}
	}
	return 0
}

// atoi reads digits that a pattern has bounded.
func atoi(digits string) int {
	n, _ := strconv.Atoi(digits) // cannot fail on at most six digits
	return n
}
