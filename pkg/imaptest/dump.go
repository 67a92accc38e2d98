package imaptest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Contents is what an account holds, as read by [Dump].
type Contents struct {
	Delimiter string          // of INBOX; "" when it is NIL
	Mailboxes []DumpedMailbox // sorted by name
	byName    map[string]int  // index into Mailboxes
}

// DumpedMailbox is one mailbox of [Contents].
type DumpedMailbox struct {
	Name        string   // UTF-8; as on the wire where that is no modified UTF-7
	Attributes  []string // of LIST, sorted
	NoSelect    bool     // it cannot hold messages
	Subscribed  bool
	UIDValidity uint32
	Messages    []DumpedMessage // by UID
}

// DumpedMessage is one message of a [DumpedMailbox].
type DumpedMessage struct {
	UID    uint32
	Digest string    // SHA-256 of BODY[] in hex; "" when the server says NIL
	Octets int64     // of BODY[]; -1 when the server says NIL
	Size   int64     // RFC822.SIZE
	Date   time.Time // INTERNALDATE with its zone; zero when it cannot be read
	Flags  []string  // sorted, without \Recent; system flags as the RFC writes them
	Body   []byte    // BODY[], from DumpBodies only; nil when the server says NIL
}

// Mailbox returns the mailbox of that name, nil when there is none.
func (c *Contents) Mailbox(name string) *DumpedMailbox {
	i, ok := c.byName[name]
	if !ok {
		return nil
	}
	return &c.Mailboxes[i]
}

// Messages returns the number of messages in all mailboxes.
func (c *Contents) Messages() int {
	n := 0
	for _, m := range c.Mailboxes {
		n += len(m.Messages)
	}
	return n
}

// Octets returns the sum of all messages.
func (c *Contents) Octets() int64 {
	var n int64
	for _, m := range c.Mailboxes {
		for _, msg := range m.Messages {
			n += max(0, msg.Octets)
		}
	}
	return n
}

// Dump reads a whole account with EXAMINE and BODY.PEEK[], so that nothing
// changes by it. It holds no message in memory.
func Dump(ctx context.Context, a Access) (*Contents, error) { return dump(ctx, a, false) }

// DumpBodies is Dump for a small account: it also returns the messages.
func DumpBodies(ctx context.Context, a Access) (*Contents, error) { return dump(ctx, a, true) }

func dump(ctx context.Context, a Access, bodies bool) (*Contents, error) {
	r, err := dialRaw(ctx, a)
	if err != nil {
		return nil, err
	}
	defer r.close()
	c := &Contents{byName: make(map[string]int)}
	wires, err := r.list(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("dump %q: %w", a.User, err)
	}
	for i := range c.Mailboxes {
		m := &c.Mailboxes[i]
		if m.NoSelect {
			continue
		}
		if err := r.dumpMailbox(ctx, m, wires[m.Name], bodies); err != nil {
			return nil, fmt.Errorf("dump %q: mailbox %q: %w", a.User, m.Name, err)
		}
	}
	return c, nil
}

// list fills c with the mailboxes and returns their names on the wire.
func (r *raw) list(ctx context.Context, c *Contents) (map[string]string, error) {
	wires := make(map[string]string)
	subscribed := make(map[string]bool)
	err := r.command(ctx, `LSUB "" "*"`, func(resp string) error {
		return eachListed(resp, "LSUB", func(_ []string, _, wire string) { subscribed[foldInbox(wire)] = true })
	}, nil)
	if err != nil {
		return nil, err
	}
	err = r.command(ctx, `LIST "" "*"`, func(resp string) error {
		return eachListed(resp, "LIST", func(attrs []string, delimiter, wire string) {
			name, _ := DecodeName(foldInbox(wire))
			if _, ok := wires[name]; ok {
				return
			}
			if name == "INBOX" {
				c.Delimiter = delimiter
			}
			wires[name] = wire
			c.Mailboxes = append(c.Mailboxes, DumpedMailbox{
				Name: name, Attributes: attrs, Subscribed: subscribed[foldInbox(wire)],
				NoSelect: slices.ContainsFunc(attrs, func(a string) bool {
					return strings.EqualFold(a, `\NoSelect`) || strings.EqualFold(a, `\NonExistent`)
				}),
			})
		})
	}, nil)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(c.Mailboxes, func(a, b DumpedMailbox) int { return strings.Compare(a.Name, b.Name) })
	for i, m := range c.Mailboxes {
		c.byName[m.Name] = i
	}
	return wires, nil
}

// foldInbox writes INBOX as the RFC does, whatever the server's case.
func foldInbox(name string) string {
	if strings.EqualFold(name, "INBOX") {
		return "INBOX"
	}
	return name
}

