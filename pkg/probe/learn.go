package probe

import (
	"context"
	"errors"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/imapfleet/imapfleet/pkg/imapconn"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

const (
	noops    = 10
	noopTime = 2 * time.Second // for all of them
)

// learn asks the servers what is to be known before anything is measured: round
// trips, what the source holds, what the destination allows, and what an earlier
// probe has left there.
func (p *prober) learn(ctx context.Context) {
	limited, cancel := context.WithTimeout(ctx, p.opt.For/3)
	defer cancel()
	var wg sync.WaitGroup
	for _, s := range p.sides {
		wg.Go(func() { p.trips(limited, s) })
	}
	wg.Wait()
	for _, r := range p.rows {
		wg.Go(func() { p.learnDest(limited, r) })
	}
	wg.Wait()
	p.write.left = min(p.opt.Volume, p.roomOfAll())
	for _, r := range p.rows {
		wg.Go(func() { p.learnSource(limited, r) })
	}
	wg.Wait()
	p.mix()
}

// trips measures round trips on the first connection of a side, while nothing
// else goes on.
func (p *prober) trips(ctx context.Context, s *side) {
	var c *imapconn.Conn
	for _, r := range p.rows {
		if c = r.conn[s.index()]; c != nil {
			break
		}
	}
	if c == nil {
		return
	}
	var all []time.Duration
	for began := time.Now(); len(all) < noops && time.Since(began) < noopTime; {
		d, err := c.Noop(ctx)
		if err != nil {
			break // the next use of the connection tells
		}
		all = append(all, d)
	}
	s.tripped(all)
}

// unusable lets go of a row's connection that failed while it was looked at.
func (p *prober) unusable(r *row, s *side, err error) {
	c := r.conn[s.index()]
	drop(c)
	p.mu.Lock()
	defer p.mu.Unlock()
	r.conn[s.index()], r.err[s.index()] = nil, err
	switch rep := &p.rep.Rows[r.at]; {
	case errors.Is(err, context.DeadlineExceeded):
		rep.Fault = s.at.String() + ": there was no time left to look at it"
	case !errors.Is(err, context.Canceled):
		rep.Fault, rep.Hint = said(err)
	}
}

func (p *prober) learnSource(ctx context.Context, r *row) {
	c := r.conn[0]
	if c == nil {
		return
	}
	most := min(max(4000/len(p.rows), 500), 4000)
	list, err := newSample(ctx, c, most, p.limit())
	if err != nil {
		p.unusable(r, p.sides[0], err)
		return
	}
	r.list = list
}

// learnDest looks at quota and limit, and for mailboxes of an earlier probe.
func (p *prober) learnDest(ctx context.Context, r *row) {
	c := r.conn[1]
	if c == nil {
		return
	}
	err := p.earlier(ctx, r, c)
	if err == nil {
		err = p.quota(ctx, r, c)
	}
	if err != nil {
		p.unusable(r, p.sides[1], err)
	}
}

// ofFree is the part of what a quota leaves that a probe uses at most.
const ofFree = 0.5

// quota bounds what is written to a row's account.
func (p *prober) quota(ctx context.Context, r *row, c *imapconn.Conn) error {
	limits, known, err := c.Quotas(ctx, "INBOX")
	if err != nil || !known {
		return err
	}
	octets, messages := int64(math.MaxInt64), int64(math.MaxInt64)
	for _, l := range limits {
		switch l.Resource {
		case "STORAGE":
			octets = min(octets, l.Free())
		case "MESSAGE":
			messages = min(messages, l.Free())
		}
	}
	if octets == math.MaxInt64 && messages == math.MaxInt64 {
		return nil
	}
	r.room = newBudget(half(octets), half(messages))
	if octets < p.opt.Volume*2/int64(len(p.rows)) {
		p.note("line %d: the quota leaves %s; the probe writes half of that at most", r.pair.Line, throughput.FormatOctets(octets))
	}
	return nil
}

// half is ofFree of what is not without bound.
func half(n int64) int64 {
	if n == math.MaxInt64 {
		return n
	}
	return int64(float64(n) * ofFree)
}

// roomOfAll is what the quotas of all rows allow together.
func (p *prober) roomOfAll() (sum int64) {
	for _, r := range p.rows {
		if r.room == nil || sum > math.MaxInt64-r.room.octets {
			return math.MaxInt64
		}
		sum += r.room.octets
	}
	return sum
}

// limit is the largest message that takes part, in octets: a larger one would be
// the whole measurement, or is not taken by the destination. What both allow is
// known.
func (p *prober) limit() int64 {
	n := min(max(min(p.opt.Volume, p.write.left)/16, leastLimit), mostLimit)
	s := p.sides[1]
	s.mu.Lock()
	defer s.mu.Unlock()
	if limit := s.caps.AppendLimit; limit > 0 {
		return min(n, limit)
	}
	return n
}

// Bounds of limit.
const (
	leastLimit = 4 << 10
	mostLimit  = 8 << 20
)

// mix gathers the sizes that were sampled.
func (p *prober) mix() {
	var sizes []int64
	m := &p.rep.Mix
	for _, r := range p.rows {
		if r.list != nil {
			sizes = append(sizes, r.list.sizes()...)
			m.LeftOut += r.list.leftOut
		}
	}
	m.Limit = p.limit()
	if m.Usual = len(sizes) == 0; m.Usual {
		sizes = slices.DeleteFunc(usualSizes(), func(n int64) bool { return n > m.Limit })
	}
	if len(sizes) == 0 {
		sizes = []int64{m.Limit}
	}
	slices.Sort(sizes)
	if !m.Usual {
		m.Messages = len(sizes)
	}
	var sum int64
	for _, n := range sizes {
		sum += n
	}
	m.Mean, m.Median = sum/int64(len(sizes)), sizes[len(sizes)/2]
	m.P90, m.Max = sizes[len(sizes)*9/10], sizes[len(sizes)-1]
	p.synth = newSynth(sizes, p.id)
}
