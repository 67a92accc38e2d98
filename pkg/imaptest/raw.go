package imaptest

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// raw is the client of Fill and Dump: one connection, one command at a time,
// and no more of IMAP than they need.
type raw struct {
	nc      net.Conn
	br      *bufio.Reader
	bw      *bufio.Writer
	timeout time.Duration
	tags    int
	caps    map[string]bool // in upper case
}

// refusal is a tagged NO or BAD, a BYE at the greeting.
type refusal struct{ command, answer string }

func (e *refusal) Error() string { return e.command + ": " + e.answer }

// dialRaw connects and logs in.
func dialRaw(ctx context.Context, a Access) (*raw, error) {
	dial := a.Dial
	if dial == nil {
		var d net.Dialer
		dial = d.DialContext
	}
	nc, err := dial(ctx, "tcp", a.Addr)
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", a.Addr, err)
	}
	if a.TLS != nil {
		nc = tls.Client(nc, a.TLS)
	}
	r := &raw{nc: nc, timeout: a.Timeout}
	if r.timeout == 0 {
		r.timeout = time.Minute
	}
	r.br, r.bw = bufio.NewReaderSize(nc, 64<<10), bufio.NewWriterSize(nc, 64<<10)
	if err := r.login(ctx, a); err != nil {
		nc.Close()
		return nil, fmt.Errorf("%s as %q: %w", a.Addr, a.User, err)
	}
	return r, nil
}

func (r *raw) login(ctx context.Context, a Access) error {
	defer r.guard(ctx)()
	greeting, err := r.response(nil)
	if err != nil {
		return r.because(ctx, fmt.Errorf("greeting: %w", err))
	}
	if !strings.HasPrefix(greeting, "* OK") {
		return &refusal{"greeting", greeting}
	}
	if a.STARTTLS != nil {
		if err := r.ok(ctx, "STARTTLS"); err != nil {
			return err
		}
		r.nc = tls.Client(r.nc, a.STARTTLS)
		r.br, r.bw = bufio.NewReaderSize(r.nc, 64<<10), bufio.NewWriterSize(r.nc, 64<<10)
	}
	if err := r.authenticate(ctx, a); err != nil {
		return err
	}
	r.caps = make(map[string]bool)
	return r.command(ctx, "CAPABILITY", func(resp string) error {
		if rest, ok := strings.CutPrefix(resp, "* CAPABILITY "); ok {
			for _, c := range strings.Fields(rest) {
				r.caps[strings.ToUpper(c)] = true
			}
		}
		return nil
	}, nil)
}

// authenticate uses AUTHENTICATE PLAIN, which carries any octet but NUL.
func (r *raw) authenticate(ctx context.Context, a Access) error {
	tag, err := r.send("AUTHENTICATE PLAIN")
	if err != nil {
		return r.because(ctx, err)
	}
	for {
		resp, err := r.response(nil)
		if err != nil {
			return r.because(ctx, err)
		}
		if strings.HasPrefix(resp, "+") {
			if _, err := r.bw.WriteString(plainResponse("", a.User, a.Password) + "\r\n"); err != nil {
				return r.because(ctx, err)
			}
			if err := r.bw.Flush(); err != nil {
				return r.because(ctx, err)
			}
			continue
		}
		if rest, ok := strings.CutPrefix(resp, tag+" "); ok {
			if !strings.HasPrefix(rest, "OK") {
				return &refusal{"AUTHENTICATE", rest}
			}
			return nil
		}
	}
}

// plainResponse is the message of SASL PLAIN (RFC 4616 section 2) in base64.
func plainResponse(authzid, user, password string) string {
	return base64.StdEncoding.EncodeToString([]byte(authzid + "\x00" + user + "\x00" + password))
}

// guard closes the connection when ctx ends; the function it returns calls
// that off.
func (r *raw) guard(ctx context.Context) func() bool {
	nc := r.nc
	return context.AfterFunc(ctx, func() { nc.Close() })
}

