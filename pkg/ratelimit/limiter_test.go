package ratelimit

import (
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// bubble runs f with a clock of its own, which moves when all wait.
func bubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, f)
}

// took is how long f takes.
func took(f func()) time.Duration {
	began := time.Now()
	f()
	return time.Since(began)
}

// between checks a time against what the rate gives: all the octets, less
// those that may move at once and, at most, two bursts.
func between(t *testing.T, got time.Duration, octets int64, r Rate) {
	t.Helper()
	seconds := func(n int64) time.Duration { return time.Duration(float64(n) / float64(r) * float64(time.Second)) }
	if least, most := seconds(octets-2*int64(r.burst())), seconds(octets)+time.Millisecond; got < least || got > most {
		t.Errorf("%d octets at %v took %v, want %v to %v", octets, r, got, least, most)
	}
}

func TestLimiterRate(t *testing.T) {
	for _, r := range []Rate{kib, 10 * kib, mib, 20 * mib, 10_000 * mib} {
		for _, size := range []int64{1 << 10, 20 << 10, 3 << 20} {
			t.Run(r.String()+" in "+PrintOctets(size), func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					octets := min(10*int64(r), 5000*size) / size * size
					l := New(r.Always())
					between(t, took(func() {
						for range octets / size {
							if !l.Wait(nil, int(size)) {
								t.Error("no")
							}
						}
					}), octets, r)
				})
			})
		}
	}
}

func TestNoLimit(t *testing.T) {
	bubble(t, func(t *testing.T) {
		for _, l := range []*Limiter{New(Schedule{}), New(Rate(0).Always())} {
			if d := took(func() { l.Wait(nil, 1<<40) }); d != 0 {
				t.Errorf("took %v", d)
			}
		}
	})
}

// Hundreds get the same, to within a turn, however much each asks for at once.
func TestLimiterIsEven(t *testing.T) {
	bubble(t, func(t *testing.T) {
		const waiters, turns = 300, 10
		l := New(mib.Always())
		turn := mib.turn()
		done := make(chan struct{})
		var got [waiters]int
		var all sync.WaitGroup
		for i := range got {
			all.Go(func() {
				ask := turn * (1 + i%3)
				for l.Wait(done, ask) {
					got[i] += ask
				}
			})
		}
		time.Sleep(waiters * turns * time.Second / turnsPerSecond)
		close(done)
		all.Wait()
		for i, n := range got {
			if n < (turns-4)*turn || n > (turns+2)*turn {
				t.Errorf("waiter %d got %d octets, want about %d", i, n, turns*turn)
			}
		}
	})
}

// at is the time of the day after d, as a timetable names it.
func at(d time.Duration) string { return time.Now().Add(d).Format("15:04") }

func timetable(t *testing.T, text string) *Limiter {
	t.Helper()
	s, err := ParseSchedule(text)
	if err != nil {
		t.Fatal(err)
	}
	return New(s)
}

// A limit that is lifted at a minute lets go at that minute everybody who
// waits then.
func TestTimetableLifts(t *testing.T) {
	bubble(t, func(t *testing.T) {
		time.Sleep(17 * time.Second) // within a minute
		l := timetable(t, at(0)+",1KiB "+at(3*time.Minute)+",off")
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() {
				if d := took(func() { l.Wait(nil, 1<<20) }); d != 3*time.Minute-17*time.Second {
					t.Errorf("let go after %v", d)
				}
			})
		}
		all.Wait()
	})
}

// A transfer that is under way when a limit begins, or becomes another one, is
// held to it from that minute on.
func TestTimetableBegins(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l := timetable(t, at(0)+",100KiB "+at(time.Minute)+",10KiB "+at(2*time.Minute)+",1000KiB")
		end := time.Now()
		for _, r := range []Rate{100 * kib, 10 * kib, 1000 * kib} {
			end = end.Add(time.Minute)
			octets := int64(0)
			for ; time.Now().Before(end); octets += 10 << 10 {
				l.Wait(nil, 10<<10)
			}
			if octets < 60*int64(r)-10<<10 || octets > 60*int64(r)+maxTurn+10<<10 {
				t.Errorf("%d octets in a minute at %v", octets, r)
			}
		}
	})
}

func TestSet(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l := New(kib.Always())
		l.Wait(nil, 64<<10) // the burst
		var all sync.WaitGroup
		var long, short time.Duration
		all.Go(func() { long = took(func() { l.Wait(nil, 1<<20) }) })
		time.Sleep(time.Second)
		l.Set(Rate(10 * kib).Always())
		time.Sleep(10 * time.Second)
		l.Set(Rate(100 * kib).Always())
		synctest.Wait()
		all.Wait()
		// 1 KiB, 100 KiB, and 923 KiB at 100 KiB/s.
		if want := 11*time.Second + 9230*time.Millisecond; long < want-time.Millisecond || long > want+time.Millisecond {
			t.Errorf("took %v, want %v", long, want)
		}
		l.Set(Rate(kib).Always())
		all.Go(func() { short = took(func() { l.Wait(nil, 1<<20) }) })
		time.Sleep(90 * time.Second)
		l.Set(Rate(0).Always())
		all.Wait()
		if short != 90*time.Second {
			t.Errorf("no limit any more, but waited %v", short)
		}
	})
}

