package mailsync

import (
	"context"

	"github.com/imapfleet/imapfleet/pkg/imapconn"
)

// LargeReport is about the messages of the source that are larger than the
// destination takes.
type LargeReport struct {
	Limit    int64 // octets of a message (RFC 7889), the lowest of all mailboxes; 0: the destination tells none
	Messages int64
	Largest  int64 // octets; 0: none, or not told
}

// maxLarge is of how many large messages of an account the sizes are read.
const maxLarge = 1000

// findLarge searches the source's mailboxes for messages over the limit of
// their destination. It may be repeated.
func (c *checking) findLarge(ctx context.Context, conn *imapconn.Conn) (LargeReport, error) {
	limits, rep := c.appendLimits()
	if rep.Limit == 0 || c.moving() == nil {
		return rep, nil
	}
	ws := c.weights[0]
	var at []int
	for i, w := range ws {
		limit := limits[w.box.Wire]
		if limit > 0 && w.messages > 0 && (w.octets < 0 || w.octets > limit) { // else no message can be
			at = append(at, i)
		}
	}
	large := make([][]uint32, len(ws))
	err := inMailboxes(ctx, conn, ws, at, func(i int) (func() error, error) {
		s, err := conn.StartLarger(ctx, limits[ws[i].box.Wire])
		if err != nil {
			return nil, err
		}
		return func() (err error) {
			large[i], err = s.Wait(ctx)
			return err
		}, nil
	})
	if err != nil {
		return rep, err
	}
	var found []int
	left := maxLarge
	for _, i := range at {
		if n := len(large[i]); n > 0 {
			rep.Messages += int64(n)
			large[i] = large[i][:min(n, left)]
			left -= len(large[i])
			found = append(found, i)
		}
	}
	return rep, inMailboxes(ctx, conn, ws, found, func(i int) (func() error, error) {
		return startSizes(ctx, conn, setsOf(large[i]), func(_ uint32, octets int64) {
			rep.Largest = max(rep.Largest, octets)
		})
	})
}

// appendLimits returns what a message may have at most, by the source mailbox
// it is in; 0 means no limit.
func (c *checking) appendLimits() (limits map[string]int64, rep LargeReport) {
	limits = make(map[string]int64, len(c.places))
	largest := c.p.rules.MaxSize
	for wire, at := range c.places {
		limit := c.caps[1].AppendLimit
		status := c.dest.of("INBOX") // speaks for mailboxes that are not there yet
		if at.exists {
			status = c.dest.of(at.dest)
		}
		if status.AppendLimit > 0 {
			limit = status.AppendLimit
		}
		if limit > 0 && (rep.Limit == 0 || limit < rep.Limit) {
			rep.Limit = limit
		}
		if largest > 0 && largest <= limit {
			limit = 0 // the user's own rule leaves them out
		}
		limits[wire] = limit
	}
	return limits, rep
}
