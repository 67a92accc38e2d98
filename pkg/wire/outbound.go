package wire

import "bytes"

// phase is where go-imap's stream of octets stands.
type phase uint8

const (
	between   phase = iota // two commands
	inLine                 // of a command
	inLiteral              // of a command, left octets of it
	exchange               // between or in lines of AUTHENTICATE or IDLE
	swallow                // a line that answers a "+" of a command that is over
)

// outbound follows what go-imap writes, so that the writer is held from the
// first octet of its command to the last, and its tag is known before any
// answer can come. The zero value stands between two commands. Conn.mu guards
// it.
type outbound struct {
	phase    phase
	cmd      *Pending
	dialogue bool  // its lines go on until the tagged answer
	awaiting bool  // the next "+" is go-imap's
	writing  bool  // a part of it is being sent
	over     bool  // it was answered meanwhile
	left     int64 // octets of the literal
	tail     []byte
}

// Write takes go-imap's octets.
func (c *Conn) Write(p []byte) (int, error) {
	total := 0
	for total < len(p) {
		n, err := c.writePart(p[total:])
		total += n
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

// writePart sends what of p belongs to one command.
func (c *Conn) writePart(p []byte) (int, error) {
	if err := c.enter(p); err != nil {
		return 0, err
	}
	c.mu.Lock()
	o := &c.client
	mute := o.phase == swallow
	n, end := o.scan(p)
	o.writing = true
	c.mu.Unlock()

	var err error
	if !mute {
		err = c.send(p[:n])
	}

	c.mu.Lock()
	o.writing = false
	if end = end || o.over; end {
		o.reset()
	}
	c.rearm()
	c.mu.Unlock()
	if end && !mute {
		c.release()
	}
	if err != nil {
		return 0, err
	}
	return n, nil
}

// enter takes the writer when p begins a command.
func (c *Conn) enter(p []byte) error {
	c.mu.Lock()
	at, dead := c.client.phase, c.err
	c.mu.Unlock()
	if dead != nil || at != between {
		return dead
	}
	tag, name, ok := commandStart(p)
	if !ok {
		c.mu.Lock()
		c.client.phase = swallow
		c.mu.Unlock()
		return nil
	}
	if !c.take(nil) {
		return c.Err()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	cmd := &Pending{
		tag: tag, client: true, slow: slowCommand(name), done: make(chan struct{}),
		owed: name != "IDLE", // which may say nothing for as long as it likes
	}
	if c.err == nil {
		c.cmds = append(c.cmds, cmd)
	}
	c.client.phase, c.client.cmd = inLine, cmd
	c.client.dialogue = name == "AUTHENTICATE" || name == "IDLE"
	return nil
}

// commandStart reads tag and name of go-imap's command, whose first write
// always holds both.
func commandStart(p []byte) (tag, name string, ok bool) {
	t, rest, ok := bytes.Cut(p, []byte(" "))
	if !ok || len(t) < 2 || t[0] != 'T' {
		return "", "", false
	}
	if _, ok := number(t[1:]); !ok {
		return "", "", false
	}
	if i := bytes.IndexAny(rest, " \r\n"); i >= 0 {
		rest = rest[:i]
	}
	return string(t), string(rest), true
}

// slowCommand names those that a server may work on for long.
func slowCommand(name string) bool {
	switch name {
	case "SELECT", "EXAMINE", "STATUS", "SEARCH", "UID", "STORE", "COPY", "APPEND", "EXPUNGE":
		return true
	}
	return false
}

// scan follows p and returns how much of it may be sent now, and whether the
// command ends there.
func (o *outbound) scan(p []byte) (n int, end bool) {
	for n < len(p) {
		if o.phase == inLiteral {
			k := min(o.left, int64(len(p)-n))
			o.left -= k
			n += int(k)
			if o.left == 0 {
				o.phase = inLine
			}
			continue
		}
		i := bytes.IndexByte(p[n:], '\n') + 1
		if i == 0 {
			o.keep(p[n:])
			return len(p), false
		}
		o.keep(p[n : n+i])
		n += i
		if o.lineEnds() {
			return n, true
		}
	}
	return n, false
}

// keep remembers the end of the line, where a literal would be announced.
func (o *outbound) keep(p []byte) {
	const most = maxMarker + len("\r\n")
	o.tail = append(o.tail, p[max(0, len(p)-most):]...)
	if len(o.tail) > most {
		o.tail = append(o.tail[:0], o.tail[len(o.tail)-most:]...)
	}
}

// lineEnds decides what comes after a line, and whether the command is over.
func (o *outbound) lineEnds() bool {
	line := chomp(o.tail)
	o.tail = o.tail[:0]
	if o.phase == swallow {
		return true
	}
	if o.dialogue {
		o.phase, o.awaiting = exchange, true
		return false
	}
	n, sync, lit := literalSize(line)
	if !lit {
		return true
	}
	o.phase, o.left, o.awaiting = inLiteral, n, sync
	return false
}

// answered notes the tagged answer to p. It reports whether the writer, which
// go-imap holds for p, is to be given back: p waited for a "+" that will not
// come.
func (o *outbound) answered(p *Pending) bool {
	if o.cmd != p || o.phase != exchange && !o.awaiting {
		return false
	}
	if o.writing {
		o.over = true
		return false
	}
	o.reset()
	return true
}

func (o *outbound) reset() { *o = outbound{tail: o.tail[:0]} }
