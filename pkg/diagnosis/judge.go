package diagnosis

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// The verdicts. They are stable: programs compare them.
const (
	SourceServer    = "source server"
	DestServer      = "destination server"
	SourceLink      = "link to source"
	DestLink        = "link to destination"
	ThrottledBy     = "throttled by" // and the host
	ConnectionLimit = "connection limit of"
	CPU             = "this machine's CPU"
	Memory          = "this machine's memory"
	Disk            = "this machine's disk"
	TooFewLanes     = "too few lanes"
	TheTail         = "the tail"
	OwnLimit        = "own limit"
)

const (
	// leastWall and leastLanes are what a run must have lasted, and its lanes
	// together, to be judged: before that it logs in and lists.
	leastWall  = 1500 * time.Millisecond
	leastLanes = 3 * time.Second
	// weighty is the part of the lane time that a verdict must explain, and
	// ahead how many times as much as any other.
	weighty = 0.4
	ahead   = 1.25
	// left is the part of the machine's processors that nobody uses when they
	// are not what is lacking.
	left = 0.15
	// starved is the part of the processors that the process uses or waits for
	// when it is they that are lacking.
	starved = 0.85
)

// Judge says what kept the run from being faster. Without a verdict, Evidence
// says why there is none.
func Judge(e Evidence) throughput.Bottleneck {
	if e.Wall < leastWall || max(e.Lanes.Allowed, e.Spent.Total()) < leastLanes {
		return undecided("too little to judge by: %s of lane time", throughput.FormatDuration(e.Spent.Total()))
	}
	// Who lacks processors or memory waits everywhere, and its servers look slow.
	if b, ok := e.memory(); ok {
		return b
	}
	if m := e.Machine; m.wanted(e.Wall) >= starved && !m.spare(e.Wall) {
		return e.cpu()
	}
	b := e.biggest()
	if e.Machine.full(e.Wall) && (b.Verdict == "" || b.Verdict == SourceServer || b.Verdict == DestServer) {
		return e.cpu() // a link that is full is so whoever uses the processors
	}
	return b
}

// biggest is the verdict on what most of the lane time went into.
func (e Evidence) biggest() throughput.Bottleneck {
	claims := e.claims()
	slices.SortStableFunc(claims, func(a, b claim) int { return cmp.Compare(b.share, a.share) })
	first, second := claims[0], claims[1]
	switch {
	case first.share < weighty:
		return undecided("nothing stands out: %s is %s of the lane time", first.name, percent(first.share))
	case first.share < ahead*second.share:
		return undecided("no one thing: %s is %s of the lane time, %s %s", first.name, percent(first.share), second.name, percent(second.share))
	}
	return first.say(first.share)
}

func undecided(format string, args ...any) throughput.Bottleneck {
	return throughput.Bottleneck{Evidence: fmt.Sprintf(format, args...)}
}

// claim is one thing that lane time went into.
type claim struct {
	name  string
	share float64
	say   func(share float64) throughput.Bottleneck
}

// claims are all of them; what is in two of them is in none.
func (e Evidence) claims() []claim {
	s := e.Spent
	source, dest := s[throughput.SourceWait], s[throughput.DestWait]
	limited := s[throughput.SourceLimited] + s[throughput.DestLimited]
	// A lane that waits for octets which our own limit holds back waits for it,
	// whatever it looks like from where the lane stands.
	if h := e.worst(fault.Source, func(h Host) time.Duration { return h.Wait }); h != nil && h.atLimit(e.Wall) {
		limited, source = limited+source, 0
	}
	if h := e.worst(fault.Dest, func(h Host) time.Duration { return h.Wait }); h != nil && h.atLimit(e.Wall) {
		limited, dest = limited+dest, 0
	}
	braked := s[throughput.SourceBraked] + s[throughput.DestBraked] + sum(e.Lanes.Parked)
	return []claim{
		{"waiting for the source", e.share(source), func(p float64) throughput.Bottleneck { return e.side(fault.Source, p) }},
		{"waiting for the destination", e.share(dest), func(p float64) throughput.Bottleneck { return e.side(fault.Dest, p) }},
		{"being throttled", e.share(braked), e.throttled},
		{"the own limit", e.share(limited + e.Lanes.Own), e.ownLimit},
		{"the ledger", e.share(s[throughput.LedgerWait]), e.disk},
		{"own work", e.share(s[throughput.Local]), e.local},
		{"idle lanes that a host does not bear", e.share(sum(e.Lanes.Full)), e.connections},
		{"idle lanes that no row is left for", e.share(e.Lanes.NoRow - e.unused()), e.tail},
	}
}

