package batch

import (
	"testing"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// held is an account with lanes between two hosts, a letter each, and so many
// octets left.
type held struct {
	hosts string
	lanes int
	left  int64
}

// gateWith returns a gate with these accounts, of rows 1, 2 and so on.
func gateWith(t *testing.T, limit, perHost int, accounts ...held) (*gate, []*holder) {
	t.Helper()
	g := newGate(limit, 4, perHost)
	run := throughput.NewRun()
	var out []*holder
	for i, a := range accounts {
		g.push(jobOf(i+1, a.hosts, ""))
		h := g.next()
		if h == nil {
			t.Fatalf("row %d does not start", i+1)
		}
		m := run.Account("", i+1)
		m.Expect(1, a.left)
		h.work(m)
		out = append(out, h)
	}
	for i, a := range accounts {
		for range a.lanes - 1 {
			if !out[i].TryAcquire() {
				t.Fatalf("row %d gets no more than %d lanes", i+1, out[i].lanes)
			}
			out[i].asked = out[i].asked.Add(-askLasts)
		}
	}
	return g, out
}

func jobOf(line int, hosts, dest string) *job {
	if dest == "" {
		dest = string(rune('0' + line))
	}
	return &job{index: line - 1, hosts: [2]string{hosts[:1], hosts[1:]}, dest: dest, most: 4}
}

// TestWanted: who is asked to give a lane back, after something has happened.
func TestWanted(t *testing.T) {
	tests := []struct {
		name           string
		limit, perHost int
		accounts       []held
		then           func(g *gate)
		want           []bool
	}{
		{"nobody waits", 6, 0, []held{{"ab", 4, 9}, {"ab", 2, 9}}, func(*gate) {}, []bool{false, false}},
		{"a row: the widest gives", 7, 0, []held{{"ab", 2, 1}, {"ab", 4, 9}, {"ab", 1, 0}}, func(g *gate) {
			g.push(jobOf(9, "ab", ""))
		}, []bool{false, true, false}},
		{"a row: who has less left gives", 4, 0, []held{{"ab", 2, 9}, {"ab", 2, 5}}, func(g *gate) {
			g.push(jobOf(9, "ab", ""))
		}, []bool{false, true}},
		{"a lane is free: the row takes that", 7, 0, []held{{"ab", 4, 9}, {"ab", 2, 9}}, func(g *gate) {
			g.push(jobOf(9, "ab", ""))
		}, []bool{false, false}},
		{"its destination is busy", 6, 0, []held{{"ab", 4, 9}, {"ab", 2, 9}}, func(g *gate) {
			g.push(jobOf(9, "ab", "1"))
		}, []bool{false, false}},
		{"a row behind a busy destination", 6, 0, []held{{"ab", 4, 9}, {"ab", 2, 9}}, func(g *gate) {
			g.push(jobOf(8, "ab", "1"))
			g.push(jobOf(9, "ab", ""))
		}, []bool{true, false}},
		{"a full host: who touches it gives", 20, 4, []held{{"cd", 4, 9}, {"ab", 3, 9}, {"ab", 1, 9}}, func(g *gate) {
			g.push(jobOf(9, "ab", ""))
		}, []bool{false, true, false}},
		{"two full hosts, of different accounts: one lane would not help", 20, 3, []held{{"ac", 3, 9}, {"db", 3, 9}}, func(g *gate) {
			g.push(jobOf(9, "ab", ""))
		}, []bool{false, false}},
		{"nobody has a further lane", 2, 0, []held{{"ab", 1, 9}, {"ab", 1, 9}}, func(g *gate) {
			g.push(jobOf(9, "ab", ""))
		}, []bool{false, false}},
		{"the run stops", 6, 0, []held{{"ab", 4, 9}, {"ab", 2, 9}}, func(g *gate) {
			g.push(jobOf(9, "ab", ""))
			g.stop()
		}, []bool{false, false}},
		{"one lane fewer", 6, 0, []held{{"ab", 2, 9}, {"ab", 4, 9}}, func(g *gate) { g.fix(5) }, []bool{false, true}},
		{"two lanes fewer", 6, 0, []held{{"ab", 2, 9}, {"ab", 4, 9}}, func(g *gate) { g.fix(4) }, []bool{true, true}},
		{"its server allows two", 6, 0, []held{{"ab", 3, 9}, {"ab", 3, 9}}, func(g *gate) {
			g.learn(g.holders[0].job, &fault.Error{Side: fault.Dest, MaxPerUser: 3})
		}, []bool{true, false}},
		{"a host allows one less", 9, 0, []held{{"ab", 2, 9}, {"cb", 3, 9}, {"cd", 4, 9}}, func(g *gate) {
			g.learn(g.holders[0].job, &fault.Error{Side: fault.Dest, MaxPerHost: 4})
		}, []bool{false, true, false}},
		{"a host's limit without a side", 4, 0, []held{{"ab", 4, 9}}, func(g *gate) {
			g.learn(g.holders[0].job, &fault.Error{MaxPerHost: 1})
		}, []bool{false}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g, accounts := gateWith(t, tt.limit, tt.perHost, tt.accounts...)
			tt.then(g)
			for i, h := range accounts {
				if got := h.Wanted(); got != tt.want[i] {
					t.Errorf("row %d is asked: %v, want %v", i+1, got, tt.want[i])
				}
			}
		})
	}
}

