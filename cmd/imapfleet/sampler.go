package main

import (
	"encoding/json"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/imapfleet/imapfleet/pkg/batch"
	"github.com/imapfleet/imapfleet/pkg/diagnosis"
	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

const (
	// sampleEvery is the time between two looks at what passes.
	sampleEvery = 250 * time.Millisecond
	// judgeEvery is the time between two verdicts on the last while, and
	// judgeSpan how many of these it is.
	judgeEvery = 5 * time.Second
	judgeSpan  = 6
	// judgeSame is how many verdicts in a row must be the same to be shown.
	judgeSame = 3
	// judgeHosts is how many hosts may be in a run that remembers what was a
	// while ago: with more of them a verdict is about all of the run so far.
	judgeHosts = 200
)

// sampler collects, while a run goes on, what its bottleneck is told from. It
// is safe for concurrent use.
type sampler struct {
	meter *throughput.Meter
	watch diagnosis.Watch
	hosts map[int]diagnosis.Pair // by line
	use   func() batch.Use
	knee  func() []throughput.Step // what was done with how many lanes

	stop  chan struct{}
	ended sync.WaitGroup

	mu      sync.Mutex
	looked  time.Time
	lanes   diagnosis.Lanes
	spent   map[diagnosis.Pair]throughput.Spent
	counted map[int]throughput.Spent // of rows that are not done yet, what is in spent
	waiting map[int]waitsFor         // rows that a server has sent away for a while
	tail    tail
	past    []diagnosis.Totals // the beginning, and the last while
	last    throughput.Bottleneck
	same    int // verdicts in a row like last
}

// waitsFor is why a row waits.
type waitsFor struct {
	host string
	why  diagnosis.Why
}

// tail is the account that came to its end last.
type tail struct {
	ended, before time.Time
	row           throughput.Result
	rows          int
}

func newSampler(meter *throughput.Meter, rows []throughput.Result) *sampler {
	s := &sampler{
		meter: meter, hosts: make(map[int]diagnosis.Pair, len(rows)), stop: make(chan struct{}),
		spent: make(map[diagnosis.Pair]throughput.Spent), counted: make(map[int]throughput.Spent), waiting: make(map[int]waitsFor),
	}
	for _, r := range rows {
		s.hosts[r.Line] = diagnosis.Pair{Source: r.Host1, Dest: r.Host2}
	}
	return s
}

// begin samples until end.
func (s *sampler) begin(use func() batch.Use, knee func() []throughput.Step) {
	s.use, s.knee = use, knee
	now := time.Now()
	s.mu.Lock()
	s.looked = now
	s.past = append(s.past, s.totals(now))
	s.mu.Unlock()
	s.watch.Look(now)
	s.ended.Go(func() {
		t := time.NewTicker(sampleEvery)
		defer t.Stop()
		judged := now
		for {
			select {
			case <-s.stop:
				return
			case <-t.C:
				now := time.Now()
				s.watch.Look(now)
				s.look(now)
				if now.Sub(judged) >= judgeEvery {
					judged = now
					s.judge(now)
				}
			}
		}
	})
}

// end ends sampling and returns the verdict on the whole run.
func (s *sampler) end(log *slog.Logger) *throughput.Bottleneck {
	e := s.evidence()
	b := diagnosis.Judge(e)
	log.Info("what kept the run from being faster", slog.String("verdict", b.Verdict), slog.String("host", b.Host), slog.String("evidence", b.Evidence))
	if raw, err := json.Marshal(e); err == nil {
		log.Debug("evidence", slog.String("all", string(raw)))
	}
	return &b
}

// evidence ends sampling and returns what is known of the whole run.
func (s *sampler) evidence() diagnosis.Evidence {
	if s.use == nil {
		return diagnosis.Evidence{} // it never began
	}
	close(s.stop)
	s.ended.Wait()
	now := time.Now()
	s.look(now)
	s.mu.Lock()
	defer s.mu.Unlock()
	e := diagnosis.Between(s.past[0], s.totals(now))
	if steps := s.knee(); !slices.ContainsFunc(steps, func(p throughput.Step) bool { return p.Route != "" }) {
		e.Steps = steps // of several pairs of hosts they do not speak of one
	}
	if t := s.tail; !t.before.IsZero() {
		e.Tail = diagnosis.Tail{Alone: t.ended.Sub(t.before), Line: t.row.Line, User: fault.Clean(t.row.User1), Octets: t.row.Count.Octets, Accounts: t.rows}
	}
	return e
}

// totals are those of now. s.mu is held.
func (s *sampler) totals(now time.Time) diagnosis.Totals {
	return diagnosis.Totals{
		At: now, Meter: s.meter.Snapshot(), Pairs: maps.Clone(s.spent), Lanes: s.lanes.Clone(),
		Machine: diagnosis.ReadMachine(), Hosts: s.watch.Totals(),
	}
}

// look counts the lanes, and what the accounts at work have spent.
func (s *sampler) look(now time.Time) {
	use, busy := s.use(), s.meter.Busy()
	s.mu.Lock()
	defer s.mu.Unlock()
	why, host := s.idle(use)
	s.lanes.Add(now.Sub(s.looked), use.Lanes, use.Used, why, host)
	s.looked = now
	for _, a := range busy {
		s.count(a.Line, a.Spent)
	}
}

// count adds what a row has spent since it was counted last. s.mu is held.
func (s *sampler) count(line int, spent throughput.Spent) {
	pair := s.hosts[line]
	sum := s.spent[pair]
	sum.Add(spent.Minus(s.counted[line]))
	s.spent[pair], s.counted[line] = sum, spent
}

// idle is why lanes are. s.mu is held.
func (s *sampler) idle(u batch.Use) (diagnosis.Why, string) {
	switch {
	case u.Rests != "":
		return diagnosis.HostRest, u.Rests
	case u.Full != "":
		return diagnosis.HostCap, u.Full
	case u.Capped != "":
		return diagnosis.OwnCap, u.Capped
	}
	for _, w := range s.waiting {
		return w.why, w.host
	}
	if host := s.watch.Refuser(); u.Narrow && host != "" {
		return diagnosis.HostCap, host
	}
	return diagnosis.NoRow, ""
}

// started notes that an attempt at a row begins.
func (s *sampler) started(r throughput.Result) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.waiting, r.Line)
}