// eachListed calls f if resp is the asked kind of LIST response.
func eachListed(resp, kind string, f func(attrs []string, delimiter, wire string)) error {
	rest, ok := strings.CutPrefix(resp, "* "+kind+" ")
	if !ok {
		return nil
	}
	vs, err := parseValues(rest)
	if err != nil {
		return err
	}
	if len(vs) < 3 || !vs[0].isList {
		return fmt.Errorf("odd response %q", resp)
	}
	attrs := texts(vs[0].list)
	slices.Sort(attrs)
	delimiter := vs[1].text
	if vs[1].nilAtom() {
		delimiter = ""
	}
	f(attrs, delimiter, vs[2].text)
	return nil
}

func texts(vs []value) []string {
	var out []string
	for _, v := range vs {
		out = append(out, v.text)
	}
	return out
}

// dumpMailbox reads the messages of one mailbox.
func (r *raw) dumpMailbox(ctx context.Context, m *DumpedMailbox, wire string, bodies bool) error {
	exists := 0
	err := r.command(ctx, "EXAMINE "+quote(wire), func(resp string) error {
		f := strings.Fields(resp)
		if len(f) == 3 && strings.EqualFold(f[2], "EXISTS") {
			n, err := strconv.Atoi(f[1])
			if err != nil {
				return err
			}
			exists = n
		}
		if _, code, ok := strings.Cut(resp, "[UIDVALIDITY "); ok {
			digits, _, _ := strings.Cut(code, "]")
			n, err := strconv.ParseUint(digits, 10, 32)
			if err != nil {
				return err
			}
			m.UIDValidity = uint32(n)
		}
		return nil
	}, nil)
	if err != nil || exists == 0 {
		return err
	}
	sink := newBodySink(bodies)
	err = r.command(ctx, "UID FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[])", func(resp string) error {
		msg, whole, err := parseFetch(resp)
		if whole {
			if bodies && msg.Octets > 0 && msg.Body == nil {
				msg.Body = bytes.Clone(sink.keep.Bytes())
			}
			m.Messages = append(m.Messages, msg)
		}
		return err
	}, sink)
	if err != nil {
		return err
	}
	if len(m.Messages) < exists {
		return fmt.Errorf("%d messages are there, %d were given", exists, len(m.Messages))
	}
	slices.SortStableFunc(m.Messages, func(a, b DumpedMessage) int { return int(int64(a.UID) - int64(b.UID)) })
	return nil
}

// parseFetch reads a FETCH response. It is whole if it is one with a body and
// not just a notice of flags.
func parseFetch(resp string) (msg DumpedMessage, whole bool, err error) {
	f := strings.SplitN(resp, " ", 4)
	if len(f) < 4 || f[0] != "*" || !strings.EqualFold(f[2], "FETCH") {
		return msg, false, nil
	}
	vs, err := parseValues(f[3])
	if err != nil {
		return msg, false, err
	}
	if len(vs) != 1 || len(vs[0].list)%2 != 0 {
		return msg, false, fmt.Errorf("odd response %q", resp)
	}
	for items := vs[0].list; len(items) > 0; items = items[2:] {
		v := items[1]
		switch strings.ToUpper(items[0].text) {
		case "UID":
			n, perr := strconv.ParseUint(v.text, 10, 32)
			msg.UID, err = uint32(n), perr
		case "RFC822.SIZE":
			msg.Size, err = strconv.ParseInt(v.text, 10, 64)
		case "FLAGS":
			msg.Flags = canonicalFlags(texts(v.list))
		case "INTERNALDATE":
			// A date that cannot be read shows as the zero time in a Diff.
			msg.Date, _ = time.Parse("2-Jan-2006 15:04:05 -0700", strings.TrimSpace(v.text))
		case "BODY[]":
			whole = true
			msg.Octets, msg.Digest, err = parseBody(v)
			if v.quoted {
				msg.Body = []byte(v.text)
			}
		}
		if err != nil {
			return msg, false, err
		}
	}
	return msg, whole, nil
}

// parseBody reads NIL, a string, or what response makes of a body literal.
func parseBody(v value) (int64, string, error) {
	switch {
	case v.nilAtom():
		return -1, "", nil
	case v.quoted:
		sum := sha256.Sum256([]byte(v.text))
		return int64(len(v.text)), hex.EncodeToString(sum[:]), nil
	}
	octets, digest, _ := strings.Cut(v.text, ":")
	n, err := strconv.ParseInt(octets, 10, 64)
	return n, digest, err
}

// canonicalFlags drops \Recent and writes system flags as RFC 9051 section
// 2.3.2 does.
func canonicalFlags(flags []string) []string {
	var out []string
	for _, f := range flags {
		switch strings.ToLower(f) {
		case `\recent`:
			continue
		case `\seen`, `\answered`, `\flagged`, `\deleted`, `\draft`:
			f = f[:1] + strings.ToUpper(f[1:2]) + strings.ToLower(f[2:])
		}
		out = append(out, f)
	}
	slices.Sort(out)
	return slices.Compact(out)
}