// A row that waits is served before an account that asks: with the lane that
// came free just now too.
func TestRowsComeBeforeFurtherLanes(t *testing.T) {
	tests := []struct {
		name string
		row  *job
		want bool // the account gets the lane
	}{
		{"it could start", jobOf(9, "ab", ""), false},
		{"its destination is busy", jobOf(9, "ab", "1"), true},
		{"its host is full", jobOf(9, "xb", ""), true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g, accounts := gateWith(t, 6, 4, held{"ab", 2, 9}, held{"xy", 4, 9})
			g.push(tt.row)
			accounts[1].Release() // of six lanes one is free, and one of host x
			g.hosts.tell("x", 3)
			if got := accounts[0].TryAcquire(); got != tt.want {
				t.Errorf("TryAcquire = %v, want %v", got, tt.want)
			}
			select {
			case <-g.changed:
			default:
				t.Error("the feeder is not told of the lane")
			}
		})
	}
}

// TestTryAcquire: who gets the one free lane that row 1, with 5 octets left,
// asks for when row 2, with 9, has asked before.
func TestTryAcquire(t *testing.T) {
	tests := []struct {
		name string
		then func(g *gate, asker *holder)
		want bool
	}{
		{"it still wants one", func(*gate, *holder) {}, false},
		{"it has given one back since", func(_ *gate, h *holder) { h.Release() }, true},
		{"it may have no more", func(_ *gate, h *holder) { h.Refused(3) }, true},
		{"it has ended", func(g *gate, h *holder) { g.end(h) }, true},
		{"the run stops", func(g *gate, h *holder) { g.end(h); g.stop() }, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g, accounts := gateWith(t, 5, 0, held{"ab", 1, 5}, held{"ab", 2, 9}, held{"ab", 2, 1})
			if accounts[1].TryAcquire() {
				t.Fatal("there are no more than five lanes")
			}
			accounts[2].Release()
			tt.then(g, accounts[1])
			if got := accounts[0].TryAcquire(); got != tt.want {
				t.Errorf("TryAcquire = %v, want %v", got, tt.want)
			}
		})
	}
}

// What an attempt says after its end changes nothing for the next one.
func TestAttemptThatHasEnded(t *testing.T) {
	g, accounts := gateWith(t, 5, 0, held{"ab", 3, 9})
	h := accounts[0]
	g.end(h)
	h.Refused(0)
	h.Release()
	if h.TryAcquire() || h.Wanted() || h.job.most != 4 || g.used != 0 {
		t.Errorf("at most %d lanes next time, %d in use", h.job.most, g.used)
	}
}
