package mxlookup

import (
	"context"
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/net/publicsuffix"
)

// sameHost is how near two names of one machine are; others are as near as
// they have labels in common.
const sameHost = 1000

// families are the domains of large providers whose IMAP servers and MX have
// no name in common.
var families = map[string]string{
	"gmail.com": "google.com", "googlemail.com": "google.com", // imap.gmail.com, smtp.google.com
	"office365.com": "outlook.com", // outlook.office365.com, x.mail.protection.outlook.com
}

// Nearest returns the index of that host which the domain's preferred MX
// belongs to, as far as names and addresses tell: the same machine, else the
// most labels of a name in common within one organization's domain. It is -1
// when no host or several are.
func (r *Resolver) Nearest(ctx context.Context, d Domain, hosts ...string) int {
	best, at := 0, -1
	for i, h := range hosts {
		near := 0
		for _, mx := range d.preferred() {
			near = max(near, r.nearness(ctx, mx, h))
		}
		switch {
		case near > best:
			best, at = near, i
		case near == best:
			at = -1
		}
	}
	return at
}

// preferred are the hosts that mail is sent to first.
func (d Domain) preferred() (hosts []string) {
	if d.Status == AddressMX {
		return []string{d.Name}
	}
	for _, mx := range d.MX {
		if mx.Preference == d.MX[0].Preference {
			hosts = append(hosts, mx.Host)
		}
	}
	return hosts
}

func (r *Resolver) nearness(ctx context.Context, mx, host string) int {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if mx == host {
		return sameHost
	}
	there := r.addresses(ctx, host)
	if slices.ContainsFunc(r.addresses(ctx, mx), func(a netip.Addr) bool { return slices.Contains(there, a) }) {
		return sameHost
	}
	mine, theirs := organization(mx), organization(host)
	if mine == "" || mine != theirs {
		return 0
	}
	return max(commonLabels(mx, host), 1)
}

// organization is the domain that somebody has registered; "" for an address.
func organization(host string) string {
	if _, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		return ""
	}
	name, err := publicsuffix.EffectiveTLDPlusOne(host)
	if err != nil {
		return ""
	}
	if f, ok := families[name]; ok {
		return f
	}
	return name
}

// commonLabels counts the labels at the end of both names.
func commonLabels(a, b string) int {
	x, y := strings.Split(a, "."), strings.Split(b, ".")
	slices.Reverse(x)
	slices.Reverse(y)
	n := 0
	for n < min(len(x), len(y)) && x[n] == y[n] {
		n++
	}
	return n
}
