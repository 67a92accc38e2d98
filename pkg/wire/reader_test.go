package wire

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/imapfleet/imapfleet/pkg/fault"
)

// feed runs handle over one response, whose octets arrive as they are, and
// checks that the reader afterwards stands exactly behind it.
func feed(t *testing.T, response string, handle func(*Reader) error) {
	t.Helper()
	near, far := net.Pipe()
	defer far.Close()
	c := New(near, Options{})
	defer c.Abort(nil)
	ran := false
	p := &Pending{wants: func(string) bool { return true }, handle: func(r *Reader) error {
		ran = true
		return handle(r)
	}}
	if err := c.register(p); err != nil {
		t.Fatal(err)
	}
	go io.WriteString(far, greeting+response+"X1 OK behind\r\n")
	go io.Copy(io.Discard, c)
	if r, err := p.Wait(t.Context()); err != nil || r.Text != "behind" {
		t.Errorf("after %.80q: %+v, %v", response, r, err)
	}
	if !ran {
		t.Errorf("%.80q was not handled", response)
	}
}

// dump lists the tokens of the rest of a response.
func dump(r *Reader, next func() (Token, error)) (string, error) {
	var out []string
	for {
		tok, err := next()
		if err != nil {
			return "", err
		}
		switch tok.Kind {
		case End:
			return strings.Join(out, " "), nil
		case Open:
			out = append(out, "(")
		case Close:
			out = append(out, ")")
		case Literal:
			b, err := io.ReadAll(r.Literal())
			if err != nil {
				return "", err
			}
			out = append(out, fmt.Sprintf("%d:%s", tok.Size, b))
		case Quoted:
			out = append(out, fmt.Sprintf("%q", tok.Text))
		default:
			out = append(out, string(tok.Text))
		}
	}
}

func TestTokens(t *testing.T) {
	for _, tt := range []struct{ name, in, next, key string }{
		{"RFC 9051", "* 23 FETCH (FLAGS (\\Seen) UID 4827313)\r\n", `( FLAGS ( \Seen ) UID 4827313 )`, ""},
		{"literal", "* 12 FETCH (BODY[HEADER] {5}\r\na\r\nb) X)\r\n", "( BODY[HEADER] 5:a\r\nb) X )", ""},
		{"literal8", "* 12 FETCH (BINARY[] ~{3}\r\na\x00b)\r\n", "( BINARY[] 3:a\x00b )", ""},
		{"non-synchronising literal", "* LIST () {1+}\r\nx\r\n", "( ) 1:x", ""},
		{"empty literals", "* X {0}\r\n{0}\r\n\r\n", "0: 0:", ""},
		{"literal without a blank", "* 1 FETCH (BODY[]{3}\r\nabc)\r\n", "( BODY[] 3:abc )", ""},
		{"section", "* 1 FETCH (BODY[HEADER.FIELDS (A B)]<0> NIL)\r\n", "( BODY[HEADER.FIELDS ( A B ) ]<0> NIL )", "( BODY[HEADER.FIELDS (A B)]<0> NIL )"},
		{"section that does not close", "* 1 FETCH (BODY[A (B \r\n", "( BODY[A ( B", "( BODY[A (B "},
		{"quoted", `* LIST (\HasNoChildren) "\\" "a \"b\" [c] (d"` + "\r\n", `( \HasNoChildren ) "\\" "a \"b\" [c] (d"`, ""},
		{"quoted that does not close", "* LIST () \"/\" \"abc\r\n", `( ) "/" "abc"`, ""},
		{"quoted that ends in a backslash", "* LIST () \"abc\\\r\n", `( ) "abc"`, ""},
		{"quoted 8-bit", "* LIST () \"/\" \"Entw\xc3\xbcrfe\"\r\n", `( ) "/" "Entwürfe"`, ""},
		{"bad modified UTF-7", "* LIST () \"/\" \"R&D\"\r\n", `( ) "/" "R&D"`, ""},
		{"odd flags", "* 1 FETCH (FLAGS (\\Seen  [foo] \x80\x9f \"q\" a{b {1}x ))\r\n", "( FLAGS ( \\Seen [foo] \x80\x9f \"q\" a{b {1}x ) )", ""},
		{"many blanks", "*  1   FETCH  ( UID   5 )  \r\n", "( UID 5 )", ""},
		{"NIL date, negative size", "* 1 FETCH (INTERNALDATE NIL RFC822.SIZE -1)\r\n", "( INTERNALDATE NIL RFC822.SIZE -1 )", ""},
		{"trailing blank", "* SEARCH 2 3 \r\n", "2 3", ""},
		{"nothing", "* SEARCH\r\n", "", ""},
		{"LF only", "* SEARCH 1 2\n", "1 2", ""},
		{"bare CR", "* SEARCH 1\r2 \r3\r\n", "1\r2 3", ""},
		{"braces that announce nothing", "* LIST () \"/\" {5}x {} {+} {-1} {5}{ {a}\r\n", `( ) "/" {5}x {} {+} {-1} {5}{ {a}`, ""},
		{"two announcements", "* X {1}{2}\r\nab\r\n", "{1} 2:ab", ""},
		{"text is no literal", "* OK [UIDNEXT 4] {5}\r\n", "[UIDNEXT 4] {5}", "[UIDNEXT 4] {5}"},
		{"list that does not close", "* 1 FETCH (FLAGS (\\Seen\r\n", `( FLAGS ( \Seen`, ""},
		{"too many closes", "* 1 FETCH ))\r\n", ") )", ""},
		{"long number", "* 99999999999 EXISTS\r\n", "", ""},
		{"long kind", "* " + strings.Repeat("K", 100) + " x\r\n", strings.Repeat("K", 36) + " x", ""},
	} {
		if tt.key == "" {
			tt.key = tt.next
		}
		t.Run(tt.name, func(t *testing.T) {
			feed(t, tt.in, func(r *Reader) error {
				got, err := dump(r, r.Next)
				if got != tt.next {
					t.Errorf("Next: %q, want %q", got, tt.next)
				}
				return err
			})
			feed(t, tt.in, func(r *Reader) error {
				got, err := dump(r, r.Key)
				if got != tt.key {
					t.Errorf("Key: %q, want %q", got, tt.key)
				}
				return err
			})
		})
	}
}

