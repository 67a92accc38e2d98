package imapconn

import (
	"testing"
	"time"
)

func TestJudge(t *testing.T) {
	const mib = 1 << 20
	// A link of 8 MiB/s, 20 ms away.
	slow := Span{Octets: 8 * mib, Wall: time.Second, Waited: 950 * time.Millisecond, HostRate: 8 * mib,
		CPU: 0.1, Ratio: 1.5, PressRate: 100 * mib, RoundTrip: 20 * time.Millisecond}
	for _, tt := range []struct {
		name   string
		change func(*Span)
		want   Opinion
	}{
		{"a slow link", func(*Span) {}, WorthTry},
		{"1 MiB/s", func(s *Span) { s.Wall, s.Waited, s.HostRate = 8*time.Second, 7900*time.Millisecond, mib }, WorthTry},
		{"20 MiB/s", func(s *Span) { s.Octets, s.HostRate = 20*mib, 20*mib }, WorthTry},
		{"before the round trip is known", func(s *Span) { s.RoundTrip = 0 }, WorthTry},
		{"where deflating could not be timed", func(s *Span) { s.PressRate = 0 }, WorthTry},
		{"nothing", func(s *Span) { *s = Span{} }, Later},
		{"a few messages", func(s *Span) { s.Octets = mib }, Later},
		{"a short burst", func(s *Span) { s.Wall, s.Waited = 100*time.Millisecond, 95*time.Millisecond }, Later},
		{"no sample", func(s *Span) { s.Ratio = 0 }, Later},
		{"images", func(s *Span) { s.Ratio = 1.01 }, Useless},
		{"a host that is fast enough", func(s *Span) { s.Octets, s.HostRate = 60*mib, 60*mib }, Useless},
		{"many slow connections to a fast host", func(s *Span) { s.HostRate = 300 * mib }, Useless},
		{"a fast connection whose host has not reported", func(s *Span) { s.Octets, s.HostRate = 60*mib, 0 }, Useless},
		{"a slow server on loopback", func(s *Span) { s.RoundTrip = 80 * time.Microsecond }, Useless},
		{"a machine at its limit", func(s *Span) { s.CPU = 0.9 }, Later},
		{"the other side is the slow one", func(s *Span) { s.Waited = 300 * time.Millisecond }, Later},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := slow
			tt.change(&s)
			if got := Judge(s); got != tt.want {
				t.Errorf("Judge(%+v) = %v, want %v", s, got, tt.want)
			}
		})
	}
}

func TestHelped(t *testing.T) {
	for _, tt := range []struct {
		name                 string
		before, after, ratio float64
		want                 bool
	}{
		{"all of the gain", 10, 20, 2, true},
		{"half of it", 10, 15, 2, true},
		{"as before", 10, 10, 2, false},
		{"hardly any", 10, 11, 2, false},
		{"slower", 10, 5, 1.3, false},
		{"little promised, little gained", 10, 11.1, 1.3, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := Helped(tt.before, tt.after, tt.ratio); got != tt.want {
				t.Errorf("Helped = %v, want %v", got, tt.want)
			}
		})
	}
}