// because prefers the reason that ctx has to an error that came of it.
func (r *raw) because(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// send writes one command and returns its tag.
func (r *raw) send(line string) (string, error) {
	r.tags++
	tag := "A" + strconv.Itoa(r.tags)
	if err := r.nc.SetDeadline(time.Now().Add(r.timeout)); err != nil {
		return "", err
	}
	if _, err := r.bw.WriteString(tag + " " + line + "\r\n"); err != nil {
		return "", err
	}
	return tag, r.bw.Flush()
}

// command sends a line, hands each untagged response to each, and body octets
// to sink, and returns nil for a tagged OK, a *refusal for NO and BAD.
func (r *raw) command(ctx context.Context, line string, each func(resp string) error, sink *bodySink) error {
	defer r.guard(ctx)()
	tag, err := r.send(line)
	if err != nil {
		return r.because(ctx, err)
	}
	for {
		resp, err := r.response(sink)
		if err != nil {
			return r.because(ctx, fmt.Errorf("%s: %w", verb(line), err))
		}
		if rest, ok := strings.CutPrefix(resp, tag+" "); ok {
			if !strings.HasPrefix(strings.ToUpper(rest), "OK") {
				return &refusal{verb(line), rest}
			}
			return nil
		}
		if each != nil {
			if err := each(resp); err != nil {
				return err
			}
		}
	}
}

// ok is a command whose untagged responses do not matter.
func (r *raw) ok(ctx context.Context, line string) error { return r.command(ctx, line, nil, nil) }

// verb returns what of a command line may stand in an error.
func verb(line string) string {
	v, rest, _ := strings.Cut(line, " ")
	if v == "UID" {
		sub, _, _ := strings.Cut(rest, " ")
		v += " " + sub
	}
	return v
}

// bodySink digests the literals of BODY[], and holds the last one if it has a
// place for it.
type bodySink struct {
	h    hash.Hash
	keep *bytes.Buffer
}

// response reads one response with its literals, without the last CRLF. A
// literal becomes a quoted string; with a sink, one that follows BODY[] becomes
// the atom <octets>:<sha256 in hex> instead.
func (r *raw) response(sink *bodySink) (string, error) {
	var b strings.Builder
	for {
		if err := r.nc.SetReadDeadline(time.Now().Add(r.timeout)); err != nil {
			return "", err
		}
		line, err := r.br.ReadString('\n')
		if err != nil {
			if err == io.EOF && b.Len()+len(line) > 0 {
				err = io.ErrUnexpectedEOF
			}
			return "", err
		}
		line = strings.TrimRight(line, "\r\n")
		b.WriteString(line)
		n, head := literalAtEnd(line)
		if n < 0 || isStatus(b.String()) {
			return b.String(), nil
		}
		text := b.String()
		b.Reset()
		b.WriteString(text[:len(text)-(len(line)-len(head))])
		if err := r.literal(&b, n, sink); err != nil {
			return "", err
		}
	}
}

// literal reads n octets and writes what stands for them.
func (r *raw) literal(b *strings.Builder, n int64, sink *bodySink) error {
	if sink != nil && strings.HasSuffix(strings.ToUpper(b.String()), "BODY[] ") {
		sink.h.Reset()
		to := io.Writer(sink.h)
		if sink.keep != nil {
			sink.keep.Reset()
			to = io.MultiWriter(sink.h, sink.keep)
		}
		if _, err := io.Copy(to, &deadlineReader{r: r, left: n}); err != nil {
			return err
		}
		fmt.Fprintf(b, "%d:%s", n, hex.EncodeToString(sink.h.Sum(nil)))
		return nil
	}
	if n > 1<<20 {
		return fmt.Errorf("a literal of %d octets where none was expected", n)
	}
	p := make([]byte, n)
	if _, err := io.ReadFull(r.br, p); err != nil {
		return err
	}
	b.WriteString(quote(string(p)))
	return nil
}

// deadlineReader reads a literal and gives each read the whole timeout.
type deadlineReader struct {
	r    *raw
	left int64
}

func (d *deadlineReader) Read(p []byte) (int, error) {
	if d.left == 0 {
		return 0, io.EOF
	}
	if err := d.r.nc.SetReadDeadline(time.Now().Add(d.r.timeout)); err != nil {
		return 0, err
	}
	n, err := d.r.br.Read(p[:min(int64(len(p)), d.left)])
	d.left -= int64(n)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

func newBodySink(keep bool) *bodySink {
	s := &bodySink{h: sha256.New()}
	if keep {
		s.keep = new(bytes.Buffer)
	}
	return s
}

// close says goodbye and waits a little for the server to end the connection,
// so that it does not count against a limit any more.
func (r *raw) close() {
	defer r.nc.Close()
	if _, err := r.send("LOGOUT"); err != nil {
		return
	}
	if err := r.nc.SetReadDeadline(time.Now().Add(2 * time.Second)); err != nil {
		return
	}
	// What is said in parting tells nothing, and the connection may be gone.
	_, _ = io.Copy(io.Discard, r.br)
}
