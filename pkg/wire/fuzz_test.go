package wire

import (
	"bytes"
	"compress/flate"
	"errors"
	"io"
	"net"
	"testing"
	"time"
)

// script is a socket whose server has said everything in advance.
type script struct {
	r io.Reader
	w bytes.Buffer
}

func (s *script) Read(p []byte) (int, error)       { return s.r.Read(p) }
func (s *script) Write(p []byte) (int, error)      { return s.w.Write(p) }
func (s *script) Close() error                     { return nil }
func (s *script) LocalAddr() net.Addr              { return nil }
func (s *script) RemoteAddr() net.Addr             { return nil }
func (s *script) SetDeadline(time.Time) error      { return nil }
func (s *script) SetReadDeadline(time.Time) error  { return nil }
func (s *script) SetWriteDeadline(time.Time) error { return nil }

// octet hands out one octet at a time.
type octet struct{ r io.Reader }

func (o octet) Read(p []byte) (int, error) { return o.r.Read(p[:min(len(p), 1)]) }

// FuzzReader lets a server say anything while raw commands and one of go-imap
// are in flight. However the octets are cut, the same comes out, nothing
// panics or runs on without end, and a reader's string is never longer than
// what the server said.
func FuzzReader(f *testing.F) {
	for _, s := range []string{
		// RFC 9051 sections 6 to 8.
		"* CAPABILITY IMAP4rev2 STARTTLS AUTH=GSSAPI\r\nX1 OK CAPABILITY completed\r\n",
		"* 172 EXISTS\r\n* OK [UIDVALIDITY 3857529045] UIDs valid\r\n* OK [PERMANENTFLAGS (\\Deleted \\Seen \\*)] Limited\r\nX1 OK [READ-WRITE] SELECT completed\r\n",
		"* 12 FETCH (FLAGS (\\Seen) INTERNALDATE \"17-Jul-1996 02:44:25 -0700\" RFC822.SIZE 4286)\r\n",
		"* 12 FETCH (BODY[HEADER] {5}\r\na\r\n\r\n)\r\nX2 OK FETCH completed\r\n",
		"* LIST (\\Noselect) \"/\" \"\"\r\n* LIST () \"/\" ~/Mail/foo\r\n* STATUS blurdybloop (MESSAGES 231 UIDNEXT 44292)\r\n",
		"* ESEARCH (TAG \"X1\") UID ALL 4:18,21,28\r\n* SEARCH 2 84 882\r\nX1 OK\r\n",
		"X3 OK [APPENDUID 38505 3955:3960] APPEND completed\r\nX2 NO [TRYCREATE] no\r\n",
		"* BYE IMAP4rev2 Server logging out\r\nT1 OK LOGOUT completed\r\n", "+ idling\r\nT1 OK\r\n+\r\n",
		// What go-imap's parser dies of.
		"* VANISHED (EARLIER) 1:5\r\n", "* LSUB () \"/\" x\r\n* XLIST () \"/\" x\r\n", "* LIST () \"/\" \"R&D\"\r\n* LIST () \"/\" Entw\xfcrfe\r\n",
		"* 1 FETCH (INTERNALDATE NIL)\r\n* 1 FETCH (INTERNALDATE \"00-Jan-1900 00:00:00 +0000\")\r\n",
		"* 1 FETCH (FLAGS (\\Seen ))\r\n* 1 FETCH (FLAGS ([foo] \x80 \"q\"))\r\n", "* 1 FETCH (RFC822.SIZE -1)\r\n* 1 FETCH (UID  5)\r\n",
		"* 1 FETCH (RFC822 {3}\r\nabc EMAILID (M1) X-GM-MSGID 5)\r\n", "* STATUS x (MESSAGES 5 )\r\n* OK [UIDVALIDITY 99999999999] x\r\n",
		"* ID (\"name\" NIL)\r\n* QUOTA \"\" (STORAGE -1 5)\r\n+ stray\r\n",
		// Cuts and lies.
		"* 1 FETCH (BODY[] {99999999999999999999}\r\nabc", "* 1 FETCH (BODY[]{2}\r\nab {0}\r\n~{1}\r\nx", "* OK {5}\r\nX1 OK {5}\r\n", "X1 MAYBE\r\n", "* \"\\\r\n", "\r\n\r\n*\r\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, said []byte) {
		whole, n := listen(t, bytes.NewReader(said), false)
		if n > int64(4*len(said)) {
			t.Errorf("%d octets said, %d handed out", len(said), n)
		}
		if parts, _ := listen(t, octet{bytes.NewReader(said)}, false); parts != whole {
			t.Errorf("in one piece:\n%s\nin octets:\n%s", whole, parts)
		}
		// Deflated, with a flush after whatever piece, it is still the same.
		packed := deflate(t, append([]byte(greeting), said...), 1+len(said)/3)
		if got, _ := listen(t, bytes.NewReader(packed), true); got != whole {
			t.Errorf("plain:\n%s\ndeflated:\n%s", whole, got)
		}
		if got, _ := listen(t, octet{bytes.NewReader(packed)}, true); got != whole {
			t.Errorf("plain:\n%s\ndeflated, in octets:\n%s", whole, got)
		}
	})
}

