package mailsync_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/imapfleet/imapfleet/pkg/account"
	"github.com/imapfleet/imapfleet/pkg/imaptest"
	"github.com/imapfleet/imapfleet/pkg/ledger"
	"github.com/imapfleet/imapfleet/pkg/mailsync"
	"github.com/imapfleet/imapfleet/pkg/rules"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// host is a server that the suite runs on, as source or as destination.
type host struct {
	name      string
	prefix    string // of the personal namespace
	delimiter string
	fold      bool // stores flags in lower case
	real      bool // goes on storing for a while after its client is gone
	addUser   func(name, password string) error
	access    func(user, password string) imaptest.Access
}

func memoryHost(t *testing.T) host {
	t.Helper()
	m, err := imaptest.NewMemory(imaptest.MemoryOptions{})
	if err != nil {
		t.Fatal(err)
	}
	imaptest.CloseAfter(t, m)
	return host{name: "memory", delimiter: "/", fold: true, addUser: m.AddUser, access: m.Access}
}

func realHost(s imaptest.Server, name, prefix, delimiter string) host {
	return host{name: name, prefix: prefix, delimiter: delimiter, real: true, addUser: s.AddUser, access: s.Access}
}

func dotHost(t *testing.T) host {
	t.Helper()
	return realHost(imaptest.NewDovecotDot(t), "dovecot-maildir", "INBOX.", ".")
}

func slashHost(t *testing.T) host {
	t.Helper()
	return realHost(imaptest.NewDovecotSlash(t), "dovecot-sdbox", "", "/")
}

func cyrusHost(t *testing.T) host {
	t.Helper()
	return realHost(imaptest.NewCyrus(t), "cyrus", "INBOX.", ".")
}

func courierHost(t *testing.T) host {
	t.Helper()
	return realHost(imaptest.NewCourier(t, imaptest.CourierOptions{}), "courier", "INBOX.", ".")
}

// mailbox spells a path in the host's namespace.
func (h host) mailbox(path string) string {
	if path == "INBOX" {
		return path
	}
	return h.prefix + strings.ReplaceAll(path, "/", h.delimiter)
}

// path undoes mailbox.
func (h host) path(name string) string {
	if name == "INBOX" {
		return name
	}
	return strings.ReplaceAll(strings.TrimPrefix(name, h.prefix), h.delimiter, "/")
}

const password = `p a"s\s*;é`

// rig is one account on two hosts and a ledger, which outlives each Sync as it
// does in a run that is begun again.
type rig struct {
	t        *testing.T
	src, dst host
	user     string
	dir      string
	row      string         // tells rows apart that share a ledger
	beside   []ledger.Entry // the other rows of the list
	viaSrc   string         // addresses of proxies before the servers, when set
	viaDst   string
	options  func(*mailsync.Options)
	rewrite  func(*account.Pair) // changes the row, when set
	lanes    mailsync.Lanes
	rules    rules.Rules
	meter    *throughput.Meter // nil: a new one for each pass
}

func newRig(t *testing.T, src, dst host) *rig {
	t.Helper()
	user := "user" + strconv.FormatInt(int64(len(t.Name()))*7919+time.Now().UnixNano()%1e9, 36)
	for _, h := range []host{src, dst} {
		if err := h.addUser(user, password); err != nil {
			t.Fatal(err)
		}
	}
	r := &rig{t: t, src: src, dst: dst, user: user, dir: t.TempDir() + "/state"}
	r.emptyLedger()
	return r
}

// madeLedger is the file of a ledger without rows: to make one takes longer,
// with the race detector, than most passes.
var madeLedger = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "ledger")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	led, err := ledger.Open(context.Background(), dir)
	if err != nil {
		return nil, err
	}
	if err := led.Close(); err != nil {
		return nil, err
	}
	return os.ReadFile(filepath.Join(dir, ledger.Name))
})

func (r *rig) emptyLedger() {
	r.t.Helper()
	made, err := madeLedger()
	if err == nil {
		err = errors.Join(os.Mkdir(r.dir, 0o700), os.WriteFile(filepath.Join(r.dir, ledger.Name), made, 0o600))
	}
	if err != nil {
		r.t.Fatal(err)
	}
}

func endpoint(t testing.TB, a imaptest.Access, via string) account.Endpoint {
	t.Helper()
	addr := a.Addr
	if via != "" {
		addr = via
	}
	h, p, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(p)
	if err != nil {
		t.Fatal(err)
	}
	return account.Endpoint{Host: h, Port: port, Security: account.SecurityPlain, User: a.User, Password: account.NewSecret(a.Password)}
}

func pairOf(t testing.TB, src, dst imaptest.Access) account.Pair {
	return account.Pair{Line: 1, Source: endpoint(t, src, ""), Dest: endpoint(t, dst, "")}
}

func (r *rig) pair() account.Pair {
	p := account.Pair{Line: 1, Rules: &r.rules,
		Source: endpoint(r.t, r.src.access(r.user, password), r.viaSrc),
		Dest:   endpoint(r.t, r.dst.access(r.user, password), r.viaDst)}
	if r.rewrite != nil {
		r.rewrite(&p)
	}
	return p
}

