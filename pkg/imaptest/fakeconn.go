package imaptest

import (
	"bufio"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
)

// fakeConn is one connection to a Fake. Its goroutine alone uses it.
type fakeConn struct {
	f        *Fake
	n        int
	nc       net.Conn
	br       *bufio.Reader
	bw       *bufio.Writer
	loggedIn bool
	zipped   bool     // COMPRESS is on
	selected *fakeBox // nil: none
	readOnly bool     // selected by EXAMINE
	known    int      // messages of selected that the client was told of
	// condstore: the client has shown that it knows mod-sequences (RFC 7162
	// section 3.1).
	condstore bool
}

// errFakeDone ends a connection in good order.
var errFakeDone = errors.New("done")

func newFakeConn(f *Fake, nc net.Conn, n int) *fakeConn {
	return &fakeConn{f: f, n: n, nc: nc, br: bufio.NewReaderSize(nc, 32<<10), bw: bufio.NewWriterSize(nc, 32<<10)}
}

func (c *fakeConn) run() {
	greeting := c.f.opt.Greeting
	if greeting == "" {
		greeting = "* OK Fake ready"
	}
	c.line("%s", greeting)
	for {
		// Answers wait until the client has nothing more for us, but not when
		// it still owes the rest of a line.
		if c.br.Buffered() == 0 {
			if c.bw.Flush() != nil {
				return
			}
		}
		if err := c.command(); err != nil {
			// What was said last, as a BYE, is still to go out.
			_ = c.bw.Flush()
			return
		}
	}
}

// line queues one line; an error stays with the writer up to Flush.
func (c *fakeConn) line(format string, args ...any) {
	fmt.Fprintf(c.bw, format+"\r\n", args...)
}

// readLine reads one line without its end.
func (c *fakeConn) readLine() (string, error) {
	line, err := c.br.ReadString('\n')
	if err != nil {
		return "", err
	}
	return strings.TrimRight(line, "\r\n"), nil
}

// command reads and does one command.
func (c *fakeConn) command() error {
	line, err := c.readLine()
	if err != nil {
		return err
	}
	cmd := c.split(line)
	if cmd.Name != "APPEND" {
		if cmd.Args, err = c.inline(cmd.Args); err != nil {
			return err
		}
	}
	c.f.record(cmd)
	if c.f.opt.Intercept != nil {
		if reply := c.f.opt.Intercept(cmd); len(reply.Lines) > 0 || reply.Close {
			return c.reply(cmd, reply)
		}
	}
	return c.do(cmd)
}

// split takes a command line apart.
func (c *fakeConn) split(line string) FakeCommand {
	cmd := FakeCommand{Conn: c.n}
	tag, rest, ok := strings.Cut(line, " ")
	if !ok {
		cmd.Args = line
		return cmd
	}
	cmd.Tag = tag
	name, args, _ := strings.Cut(rest, " ")
	if strings.EqualFold(name, "UID") {
		sub, subArgs, _ := strings.Cut(args, " ")
		name, args = name+" "+sub, subArgs
	}
	cmd.Name, cmd.Args = strings.ToUpper(name), args
	return cmd
}

// inline reads the literals of a line that is no APPEND and puts quoted
// strings in their place.
func (c *fakeConn) inline(args string) (string, error) {
	for {
		n, head := literalAtEnd(args)
		if n < 0 {
			return args, nil
		}
		if n > 64<<10 {
			return "", fmt.Errorf("a literal of %d octets", n)
		}
		if err := c.goAhead(args); err != nil {
			return "", err
		}
		p := make([]byte, n)
		if _, err := io.ReadFull(c.br, p); err != nil {
			return "", err
		}
		rest, err := c.readLine()
		if err != nil {
			return "", err
		}
		args = head + quote(string(p)) + rest
	}
}

// goAhead says "+" if the literal at the end of args waits for it.
func (c *fakeConn) goAhead(args string) error {
	if strings.HasSuffix(args, "+}") {
		return nil
	}
	c.line("+ go ahead")
	return c.bw.Flush()
}

// reply says what Intercept wants.
func (c *fakeConn) reply(cmd FakeCommand, r FakeReply) error {
	for _, l := range r.Lines {
		if rest, ok := strings.CutPrefix(l, "TAG"); ok {
			l = cmd.Tag + rest
		}
		c.line("%s", l)
	}
	if r.Close {
		return errFakeDone
	}
	return nil
}

