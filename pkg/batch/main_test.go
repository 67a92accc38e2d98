package batch

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/imapfleet/imapfleet/pkg/account"
	"github.com/imapfleet/imapfleet/pkg/ledger"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// syncFunc adapts a function to Syncer and counts how many calls go on.
type syncFunc struct {
	mu        sync.Mutex
	now, peak int
	calls     int
	order     []int // lines, as their attempts began
	f         func(ctx context.Context, p account.Pair) (throughput.Count, error)
}

func (s *syncFunc) Sync(ctx context.Context, p account.Pair, _ ledger.RowID, _ Lanes, _ *throughput.Meter) (throughput.Count, error) {
	s.mu.Lock()
	s.now++
	s.calls++
	s.peak = max(s.peak, s.now)
	s.order = append(s.order, p.Line)
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.now--
		s.mu.Unlock()
	}()
	return s.f(ctx, p)
}

// running returns how many calls go on now.
func (s *syncFunc) running() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

// row is row n of a list, from 1, between two hosts.
func row(n int, host1, host2 string) Row {
	user := fmt.Sprintf("user%d", n)
	return Row{
		Pair: account.Pair{
			Line:   n,
			Source: account.Endpoint{Host: host1, User: user},
			Dest:   account.Endpoint{Host: host2, User: user},
		},
		Known: ledger.Row{ID: ledger.RowID(n), Line: n},
	}
}

func rows(n int) []Row {
	out := make([]Row, n)
	for i := range out {
		out[i] = row(i+1, "old.example", "new.example")
	}
	return out
}

// recorder keeps what the ledger would; err is what it answers.
type recorder struct {
	err      error
	saved    []ledger.Row
	attempts []ledger.Attempt
	hosts    [][]ledger.HostPause
}

func (r *recorder) SaveRow(_ context.Context, row ledger.Row) error {
	r.saved = append(r.saved, row)
	return r.err
}

func (r *recorder) SaveHosts(_ context.Context, hosts []ledger.HostPause) error {
	r.hosts = append(r.hosts, hosts)
	return r.err
}

func (r *recorder) AddAttempt(_ context.Context, a ledger.Attempt) error {
	r.attempts = append(r.attempts, a)
	return r.err
}

// last returns the row as it was saved last.
func (r *recorder) last(id ledger.RowID) (row ledger.Row) {
	for _, s := range r.saved {
		if s.ID == id {
			row = s
		}
	}
	return row
}

// steady makes pauses exact.
var steady = RetryPolicy{Jitter: -1}

func mustNew(t *testing.T, opt Options) *Runner {
	t.Helper()
	r, err := New(opt)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func states(rs []throughput.Result) map[throughput.State]int {
	m := make(map[throughput.State]int)
	for _, r := range rs {
		m[r.State]++
	}
	return m
}
