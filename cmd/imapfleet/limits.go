package main

import (
	"fmt"
	"log/slog"
	"maps"
	"net"
	"strconv"
	"strings"
	"sync"

	"github.com/spf13/pflag"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/ratelimit"
)

// scheduleValue is a flag for a rate or a timetable of rates. It implements
// pflag.Value.
type scheduleValue struct{ ratelimit.Schedule }

func (s *scheduleValue) Type() string { return "rate" }

func (s *scheduleValue) Set(text string) (err error) {
	s.Schedule, err = ratelimit.ParseSchedule(text)
	return err
}

// limitFlags are the most octets per second that the user wants moved.
type limitFlags struct {
	run  scheduleValue
	host [2]scheduleValue // each source host, each destination host
}

func (f *limitFlags) register(fs *pflag.FlagSet) {
	fs.Var(&f.run, "limit", "octets per second read from all sources, and as many written to all destinations")
	for i, what := range []string{"read from each source host", "written to each destination host"} {
		fs.Var(&f.host[i], fmt.Sprintf("limit%d", i+1), "octets per second "+what)
	}
}

// attr is the limits for the log; nothing without one.
func (f *limitFlags) attr() slog.Attr {
	var set []any
	for _, l := range []struct {
		name string
		scheduleValue
	}{{"limit", f.run}, {"limit1", f.host[0]}, {"limit2", f.host[1]}} {
		if l.Limits() {
			set = append(set, slog.String(l.name, l.String()))
		}
	}
	return slog.Group("rates", set...)
}

// limits hold a run to rates while it goes on. Methods are safe for concurrent
// use.
type limits struct {
	read, written *ratelimit.Limiter
	hosts         [2]*ratelimit.Hosts // of sources, of destinations

	mu   sync.Mutex
	said map[string]string // what holds now, by the flag's name and the host, if it is for one
	held bool              // something was limited, if only for a while
}

// start makes the limits that the flags say. Without one nobody waits, until one
// is set.
func (f *limitFlags) start() *limits {
	l := &limits{
		read: ratelimit.New(f.run.Schedule), written: ratelimit.New(f.run.Schedule),
		hosts: [2]*ratelimit.Hosts{ratelimit.NewHosts(f.host[0].Schedule), ratelimit.NewHosts(f.host[1].Schedule)},
		said:  make(map[string]string),
	}
	for name, s := range map[string]ratelimit.Schedule{"limit": f.run.Schedule, "limit1": f.host[0].Schedule, "limit2": f.host[1].Schedule} {
		if s.Limits() {
			l.said[name], l.held = s.String(), true
		}
	}
	return l
}

// wrap holds a connection to the limits. Mail goes from the source to the
// destination: only octets of that direction count, on the wire, with what TLS
// adds.
func (l *limits) wrap(side fault.Side, host string, nc net.Conn) net.Conn {
	if side == fault.Source {
		return ratelimit.Wrap(nc, []*ratelimit.Limiter{l.hosts[0].Of(host), l.read}, nil)
	}
	return ratelimit.Wrap(nc, nil, []*ratelimit.Limiter{l.hosts[1].Of(host), l.written})
}

// set changes the run's limit (side 0), or that of each source (1) or destination
// host (2), or of one of these. It returns what held before.
func (l *limits) set(side int, host string, s ratelimit.Schedule) (before string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	name := "limit"
	if side == 0 {
		l.read.Set(s)
		l.written.Set(s)
	} else {
		name += strconv.Itoa(side)
		l.hosts[side-1].Set(host, s)
	}
	key := strings.TrimSpace(name + " " + host)
	before, ok := l.said[key]
	if !ok && host != "" {
		before, ok = l.said[name]
	}
	if !ok {
		before = ratelimit.Rate(0).String()
	}
	for k := range l.said {
		if host == "" && strings.HasPrefix(k, name+" ") {
			delete(l.said, k) // it was for one host
		}
	}
	l.said[key] = s.String()
	l.held = l.held || s.Limits()
	return before
}

// limited reports whether the user has limited octets in the run: then its rates
// are not the servers'.
func (l *limits) limited() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.held
}

// now are the limits that hold, by the flag's name, and the host if it is for one.
func (l *limits) now() map[string]string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.said)
}