// atLimit reports whether a host has had what the user allows it.
func (h *Host) atLimit(wall time.Duration) bool {
	return h.Limit > 0 && float64(h.Octets) >= 0.8*float64(h.Limit)*wall.Seconds()
}

func sum(m map[string]time.Duration) (all time.Duration) {
	for _, d := range m {
		all += d
	}
	return all
}

// most is the key that has the most.
func most(m map[string]time.Duration) string {
	best := ""
	for k, d := range m {
		if best == "" || d > m[best] || d == m[best] && k < best {
			best = k
		}
	}
	return best
}

// memory is the verdict that there is too little of it, if so.
func (e Evidence) memory() (throughput.Bottleneck, bool) {
	m := e.Machine
	swaps := m.Swapped > m.Resident/20 && m.SwapIns > int64(10*e.Wall.Seconds())
	stalls := m.Stalled >= 0.2 && m.SwapIns > 0
	collects := m.Collecting >= 0.3 && m.Memory > 0 && m.Resident > m.Memory*9/10
	if !swaps && !stalls && !collects {
		return throughput.Bottleneck{}, false
	}
	b := throughput.Bottleneck{Verdict: Memory, Advice: "give --memory less, run fewer lanes, or give the machine more memory"}
	var facts []string
	if m.Swapped > 0 || m.SwapIns > 0 {
		facts = append(facts, fmt.Sprintf("%s of it on the swap device, %s pages read back",
			throughput.FormatOctets(m.Swapped), throughput.FormatNumber(m.SwapIns)))
	}
	if m.Stalled > 0 {
		facts = append(facts, percent(m.Stalled)+" of the time somebody waited for memory")
	}
	if collects {
		facts = append(facts, fmt.Sprintf("%s of its processor time went into collecting garbage at %s of %s",
			percent(m.Collecting), throughput.FormatOctets(m.Resident), throughput.FormatOctets(m.Memory)))
		b.Advice = "give --memory more, or run fewer lanes"
	}
	b.Evidence = strings.Join(facts, "; ")
	return b, true
}

// cpu is the verdict that processors are lacking.
func (e Evidence) cpu() throughput.Bottleneck {
	m := e.Machine
	b := throughput.Bottleneck{Verdict: CPU, Advice: "fewer lanes do not help: use a machine with more or faster processors, or --compress off where it is on"}
	facts := []string{fmt.Sprintf("imapfleet used %s of %s", percent(float64(m.Used)/float64(e.Wall)/float64(m.Processors)), processors(m.Processors))}
	if m.Queued > e.Wall/20 {
		facts = append(facts, fmt.Sprintf("its threads waited %s for one", throughput.FormatDuration(m.Queued)))
	}
	if m.Scheduling >= 5*time.Millisecond {
		facts = append(facts, fmt.Sprintf("one goroutine in ten waited %s or more to run", milliseconds(m.Scheduling)))
	}
	if m.Idle >= 0 {
		facts = append(facts, percent(m.Idle)+" of the machine was idle")
	}
	if m.Used < m.Queued {
		b.Advice = "other processes use this machine's processors: give imapfleet a machine of its own"
	}
	b.Evidence = strings.Join(facts, "; ")
	return b
}

func processors(n int) string {
	if n == 1 {
		return "the one processor that it may use"
	}
	return fmt.Sprintf("%d processors", n)
}

// local is the verdict on lanes that are busy themselves: for lack of
// processors, or because each of them can use only one.
func (e Evidence) local(share float64) throughput.Bottleneck {
	m := e.Machine
	switch want := m.wanted(e.Wall); {
	case want >= 0.6:
		return e.cpu()
	case want > 0 && e.lanes() < float64(m.Processors) && m.Idle >= 0.2:
		return throughput.Bottleneck{Verdict: TooFewLanes, Advice: "raise --parallel: each lane works on one processor at a time",
			Evidence: fmt.Sprintf("%s of lane time is its own work, with %.1f lanes on %s, of which %s were idle",
				percent(share), e.lanes(), processors(m.Processors), percent(m.Idle))}
	}
	return undecided("%s of lane time is its own work, and the processors are not full", percent(share))
}

