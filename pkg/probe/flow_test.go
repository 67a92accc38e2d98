package probe

import (
	"context"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/imapfleet/imapfleet/pkg/account"
	"github.com/imapfleet/imapfleet/pkg/imaptest"
)

// How a turn begins and ends does not count, unless there is hardly anything
// between.
func TestStretch(t *testing.T) {
	began := time.Date(2026, 11, 28, 8, 0, 0, 0, time.UTC)
	at := func(ms int) time.Time { return began.Add(time.Duration(ms) * time.Millisecond) }
	tests := []struct {
		name  string
		flow  flow
		ended int
		want  stretch
	}{
		{"steady", flow{octets: 900, messages: 9, first: at(100), last: at(900), steadyOctets: 700, steadyMessages: 7}, 1400, stretch{0.8, 700, 7}},
		{"nothing after the first", flow{octets: 100, messages: 1, first: at(100)}, 200, stretch{0.2, 100, 1}},
		{"too little between", flow{octets: 900, messages: 9, first: at(600), last: at(900), steadyOctets: 700, steadyMessages: 7}, 1400, stretch{1.4, 900, 9}},
		{"out of volume", flow{octets: 900, messages: 9, first: at(10), last: at(40), steadyOctets: 700, steadyMessages: 7}, 50, stretch{0.03, 700, 7}},
		{"nothing at all", flow{}, 1000, stretch{1, 0, 0}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.flow.began, tt.flow.until = began, at(1000)
			if got := tt.flow.stretch(at(tt.ended)); math.Abs(got.seconds-tt.want.seconds) > 1e-9 || got.octets != tt.want.octets || got.messages != tt.want.messages {
				t.Errorf("%+v, want %+v", got, tt.want)
			}
		})
	}
}

// costly is what lanes do in a second each, when a message costs so much, and an
// octet; slow is how many times slower all is.
func costly(perMessage, perOctet, slow float64, means ...float64) (out []stretch) {
	for _, mean := range means {
		messages := 1 / (slow * (perMessage + perOctet*mean))
		out = append(out, stretch{1, int64(messages * mean), int64(messages)})
	}
	return out
}

// Steps compare, whatever rows they happened to be about: the rate is that for
// the mix of all.
func TestSteps(t *testing.T) {
	const mean, perMessage, perOctet = 50_000, 0.0005, 1e-8 // half by octets
	all := []measurement{
		{lanes: 1, did: costly(perMessage, perOctet, 1, 2_000)},
		{lanes: 2, did: costly(perMessage, perOctet, 1.2, 90_000, 80_000)},
		{lanes: 4, did: costly(perMessage, perOctet, 2, 2_000, 2_000, 90_000, 80_000)},
	}
	share := octetShare(all, mean)
	if math.Abs(share-0.5) > 0.02 {
		t.Errorf("octets have %v of the time", share)
	}
	for i, slow := range []float64{1, 1.2, 2} {
		want := float64(all[i].lanes) / (slow * (perMessage + perOctet*mean))
		s := all[i].step(share, mean)
		if math.Abs(s.MessagesPerSecond-want) > 0.03*want || math.Abs(s.MiBPerSecond-want*mean/(1<<20)) > 0.03*want*mean/(1<<20) {
			t.Errorf("%+v, want %v messages/s", s, want)
		}
	}
	for want, did := range map[float64][]stretch{0: costly(1e-3, 0, 1, 2_000, 90_000, 50_000), 1: costly(0, 1e-7, 1, 2_000, 90_000, 50_000), 0.5: costly(1e-3, 0, 1, 50_000, 50_000)} {
		if got := octetShare([]measurement{{lanes: 2, did: did}}, mean); math.Abs(got-want) > 0.1 {
			t.Errorf("octets have %v of the time, want %v", got, want)
		}
	}
	if got := (measurement{lanes: 4}).step(0.5, mean); got.MiBPerSecond != 0 {
		t.Errorf("of nothing: %+v", got)
	}
}

