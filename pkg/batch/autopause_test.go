package batch

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// A pause in the midst of the search tells nothing of numbers of lanes: neither
// that rows are too few for one, nor that they are too long to end, nor how fast
// it goes while they all log in again. The number is found as without it, also
// where another pair of hosts went on meanwhile.
func TestAutoAfterPause(t *testing.T) {
	for host, times := range map[string][]time.Duration{"": {3, 12, 21, 30, 66}, "old.example": {21, 66}} {
		for _, at := range times {
			at *= time.Second
			synctest.Test(t, func(t *testing.T) {
				f := newFarm(map[string]int{"new.example": 12, "c2": 4}, even(100))
				r := mustNew(t, Options{Syncer: f, Auto: Bounds{1, 32}, LanesPerAccount: 1})
				list := rows(2000)
				if host != "" {
					for i := range 2000 {
						list = append(list, row(2001+i, "c1", "c2"))
					}
				}
				ctx, stop := context.WithCancel(t.Context())
				defer stop()
				time.AfterFunc(at, func() {
					if _, err := r.Pause(ctx, host); err != nil {
						t.Error(err)
					}
					time.Sleep(20 * time.Minute)
					if _, changed, err := r.Resume(ctx, host); err != nil || !changed {
						t.Error(changed, err)
					}
					time.Sleep(8 * time.Minute)
					r.gate.mu.Lock()
					u := *r.gate.routes[0].tuner
					r.gate.mu.Unlock()
					if u.lanes < 12 || u.lanes > 14 || u.long {
						t.Errorf("%q paused after %v: %d lanes at last, best are 12; long %v", host, at, u.lanes, u.long)
					}
					stop()
				})
				if _, err := r.Run(ctx, list); err == nil {
					t.Error("the list was too short")
				}
			})
		}
	}
}