// result notes how an attempt at a row has ended.
func (s *sampler) result(r throughput.Result) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.waiting, r.Line) // a row may end while it waits
	if f := r.Fault; f != nil {
		s.heard(r, f)
	}
	if r.State == throughput.Parked || r.State == throughput.Pending {
		return
	}
	if r.Spent.Total() > 0 {
		s.count(r.Line, r.Spent)
	}
	delete(s.counted, r.Line)
	s.tail.before, s.tail.ended = s.tail.ended, time.Now()
	s.tail.row, s.tail.rows = r, s.tail.rows+1
}

// heard notes what a server has said. s.mu is held.
func (s *sampler) heard(r throughput.Result, f *throughput.Fault) {
	side, host := fault.Source, r.Host1
	if f.Side == fault.Dest.String() {
		side, host = fault.Dest, r.Host2
	}
	var why diagnosis.Why
	switch fault.Code(f.Code) {
	case fault.Throttled:
		s.watch.Throttled(side, host)
		why = diagnosis.HostRest
	case fault.TooManySessions:
		s.watch.Refused(side, host)
		why = diagnosis.HostCap
	default:
		return
	}
	if r.State == throughput.Parked {
		s.waiting[r.Line] = waitsFor{host, why}
	}
}

// judge gives a verdict on the last while.
func (s *sampler) judge(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.totals(now)
	b := diagnosis.Judge(diagnosis.Between(s.past[max(0, len(s.past)-judgeSpan)], t))
	if b.Verdict == s.last.Verdict && b.Host == s.last.Host {
		s.same++
	} else {
		s.same = 1
	}
	s.last = b
	if len(t.Hosts) > judgeHosts {
		s.past = s.past[:1]
		return
	}
	if len(s.past) > judgeSpan {
		s.past = append(s.past[:1], s.past[2:]...)
	}
	s.past = append(s.past, t)
}

// now is the verdict on the last while; nil while it is not clear.
func (s *sampler) now() *throughput.Bottleneck {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.same < judgeSame || s.last.Verdict == "" {
		return nil
	}
	b := s.last
	return &b
}