func TestNumberAndKind(t *testing.T) {
	for in, want := range map[string]string{
		"* 5 eXists\r\n":           "5 EXISTS",
		"* LIST () NIL x\r\n":      "0 LIST",
		"* 4294967296 RECENT\r\n":  "4294967295 RECENT",
		"* 7\r\n":                  "7 ",
		"*\r\n":                    "0 ",
		"* (x)\r\n":                "0 ",
		"* x-odd.kind y\r\n":       "0 X-ODD.KIND",
		"* STATUS(\r\n":            "0 STATUS",
		"* ID{1}\r\nx\r\n":         "0 ID",
		"* FETCH\t(a)\r\n":         "0 FETCH",
		"*FLAGS (\\Seen)\r\n":      "0 FLAGS",
		"* 00000000000001 FETCH\n": "1 FETCH",
	} {
		feed(t, in, func(r *Reader) error {
			if got := fmt.Sprintf("%d %s", r.Num, r.Kind); got != want {
				t.Errorf("%q: %q, want %q", in, got, want)
			}
			return nil // whatever is left is skipped
		})
	}
}

// Wherever a handler stops, the next response is found.
func TestHandlerStopsAnywhere(t *testing.T) {
	const response = "* 1 FETCH (UID 5 BODY[HEADER.FIELDS (A)] {6}\r\n* 2 OK FLAGS (\\Seen \"a\\\"b\" {0}\r\n) X {2}\r\n)\r Y)\r\n"
	for n := range 20 {
		feed(t, response, func(r *Reader) error {
			for range n {
				tok, err := r.Key()
				if err != nil {
					return err
				}
				if tok.Kind == Literal && n%2 == 0 { // half of it, or none
					if _, err := r.Literal().Read(make([]byte, 3)); err != nil && tok.Size > 0 {
						return err
					}
				}
			}
			return nil
		})
	}
}