// A fast limit needs a larger burst: a timer that rings late must not cost
// throughput.
func TestBurstFollowsRate(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l := New(kib.Always())
		l.Set(Rate(100 * mib).Always())
		l.Wait(nil, 1)
		time.Sleep(time.Second)
		if d := took(func() { l.Wait(nil, 5<<20) }); d != 0 {
			t.Errorf("50 ms worth after a pause took %v", d)
		}
	})
}

// Set takes the place of a timetable.
func TestSetEndsTimetable(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l := timetable(t, at(0)+",1KiB "+at(time.Minute)+",off")
		l.Set(Rate(10 * kib).Always())
		between(t, took(func() { l.Wait(nil, 10<<20) }), 10<<20, 10*kib)
	})
}

// Done ends the wait of whoever is next and of those behind; what was
// reserved for the one is the others'.
func TestDone(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l := New(kib.Always())
		l.Wait(nil, 64<<10) // the burst
		done := make(chan struct{})
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() {
				if l.Wait(done, 1<<20) {
					t.Error("passed")
				}
			})
		}
		time.Sleep(time.Second)
		if d := took(func() { close(done); all.Wait() }); d != 0 {
			t.Errorf("waited %v more", d)
		}
		// A second's octets are there; 9 KiB are more than may pass unasked.
		if d := took(func() { l.Wait(nil, 9<<10) }); d != 8*time.Second {
			t.Errorf("9 KiB took %v, want 8 s", d)
		}
	})
}

// A command passes at once, however many wait with their mail, but commands
// too are held to the rate.
func TestSmallGoesAhead(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l := New((64 * kib).Always())
		done := make(chan struct{})
		var all sync.WaitGroup
		var mail atomic.Int64
		for range 100 {
			all.Go(func() {
				for l.Wait(done, 8<<10) {
					mail.Add(8 << 10)
				}
			})
		}
		time.Sleep(time.Minute)
		for range 10 {
			if d := took(func() { l.Wait(nil, 500) }); d != 0 {
				t.Errorf("a command waited %v", d)
			}
			time.Sleep(time.Second)
		}
		close(done)
		all.Wait()
		if n := mail.Load(); n > 71*64<<10 || n < 69*64<<10 {
			t.Errorf("%d octets of mail in 70 s", n)
		}
		between(t, took(func() {
			for range 10_000 {
				l.Wait(nil, 500)
			}
		}), 10_000*500, 64*kib)
	})
}

func TestHosts(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := NewHosts(mib.Always())
		if h.Of("Mail.Example.org") != h.Of("mail.example.ORG") {
			t.Error("one host has two limiters")
		}
		var all sync.WaitGroup
		for _, host := range []string{"a", "b", "c"} {
			all.Go(func() { between(t, took(func() { h.Of(host).Wait(nil, 10<<20) }), 10<<20, mib) })
		}
		all.Wait()
	})
}

// Hosts are changed one by one or together, those that nobody has asked for
// yet too.
func TestHostsSet(t *testing.T) {
	h := NewHosts(Schedule{})
	a := h.Of("A.example")
	rates := func(want ...Rate) {
		t.Helper()
		for i, name := range []string{"a.example", "b.example", "c.example"} {
			l := h.Of(name)
			l.mu.Lock()
			l.follow(time.Now())
			got := l.rate
			l.mu.Unlock()
			if got != want[i] {
				t.Errorf("%s: %v, want %v", name, got, want[i])
			}
		}
	}
	h.Set("b.example", Rate(kib).Always())
	rates(0, kib, 0)
	h.Set("A.EXAMPLE", Rate(2*kib).Always())
	rates(2*kib, kib, 0)
	if h.Of("a.example") != a {
		t.Error("connections keep another limiter")
	}
	h.Set("", Rate(3*kib).Always())
	rates(3*kib, 3*kib, 3*kib)
	h.Set("", Schedule{})
	rates(0, 0, 0)
	if h.Of("d.example").rate != 0 {
		t.Error("a new host is limited")
	}
}

// A connection without a limit is held to one that comes, and let go again.
func TestSetOnFreeConnection(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l := New(Schedule{})
		d := direction{limiters: []*Limiter{l}, set: func(time.Time) error { t.Error("a deadline was moved"); return nil }}
		if d.most() != Rate(0).turn() || took(func() { d.wait(nil, 1<<30) }) != 0 {
			t.Error("held without a limit")
		}
		l.Set(kib.Always())
		if d.most() > maxTurn {
			t.Errorf("%d octets at a time", d.most())
		}
		l.Wait(nil, 64<<10) // the burst
		var all sync.WaitGroup
		var waited time.Duration
		all.Go(func() { waited = took(func() { l.Wait(nil, 1<<20) }) })
		time.Sleep(time.Minute)
		l.Set(Schedule{})
		all.Wait()
		if waited != time.Minute {
			t.Errorf("waited %v, want a minute", waited)
		}
	})
}
