package main

import (
	"fmt"
	"log/slog"
	"net"

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

// wrap holds the engine's connections to the limits; nil without one. Mail
// goes from the source to the destination: only octets of that direction
// count, on the wire, with what TLS adds.
func (f *limitFlags) wrap() func(side fault.Side, host string, nc net.Conn) net.Conn {
	if !f.run.Limits() && !f.host[0].Limits() && !f.host[1].Limits() {
		return nil
	}
	read, written := ratelimit.New(f.run.Schedule), ratelimit.New(f.run.Schedule)
	sources, dests := ratelimit.NewHosts(f.host[0].Schedule), ratelimit.NewHosts(f.host[1].Schedule)
	return func(side fault.Side, host string, nc net.Conn) net.Conn {
		if side == fault.Source {
			return ratelimit.Wrap(nc, []*ratelimit.Limiter{sources.Of(host), read}, nil)
		}
		return ratelimit.Wrap(nc, nil, []*ratelimit.Limiter{dests.Of(host), written})
	}
}