// key is the same whatever proxy stands before the servers.
func (r *rig) key() ledger.Key {
	return ledger.Key{Host1: "src" + r.row, User1: r.user, Host2: "dst", User2: r.user, Dest: "dst/" + r.user}
}

// withLedger does something with the ledger of the passes so far; rows[0] is the
// rig's.
func (r *rig) withLedger(do func(ctx context.Context, led *ledger.Ledger, rows []ledger.RowID) error) {
	r.t.Helper()
	ctx := r.t.Context()
	led, err := ledger.Open(ctx, r.dir)
	if err != nil {
		r.t.Fatal(err)
	}
	rows, err := led.Bind(ctx, []ledger.Entry{{Key: r.key(), Line: 1}}, false)
	if err == nil {
		err = do(ctx, led, rows)
	}
	if err := errors.Join(err, led.Close()); err != nil {
		r.t.Fatal(err)
	}
}

// sync makes one pass with a ledger of its own, as a process would.
func (r *rig) sync(ctx context.Context) (throughput.Count, error) {
	r.t.Helper()
	led, err := ledger.Open(r.t.Context(), r.dir)
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() {
		if err := led.Close(); err != nil {
			r.t.Errorf("close the ledger: %v", err)
		}
	}()
	rows, err := led.Bind(r.t.Context(), append([]ledger.Entry{{Key: r.key(), Line: 1}}, r.beside...), false)
	if err != nil {
		r.t.Fatal(err)
	}
	opt := mailsync.Options{Ledger: led, Logger: r.logger(), Patience: 20 * time.Second, LookEvery: 100 * time.Millisecond,
		Timeout: 20 * time.Second, FinalTimeout: 20 * time.Second}
	if r.options != nil {
		r.options(&opt)
	}
	meter := r.meter
	if meter == nil {
		meter = throughput.NewRun().Account("test", 1)
	}
	e := mailsync.New(opt)
	if l, ok := r.lanes.(*laneTime); ok {
		l.move(1)
		defer l.move(-1)
	}
	return e.Sync(ctx, r.pair(), rows[0], r.lanes, meter)
}

func (r *rig) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(logWriter{r.t}, &slog.HandlerOptions{Level: slog.LevelInfo}))
}

type logWriter struct{ t *testing.T }

func (w logWriter) Write(p []byte) (int, error) {
	w.t.Log(strings.TrimSpace(string(p)))
	return len(p), nil
}

// mustSync makes a pass that must end without error and with every message
// accounted for.
func (r *rig) mustSync() throughput.Count {
	r.t.Helper()
	c, err := r.sync(r.t.Context())
	if err != nil {
		r.t.Fatalf("sync: %v", err)
	}
	if !c.Balanced() || c.NotTried != 0 {
		r.t.Errorf("count does not add up: %+v", c)
	}
	return c
}

func (r *rig) fillSource(boxes ...imaptest.Mailbox) {
	r.t.Helper()
	r.fill(r.src, boxes)
}

func (r *rig) fillDest(boxes ...imaptest.Mailbox) {
	r.t.Helper()
	r.fill(r.dst, boxes)
}

func (r *rig) fill(h host, boxes []imaptest.Mailbox) {
	r.t.Helper()
	for i := range boxes {
		boxes[i].Name = h.mailbox(boxes[i].Name)
	}
	if err := imaptest.Fill(r.t.Context(), h.access(r.user, password), boxes...); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) dump(h host) *imaptest.Contents {
	r.t.Helper()
	c, err := imaptest.Dump(r.t.Context(), h.access(r.user, password))
	if err != nil {
		r.t.Fatal(err)
	}
	return c
}

// equal holds both accounts against each other, independently of the engine.
func (r *rig) equal(order bool) {
	r.t.Helper()
	diff := imaptest.Diff(r.dump(r.src), r.dump(r.dst), imaptest.DiffOptions{
		Name:  func(name string) string { return r.dst.mailbox(r.src.path(name)) },
		Order: order, FoldFlags: r.src.fold || r.dst.fold, MoreMailboxes: true,
	})
	if len(diff) > 0 {
		r.t.Errorf("source and destination differ:\n%s", strings.Join(diff[:min(len(diff), 20)], "\n"))
	}
}

// mail makes n messages that differ, with sizes from a few octets to size.
func mail(tag string, n, size int) []imaptest.Message {
	out := make([]imaptest.Message, n)
	for i := range out {
		zone := time.FixedZone("", (i%25-12)*3600+(i%2)*1800)
		var flags []string
		for j, f := range []string{`\Seen`, `\Answered`, `\Flagged`, `\Draft`, `\Deleted`, "$Forwarded", "NonJunk"} {
			if (i>>j)&1 == 1 {
				flags = append(flags, f)
			}
		}
		body := strings.Repeat(fmt.Sprintf("line %d of %s, é\r\n", i, tag), 1+(i*i*31)%max(size/24, 1))
		out[i] = imaptest.Message{Flags: flags, Date: time.Date(2001+i%20, time.Month(1+i%12), 1+i%28, i%24, i%60, i%60, 0, zone),
			Body: fmt.Appendf(nil, "From: a@example.org\r\nSubject: %s %d\r\nMessage-ID: <%s.%d@example.org>\r\nDate: Mon, 1 Jan 2024 00:00:00 +0000\r\n\r\n%s", tag, i, tag, i, body)}
	}
	return out
}
