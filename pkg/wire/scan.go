package wire

import "bytes"

func (r *Reader) token(key bool) (Token, error) {
	if err := r.skipLiteral(); err != nil {
		return Token{}, err
	}
	b, err := r.blanks()
	if err != nil {
		return Token{}, err
	}
	switch b {
	case '\n':
		return Token{}, nil
	case '(':
		return Token{Kind: Open}, r.discard(1)
	case ')':
		return Token{Kind: Close}, r.discard(1)
	case '"':
		return r.quoted()
	case '{', '~':
		n, size, err := r.marker()
		if err != nil {
			return Token{}, err
		}
		if size > 0 {
			r.lit = n
			return Token{Kind: Literal, Size: n}, r.discard(size)
		}
	}
	return r.atom(key)
}

// blanks skips blanks and returns the octet after them, '\n' for any line
// end, without taking it.
func (r *Reader) blanks() (byte, error) {
	for {
		b, err := r.c.br.Peek(1)
		if err != nil {
			return 0, r.c.broken(err)
		}
		switch b[0] {
		case ' ', '\t':
		case '\r':
			end, err := r.lineEnd()
			if err != nil || end {
				return '\n', err
			}
		default:
			return b[0], nil
		}
		if err := r.discard(1); err != nil {
			return 0, err
		}
	}
}

// lineEnd reports whether the CR that comes next is followed by LF.
func (r *Reader) lineEnd() (bool, error) {
	b, err := r.c.br.Peek(2)
	if err != nil {
		return false, r.c.broken(err)
	}
	return b[1] == '\n', nil
}

func (r *Reader) discardLineEnd() error {
	b, err := r.c.br.Peek(1)
	if err != nil {
		return r.c.broken(err)
	}
	if b[0] == '\r' {
		return r.discard(2)
	}
	return r.discard(1)
}

// discard takes n octets that are in the buffer.
func (r *Reader) discard(n int) error {
	if r.used += n; r.used > maxResponse {
		return r.c.nonsense("a response without end", nil)
	}
	if _, err := r.c.br.Discard(n); err != nil {
		return r.c.broken(err)
	}
	return nil
}

// take moves the next n octets of the buffer to r.buf.
func (r *Reader) take(n int) error {
	b, err := r.c.br.Peek(n)
	if err != nil {
		return r.c.broken(err)
	}
	r.buf = append(r.buf, b...)
	return r.discard(n)
}

// takeUntil moves octets to r.buf up to the end of the line or the first of
// stops, which is not taken.
func (r *Reader) takeUntil(stops string) error {
	for {
		if _, err := r.c.br.Peek(1); err != nil {
			return r.c.broken(err)
		}
		w, _ := r.c.br.Peek(r.c.br.Buffered()) // as much as there is cannot fail
		i := 0
		for i < len(w) && w[i] != '\r' && w[i] != '\n' && !contains(stops, w[i]) {
			i++
		}
		stopped := i < len(w)
		cr := stopped && w[i] == '\r'
		if err := r.take(i); err != nil {
			return err
		}
		if !stopped {
			continue
		}
		if !cr {
			return nil
		}
		end, err := r.lineEnd()
		if err != nil || end {
			return err
		}
		if err := r.take(1); err != nil { // a bare CR
			return err
		}
	}
}

func contains(set string, b byte) bool {
	for i := range len(set) {
		if set[i] == b {
			return true
		}
	}
	return false
}

// atom reads up to what ends an atom. One octet at least is taken.
func (r *Reader) atom(key bool) (Token, error) {
	r.buf = r.buf[:0]
	stops := " ()\t{"
	if key {
		stops = " ()\t{["
	}
	for {
		if err := r.takeUntil(stops); err != nil {
			return Token{}, err
		}
		b, err := r.c.br.Peek(1)
		if err != nil {
			return Token{}, r.c.broken(err)
		}
		switch b[0] {
		case '{':
			_, size, err := r.marker()
			if err != nil {
				return Token{}, err
			}
			if size > 0 {
				return Token{Kind: Atom, Text: r.buf}, nil
			}
			err = r.take(1)
			if err != nil {
				return Token{}, err
			}
		case '[':
			if err := r.brackets(); err != nil {
				return Token{}, err
			}
		default:
			return Token{Kind: Atom, Text: r.buf}, nil
		}
	}
}

// brackets takes [...], or what there is of it.
func (r *Reader) brackets() error {
	if err := r.take(1); err != nil {
		return err
	}
	if err := r.takeUntil("]"); err != nil {
		return err
	}
	b, err := r.c.br.Peek(1)
	if err != nil {
		return r.c.broken(err)
	}
	if b[0] == ']' {
		return r.take(1)
	}
	return nil
}

// quoted reads a quoted string; one that does not close ends with the line.
func (r *Reader) quoted() (Token, error) {
	r.buf = r.buf[:0]
	if err := r.discard(1); err != nil {
		return Token{}, err
	}
	for {
		if err := r.takeUntil(`"\`); err != nil {
			return Token{}, err
		}
		b, err := r.c.br.Peek(1)
		if err != nil {
			return Token{}, r.c.broken(err)
		}
		switch b[0] {
		case '"':
			return Token{Kind: Quoted, Text: r.buf}, r.discard(1)
		case '\\':
			if err := r.escaped(); err != nil {
				return Token{}, err
			}
		default:
			return Token{Kind: Quoted, Text: r.buf}, nil
		}
	}
}

// escaped takes the octet after a backslash; a line end is not one.
func (r *Reader) escaped() error {
	if err := r.discard(1); err != nil {
		return err
	}
	b, err := r.c.br.Peek(1)
	if err != nil {
		return r.c.broken(err)
	}
	if b[0] == '\r' || b[0] == '\n' {
		return nil
	}
	return r.take(1)
}

// marker looks whether the announcement of a literal and a line end come
// next: {n}, {n+} or the literal8 ~{n} (RFC 3516). size is that of all of it,
// 0 when it is none. Octet after octet is asked for, so that none is waited
// for that the line does not have.
func (r *Reader) marker() (n int64, size int, err error) {
	if r.status {
		return 0, 0, nil
	}
	for size = 1; size <= maxMarker+len("~\r\n"); size++ {
		b, err := r.c.br.Peek(size)
		if err != nil {
			return 0, 0, r.c.broken(err)
		}
		switch last := b[size-1]; {
		case last == '\n':
			n, _, ok := literalSize(chomp(b))
			if at := bytes.LastIndexByte(b, '{'); !ok || at > 1 || at == 1 && b[0] != '~' {
				return 0, 0, nil
			}
			return n, size, nil
		case last >= '0' && last <= '9', contains("~{+}\r", last):
		default:
			return 0, 0, nil
		}
	}
	return 0, 0, nil
}
