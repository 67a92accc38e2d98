package wire

import (
	"bufio"
	"errors"
	"io"
	"math"
	"strings"
)

// maxMarker is how many octets of a line's end can hold the announcement of
// a literal: a brace, the 20 digits of the largest number64, "+", a brace.
const maxMarker = 24

// literalSize reads the announcement of a literal at the end of a line
// without its line end: {n}, or the non-synchronising {n+} (RFC 9051 section
// 4.3). A number that cannot be is as good as endless.
func literalSize[T []byte | string](line T) (n int64, sync, ok bool) {
	s := string(line[max(0, len(line)-maxMarker):])
	if !strings.HasSuffix(s, "}") {
		return 0, false, false
	}
	digits := s[strings.LastIndexByte(s, '{')+1 : len(s)-1]
	if len(digits) == len(s)-1 { // no opening brace
		return 0, false, false
	}
	digits, plus := strings.CutSuffix(digits, "+")
	if digits == "" {
		return 0, false, false
	}
	for i := range len(digits) {
		d := int64(digits[i]) - '0'
		if d < 0 || d > 9 {
			return 0, false, false
		}
		if n > (math.MaxInt64-d)/10 {
			n = math.MaxInt64
			continue
		}
		n = n*10 + d
	}
	return n, !plus, true
}

// chomp takes the line end off.
func chomp(line []byte) []byte {
	if n := len(line); n > 0 && line[n-1] == '\n' {
		line = line[:n-1]
	}
	if n := len(line); n > 0 && line[n-1] == '\r' {
		line = line[:n-1]
	}
	return line
}

// readLine appends the rest of the line, with its end, to c.line.
func (c *Conn) readLine() error {
	for {
		b, err := c.br.ReadSlice('\n')
		c.line = append(c.line, b...)
		switch {
		case len(c.line) > maxLine:
			return c.nonsense("a line without end", c.line)
		case err == nil:
			return nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return c.broken(err)
		}
	}
}

// newLine empties c.line and starts it with head.
func (c *Conn) newLine(head []byte) {
	if cap(c.line) > readBuffer {
		c.line = nil
	}
	c.line = append(c.line[:0], head...)
}

// drain skips the rest of a response from anywhere in its line, literals
// included unless it is a status response.
func (c *Conn) drain(status bool) error {
	total := 0
	for {
		n, lit, err := c.skipLine(&total)
		if err != nil || status || !lit {
			return err
		}
		if err := c.skip(n); err != nil {
			return err
		}
	}
}

// skipLine skips the rest of a line and says what literal it announces.
func (c *Conn) skipLine(total *int) (n int64, lit bool, err error) {
	const most = maxMarker + len("\r\n")
	var space [2 * most]byte
	tail := space[:0] // the line's last octets: the buffer may not hold all
	for {
		b, err := c.br.ReadSlice('\n')
		if *total += len(b); *total > maxResponse {
			return 0, false, c.nonsense("a response without end", nil)
		}
		tail = append(tail[:copy(tail, tail[max(0, len(tail)-most):])], b[max(0, len(b)-most):]...)
		if err == nil {
			n, _, lit = literalSize(chomp(tail))
			return n, lit, nil
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return 0, false, c.broken(err)
		}
	}
}

// skip skips n octets.
func (c *Conn) skip(n int64) error {
	for n > 0 {
		k, err := c.br.Discard(int(min(n, 1<<30)))
		n -= int64(k)
		if err != nil {
			return c.broken(err)
		}
	}
	return nil
}

// broken is the reason why a read failed: the connection is dead by now.
func (c *Conn) broken(err error) error {
	if dead := c.Err(); dead != nil {
		return dead
	}
	if err == nil {
		err = io.ErrUnexpectedEOF
	}
	return c.lost(err)
}
