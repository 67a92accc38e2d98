package imapconn

import "time"

// Span is what was seen of one uncompressed connection over its last
// megabytes, for the question whether compression would make it faster.
type Span struct {
	Octets int64         // moved, in both directions
	Wall   time.Duration // in which that was
	// Waited is the part of Wall in which the server owed an answer and
	// nothing came, or took no more octets.
	Waited    time.Duration
	HostRate  float64       // octets a second of all connections to the host together
	CPU       float64       // share of this machine's processors that this process used, 0 to 1
	Ratio     float64       // octets before by octets after compression, by trial; 0: not known
	PressRate float64       // octets a second that one processor deflates here; 0: not known
	RoundTrip time.Duration // shortest NOOP; 0: not measured
}

// Opinion is what a Span says.
type Opinion uint8

// The opinions.
const (
	Later    Opinion = iota // nothing yet: look again when more has passed
	Useless                 // compression cannot help with this host
	WorthTry                // the link may be the limit: try it
)

// The bounds of Judge.
const (
	spanOctets = 4 << 20
	spanWall   = 500 * time.Millisecond
	minRatio   = 1.2
	minWaited  = 0.75 // of the time
	maxCPU     = 0.7
	lan        = time.Millisecond
)

// Judge says whether the link, and not a processor or the other side, can be
// the limit. It errs towards no:
//
//   - octets that do not shrink, and a host that takes or gives more than half
//     of what one processor deflates, are a no for good;
//   - so is a round trip under a millisecond: that is this machine or the next
//     one, whose link is seldom slower than its disk;
//   - a busy processor here, or a connection that mostly waits for the other
//     side, is a no for now.
//
// What a client cannot see in this is a server that is slow by itself, far
// away: it waits for it exactly as for a slow link. So WorthTry is no verdict:
// one connection tries, and Helped tells.
func Judge(s Span) Opinion {
	switch {
	case s.Octets < spanOctets || s.Wall < spanWall || s.Ratio == 0:
		return Later
	case s.Ratio <= minRatio:
		return Useless
	case s.PressRate > 0 && max(s.HostRate, float64(s.Octets)/s.Wall.Seconds()) > s.PressRate/2:
		return Useless
	case s.RoundTrip > 0 && s.RoundTrip < lan:
		return Useless
	case s.CPU > maxCPU || s.Waited.Seconds() < minWaited*s.Wall.Seconds():
		return Later
	}
	return WorthTry
}

// Helped says whether a connection gained by compression: before and after are
// octets, before compression, for each second of waiting. Where the link is
// the limit they grow by ratio; a third of that gain is enough. A server that
// is itself the limit is as slow as it was.
func Helped(before, after, ratio float64) bool {
	return after >= before*(1+(ratio-1)/3)
}