func (e Evidence) throttled(share float64) throughput.Bottleneck {
	by := map[string]time.Duration{}
	asked := 0
	for _, h := range e.Hosts {
		by[h.Name] += h.Braked
		asked += h.Throttles
	}
	for name, d := range e.Lanes.Parked {
		by[name] += d
	}
	b := throughput.Bottleneck{Verdict: ThrottledBy, Host: most(by),
		Advice: "more lanes make it worse: wait, run at another hour, or ask its administrator to lift the limit for the time of the move"}
	b.Evidence = fmt.Sprintf("%s of lane time waits because it asked to go slower", percent(share))
	if asked > 0 {
		b.Evidence += fmt.Sprintf(", %s times", throughput.FormatNumber(int64(asked)))
	}
	return b
}

func (e Evidence) ownLimit(share float64) throughput.Bottleneck {
	b := throughput.Bottleneck{Verdict: OwnLimit, Advice: "raise --limit, --limit1, --limit2 or --login-rate if the servers and the link may take more"}
	if 2*e.Lanes.Own > time.Duration(share*float64(e.Lanes.Allowed)) {
		b.Advice = "raise --max-per-host if the servers may take more"
		b.Evidence = fmt.Sprintf("--max-per-host leaves %s of the lanes idle", percent(e.share(e.Lanes.Own)))
		return b
	}
	b.Evidence = fmt.Sprintf("%s of lane time waits for it, at %s MiB/s", percent(share), e.rate())
	return b
}

func (e Evidence) disk(share float64) throughput.Bottleneck {
	return throughput.Bottleneck{Verdict: Disk, Evidence: percent(share) + " of lane time waits until the ledger is durable",
		Advice: "put the state directory on a faster local disk (--state): one that is slow to sync holds every batch up"}
}

func (e Evidence) connections(share float64) throughput.Bottleneck {
	host := most(e.Lanes.Full)
	b := throughput.Bottleneck{Verdict: ConnectionLimit, Host: host,
		Advice: "ask its administrator for more connections for the time of the move; more lanes do not help until then"}
	b.Evidence = fmt.Sprintf("%.1f of %.1f lanes were used, the others are more than it bears", e.lanes(), float64(e.Lanes.Allowed)/float64(e.Wall))
	for _, h := range e.Hosts {
		if h.Name == host && h.Refusals > 0 {
			b.Evidence += fmt.Sprintf("; it refused %s connections", throughput.FormatNumber(int64(h.Refusals)))
			break
		}
	}
	return b
}

func (e Evidence) tail(share float64) throughput.Bottleneck {
	b := throughput.Bottleneck{Verdict: TheTail,
		Advice: "start the largest accounts first (a second run knows their sizes), give one account more lanes (--lanes-per-account), or split it by mailboxes"}
	b.Evidence = fmt.Sprintf("%s of the lanes had no row left", percent(share))
	if t := e.Tail; t.User != "" {
		b.Evidence += fmt.Sprintf("; line %d, %s, with %s worked alone for %s of %s", t.Line, t.User,
			throughput.FormatOctets(t.Octets), throughput.FormatDuration(t.Alone), throughput.FormatDuration(e.Wall))
	}
	return b
}

func (e Evidence) rate() string {
	if e.Wall <= 0 {
		return "0"
	}
	return throughput.FormatRate(float64(e.Octets) / (1 << 20) / e.Wall.Seconds())
}

// percent writes a part of one for a person.
func percent(f float64) string { return fmt.Sprintf("%.0f %%", 100*f) }

// milliseconds writes a short time.
func milliseconds(d time.Duration) string {
	ms := float64(d) / float64(time.Millisecond)
	if ms < 9.95 {
		return fmt.Sprintf("%.1f ms", ms)
	}
	return fmt.Sprintf("%.0f ms", ms)
}
