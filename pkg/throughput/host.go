package throughput

import (
	"encoding/json"
	"time"
)

// HostPause is a server at which no row starts for a while, and why. Until is
// zero when none will in this run.
type HostPause struct {
	Host  string
	Until time.Time
	Fault Fault
}

// MarshalJSON leaves out a time that is not set. Fields are only ever added.
func (p HostPause) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Host  string     `json:"host"`
		Until *time.Time `json:"parked_until,omitempty"`
		Fault Fault      `json:"fault"`
	}{p.Host, timeOrNil(p.Until), p.Fault})
}

// ByHost are pauses by the host's name, each a copy.
func ByHost(parked []HostPause) map[string]*HostPause {
	out := make(map[string]*HostPause, len(parked))
	for _, p := range parked {
		out[p.Host] = &p
	}
	return out
}

// Parked is r, parked where it waits for one of the hosts that are parked:
// for the one that keeps it longest. Its Fault is the pause's own then: there
// may be 100,000 such rows, and this is asked ten times a second.
func (r Result) Parked(hosts map[string]*HostPause) Result {
	if s := r.State.Known(); len(hosts) == 0 || s != Pending && s != Parked {
		return r
	}
	for i, name := range [...]string{r.Host1, r.Host2} {
		p, ok := hosts[name]
		if !ok {
			continue
		}
		if r.State == Parked && (r.ParkedUntil.IsZero() && r.Fault != nil || !p.Until.IsZero() && p.Until.Before(r.ParkedUntil)) {
			continue
		}
		r.State, r.ParkedUntil, r.Fault = Parked, p.Until, p.Fault.at([...]string{"source", "destination"}[i])
	}
	return r
}

// at is f for a row whose server of that side is meant; f itself where it says
// so, or is about neither.
func (f *Fault) at(side string) *Fault {
	if f.Side == side || f.Side != "source" && f.Side != "destination" {
		return f
	}
	own := *f
	own.Side = side
	return &own
}

// ParkedText says until when a row or a host is parked and why, such as
// "parked until 14:05 (imap.example.com: Request is throttled)"; the day is
// said where it is not that of now, and no time where it is over: then it is a
// lane that the row waits for, or the next run.
func ParkedText(host string, until, now time.Time, f *Fault) string {
	out := "parked"
	if !until.Before(now) {
		until, now = until.Local(), now.Local()
		layout := "15:04"
		if until.Format(time.DateOnly) != now.Format(time.DateOnly) {
			layout = "2006-01-02 15:04"
		}
		out += " until " + until.Format(layout)
	}
	why := host
	if f != nil {
		text := f.Text
		if text == "" {
			text = f.Code
		}
		if text != "" {
			why += ": " + text
		}
	}
	if why == "" {
		return out
	}
	return oneLine(out + " (" + why + ")")
}

// FaultHost is the server that a row's fault is about; "" when it is about
// neither.
func (r Result) FaultHost() string {
	switch {
	case r.Fault == nil:
	case r.Fault.Side == "source":
		return r.Host1
	case r.Fault.Side == "destination":
		return r.Host2
	}
	return ""
}

// PausedHost is what a run has waited for at one host. Text is why it did so
// last.
type PausedHost struct {
	Host    string `json:"host"`
	Pauses  int    `json:"pauses"`
	GivenUp bool   `json:"given_up"` // its rows ended without being tried again
	Code    string `json:"code"`
	Text    string `json:"text,omitempty"`
}

// sentence is the pauses for a person.
func (p PausedHost) sentence() string {
	out := p.Host + " " + FormatNumber(int64(p.Pauses)) + " times"
	if p.Pauses == 1 {
		out = p.Host + " once"
	}
	if p.GivenUp {
		out += ", then given up"
	}
	why := p.Code
	if p.Text != "" {
		why += ": " + p.Text
	}
	return oneLine(out + " (" + why + ")")
}
