package mailsync

import (
	"context"
	"math"
	"sync"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/imapconn"
)

// Estimate is a sum of octets. The zero value is a sum of 0 that is exact.
type Estimate struct {
	Octets int64 // -1: unknown
	// Error is how far the sum may be off, to either side, with a confidence of
	// 95 %; 0: the server told it, or every size was read.
	Error int64
	// Sampled is how many messages' sizes were read, of Of; both are 0 where
	// the server told the sums of all mailboxes.
	Sampled, Of int64
}

// maxSample is how many sizes are read of one account at most, besides one for
// each mailbox; an account with fewer messages is read whole.
const maxSample = 5000

// openAhead is how many mailboxes are opened before the first one's answer.
const openAhead = 8

// weight is what one mailbox holds.
type weight struct {
	box      imapconn.Mailbox
	messages int64
	octets   int64  // as the server told; -1: it did not
	sizes    sizes  // of messages that were read, where it did not
	refusal  string // why it cannot be looked into, in the server's words; foreign
}

// weights are the mailboxes of one account that can be opened.
type weights []weight

func weighed(s *side) weights {
	var all weights
	for _, b := range s.Mailboxes {
		if b.NoSelect {
			continue
		}
		st := s.status[b.Wire]
		w := weight{box: b, messages: int64(st.Messages), octets: st.Size}
		if st.Messages == 0 {
			w.octets = 0
		}
		if r := st.Reply; r.Status == "NO" || r.Status == "BAD" {
			w.refusal = r.Status + " " + r.Text
		}
		all = append(all, w)
	}
	return all
}

// unknown returns the indexes of the mailboxes whose octets were not told, and
// how many messages they have.
func (ws weights) unknown() (at []int, messages int64) {
	for i, w := range ws {
		if w.octets < 0 && w.messages > 0 {
			at = append(at, i)
			messages += w.messages
		}
	}
	return at, messages
}

// total adds all mailboxes up.
func (ws weights) total() Estimate {
	return ws.sum(func(weight, int64) (less int64) { return 0 })
}

// sum adds up what each mailbox has more than less says of it and its octets.
// It is unknown when a mailbox's octets were neither told nor sampled.
func (ws weights) sum(less func(w weight, octets int64) int64) Estimate {
	var e Estimate
	var variance float64
	var all sizes
	for _, w := range ws {
		all.add(w.sizes)
	}
	for _, w := range ws {
		octets := w.octets
		if octets < 0 {
			mean, ok := w.sizes.mean(all)
			if !ok {
				return Estimate{Octets: -1}
			}
			octets = int64(math.Round(mean * float64(w.messages)))
			variance += w.sizes.variance(all, float64(w.messages))
			e.Sampled, e.Of = e.Sampled+w.sizes.n, e.Of+w.messages
		}
		e.Octets += octets - less(w, octets)
	}
	e.Error = int64(1.96 * math.Sqrt(variance))
	return e
}

// sizes are those of some messages of a mailbox.
type sizes struct {
	n           int64
	sum, square float64
}

func (s *sizes) put(octets int64) {
	s.n++
	s.sum += float64(octets)
	s.square += float64(octets) * float64(octets)
}

func (s *sizes) add(other sizes) {
	s.n += other.n
	s.sum += other.sum
	s.square += other.square
}

// mean is that of the sizes, else that of all; ok is false when there is none.
func (s sizes) mean(all sizes) (octets float64, ok bool) {
	if s.n == 0 {
		s = all
	}
	return s.sum / float64(s.n), s.n > 0
}

// variance is that of the sum of so many messages which was estimated from the
// sizes: a mailbox is a stratum. The spread of too few sizes is that of all.
func (s sizes) variance(all sizes, messages float64) float64 {
	n := float64(s.n)
	if n >= messages {
		return 0
	}
	if s.n < 2 {
		s = all
	}
	m := float64(s.n)
	if m < 2 {
		return 0
	}
	spread := max(s.square-s.sum*s.sum/m, 0) / (m - 1)
	return messages * messages * (1 - n/messages) * spread / max(n, 1)
}

