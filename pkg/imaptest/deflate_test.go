package imaptest

import (
	"bufio"
	"bytes"
	"compress/flate"
	"io"
	"net"
	"strings"
	"testing"
)

// squeezed is the client's half of TestCompress: it sends lines deflated, in
// one piece with what comes before them, and returns what came back inflated.
func squeezed(t *testing.T, nc net.Conn, plain, answer string, lines ...string) string {
	t.Helper()
	br := bufio.NewReader(nc)
	if _, err := br.ReadString('\n'); err != nil { // the greeting
		t.Fatal(err)
	}
	io.WriteString(nc, plain)
	for got := ""; !strings.HasSuffix(got, answer); {
		b, err := br.ReadByte()
		if err != nil {
			t.Fatalf("%q: %v", got, err)
		}
		got += string(b)
	}
	var out bytes.Buffer
	z, err := flate.NewWriter(&out, flate.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(z, strings.Join(lines, ""))
	z.Flush()
	go nc.Write(out.Bytes())
	b, err := io.ReadAll(flate.NewReader(br))
	if err != io.ErrUnexpectedEOF { // the stream has no last block
		t.Errorf("the stream ends with %v", err)
	}
	return string(b)
}

func TestFakeCompress(t *testing.T) {
	f := NewFake(t, FakeOptions{Caps: append(FakeCaps(), "COMPRESS=DEFLATE")}, FakeMailbox{Name: "INBOX"})
	nc, err := f.DialContext(t.Context(), "", "")
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	got := squeezed(t, nc, "1 LOGIN a b\r\n2 COMPRESS DEFLATE\r\n", "2 OK COMPRESS done\r\n",
		"3 APPEND INBOX {5+}\r\nhello\r\n", "4 COMPRESS DEFLATE\r\n", "5 LOGOUT\r\n")
	if want := "3 OK [APPENDUID 1001 1] APPEND done\r\n4 NO [COMPRESSIONACTIVE] not again\r\n* BYE until next time\r\n5 OK LOGOUT done\r\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := f.Stored("INBOX"); len(got) != 1 {
		t.Errorf("%d messages are stored", len(got))
	}
	if v := f.Violations(); len(v) > 0 {
		t.Error(v)
	}
}

func TestFakeWithoutCompress(t *testing.T) {
	f := NewFake(t, FakeOptions{})
	if got := talk(t, f, "1 LOGIN a b", "2 COMPRESS DEFLATE"); !strings.Contains(got, "2 BAD ") {
		t.Errorf("got %q", got)
	}
}

func TestScriptDeflate(t *testing.T) {
	s := NewScript(t, ScriptOptions{}, []Step{Say("* OK hi"), Expect("COMPRESS DEFLATE"), Say("$TAG OK"), Deflate(),
		Expect("NOOP"), Say("$TAG OK squeezed"),
		Expect("NOOP"), Reset()}) // a reset would take the answer with it
	nc, err := s.DialContext(t.Context(), "", "")
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	br := bufio.NewReader(nc)
	br.ReadString('\n')
	io.WriteString(nc, "1 COMPRESS DEFLATE\r\n")
	br.ReadString('\n')
	z, err := flate.NewWriter(nc, flate.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(z, "2 NOOP\r\n")
	z.Flush()
	if line, _ := bufio.NewReader(flate.NewReader(br)).ReadString('\n'); line != "2 OK squeezed\r\n" {
		t.Errorf("got %q", line)
	}
	io.WriteString(z, "3 NOOP\r\n")
	z.Flush()
	io.Copy(io.Discard, nc) // until the reset
}
