package throughput

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// Which rows wait for a host that is parked, and for which one.
func TestParkedByHost(t *testing.T) {
	now := time.Date(2026, 11, 28, 14, 0, 0, 0, time.Local)
	a := HostPause{Host: "a", Until: now.Add(5 * time.Minute), Fault: Fault{Code: "throttled", Text: "later"}}
	b := HostPause{Host: "b", Until: now.Add(time.Hour), Fault: Fault{Code: "unavailable"}}
	gone := HostPause{Host: "gone", Fault: Fault{Code: "auth-fuse"}}
	own := &Fault{Side: "source", Code: "throttled", Text: "own"}
	tests := []struct {
		name  string
		r     Result
		state State
		until time.Time
		code  string
	}{
		{"pending", Result{Host1: "a", Host2: "x"}, Parked, a.Until, "throttled"},
		{"at the destination", Result{Host1: "x", Host2: "b", State: Pending}, Parked, b.Until, "unavailable"},
		{"both", Result{Host1: "b", Host2: "a"}, Parked, b.Until, "unavailable"},
		{"of no parked host", Result{Host1: "x", Host2: "y", State: Pending}, Pending, time.Time{}, ""},
		{"running", Result{Host1: "a", State: Running}, Running, time.Time{}, ""},
		{"done", Result{Host1: "a", State: Done}, Done, time.Time{}, ""},
		{"failed", Result{Host1: "a", State: Failed, Fault: own}, Failed, time.Time{}, "throttled"},
		{"parked itself, longer", Result{Host1: "a", State: Parked, ParkedUntil: now.Add(time.Hour), Fault: own}, Parked, now.Add(time.Hour), "throttled"},
		{"parked itself, shorter", Result{Host1: "b", State: Parked, ParkedUntil: now.Add(time.Minute), Fault: own}, Parked, b.Until, "unavailable"},
		{"given up", Result{Host1: "gone", State: Pending}, Parked, time.Time{}, "auth-fuse"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := tt.r.Parked(ByHost([]HostPause{a, b, gone}))
			code := ""
			if got.Fault != nil {
				code = got.Fault.Code
			}
			if got.State.Known() != tt.state || !got.ParkedUntil.Equal(tt.until) || code != tt.code {
				t.Errorf("%s until %v: %s, want %s until %v: %s", got.State, got.ParkedUntil, code, tt.state, tt.until, tt.code)
			}
		})
	}
}

func TestParkedText(t *testing.T) {
	now := time.Date(2026, 11, 28, 14, 0, 0, 0, time.Local)
	tests := []struct {
		host  string
		until time.Time
		f     *Fault
		want  string
	}{
		{"imap.example.com", now.Add(5 * time.Minute), &Fault{Code: "throttled", Text: "Request is throttled"}, "parked until 14:05 (imap.example.com: Request is throttled)"},
		{"imap.example.com", now.Add(24 * time.Hour), &Fault{Code: "throttled"}, "parked until 2026-11-29 14:00 (imap.example.com: throttled)"},
		{"imap.example.com", time.Time{}, &Fault{Text: "two\nlines\x1b"}, "parked (imap.example.com: two lines )"},
		{"", now, nil, "parked until 14:00"},
		{"imap.example.com", now.Add(-time.Minute), &Fault{Text: "later"}, "parked (imap.example.com: later)"},
	}
	for _, tt := range tests {
		if got := ParkedText(tt.host, tt.until, now, tt.f); got != tt.want {
			t.Errorf("%q, want %q", got, tt.want)
		}
	}
}

func TestHostPauseJSON(t *testing.T) {
	for _, tt := range []struct {
		p    HostPause
		want string
	}{
		{HostPause{Host: "a", Until: time.Unix(0, 0).UTC(), Fault: Fault{Code: "x"}}, `"parked_until":"1970-01-01T00:00:00Z"`},
		{HostPause{Host: "a"}, `{"host":"a","fault":{`},
	} {
		raw, err := json.Marshal(tt.p)
		if err != nil || !strings.Contains(string(raw), tt.want) {
			t.Errorf("%s, %v; want %s", raw, err, tt.want)
		}
	}
}

// The summary names the hosts that the run has left alone, a few of them.
func TestPausedHostsInText(t *testing.T) {
	s := Summarize([]Result{done(1, 1, 1, time.Second)}, time.Minute)
	for i := range 7 {
		s.Hosts = append(s.Hosts, PausedHost{Host: string(rune('a' + i)), Pauses: 1 + i%2*2, GivenUp: i == 1, Code: "auth-fuse", Text: "5 logins in a row were refused"})
	}
	var b strings.Builder
	if err := s.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"paused      a once (auth-fuse: 5 logins in a row were refused)\n",
		"            b 3 times, then given up (auth-fuse: 5 logins in a row were refused)\n",
		"            and 2 hosts more\n",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in:\n%s", want, b.String())
		}
	}
	if strings.Contains(b.String(), " f once") {
		t.Errorf("too many hosts:\n%s", b.String())
	}
}

// A host that is the source of some rows and the destination of others is
// named in both.
func TestParkedNamesTheHost(t *testing.T) {
	hosts := ByHost([]HostPause{{Host: "hub", Until: time.Now().Add(time.Hour), Fault: Fault{Side: "destination", Code: "throttled"}}})
	for _, r := range []Result{{Host1: "old", Host2: "hub"}, {Host1: "hub", Host2: "new"}} {
		if got := r.Parked(hosts).FaultHost(); got != "hub" {
			t.Errorf("%s to %s waits for %q", r.Host1, r.Host2, got)
		}
	}
}

// A list of 100,000 rows that wait for one host is looked at ten times a
// second: each of them gets the host's own fault.
func TestParkedAllocatesNothing(t *testing.T) {
	hosts := ByHost([]HostPause{{Host: "a", Until: time.Now().Add(time.Hour), Fault: Fault{Side: "source", Code: "throttled"}}})
	r := Result{Host1: "a", Host2: "b"}
	var got Result
	if n := testing.AllocsPerRun(100, func() { got = r.Parked(hosts) }); n != 0 || got.State != Parked || got.Fault.Code != "throttled" {
		t.Errorf("%v allocations, %+v", n, got)
	}
}
