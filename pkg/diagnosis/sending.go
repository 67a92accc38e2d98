package diagnosis

import "time"

// Sending is what TCP knows of the connections that mail is sent on. The zero
// value is not known.
type Sending struct {
	Busy   time.Duration // octets were to be sent, or under way and not confirmed
	NoRoom time.Duration // of it, the receiver had no room for more: it did not read
	Trip   time.Duration // the least that a packet and its confirmation have taken
	Again  int64         // packets that were sent again
}

// way is the time in which it was the way that octets waited for.
func (s Sending) way() time.Duration { return s.Busy - s.NoRoom }

// plus adds what other connections have to say.
func (s Sending) plus(o Sending) Sending {
	out := Sending{Busy: s.Busy + o.Busy, NoRoom: s.NoRoom + o.NoRoom, Trip: s.Trip, Again: s.Again + o.Again}
	if o.Trip > 0 && (out.Trip == 0 || o.Trip < out.Trip) {
		out.Trip = o.Trip
	}
	return out
}

// minus takes off what was known before; the least round trip stays.
func (s Sending) minus(o Sending) Sending {
	return Sending{Busy: s.Busy - o.Busy, NoRoom: s.NoRoom - o.NoRoom, Trip: s.Trip, Again: s.Again - o.Again}
}
