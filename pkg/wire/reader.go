package wire

import (
	"io"
	"strings"

	"github.com/imapfleet/imapfleet/pkg/fault"
)

// Reader is a pull parser over one untagged response, fed from the socket: it
// never waits for more octets than the response has. It is tolerant: any
// number of blanks, 8-bit octets anywhere, items in any order, lists that do
// not close. It is valid during the call of Request.Handle that it was given
// to, and for one goroutine.
//
// All errors mean that the connection is dead, but those of String.
type Reader struct {
	Num  uint32 // the number ahead of the kind (a message's, EXISTS' count); 0 when there is none
	Kind string // upper case: FETCH, EXISTS, LIST, OK ...

	c      *Conn
	status bool
	lit    int64 // octets of the literal announced last that are still to come
	used   int   // octets of the response so far, without literals
	buf    []byte
}

// TokenKind tells the parts of a response apart.
type TokenKind uint8

// The kinds of tokens. End, the zero kind, is the end of the response; it
// comes again on every further call.
const (
	End TokenKind = iota
	Atom
	Quoted
	Literal
	Open
	Close
)

// Token is one part of a response. Text is that of an Atom or Quoted, without
// quotes and escapes, valid until the Reader's next method; Size is a
// Literal's octets, as announced.
type Token struct {
	Kind TokenKind
	Text []byte
	Size int64
}

// start begins a response after its kind. One blank belongs to neither.
func (r *Reader) start(num uint32, k kind) error {
	r.Num, r.Kind, r.status = num, k.name, k.status
	r.lit, r.used = 0, len(r.c.head)
	if cap(r.buf) > readBuffer {
		r.buf = nil
	}
	b, err := r.c.br.Peek(1)
	if err != nil {
		return r.c.broken(err)
	}
	if b[0] == ' ' {
		return r.discard(1)
	}
	return nil
}

// Next returns the next token. An Atom ends at a blank, a parenthesis or the
// end of the line and may hold anything else. The rest of a literal that was
// not read is skipped first.
func (r *Reader) Next() (Token, error) { return r.token(false) }

// Key is Next, but an Atom goes on through brackets with blanks and
// parentheses between them: BODY[HEADER.FIELDS (A B)]<0> is one.
func (r *Reader) Key() (Token, error) { return r.token(true) }

// Literal returns the octets of the literal that Next or Key has just
// announced; what is not read is skipped. It ends with io.EOF after exactly
// the octets announced. It is valid until the next call of Next, Key, Rest or
// Skip.
func (r *Reader) Literal() io.Reader { return (*literal)(r) }

// String returns the text of an Atom, a Quoted or the Literal just announced.
// ok is false for the atom NIL, in any case, and for tokens without a text.
// A text over max octets is a *fault.Error with Code Protocol that leaves the
// connection alone.
func (r *Reader) String(t Token, max int64) (s string, ok bool, err error) {
	switch t.Kind {
	case Atom, Quoted:
		if int64(len(t.Text)) > max {
			return "", false, tooLong()
		}
		if t.Kind == Atom && len(t.Text) == 3 && strings.EqualFold(string(t.Text), "NIL") {
			return "", false, nil
		}
		return string(t.Text), true, nil
	case Literal:
		if t.Size > max {
			return "", false, tooLong()
		}
		b := make([]byte, t.Size)
		if _, err := io.ReadFull((*literal)(r), b); err != nil {
			return "", false, r.c.broken(err)
		}
		return string(b), true, nil
	}
	return "", false, nil
}

func tooLong() error {
	return &fault.Error{
		Code: fault.Protocol, Text: "a string far longer than it may be",
		Hint: "the server's answer makes no sense: see run.log, and ask its administrator",
	}
}

// Rest returns the rest of the line without its end, as sent: the text of OK,
// NO or BAD. A blank after the kind is not part of it. It does not go on
// after a literal.
func (r *Reader) Rest() (string, error) {
	if err := r.skipLiteral(); err != nil {
		return "", err
	}
	r.buf = r.buf[:0]
	if err := r.takeUntil(""); err != nil {
		return "", err
	}
	if n, _, lit := literalSize(r.buf); lit && !r.status {
		// What it announces comes after the line end and is none of a line.
		if err := r.discardLineEnd(); err != nil {
			return "", err
		}
		r.lit = n
	}
	return string(r.buf), nil
}

// Skip skips the value that follows: an atom with its brackets, a string, a
// literal, a list with all that is in it. Ahead of a ")" or the end there is
// none.
func (r *Reader) Skip() error {
	if err := r.skipLiteral(); err != nil {
		return err
	}
	b, err := r.blanks()
	if err != nil || b == ')' || b == '\n' {
		return err
	}
	for depth := 0; ; {
		t, err := r.Key()
		if err != nil {
			return err
		}
		switch t.Kind {
		case End:
			return nil
		case Open:
			depth++
		case Close:
			depth--
		}
		if depth <= 0 {
			return r.skipLiteral()
		}
	}
}

// literal is the Reader seen as the octets of its literal.
type literal Reader

func (l *literal) Read(p []byte) (int, error) {
	r := (*Reader)(l)
	if r.lit == 0 {
		return 0, io.EOF
	}
	if len(p) == 0 {
		return 0, nil
	}
	n, err := r.c.br.Read(p[:min(int64(len(p)), r.lit)])
	r.lit -= int64(n)
	if err != nil {
		return n, r.c.broken(err)
	}
	return n, nil
}

func (r *Reader) skipLiteral() error {
	n := r.lit
	r.lit = 0
	return r.c.skip(n)
}
