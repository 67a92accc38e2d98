package ratelimit

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestParseLoginRate(t *testing.T) {
	for text, want := range map[string]LoginRate{
		"20/s": {20, time.Second}, "30/m": {30, time.Minute}, "1/h": {1, time.Hour}, "off": {},
	} {
		got, err := ParseLoginRate(text)
		if err != nil || got != want || got.String() != text {
			t.Errorf("%q: %+v (%s), %v, want %+v", text, got, got, err, want)
		}
	}
	for _, text := range []string{"", "20", "0/s", "-1/s", "20/d", "20/", "/s", "2.5/s", "20 /s", "1000001/s", "on"} {
		if got, err := ParseLoginRate(text); err == nil {
			t.Errorf("%q is read as %s", text, got)
		}
	}
}

// Logins of many at once are spaced evenly on each host, and hosts do not
// wait for each other.
func TestLoginsAreSpaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, start := NewLogins(LoginRate{20, time.Second}), time.Now()
		var mu sync.Mutex
		last := make(map[string]time.Duration)
		seen := make(map[time.Duration]int)
		var all sync.WaitGroup
		for _, host := range []string{"a", "A", "b"} {
			for range 50 {
				all.Go(func() {
					if err := l.Wait(t.Context(), host); err != nil {
						t.Error(err)
					}
					mu.Lock()
					defer mu.Unlock()
					last[host] = max(last[host], time.Since(start))
					seen[time.Since(start)]++
				})
			}
		}
		all.Wait()
		if a, b := max(last["a"], last["A"]), last["b"]; a.Round(time.Millisecond) != 4950*time.Millisecond || b.Round(time.Millisecond) != 2450*time.Millisecond {
			t.Errorf("100 logins on a took %v, 50 on b %v, want 4.95 s and 2.45 s", a, b)
		}
		for at, n := range seen {
			if n > 2 { // one on each host
				t.Errorf("%d logins after %v", n, at)
			}
		}
	})
}

// Who is called off gives the place back.
func TestLoginsCalledOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, start := NewLogins(LoginRate{1, time.Minute}), time.Now()
		ctx, cancel := context.WithCancel(t.Context())
		if err := l.Wait(ctx, "a"); err != nil || time.Since(start) != 0 {
			t.Fatalf("the first login waits %v: %v", time.Since(start), err)
		}
		time.AfterFunc(time.Second, cancel)
		if err := l.Wait(ctx, "a"); !errors.Is(err, context.Canceled) || time.Since(start) != time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		if err := l.Wait(t.Context(), "a"); err != nil || time.Since(start) != time.Minute {
			t.Errorf("%v: the next one waits until %v, want a minute", err, time.Since(start))
		}
		if err := NewLogins(LoginRate{}).Wait(ctx, "a"); !errors.Is(err, context.Canceled) {
			t.Errorf("without a limit: %v", err)
		}
	})
}
