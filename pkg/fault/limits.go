package fault

import "strconv"

var (
	// dovecotLimit counts the connections of one user from one address, which
	// are all of ours.
	dovecotLimit = wording(`mail_max_userip_connections=(\d{1,6})\b`)
	// cyrusLimits are "5 of 9 from old.example [192.0.2.1]" and "5 of 9 for
	// carla": both, or the one that its administrator has set.
	cyrusLimits = wording(`\b(\d{1,6}) of (\d{1,6}) (from|for)\b`)
)

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
	return perUser, perHost
}

// atoi reads digits that a pattern has bounded.
func atoi(digits string) int {
	n, _ := strconv.Atoi(digits) // cannot fail on at most six digits
	return n
}
