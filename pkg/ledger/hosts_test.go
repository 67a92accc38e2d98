package ledger

import (
	"testing"
	"time"
)

// The hosts that are parked replace those before, for a reader beside the run
// too.
func TestHosts(t *testing.T) {
	dir := t.TempDir()
	l := openTest(t, dir)
	until := time.Now().Add(time.Hour).Truncate(time.Microsecond)
	a := HostPause{Host: "a", Until: until, FaultSide: "source", FaultScope: "host", FaultCode: "throttled", FaultOp: "login", FaultText: "Request is throttled", FaultHint: "h"}
	b := HostPause{Host: "b", FaultSide: "destination", FaultCode: "auth-fuse"}
	for _, want := range [][]HostPause{nil, {a, b}, {b}, nil} {
		must(t, l.SaveHosts(t.Context(), want))
		got, err := l.Hosts(t.Context())
		must(t, err)
		for i := range got {
			if got[i].Until.Equal(until) {
				got[i].Until = until
			}
		}
		equal(t, "hosts", got, want)
	}
	must(t, l.SaveHosts(t.Context(), []HostPause{a}))
	must(t, l.Close())
	r, err := OpenReader(t.Context(), dir)
	must(t, err)
	defer func() { must(t, r.Close()) }()
	if got, err := r.Hosts(t.Context()); err != nil || len(got) != 1 || got[0].Host != "a" {
		t.Errorf("a reader sees %+v, %v", got, err)
	}
	if err := r.SaveHosts(t.Context(), nil); err != ErrReadOnly {
		t.Errorf("a reader writes: %v", err)
	}
}