// do answers a command.
func (c *fakeConn) do(cmd FakeCommand) error {
	switch cmd.Name {
	case "CAPABILITY":
		c.line("* CAPABILITY %s", strings.Join(c.f.opt.Caps, " "))
		return c.ok(cmd)
	case "NOOP":
		c.tell()
		return c.ok(cmd)
	case "LOGOUT":
		c.line("* BYE until next time")
		_ = c.ok(cmd)
		return errFakeDone
	case "LOGIN", "AUTHENTICATE":
		return c.login(cmd)
	case "ID":
		return c.id(cmd)
	}
	if !c.loggedIn {
		c.f.violation("connection %d: %s before login", c.n, cmd.Name)
		return c.no(cmd, "BAD log in first")
	}
	switch cmd.Name {
	case "COMPRESS":
		if slices.Contains(c.f.opt.Caps, "COMPRESS=DEFLATE") {
			return c.compress(cmd)
		}
	case "NAMESPACE":
		return c.namespace(cmd)
	case "GETQUOTAROOT":
		if c.f.offers("QUOTA") {
			return c.quota(cmd)
		}
	case "LIST", "LSUB":
		return c.list(cmd)
	case "STATUS":
		return c.status(cmd)
	case "SELECT", "EXAMINE":
		return c.openBox(cmd)
	case "UNSELECT", "CLOSE":
		c.selected = nil
		return c.ok(cmd)
	case "CREATE":
		return c.create(cmd)
	case "DELETE":
		return c.remove(cmd)
	case "SUBSCRIBE":
		return c.subscribe(cmd)
	case "APPEND":
		return c.append(cmd)
	case "UID SEARCH":
		return c.search(cmd)
	case "UID FETCH":
		return c.fetch(cmd)
	case "UID STORE":
		return c.setFlags(cmd)
	}
	c.f.violation("connection %d: no command: %.80q %.80q", c.n, cmd.Name, cmd.Args)
	return c.no(cmd, "BAD unknown command")
}

// ok ends a command well.
func (c *fakeConn) ok(cmd FakeCommand) error {
	c.line("%s OK %s done", cmd.Tag, cmd.Name)
	return nil
}

// no ends a command with a refusal, "NO ..." or "BAD ...".
func (c *fakeConn) no(cmd FakeCommand, answer string) error {
	tag := cmd.Tag
	if tag == "" {
		tag = "*"
	}
	c.line("%s %s", tag, answer)
	return nil
}

func (c *fakeConn) id(cmd FakeCommand) error {
	id := c.f.opt.ID
	if id == "" {
		id = `("name" "Fake")`
	}
	c.line("* ID %s", id)
	return c.ok(cmd)
}

func (c *fakeConn) namespace(cmd FakeCommand) error {
	ns := c.f.opt.Namespace
	if ns == "" {
		ns = fmt.Sprintf(`(("" %s)) NIL NIL`, quote(c.f.opt.Delimiter))
	}
	c.line("* NAMESPACE %s", ns)
	return c.ok(cmd)
}

// quota answers GETQUOTAROOT (RFC 9208 section 4.1.2).
func (c *fakeConn) quota(cmd FakeCommand) error {
	roots := ""
	for _, q := range c.f.opt.Quota {
		root, _, _ := strings.Cut(q, " (")
		roots += " " + root
	}
	c.line("* QUOTAROOT %s%s", cmd.Args, roots)
	for _, q := range c.f.opt.Quota {
		c.line("* QUOTA %s", q)
	}
	return c.ok(cmd)
}

// login takes LOGIN and AUTHENTICATE PLAIN (RFC 9051 sections 6.2.3, 6.2.2).
func (c *fakeConn) login(cmd FakeCommand) error {
	var authzid, user, password string
	if cmd.Name == "LOGIN" {
		vs, err := parseValues(cmd.Args)
		if err != nil || len(vs) != 2 {
			return c.no(cmd, "BAD LOGIN takes two strings")
		}
		user, password = vs[0].text, vs[1].text
	} else {
		mech, response, _ := strings.Cut(cmd.Args, " ")
		if !strings.EqualFold(mech, "PLAIN") {
			return c.no(cmd, "NO unknown mechanism")
		}
		if response == "" {
			c.line("+ ")
			if err := c.bw.Flush(); err != nil {
				return err
			}
			var err error
			if response, err = c.readLine(); err != nil {
				return err
			}
		}
		p, err := base64.StdEncoding.DecodeString(response)
		part := strings.Split(string(p), "\x00")
		if err != nil || len(part) != 3 {
			return c.no(cmd, "BAD no PLAIN response")
		}
		authzid, user, password = part[0], part[1], part[2]
	}
	if c.f.opt.Login != nil {
		if refusal := c.f.opt.Login(authzid, user, password); refusal != "" {
			c.f.track.login(false)
			return c.no(cmd, refusal)
		}
	}
	c.f.track.login(true)
	c.loggedIn = true
	c.line("%s OK [CAPABILITY %s] logged in", cmd.Tag, strings.Join(c.f.opt.Caps, " "))
	return nil
}