// sample reads the sizes of messages in the mailboxes whose octets were not
// told: of all, or of so many of each as it has its part in all. It may be
// repeated.
func (ws weights) sample(ctx context.Context, c *imapconn.Conn) error {
	at, messages := ws.unknown()
	for _, i := range at {
		ws[i].sizes = sizes{}
	}
	if messages <= maxSample {
		return ws.read(ctx, c, at, nil)
	}
	picked := make([][]uint32, len(ws))
	err := inMailboxes(ctx, c, ws, at, func(i int) (func() error, error) {
		s, err := c.StartUIDs(ctx, 0)
		if err != nil {
			return nil, err
		}
		return func() error {
			uids, err := s.Wait(ctx)
			if err == nil {
				picked[i] = spread(uids, int(max(ws[i].messages*maxSample/messages, 1)))
			}
			return err
		}, nil
	})
	if err != nil {
		return err
	}
	return ws.read(ctx, c, at, picked)
}

// spread picks n of uids at equal distances.
func spread(uids []uint32, n int) []uint32 {
	if n >= len(uids) {
		return uids
	}
	out := make([]uint32, n)
	for i := range out {
		out[i] = uids[(2*i+1)*len(uids)/(2*n)]
	}
	return out
}

// read reads the sizes of the picked messages of each mailbox, nil means all.
func (ws weights) read(ctx context.Context, c *imapconn.Conn, at []int, picked [][]uint32) error {
	return inMailboxes(ctx, c, ws, at, func(i int) (func() error, error) {
		sets := [][]imapconn.Range{{{First: 1, Last: math.MaxUint32}}}
		if picked != nil {
			sets = setsOf(picked[i])
		}
		return startSizes(ctx, c, sets, func(_ uint32, octets int64) { ws[i].sizes.put(octets) })
	})
}

// setsOf cuts UIDs into what one command each may name.
func setsOf(uids []uint32) (sets [][]imapconn.Range) {
	for len(uids) > 0 {
		set, n := chunk(uids, len(uids))
		sets, uids = append(sets, set), uids[n:]
	}
	return sets
}

// startSizes asks for sizes; what it returns waits until each message's was
// given to put, once.
func startSizes(ctx context.Context, c *imapconn.Conn, sets [][]imapconn.Range, put func(uid uint32, octets int64)) (func() error, error) {
	var mu sync.Mutex
	seen := make(map[uint32]bool) // of foreign FETCH responses too: a message counts once
	handler := imapconn.FetchHandler{Message: func(m *imapconn.Message) error {
		mu.Lock()
		defer mu.Unlock()
		if m.UID != 0 && m.Size >= 0 && !seen[m.UID] {
			seen[m.UID] = true
			put(m.UID, m.Size)
		}
		return nil
	}}
	var all []*imapconn.Fetching
	for _, set := range sets {
		f, err := c.Fetch(ctx, set, imapconn.ItemSize, handler)
		if err != nil {
			_ = waitAll(ctx, all) // err says it
			return nil, err
		}
		all = append(all, f)
	}
	return func() error { return waitAll(ctx, all) }, nil
}

// waitAll waits for each of all, so that no handler works any more, and returns
// the first error.
func waitAll(ctx context.Context, all []*imapconn.Fetching) (first error) {
	for _, f := range all {
		if err := f.Wait(ctx); first == nil {
			first = err
		}
	}
	return first
}

// inMailboxes opens mailboxes for reading, several ahead of the first answer,
// and starts something in each; what start returns waits for it. A mailbox
// that the server refuses keeps its refusal and loses the sizes that were read
// in its name.
func inMailboxes(ctx context.Context, c *imapconn.Conn, ws weights, at []int, start func(i int) (wait func() error, err error)) error {
	type visit struct {
		opening *imapconn.Opening
		wait    func() error
	}
	visits := make([]visit, len(at))
	for k := range len(at) + openAhead {
		if done := k - openAhead; done >= 0 && done < len(at) {
			_, err := visits[done].opening.Wait(ctx)
			if waitErr := visits[done].wait(); err == nil {
				err = waitErr
			}
			if err != nil && !refusesMailbox(err) {
				return err
			}
			if err != nil {
				w := &ws[at[done]]
				w.sizes, w.refusal = sizes{}, fault.Of(err).Text
			}
			visits[done] = visit{}
		}
		if k >= len(at) {
			continue
		}
		o, err := c.StartExamine(ctx, ws[at[k]].box.Wire)
		if err != nil {
			return err
		}
		wait, err := start(at[k])
		if err != nil {
			return err
		}
		visits[k] = visit{o, wait}
	}
	return nil
}

// refusesMailbox reports whether err leaves the other mailboxes alone.
func refusesMailbox(err error) bool {
	f := fault.Of(err)
	return f != nil && !isLost(err) && (f.Scope == fault.Mailbox || f.Scope == fault.Message || f.Code == fault.Refused)
}