// FuzzInflate lets a server say anything where a deflate stream should be. The
// connection ends; nothing panics or runs on.
func FuzzInflate(f *testing.F) {
	whole := deflate(f, []byte(greeting+"* SEARCH 1\r\nX1 OK done\r\n"), 9)
	f.Add(whole)
	f.Add(whole[:len(whole)/2])
	f.Add([]byte(greeting))                      // went on in plain text
	f.Add(append([]byte{1, 0, 0, 255, 255}, 42)) // a last block, and more
	f.Add(bytes.Repeat([]byte{0, 0, 0, 255, 255}, 300))
	f.Fuzz(func(t *testing.T, said []byte) {
		one, _ := listen(t, bytes.NewReader(said), true)
		if parts, _ := listen(t, octet{bytes.NewReader(said)}, true); parts != one {
			t.Errorf("in one piece:\n%s\nin octets:\n%s", one, parts)
		}
	})
}

// deflate is what a compressing server sends that flushes after each piece.
func deflate(t testing.TB, said []byte, piece int) []byte {
	t.Helper()
	var out bytes.Buffer
	z, err := flate.NewWriter(&out, 6)
	for err == nil && len(said) > 0 {
		n := min(piece, len(said))
		_, err = z.Write(said[:n])
		err = errors.Join(err, z.Flush())
		said = said[n:]
	}
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// listen runs a session in which the server says what r gives, and renders
// everything that came out of it. With deflated, r begins with the greeting.
func listen(t *testing.T, r io.Reader, deflated bool) (out string, handed int64) {
	t.Helper()
	s := &script{r: r}
	if !deflated {
		s.r = io.MultiReader(bytes.NewReader([]byte(greeting)), r)
	}
	c := New(s, Options{})
	if deflated {
		c.inflate()
	}
	var log bytes.Buffer
	note := func(r *Reader) error {
		log.WriteString(r.Kind + ": ")
		text, err := dump(r, r.Key)
		handed += int64(len(text))
		log.WriteString(text + "\n")
		return err
	}
	skips := func(r *Reader) error {
		if err := r.Skip(); err != nil {
			return err
		}
		rest, err := r.Rest()
		handed += int64(len(rest))
		log.WriteString(r.Kind + " skipped: " + rest + "\n")
		return err
	}
	var pending []*Pending
	for _, req := range []Request{
		{Line: "A", Wants: wants("FETCH", "SEARCH", "OK"), Handle: note},
		{Line: "B", Wants: wants("LIST", "STATUS", "FETCH"), Handle: skips},
		{Line: "C", Wants: wants("ESEARCH", "ID"), Handle: func(*Reader) error { return nil }},
	} {
		p, err := c.Start(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		pending = append(pending, p)
	}
	if _, err := io.WriteString(c, "T1 LOGOUT\r\n"); err != nil {
		t.Fatal(err)
	}
	seen, err := io.ReadAll(c)
	if err == nil || c.Err() == nil {
		t.Error("the server has hung up and the connection lives")
	}
	log.Write(seen)
	for _, p := range pending {
		<-p.Done()
		log.WriteString(p.reply.Status + p.reply.Code + p.reply.Text + "\n")
	}
	return log.String() + c.Bye(), handed
}