func TestSkip(t *testing.T) {
	for in, want := range map[string]string{
		"* X (a (b \"c\" {2}\r\n)) ) d) rest\r\n": "rest",
		"* X {3}\r\nabc rest\r\n":                 "rest",
		"* X BODY[A (B)]<1> rest\r\n":             "rest",
		"* X \"a b\" rest\r\n":                    "rest",
		"* X ) rest\r\n":                          ") rest",
		"* X\r\n":                                 "",
		"* X (never closes\r\n":                   "",
	} {
		feed(t, in, func(r *Reader) error {
			if err := r.Skip(); err != nil {
				return err
			}
			got, err := dump(r, r.Next)
			if got != want {
				t.Errorf("%q: %q is left, want %q", in, got, want)
			}
			return err
		})
	}
}

func TestRest(t *testing.T) {
	for in, want := range map[string]string{
		"* OK [ALERT] a  b {3}\r\n":   "[ALERT] a  b {3}",
		"* OK\r\n":                    "",
		"* OK \r\n":                   "",
		"* OK a\rb\r\n":               "a\rb",
		"* LIST x {3}\r\nabc (d)\r\n": "x {3}",
	} {
		feed(t, in, func(r *Reader) error {
			got, err := r.Rest()
			if got != want {
				t.Errorf("%q: Rest = %q, want %q", in, got, want)
			}
			return err
		})
	}
	feed(t, "* LIST () \"/\" my folder\r\n", func(r *Reader) error {
		for range 4 {
			if _, err := r.Next(); err != nil {
				return err
			}
		}
		if rest, err := r.Rest(); rest != " folder" || err != nil {
			t.Errorf("Rest = %q, %v", rest, err)
		}
		return nil
	})
}

func TestString(t *testing.T) {
	feed(t, "* X abc nil \"nil\" NIL {3}\r\nnil {4}\r\nlong longer ( ) \"longer\" next\r\n", func(r *Reader) error {
		for _, want := range []struct {
			text string
			ok   bool
			code fault.Code
		}{
			{"abc", true, ""}, {"", false, ""}, {"nil", true, ""}, {"", false, ""}, {"nil", true, ""},
			{"", false, fault.Protocol}, {"", false, fault.Protocol}, {"", false, ""}, {"", false, ""},
			{"", false, fault.Protocol}, {"", false, fault.Protocol}, {"", false, ""},
		} {
			tok, err := r.Next()
			if err != nil {
				return err
			}
			got, ok, err := r.String(tok, 3)
			if got != want.text || ok != want.ok || fault.CodeOf(err) != want.code {
				t.Errorf("String(%v) = %q, %v, %v, want %+v", tok, got, ok, err, want)
			}
		}
		return nil
	})
}

// A response is never waited for longer than it is: the octets come one by
// one and the next only after the handler is done.
func TestReaderNeverOverreads(t *testing.T) {
	near, far := net.Pipe()
	defer far.Close()
	c := New(near, Options{})
	defer c.Abort(nil)
	handled := make(chan string)
	p := &Pending{wants: func(string) bool { return true }, handle: func(r *Reader) error {
		s, err := dump(r, r.Next)
		handled <- s
		return err
	}}
	if err := c.register(p); err != nil {
		t.Fatal(err)
	}
	go io.Copy(io.Discard, c)
	io.WriteString(far, greeting)
	for in, want := range map[string]string{
		"* SEARCH 1 2\r\n":                  "1 2",
		"* 1 FETCH (UID 5)\r\n":             "( UID 5 )",
		"* LIST () NIL {3}\r\nabc\r\n":      "( ) NIL 3:abc",
		"* LIST () \"/\" {a}\r\n":           `( ) "/" {a}`,
		"* LIST () \"/\" \"x\r\n":           `( ) "/" "x"`,
		"* OK {3}\r\n":                      "{3}",
		"* 1 FETCH (BODY[] {0}\r\n)\r\n":    "( BODY[] 0: )",
		"* X {12345678901234567890\r\n":     "{12345678901234567890",
		"* X \"a\\\r\n":                     `"a"`,
		"* ENVELOPE (NIL \"x\" (a) {1+}x\n": `( NIL "x" ( a ) {1+}x`,
	} {
		go func() {
			for i := range len(in) {
				io.WriteString(far, in[i:i+1])
			}
		}()
		if got := <-handled; got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
