package mailsync

import (
	"fmt"
	"math"

	"github.com/imapfleet/imapfleet/pkg/imapconn"
	"github.com/imapfleet/imapfleet/pkg/rules"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// QuotaReport is what the destination allows the account (RFC 9208).
type QuotaReport struct {
	Known bool // it tells
	// Free and Limit are octets, of the root with the least free; -1: no limit.
	Free, Limit int64
	// FreeMessages is how many more messages there may be; -1: no limit.
	FreeMessages int64
}

// quotaOf picks the limits that are met first.
func quotaOf(limits []imapconn.Quota, known bool) QuotaReport {
	rep := QuotaReport{Known: known, Free: -1, Limit: -1, FreeMessages: -1}
	for _, l := range limits {
		switch l.Resource {
		case "STORAGE":
			if rep.Free < 0 || l.Free() < rep.Free {
				rep.Free, rep.Limit = l.Free(), l.Limit
			}
		case "MESSAGE":
			if rep.FreeMessages < 0 || l.Free() < rep.FreeMessages {
				rep.FreeMessages = l.Free()
			}
		}
	}
	return rep
}

// tight is the part of a quota that should stay free.
const tight = 0.1

// needed sums up what is not at the destination yet: of each destination
// mailbox, what its sources hold and it does not.
func (c *checking) needed() (octets Estimate, messages int64) {
	held, heldMessages := c.held()
	less := func(held map[string]int64, name string, n int64) int64 {
		n = min(n, held[name])
		held[name] -= n // what merges into one mailbox is there only once
		return n
	}
	moving := c.moving()
	octets = moving.sum(func(w weight, n int64) int64 { return less(held, c.places[w.box.Wire].dest, n) })
	for _, w := range moving {
		messages += w.messages - less(heldMessages, c.places[w.box.Wire].dest, w.messages)
	}
	if octets.Octets >= 0 {
		octets.Error = int64(math.Hypot(float64(octets.Error), float64(c.rep.Dest.Octets.Error)))
	}
	return octets, messages
}

// held is what the destination's mailboxes hold, by name.
func (c *checking) held() (octets, messages map[string]int64) {
	octets, messages = make(map[string]int64), make(map[string]int64)
	var all sizes
	for _, w := range c.weights[1] {
		all.add(w.sizes)
	}
	for _, w := range c.weights[1] {
		octets[w.box.Name], messages[w.box.Name] = max(w.octets, 0), w.messages
		if mean, ok := w.sizes.mean(all); w.octets < 0 && ok {
			octets[w.box.Name] = int64(mean * float64(w.messages))
		}
	}
	return octets, messages
}

// fit judges whether what is to come fits into the destination's quota.
func (c *checking) fit() {
	var messages int64
	c.rep.Needed, messages = c.needed()
	q, need := c.rep.Quota, c.rep.Needed
	switch {
	case !q.Known:
		c.find(Note, FindQuota, "the destination does not tell its quota: whether the mail fits is not known")
	case q.Free >= 0 && need.Octets >= 0:
		says := fmt.Sprintf("quota: needs about %s%s, %s free of %s", throughput.FormatOctets(need.Octets), need.spread(),
			throughput.FormatOctets(q.Free), throughput.FormatOctets(q.Limit))
		c.fits(float64(need.Octets-need.Error), float64(need.Octets+need.Error), float64(q.Free), says)
	}
	if q.FreeMessages >= 0 {
		says := fmt.Sprintf("quota: needs %s messages, %s free", throughput.FormatNumber(messages), throughput.FormatNumber(q.FreeMessages))
		c.fits(float64(messages), float64(messages), float64(q.FreeMessages), says)
	}
}

// fits finds what is wrong when what is needed lies between least and most.
func (c *checking) fits(least, most, free float64, says string) {
	switch {
	case most <= 0 || most <= free*(1-tight):
	case least <= free && most > free:
		c.find(Warning, FindQuota, says+": may not fit")
	case most <= free:
		c.find(Warning, FindQuota, says+": fits, with less than 10 % to spare")
	case selects(&c.p.rules):
		c.find(Warning, FindQuota, says+": does not fit, unless the rules of this row leave out enough")
	default:
		c.find(NoGo, FindQuota, says+": does not fit")
	}
}

// selects reports whether rules leave messages out.
func selects(r *rules.Rules) bool {
	return r.ByDate() || r.BySize() || r.Search != "" || r.SkipDuplicates
}

// spread says how far an estimate may be off, for a sentence.
func (e Estimate) spread() string {
	if e.Error == 0 {
		return ""
	}
	return fmt.Sprintf(" (give or take %s, from the sizes of %s messages of %s)", throughput.FormatOctets(e.Error),
		throughput.FormatNumber(e.Sampled), throughput.FormatNumber(e.Of))
}
