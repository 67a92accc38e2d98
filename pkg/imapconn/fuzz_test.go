package imapconn

import (
	"bufio"
	"context"
	"io"
	"net"
	"slices"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/emersion/go-imap/v2/imapclient"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/wire"
)

// FuzzServerLines: whatever a server answers to LIST, LSUB, STATUS, SELECT,
// SEARCH, FETCH and GETQUOTAROOT, nothing panics, hangs or gives impossible results.
func FuzzServerLines(f *testing.F) {
	for _, s := range []string{
		"* LIST (\\HasNoChildren \\Sent) \"/\" \"Sent\"\r\n",
		"* LIST (\\Noselect) NIL {3}\r\na)b (\"CHILDINFO\" (\"SUBSCRIBED\"))\r\n",
		"* LIST () \"/\" R&D\r\n* LIST\r\n* LIST (\r\n* LIST () \"\r\n* LSUB () \"\" \"\"\r\n",
		"* STATUS \"a\" (MESSAGES 5 UIDNEXT 6 UIDVALIDITY 7 SIZE -1 )\r\n",
		"* LIST () \"/\" INBOX\r\n* STATUS inbox (MESSAGES 5 HIGHESTMODSEQ 9223372036854775808)\r\n* LIST () \"/\" R&D\r\n* STATUS R&-D (HIGHESTMODSEQ 7)\r\n",
		"* STATUS a\r\n* STATUS a (MESSAGES\r\n* STATUS {1}\r\na (X (Y) MESSAGES 1)\r\n",
		"* 5 EXISTS\r\n* OK [PERMANENTFLAGS (\\Seen [b] \\*)] x\r\n* OK [UIDVALIDITY 99999999999999999999] x\r\n* OK [\r\n",
		"* SEARCH 1 2 3\r\n* SEARCH 9:1 (MODSEQ 5)\r\n* ESEARCH (TAG \"X1\") UID ALL 1:5,9\r\n* ESEARCH UID ALL 1:4294967295\r\n",
		"* 1 FETCH (UID 5 FLAGS (\\Seen) INTERNALDATE \"01-Jan-2020 00:00:00 +0000\" RFC822.SIZE 3 BODY[] {3}\r\nabc)\r\n",
		"* 1 FETCH (BODY[HEADER] NIL FLAGS NIL INTERNALDATE NIL RFC822.SIZE NIL UID NIL MODSEQ (5) MODSEQ ((6) MODSEQ)\r\n* 2 FETCH (BODY[HEADER.FIELDS (A B)]<0> {2}\r\n)) X-GM-LABELS (\"a\" \\b))\r\n",
		"* QUOTAROOT INBOX \"\" x\r\n* QUOTA \"\" (STORAGE 10 512 MESSAGE 1)\r\n* QUOTA NIL (STORAGE 1 0 (X 1 99999999999999999999))\r\n* QUOTA\r\n",
		"* BYE {5}\r\nX1 OK\r\n+ go\r\nX2 NO [OVERQUOTA] x\r\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, answer []byte) {
		for _, call := range []func(context.Context, *Conn) error{fuzzList, fuzzListStatus, fuzzStatus, fuzzSelect, fuzzSearch, fuzzFetch, fuzzQuotas} {
			c, end := bare(answer)
			if err := call(t.Context(), c); err != nil && fault.Of(err) == nil {
				t.Errorf("an unclassified error: %v", err)
			}
			c.Abort()
			<-c.Done()
			end()
		}
	})
}

// bare returns a session without a login whose server answers one command
// with the given octets, then with OK, and hangs up.
func bare(answer []byte) (c *Conn, end func()) {
	near, far := net.Pipe()
	var wg sync.WaitGroup
	wg.Go(func() {
		defer far.Close()
		_, _ = io.WriteString(far, "* OK [CAPABILITY IMAP4rev1] ready\r\n")
		if _, err := bufio.NewReader(far).ReadString('\n'); err == nil {
			_, _ = far.Write(answer)
			_, _ = io.WriteString(far, "\r\nX1 OK\r\n")
		}
	})
	c = &Conn{cfg: Config{Side: fault.Source}.withDefaults(), filter: new(loginFilter)}
	c.caps.ListExtended = true // LIST and LSUB in one
	c.caps.ListStatus, c.caps.Condstore, c.caps.Quota = true, true, true
	c.caps.ESearch = true
	c.namespaces.personal = []Namespace{{}}
	c.w = wire.New(near, wire.Options{Filter: c.filter.line})
	c.client = imapclient.New(c.w, nil)
	return c, wg.Wait
}

func fuzzList(ctx context.Context, c *Conn) error {
	all, err := c.List(ctx)
	if err != nil {
		return err
	}
	seen := make(map[string]bool)
	for _, m := range all {
		if m.Wire == "" || m.Name == "" || !utf8.ValidString(m.Name) || seen[m.Wire] {
			panic("a mailbox that cannot be")
		}
		seen[m.Wire] = true
	}
	if !slices.ContainsFunc(all, func(m Mailbox) bool { return m.Name == "INBOX" }) {
		panic("no INBOX")
	}
	return nil
}

func fuzzListStatus(ctx context.Context, c *Conn) error {
	boxes, all, err := c.ListStatus(ctx)
	if len(boxes) != len(all) {
		panic("a mailbox without a status")
	}
	for i, s := range all {
		if s.Size < -1 || s.OK && boxes[i].NoSelect {
			panic("a status that cannot be")
		}
	}
	return err
}

func fuzzStatus(ctx context.Context, c *Conn) error {
	all, err := c.Status(ctx, []string{"a"})
	for _, s := range all {
		if s.Size < -1 {
			panic("a negative size")
		}
	}
	return err
}

func fuzzSelect(ctx context.Context, c *Conn) error {
	_, err := c.Examine(ctx, "a")
	return err
}

func fuzzSearch(ctx context.Context, c *Conn) error {
	uids, err := c.UIDs(ctx, 3)
	if !slices.IsSorted(uids) || len(uids) > 0 && uids[0] < 3 {
		panic("UIDs out of order")
	}
	return err
}

func fuzzQuotas(ctx context.Context, c *Conn) error {
	all, known, err := c.Quotas(ctx, "INBOX")
	for _, q := range all {
		if q.Used < 0 || q.Limit <= 0 || q.Free() < 0 || !known {
			panic("a quota that cannot be")
		}
	}
	return err
}

func fuzzFetch(ctx context.Context, c *Conn) error {
	f, err := c.Fetch(ctx, []Range{{1, 5}}, everything, FetchHandler{
		Body: func(_ *Message, n int64, r io.Reader) error {
			got, err := io.Copy(io.Discard, io.LimitReader(r, n/2))
			if n < 0 || err == nil && got != n/2 {
				panic("a body that is not what was announced")
			}
			return err
		},
		Message: func(m *Message) error {
			if m.Size < -1 || m.HasDate && m.RawDate == "" {
				panic("a message that cannot be")
			}
			return nil
		},
	})
	if err != nil {
		return err
	}
	return f.Wait(ctx)
}
