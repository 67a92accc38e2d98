package verify_test

import (
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/imapfleet/imapfleet/pkg/account"
	"github.com/imapfleet/imapfleet/pkg/imaptest"
	"github.com/imapfleet/imapfleet/pkg/ledger"
	"github.com/imapfleet/imapfleet/pkg/mailsync"
	"github.com/imapfleet/imapfleet/pkg/rules"
	"github.com/imapfleet/imapfleet/pkg/throughput"
	"github.com/imapfleet/imapfleet/pkg/verify"
)

const password = "s3cret"

// host is a server that accounts are verified on.
type host struct {
	prefix    string // of the personal namespace
	delimiter string
	real      bool // takes its time
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
	return host{delimiter: "/", addUser: m.AddUser, access: m.Access}
}

// hosts are the pairs of servers that the whole suite runs on.
func hosts(t *testing.T, run func(t *testing.T, src, dst host)) {
	t.Run("memory", func(t *testing.T) { run(t, memoryHost(t), memoryHost(t)) })
	t.Run("dovecot", func(t *testing.T) {
		run(t, realHost(imaptest.NewDovecotDot(t), "INBOX.", "."), realHost(imaptest.NewDovecotSlash(t), "", "/"))
	})
}

func realHost(s imaptest.Server, prefix, delimiter string) host {
	return host{prefix: prefix, delimiter: delimiter, real: true, addUser: s.AddUser, access: s.Access}
}

// name spells a path in the host's namespace.
func (h host) name(path string) string {
	if path == "INBOX" {
		return path
	}
	return h.prefix + strings.ReplaceAll(path, "/", h.delimiter)
}

// path undoes name.
func (h host) path(name string) string {
	if name == "INBOX" {
		return name
	}
	return strings.ReplaceAll(strings.TrimPrefix(name, h.prefix), h.delimiter, "/")
}

// rig is one account on two hosts, migrated with a ledger.
type rig struct {
	t        *testing.T
	src, dst host
	user     string
	into     string // the user at the destination; "": the same
	led      *ledger.Ledger
	row      ledger.RowID
	rules    *rules.Rules
}

var users atomic.Int64

func newRig(t *testing.T, src, dst host) *rig {
	t.Helper()
	r := &rig{t: t, src: src, dst: dst, user: fmt.Sprintf("user%d", users.Add(1))}
	for _, h := range []host{src, dst} {
		if err := h.addUser(r.user, password); err != nil {
			t.Fatal(err)
		}
	}
	var err error
	if r.led, err = ledger.Open(t.Context(), t.TempDir()); err != nil {
		t.Fatal(err)
	}
	imaptest.CloseAfter(t, r.led)
	r.bind(r)
	return r
}

// bind makes a list of rigs, whose rows are in the ledger of r then.
func (r *rig) bind(list ...*rig) {
	r.t.Helper()
	entries := make([]ledger.Entry, len(list))
	for i, one := range list {
		entries[i] = ledger.Entry{Line: i + 1, Key: ledger.Key{Host1: "src", User1: one.user, Host2: "dst", User2: one.destUser(), Dest: one.pair().DestID()}}
	}
	rows, err := r.led.Bind(r.t.Context(), entries, false)
	r.noError(err)
	for i, one := range list {
		one.led, one.row = r.led, rows[i]
	}
}

func (r *rig) destUser() string {
	if r.into != "" {
		return r.into
	}
	return r.user
}

func (r *rig) pair() account.Pair {
	side := func(h host, user string) account.Endpoint {
		a := h.access(user, password)
		name, p, err := net.SplitHostPort(a.Addr)
		if err != nil {
			r.t.Fatal(err)
		}
		port, err := strconv.Atoi(p)
		if err != nil {
			r.t.Fatal(err)
		}
		return account.Endpoint{Host: name, Port: port, Security: account.SecurityPlain, User: a.User, Password: account.NewSecret(a.Password)}
	}
	return account.Pair{Line: 1, Source: side(r.src, r.user), Dest: side(r.dst, r.destUser()), Rules: r.rules}
}