// With fewer lanes than rows a step is about all rows, in turns, as far as its
// time allows; the next one goes on with those that had none.
func TestTurns(t *testing.T) {
	p := &prober{}
	p.rep.Mix.Limit = 1
	var all []*lane
	for i := range 5 {
		all = append(all, &lane{n: i})
	}
	for _, tt := range []struct {
		lanes int
		time  time.Duration
		turn  time.Duration
		want  []int // whose turn it was
	}{
		{1, time.Minute, time.Second, []int{0, 1, 2, 3, 4}},
		{2, time.Minute, time.Second, []int{0, 1, 2, 3, 4, 0}},
		{1, 2500 * time.Millisecond, time.Second, []int{1, 2}},
		{1, time.Millisecond, time.Second, []int{3}},
		{2, time.Minute, 0, []int{4, 0}},
		{5, time.Minute, time.Second, []int{1, 2, 3, 4, 0}},
	} {
		did := make(chan int, 100)
		st := &step{p: p, lanes: tt.lanes}
		_, err := st.run(t.Context(), tt.time, 1<<20, all, plan{turn: tt.turn, do: func(_, _ context.Context, l *lane, _ *step) error {
			did <- l.n
			l.flow.passed(10, 1)
			return nil
		}})
		close(did)
		var got []int
		for n := range did {
			got = append(got, n)
		}
		slices.Sort(got)
		slices.Sort(tt.want)
		if err != nil || !slices.Equal(got, tt.want) || len(st.did) != len(tt.want) || st.messages != int64(len(tt.want)) {
			t.Errorf("%d lanes, %v: %v, %v, %d messages, want %v", tt.lanes, tt.time, got, err, st.messages, tt.want)
		}
	}
}

// A step has a part of what is left; all of them together are all.
func TestShares(t *testing.T) {
	plans := []plan{{phase: Source, weight: 1}, {phase: Dest, weight: 1}, {phase: Both, weight: 2}}
	ladder := []int{1, 2, 4, 8}
	span := 1.0
	volume := map[Phase]float64{Source: 1, Dest: 1}
	for i, pl := range plans {
		for k, n := range ladder {
			part := shareOf(pl, ladder[k:], plans[i+1:], ladder)
			if part.time <= 0 || part.time > 1 || part.volume <= 0 || part.volume > 1 {
				t.Errorf("%s, %d lanes: %+v", pl.phase, n, part)
			}
			if took := span * part.time; math.Abs(took-pl.weight/16) > 1e-9 {
				t.Errorf("%s, %d lanes: %v of the time", pl.phase, n, took)
			}
			span -= span * part.time
			for side := range volume {
				if pl.phase == side || pl.phase == Both {
					volume[side] -= volume[side] * part.volume
				}
			}
		}
	}
	if span > 1e-9 || volume[Source] > 1e-9 || volume[Dest] > 1e-9 {
		t.Errorf("left: %v of the time, %v of the volume", span, volume)
	}
}

// As many borders between mailboxes as a run meets, for as many messages: of a
// large mailbox only a part is sampled.
func TestBorders(t *testing.T) {
	uids := func(n int) (p piece) {
		for i := range n {
			p.uids, p.octets = append(p.uids, uint32(i+1)), append(p.octets, 10)
		}
		return p
	}
	for _, tt := range []struct{ sampled, holds, want int }{{10, 10, 200}, {10, 100, 20}, {10, 1000, 2}} {
		s := &sample{}
		for _, box := range []string{"a", "b", "c", "d"} {
			s.add(box, []piece{uids(tt.sampled / 2), uids(tt.sampled / 2)}, tt.holds, 1<<20)
		}
		borders := 0
		for messages := 0; messages < 2010; {
			r, _ := s.take(50)
			messages += len(r.uids)
			if r.border {
				borders++
			}
		}
		if borders < tt.want-1 || borders > tt.want+1 {
			t.Errorf("%d of %d messages sampled: %d borders in 2,000 messages, want %d", tt.sampled, tt.holds, borders, tt.want)
		}
	}
}

// Between two mailboxes both sides together do as a run does: they select.
func TestMailboxes(t *testing.T) {
	t.Parallel()
	var boxes []imaptest.FakeMailbox
	for _, name := range []string{"INBOX", "a", "b", "c"} {
		b := lettersOf(20, 2000)
		b.Name = name
		boxes = append(boxes, b)
	}
	src, dst := imaptest.NewFake(t, imaptest.FakeOptions{}, boxes...), imaptest.NewFake(t, imaptest.FakeOptions{})
	o := quick([]account.Pair{pairOf(t, 2, src.Access(), dst.Access())})
	o.Lanes = 1
	rep, err := Run(t.Context(), o)
	if err != nil || len(rep.Both) != 1 {
		t.Fatalf("%v: %+v", err, rep)
	}
	if n := count(dst, "SELECT"); n < 4 {
		t.Errorf("%d times SELECT", n)
	}
	if rep.Boxes != 4 || rep.Making <= 0 || rep.OctetShare <= 0 {
		t.Errorf("%v mailboxes, which take %v s each; octets %v", rep.Boxes, rep.Making, rep.OctetShare)
	}
	if v := dst.Violations(); len(v) > 0 {
		t.Errorf("violations %q", v)
	}
}
