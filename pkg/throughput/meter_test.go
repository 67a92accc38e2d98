package throughput

import (
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var exact = cmpopts.EquateComparable(Snapshot{})

func diff(t *testing.T, what string, got, want any) {
	t.Helper()
	if d := cmp.Diff(want, got, exact); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

func TestMeterTellsTheRun(t *testing.T) {
	run := NewRun()
	a, b := run.Account("anna", 3), run.Account("bert", 4)
	a.Expect(10, 1000)
	a.Sent(6, 650)
	a.Copied(4, 500)
	a.AlreadyThere(1)
	a.Filtered(2)
	a.Fetched(600)
	a.Mailbox("INBOX")
	b.Expect(5, 0)
	b.Copied(1, 70)
	b.Rejected(1)
	b.Gone(2)
	b.Mailbox("Sent")

	diff(t, "run", run.Snapshot(), Snapshot{
		Copied: 5, AlreadyThere: 1, Filtered: 2, Rejected: 1, Gone: 2,
		Octets: 570, Fetched: 600, Sent: 6, SentOctets: 650, ExpectedMessages: 15, ExpectedOctets: 1000, passed: 300,
	})
	busy := run.Busy()
	if len(busy) != 2 {
		t.Fatalf("%d busy, want 2", len(busy))
	}
	diff(t, "anna", busy[0], Snapshot{
		ID: 1, Slot: 0, Label: "anna", Line: 3, Mailbox: "INBOX",
		Copied: 4, AlreadyThere: 1, Filtered: 2, Octets: 500, Fetched: 600, Sent: 6, SentOctets: 650,
		ExpectedMessages: 10, ExpectedOctets: 1000, passed: 300,
	})
	diff(t, "bert", busy[1], Snapshot{
		ID: 2, Slot: 1, Label: "bert", Line: 4, Mailbox: "Sent",
		Copied: 1, Rejected: 1, Gone: 2, Octets: 70, ExpectedMessages: 5,
	})
	if h := busy[0].Handled(); h != 7 {
		t.Errorf("Handled() = %d, want 7", h)
	}
	if h := busy[0].HandledOctets(); h != 800 {
		t.Errorf("HandledOctets() = %d, want 800", h)
	}
}

func TestMeterNil(t *testing.T) {
	var m *Meter
	a := m.Account("x", 1)
	if a != nil {
		t.Fatalf("Account of nil = %v, want nil", a)
	}
	a.Copied(1, 1)
	a.Sent(1, 1)
	a.AlreadyThere(1)
	a.Filtered(1)
	a.Rejected(1)
	a.Gone(1)
	a.Expect(1, 1)
	a.Mailbox("x")
	a.Fetched(1)
	a.Lanes(2)
	a.Pause()
	a.Restart()
	a.End()
	diff(t, "snapshot", a.Snapshot(), Snapshot{})
	if b := a.Busy(); b != nil {
		t.Errorf("Busy() = %v, want nil", b)
	}
}

// TestMeterRestart is a row of 100 messages whose first attempt copies 40 and
// whose second one finds those and 10 others there and copies the rest.
func TestMeterRestart(t *testing.T) {
	run := NewRun()
	a := run.Account("anna", 1)
	a.Expect(100, 10000)
	a.AlreadyThere(10)
	a.Copied(40, 4000)
	a.Rejected(1)
	a.Pause()
	if n := len(run.Busy()); n != 0 {
		t.Errorf("%d busy while it waits, want 0", n)
	}
	diff(t, "run, waiting", run.Snapshot(), Snapshot{
		Copied: 40, AlreadyThere: 10, Rejected: 1, Octets: 4000, ExpectedMessages: 100, ExpectedOctets: 10000, passed: 1100})

	a.Restart()
	diff(t, "run, restarted", run.Snapshot(), Snapshot{Copied: 40, Octets: 4000})
	if n := len(run.Busy()); n != 1 {
		t.Errorf("%d busy after the restart, want 1", n)
	}
	a.Expect(100, 10000)
	a.AlreadyThere(30)
	a.AlreadyThere(20)
	a.Copied(50, 5000)
	want := Snapshot{Copied: 90, AlreadyThere: 10, Octets: 9000, ExpectedMessages: 100, ExpectedOctets: 10000, passed: 1000}
	diff(t, "run", run.Snapshot(), want)
	if f := run.Snapshot().Fraction(); f != 1 {
		t.Errorf("Fraction() = %v, want 1", f)
	}
	a.End()
	a.End()
	diff(t, "run, ended", run.Snapshot(), want)
}

func TestMeterEnd(t *testing.T) {
	run := NewRun()
	a, b := run.Account("a", 1), run.Account("b", 2)
	a.Expect(10, 1000)
	b.Expect(10, 1000)
	a.Copied(2, 250)
	a.End() // failed: the other 8 are not expected any more
	diff(t, "run", run.Snapshot(), Snapshot{Copied: 2, Octets: 250, ExpectedMessages: 12, ExpectedOctets: 1250})
	a.Restart()
	a.Expect(10, 1000)
	diff(t, "run, a once more", run.Snapshot(), Snapshot{Copied: 2, Octets: 250, ExpectedMessages: 20, ExpectedOctets: 2000})
}

func TestMeterSlots(t *testing.T) {
	run := NewRun()
	a, b, c := run.Account("a", 1), run.Account("b", 2), run.Account("c", 3)
	b.End()
	d := run.Account("d", 4)
	a.Pause()
	c.Restart() // is busy already
	got := map[string]int{}
	for _, s := range run.Busy() {
		got[s.Label] = s.Slot
	}
	diff(t, "slots", got, map[string]int{"d": 1, "c": 2})
	d.End()
	c.End()
	for range 1000 {
		run.Account("x", 5).End()
	}
	if n := len(run.busy.accounts); n != 3 {
		t.Errorf("%d slots kept after 1000 accounts, want 3", n)
	}
}

func TestFraction(t *testing.T) {
	tests := []struct {
		name string
		s    Snapshot
		want float64
	}{
		{"nothing known", Snapshot{Copied: 5, Octets: 50}, 0},
		{"by octets", Snapshot{Copied: 9, Octets: 25, ExpectedMessages: 10, ExpectedOctets: 100}, 0.25},
		{"by messages", Snapshot{Copied: 1, Gone: 1, ExpectedMessages: 8}, 0.25},
		{"more than expected", Snapshot{Copied: 9, Octets: 250, ExpectedMessages: 8, ExpectedOctets: 100}, 1},
		{"more messages than expected", Snapshot{Copied: 9, ExpectedMessages: 8}, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.s.Fraction(); got != tt.want {
				t.Errorf("Fraction() = %v, want %v", got, tt.want)
			}
		})
	}
}

func TestLeftOctets(t *testing.T) {
	tests := []struct {
		name string
		s    Snapshot
		want int64
	}{
		{"nothing known", Snapshot{Copied: 5, Octets: 50}, 0},
		{"by octets", Snapshot{Copied: 1, Octets: 25, ExpectedMessages: 10, ExpectedOctets: 100}, 75},
		{"more than expected", Snapshot{Copied: 1, Octets: 250, ExpectedMessages: 10, ExpectedOctets: 100}, 0},
		{"by messages", Snapshot{Copied: 1, Gone: 1, ExpectedMessages: 12}, 10 * 75 << 10},
		{"more messages than expected", Snapshot{Copied: 9, ExpectedMessages: 8}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.s.LeftOctets(); got != tt.want {
				t.Errorf("LeftOctets() = %v, want %v", got, tt.want)
			}
		})
	}
}