func (r *rig) engine() *mailsync.Engine {
	return mailsync.New(mailsync.Options{Ledger: r.led, Logger: slog.New(slog.DiscardHandler), Patience: 5 * time.Second, LookEvery: 50 * time.Millisecond})
}

// migrate makes a pass.
func (r *rig) migrate() {
	r.t.Helper()
	if _, err := r.engine().Sync(r.t.Context(), r.pair(), r.row, nil, throughput.NewRun().Account("test", 1)); err != nil {
		r.t.Fatalf("sync: %v", err)
	}
}

// verify verifies; set changes the options, nil leaves them.
func (r *rig) verify(set func(*verify.Options)) verify.Report {
	r.t.Helper()
	opt := verify.Options{Engine: r.engine(), Logger: slog.New(slog.DiscardHandler), Ledger: r.led}
	if set != nil {
		set(&opt)
	}
	v := verify.New(opt)
	if err := v.Wait(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
	rep, err := v.Row(r.t.Context(), r.pair(), r.row)
	if err != nil {
		r.t.Fatal(err)
	}
	if rep.Fault != nil {
		r.t.Fatalf("verify: %v", rep.Fault)
	}
	return rep
}

func (r *rig) fill(h host, path string, messages ...imaptest.Message) {
	r.t.Helper()
	if err := imaptest.Fill(r.t.Context(), h.access(r.user, password), imaptest.Mailbox{Name: h.name(path), Messages: messages}); err != nil {
		r.t.Fatal(err)
	}
}

// do has a server carry out commands in one of its mailboxes.
func (r *rig) do(h host, path string, commands ...string) {
	r.t.Helper()
	all := append([]string{"SELECT " + quoted(h.name(path))}, commands...)
	if err := imaptest.Do(r.t.Context(), h.access(r.user, password), all...); err != nil {
		r.t.Fatal(err)
	}
}

// remove takes the n-th message, from 1, out of a mailbox.
func (r *rig) remove(h host, path string, n int) {
	r.t.Helper()
	r.do(h, path, `STORE 1:* -FLAGS.SILENT (\Deleted)`, fmt.Sprintf(`STORE %d +FLAGS.SILENT (\Deleted)`, n), "EXPUNGE")
}

func quoted(name string) string { return `"` + imaptest.EncodeName(name) + `"` }

func (r *rig) dump(h host) *imaptest.Contents {
	r.t.Helper()
	c, err := imaptest.Dump(r.t.Context(), h.access(r.user, password))
	if err != nil {
		r.t.Fatal(err)
	}
	return c
}

// mail makes n messages that differ, without \Deleted.
func mail(tag string, n int) []imaptest.Message {
	out := make([]imaptest.Message, n)
	for i := range out {
		var flags []string
		for j, f := range []string{`\Seen`, `\Answered`, `\Flagged`, "$Forwarded"} {
			if (i>>j)&1 == 1 {
				flags = append(flags, f)
			}
		}
		out[i] = imaptest.Message{Flags: flags, Date: time.Date(2001+i%20, time.Month(1+i%12), 1+i%28, i%24, i%60, i%60, 0, time.FixedZone("", i%12*3600)),
			Body: fmt.Appendf(nil, "From: a@example.org\r\nSubject: %s %d\r\nMessage-ID: <%s.%d@example.org>\r\n\r\n%s", tag, i, tag, i, strings.Repeat("a line of text\r\n", 1+i%7))}
	}
	return out
}

// kinds counts the findings of a report by kind; explained ones in brackets.
func kinds(rep verify.Report) []string {
	counts := map[string]int{}
	for _, f := range rep.Findings {
		k := string(f.Kind)
		if f.Explained {
			k = "(" + k + ")"
		}
		counts[k]++
	}
	var out []string
	for k, n := range counts {
		out = append(out, fmt.Sprintf("%d %s", n, k))
	}
	slices.Sort(out)
	return out
}
