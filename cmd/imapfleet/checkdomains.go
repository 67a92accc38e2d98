package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/imapfleet/imapfleet/pkg/account"
	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/mailsync"
	"github.com/imapfleet/imapfleet/pkg/mxlookup"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// shortTTL is what the TTL of an MX should be at most on the day on which it
// changes.
const shortTTL = 5 * time.Minute

// findMX is the code of findings about domains.
const findMX = "mx"

// newResolver returns what looks up the domains of the selected rows; nil when
// there are none or it is not wanted.
func (o *checkOptions) newResolver(pairs []account.Pair, selected []int, warn io.Writer) (*mxlookup.Resolver, error) {
	if o.noDNS || !slices.ContainsFunc(selected, func(i int) bool { return len(domainsOf(pairs[i])) > 0 }) {
		return nil, nil
	}
	r, err := mxlookup.New(o.dnsServer)
	switch {
	case errors.Is(err, mxlookup.ErrNoServers):
		fmt.Fprintf(warn, "warning: the users' domains are not looked up: %s; --dns-server names one, --no-dns is silent\n", err)
		return nil, nil
	case err != nil:
		return nil, usageError(fmt.Errorf("--dns-server: %w", err))
	}
	return r, nil
}

// domainsOf returns the domains of a row's users, the source's first.
func domainsOf(p account.Pair) []string {
	var out []string
	for _, e := range []account.Endpoint{p.Source, p.Dest} {
		if d := domainOf(e.User); d != "" && !slices.Contains(out, d) {
			out = append(out, d)
		}
	}
	return out
}

// domainOf returns the domain of a user's name, without what administrators
// put behind it (user@domain*admin, user@domain/shared); "" where there is none
// that the world could know.
func domainOf(user string) string {
	_, domain, ok := strings.Cut(user, "@")
	if !ok {
		return ""
	}
	if end := strings.IndexAny(domain, "*%/\\+@ "); end >= 0 {
		domain = domain[:end]
	}
	domain = strings.ToLower(strings.TrimSuffix(domain, "."))
	if !strings.Contains(domain, ".") || strings.ContainsAny(domain, "[]:") {
		return ""
	}
	return domain
}

// domainReport is what was found about the domains of one row.
type domainReport struct {
	domains  []throughput.CheckDomain
	findings []mailsync.Finding
}

// lookUpDomains looks up the domains of a row's users.
func lookUpDomains(ctx context.Context, r *mxlookup.Resolver, p account.Pair) (rep domainReport) {
	if r == nil {
		return rep
	}
	for _, name := range domainsOf(p) {
		d := r.Lookup(ctx, name)
		side := ""
		if at := r.Nearest(ctx, d, p.Source.Host, p.Dest.Host); at >= 0 {
			side = []string{"source", "destination"}[at]
		}
		rep.domains = append(rep.domains, checkDomainOf(d, side))
		f := domainFinding(d, side)
		f.Code, f.Text = findMX, fault.Clean(f.Text)
		rep.findings = append(rep.findings, f)
	}
	return rep
}

func checkDomainOf(d mxlookup.Domain, side string) throughput.CheckDomain {
	out := throughput.CheckDomain{Domain: fault.Clean(d.Name), Side: side, AtLeast: d.AtLeast}
	for _, mx := range d.MX {
		out.MX = append(out.MX, fault.Clean(mx.Host))
	}
	if d.Status == mxlookup.Found || d.Status == mxlookup.AddressMX {
		ttl := int64(d.TTL / time.Second)
		out.TTL = &ttl
	}
	return out
}

// domainFinding says what a domain's MX means for the day of the move.
func domainFinding(d mxlookup.Domain, side string) mailsync.Finding {
	warning := func(format string, args ...any) mailsync.Finding {
		return mailsync.Finding{Level: mailsync.Warning, Text: fmt.Sprintf(format, args...)}
	}
	seconds := int64(d.TTL / time.Second)
	switch d.Status {
	case mxlookup.Found:
		return mailsync.Finding{Text: mxAdvice(d, side)}
	case mxlookup.AddressMX:
		return warning("%s has no MX: its mail goes to its address (TTL %d s); give it an MX before the cutover", d.Name, seconds)
	case mxlookup.NullMX:
		return warning("%s takes no mail (its MX is \".\")", d.Name)
	case mxlookup.NoMail:
		return warning("%s has neither MX nor address: no mail can reach it", d.Name)
	case mxlookup.NoDomain:
		return warning("%s does not exist (NXDOMAIN): no mail can reach it", d.Name)
	}
	return warning("the MX of %s could not be looked up: %v", d.Name, d.Err)
}

func mxAdvice(d mxlookup.Domain, side string) string {
	text := fmt.Sprintf("mail for %s goes to %s", d.Name, d.MX[0].Host)
	if more := len(d.MX) - 1; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	if side != "" {
		text += " (the " + side + ")"
	}
	ttl := fmt.Sprintf("TTL %d s", d.TTL/time.Second)
	switch {
	case side == "destination":
		return text + ": its MX points at the new side already"
	case d.AtLeast:
		return text + fmt.Sprintf("; MX %s or more (as a cache has it): see that it is %d s, as long before the cutover as it was", ttl, shortTTL/time.Second)
	case d.TTL <= shortTTL:
		return text + "; MX " + ttl + ": short enough for the cutover"
	}
	before := throughput.FormatDuration(d.TTL)
	return text + fmt.Sprintf("; MX %s: lower it to %d s at least %s before the cutover, or mail goes the old way for that long", ttl, shortTTL/time.Second, before)
}
