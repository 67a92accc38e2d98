package probe

import (
	"fmt"
	"strings"

	"github.com/imapfleet/imapfleet/pkg/account"
)

// Choose picks from rows those that a probe uses: the first ones between the
// hosts of the first, with distinct accounts on each side, most at most. asked
// means that a user has named the rows: then one between other hosts is an
// error. A row whose options say that it is only looked at is left out, unless
// readOnly. left is how many rows are not used.
func Choose(rows []account.Pair, most int, asked, readOnly bool) (chosen []account.Pair, left int, err error) {
	seen := [2]map[string]bool{{}, {}}
	for _, p := range rows {
		if r := p.Rules.Value(); !readOnly && (r.Dry || r.JustLogin) {
			left++
			continue
		}
		if len(chosen) > 0 && hosts(p) != hosts(chosen[0]) {
			if asked {
				return nil, 0, fmt.Errorf("line %d is from %s, line %d from %s: one pair of servers at a time, please",
					chosen[0].Line, hosts(chosen[0]), p.Line, hosts(p))
			}
			left++
			continue
		}
		keys := [2]string{key(p.Source), key(p.Dest)}
		if len(chosen) >= most || seen[0][keys[0]] || seen[1][keys[1]] {
			left++
			continue
		}
		seen[0][keys[0]], seen[1][keys[1]] = true, true
		chosen = append(chosen, p)
	}
	if len(chosen) == 0 {
		return nil, 0, fmt.Errorf("no row to probe: the options of all %d say that nothing may be written (--read-only measures the source)", left)
	}
	return chosen, left, nil
}

// hosts names a pair of servers.
func hosts(p account.Pair) string {
	return address(p.Source) + " to " + address(p.Dest)
}

func address(e account.Endpoint) string {
	if e.Port == 0 {
		return e.Host
	}
	return fmt.Sprintf("%s:%d", e.Host, e.Port)
}

// key is one account on one server.
func key(e account.Endpoint) string { return address(e) + " " + strings.ToLower(e.User) }
