package diagnosis

import "time"

// Sending is what TCP knows of the connections that mail is sent on. The zero
// value is not known.
type Sending struct {
	Busy   time.Duration // octets were to be sent, or under way and not confirmed
	NoRoom time.Duration // of it, the receiver had no room for more: it did not read
}

// way is the time in which it was the way that octets waited for.
func (s Sending) way() time.Duration { return s.Busy - s.NoRoom }

// plus adds what other connections have to say, minus takes off what was known
// before.
func (s Sending) plus(o Sending) Sending {
	return Sending{Busy: s.Busy + o.Busy, NoRoom: s.NoRoom + o.NoRoom}
}

func (s Sending) minus(o Sending) Sending {
	return Sending{Busy: s.Busy - o.Busy, NoRoom: s.NoRoom - o.NoRoom}
}
