package diagnosis

import (
	"strings"
	"testing"
	"time"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// recorded is the evidence of a run of eight seconds with four lanes between
// two near servers, of whose lane time so many parts were spent on each thing.
func recorded(parts map[throughput.Activity]float64) Evidence {
	const wall, lanes = 8 * time.Second, 4
	e := Evidence{Wall: wall, Messages: 2000, Octets: 80 << 20, Lanes: Lanes{Allowed: lanes * wall, Used: lanes * wall},
		Machine: Machine{Processors: 4, Used: 6 * time.Second, Queued: time.Second, Idle: 0.6, Stalled: -1, Resident: 90 << 20, Memory: 300 << 20}}
	left := 1.0
	for a, p := range parts {
		e.Spent[a] = time.Duration(p * lanes * float64(wall))
		left -= p
	}
	e.Spent[throughput.Local] += time.Duration(left * lanes * float64(wall))
	src := Host{Name: "old.example", Side: fault.Source, LaneTime: lanes * wall, Octets: 84 << 20, RoundTrip: 800 * time.Microsecond,
		Wait: e.Spent[throughput.SourceWait], Braked: e.Spent[throughput.SourceBraked], Limited: e.Spent[throughput.SourceLimited]}
	dst := Host{Name: "new.example", Side: fault.Dest, LaneTime: lanes * wall, Octets: 83 << 20, RoundTrip: time.Millisecond,
		Wait: e.Spent[throughput.DestWait], Braked: e.Spent[throughput.DestBraked], Limited: e.Spent[throughput.DestLimited]}
	e.Hosts = []Host{src, dst}
	return e
}

// arriving is octets that arrive so lumpily.
func arriving(lumps float64) Lumps { return Lumps{Times: 20, Typical: lumps, Rate: 10 << 20} }

// sending has so much of the waiting for a destination be for the way to it.
func sending(e *Evidence, way float64) Sending {
	busy := e.Hosts[1].Wait * 9 / 10
	return Sending{Busy: busy, NoRoom: busy - time.Duration(way*float64(e.Hosts[1].Wait))}
}

func steps(rates ...float64) (out []throughput.Step) {
	for i, r := range rates {
		out = append(out, throughput.Step{Lanes: 4 << i, MiBPerSecond: r})
	}
	return out
}

func TestJudge(t *testing.T) {
	const source, dest = throughput.SourceWait, throughput.DestWait
	on := func(a throughput.Activity, p float64) map[throughput.Activity]float64 {
		return map[throughput.Activity]float64{a: p}
	}
	tests := []struct {
		name   string
		parts  map[throughput.Activity]float64
		change func(e *Evidence)
		want   string // verdict and host; "" none
	}{
		{"a source that pauses", on(source, 0.85), func(e *Evidence) { e.Hosts[0].Lumps = arriving(2.4) }, "source server old.example"},
		{"a full link from it", on(source, 0.85), func(e *Evidence) { e.Hosts[0].Lumps = arriving(1.05) }, "link to source old.example"},
		{"it may be either", on(source, 0.85), func(e *Evidence) { e.Hosts[0].Lumps = arriving(1.45) }, ""},
		{"what is sent waits here and there", on(dest, 0.9), func(e *Evidence) { e.Hosts[1].Sending = sending(e, 0.5) }, ""},
		{"nobody has looked", on(source, 0.85), nil, ""},
		{"a source far away", on(source, 0.85), func(e *Evidence) {
			e.Hosts[0].RoundTrip = 120 * time.Millisecond
			e.Hosts[0].Gaps[gapOf(120*time.Millisecond)] = time.Minute
		}, "link to source old.example"},
		{"far away, and slow by itself", on(source, 0.85), func(e *Evidence) {
			e.Hosts[0].RoundTrip, e.Hosts[0].Octets, e.Hosts[0].Lumps = 120*time.Millisecond, 2<<20, arriving(4)
			e.Hosts[0].Gaps[gapOf(2*time.Second)] = time.Minute
		}, "source server old.example"},
		{"a destination that pauses", on(dest, 0.9), func(e *Evidence) { e.Hosts[1].Sending = sending(e, 0.1) }, "destination server new.example"},
		{"a full link to it", on(dest, 0.9), func(e *Evidence) { e.Hosts[1].Sending = sending(e, 0.85) }, "link to destination new.example"},
		{"a destination far away", on(dest, 0.9), func(e *Evidence) { e.Hosts[1].RoundTrip = 90 * time.Millisecond }, "link to destination new.example"},
		{"far away, and more lanes were no faster", on(dest, 0.9), func(e *Evidence) {
			e.Hosts[1].RoundTrip, e.Hosts[1].Sending, e.Steps = 90*time.Millisecond, sending(e, 0.1), steps(10, 10.2, 10.1)
		}, "destination server new.example"},
		{"near, and more lanes were faster", on(dest, 0.9), func(e *Evidence) { e.Steps = steps(10, 19.5, 38) },
			"too few lanes"},
		{"two destinations alike", on(dest, 0.9), func(e *Evidence) {
			h := e.Hosts[1]
			for _, name := range []string{"b.example", "c.example"} {
				h.Name = name
				e.Hosts = append(e.Hosts, h)
			}
			e.Hosts[1].Sending = sending(e, 0.1)
		}, ""},
		{"both sides alike", map[throughput.Activity]float64{source: 0.45, dest: 0.45}, nil, ""},
		{"a bit of everything", map[throughput.Activity]float64{source: 0.3, dest: 0.2, throughput.LedgerWait: 0.2}, nil, ""},
		{"the destination throttles", on(throughput.DestBraked, 0.7), nil, "throttled by new.example"},
		{"the source wants to be left alone", on(source, 0.2), func(e *Evidence) {
			e.Lanes.Used, e.Spent = 4*time.Second, throughput.Spent{}
			e.Lanes.Parked = map[string]time.Duration{"old.example": 28 * time.Second}
		}, "throttled by old.example"},
		{"connections are refused", on(dest, 0.3), func(e *Evidence) {
			e.Lanes.Allowed *= 4
			e.Lanes.Full = map[string]time.Duration{"new.example": e.Lanes.Allowed * 3 / 4}
		}, "connection limit of new.example"},
		{"no row is left", on(dest, 0.9), func(e *Evidence) { e.Lanes.Allowed *= 3; e.Lanes.NoRow = e.Lanes.Allowed * 2 / 3 }, "the tail"},
		{"lanes that there never were rows for", on(dest, 0.9), func(e *Evidence) {
			e.Hosts[1].Sending = sending(e, 0.1)
			e.Lanes.Most, e.Lanes.Allowed = 4, 3*e.Lanes.Allowed
			e.Lanes.NoRow = e.Lanes.Allowed * 2 / 3
		}, "destination server new.example"},
		{"the user's limit", on(throughput.SourceLimited, 0.8), nil, "own limit"},
		{"the user's limit, as the lane sees it", on(source, 0.8), func(e *Evidence) { e.Hosts[0].Limit = 10 << 20 }, "own limit"},
		{"lanes that --max-per-host forbids", on(dest, 0.9), func(e *Evidence) { e.Lanes.Allowed *= 3; e.Lanes.Own = e.Lanes.Allowed * 2 / 3 }, "own limit"},
		{"the ledger", on(throughput.LedgerWait, 0.6), nil, "this machine's disk"},
		{"processors", on(source, 0.6), func(e *Evidence) {
			e.Machine.Used, e.Machine.Queued, e.Machine.Idle = 25*time.Second, 6*time.Second, 0.1
		}, "this machine's CPU"},
		{"processors that others use", on(dest, 0.8), func(e *Evidence) {
			e.Hosts[1].Sending, e.Machine.Idle, e.Machine.Used, e.Machine.Queued = sending(e, 0.1), 0.02, 4*time.Second, 9*time.Second
		}, "this machine's CPU"},
		{"the one processor that it may use", on(source, 0.6), func(e *Evidence) {
			e.Machine.Processors, e.Machine.Cores, e.Machine.Used, e.Machine.Queued = 1, 4, 7*time.Second, time.Second
		}, "this machine's CPU"},
		{"threads that something else holds up", on(throughput.LedgerWait, 0.6), func(e *Evidence) {
			e.Machine.Used, e.Machine.Queued = 8*time.Second, 30*time.Second
		}, "this machine's disk"},
		{"a full link, and processors that others use", on(dest, 0.8), func(e *Evidence) {
			e.Hosts[1].Sending, e.Machine.Idle, e.Machine.Used, e.Machine.Queued = sending(e, 0.9), 0.02, time.Second, 9*time.Second
		}, "link to destination new.example"},
		{"one processor of many", nil, func(e *Evidence) { e.Machine.Processors, e.Machine.Idle = 16, 0.7 }, "too few lanes"},
		{"swap", on(dest, 0.9), func(e *Evidence) { e.Machine.Swapped, e.Machine.SwapIns = 60<<20, 4000 }, "this machine's memory"},
		{"garbage", nil, func(e *Evidence) { e.Machine.Resident, e.Machine.Collecting = 298<<20, 0.5 }, "this machine's memory"},
		{"a second", on(dest, 0.9), func(e *Evidence) { e.Wall = time.Second }, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := recorded(tt.parts)
			if tt.change != nil {
				tt.change(&e)
			}
			b := Judge(e)
			if got := strings.TrimSpace(b.Verdict + " " + b.Host); got != tt.want {
				t.Errorf("%q, want %q: %+v", got, tt.want, b)
			}
			if b.Evidence == "" || (b.Verdict == "") != (b.Advice == "") || (b.Verdict == "") != (b.Line() == "") {
				t.Errorf("evidence, advice and line: %+v", b)
			}
		})
	}
}

// No evidence at all is no verdict, and no panic.
func TestJudgeNothing(t *testing.T) {
	if b := Judge(Evidence{}); b.Verdict != "" || b.Evidence == "" {
		t.Errorf("%+v", b)
	}
	if b := Judge(Evidence{Wall: time.Hour, Lanes: Lanes{Allowed: time.Hour}}); b.Verdict != "" {
		t.Errorf("%+v", b)
	}
}

// However the evidence is, a host is named only by a verdict that is about one,
// and is one of the run's.
func TestJudgeNamesHostsOfTheRun(t *testing.T) {
	for a := range throughput.Activities() {
		for _, p := range []float64{0.1, 0.4, 0.7, 1} {
			e := recorded(map[throughput.Activity]float64{throughput.Activity(a): p})
			e.Hosts[0].Lumps, e.Hosts[1].Sending = arriving(3), sending(&e, 0.9)
			b := Judge(e)
			about := b.Verdict != "" && b.Verdict != CPU && b.Verdict != Disk && b.Verdict != OwnLimit
			if (b.Host != "") != about || b.Host != "" && b.Host != "old.example" && b.Host != "new.example" {
				t.Errorf("%v %v: %+v", throughput.Activity(a), p, b)
			}
		}
	}
}