func TestMeterLanes(t *testing.T) {
	run := NewRun()
	a := run.Account("x", 1)
	a.Lanes(3)
	a.Lanes(2)
	if got := run.Busy()[0].Lanes; got != 2 {
		t.Errorf("%d lanes, want 2", got)
	}
}

func TestMeterConcurrent(t *testing.T) {
	run := NewRun()
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			a := run.Account("x", i)
			defer a.End()
			a.Expect(2000, 20000)
			for range 1000 {
				a.Copied(1, 10)
				a.AlreadyThere(1)
				a.Fetched(10)
				a.Mailbox("INBOX")
				run.Snapshot()
			}
			run.Busy()
		})
	}
	wg.Wait()
	diff(t, "run", run.Snapshot(), Snapshot{
		Copied: 8000, AlreadyThere: 8000, Octets: 80000, Fetched: 80000,
		ExpectedMessages: 16000, ExpectedOctets: 160000, passed: 80000})
}

func BenchmarkMeterCopied(b *testing.B) {
	a := NewRun().Account("x", 1)
	for b.Loop() {
		a.Copied(1, 12345)
	}
}

func BenchmarkMeterCopiedParallel(b *testing.B) {
	run := NewRun()
	b.RunParallel(func(pb *testing.PB) {
		a := run.Account("x", 1)
		defer a.End()
		for pb.Next() {
			a.Copied(1, 12345)
		}
	})
}

func BenchmarkMeterAlreadyThere(b *testing.B) {
	a := NewRun().Account("x", 1)
	a.Expect(1000, 1000000)
	for b.Loop() {
		a.AlreadyThere(1)
	}
}
