//go:build unix

package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/imapfleet/imapfleet/pkg/imaptest"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// site is two Dovecots, a list and its state directory. The old server calls
// mailboxes INBOX.a.b (maildir), the new one a/b (sdbox).
type site struct {
	t        *testing.T
	old, new *imaptest.Dovecot
	dir      string
	via      [2]string // host:port of what stands before the servers, when set
}

func newSite(t *testing.T) *site {
	t.Helper()
	return newSiteWith(t, imaptest.DovecotOptions{Format: "sdbox", Separator: "/"})
}

// newSiteWith has a new server of another kind.
func newSiteWith(t *testing.T, opt imaptest.DovecotOptions) *site {
	t.Helper()
	s := &site{t: t, dir: t.TempDir(), old: imaptest.NewDovecotDot(t), new: imaptest.NewDovecot(t, opt)}
	s.via = [2]string{s.old.Addr(), s.new.Addr()}
	return s
}

// child is a site with the same servers, and a list and a state of its own.
func (s *site) child(t *testing.T) *site {
	return &site{t: t, old: s.old, new: s.new, dir: t.TempDir(), via: s.via}
}

// secret is a user's password at one server: unlike all others, and such that
// its base64 differs between the standard and the URL alphabet.
func secret(side int, user string) string {
	return fmt.Sprintf("~~?ÿ>%s'%d\\\" pass", user, side)
}

// add makes an account at both servers and fills the old one.
func (s *site) add(user string, boxes ...imaptest.Mailbox) {
	s.t.Helper()
	for i, d := range []*imaptest.Dovecot{s.old, s.new} {
		if err := d.AddUser(user, secret(i+1, user)); err != nil {
			s.t.Fatal(err)
		}
	}
	if err := s.fill(s.t.Context(), user, boxes...); err != nil {
		s.t.Fatal(err)
	}
}

// fill puts more mail into an account of the old server; mailboxes are named
// as at the new one.
func (s *site) fill(ctx context.Context, user string, boxes ...imaptest.Mailbox) error {
	for i := range boxes {
		if boxes[i].Name != "INBOX" {
			boxes[i].Name = "INBOX." + strings.ReplaceAll(boxes[i].Name, "/", ".")
		}
	}
	return imaptest.Fill(ctx, s.old.Access(user, secret(1, user)), boxes...)
}

// newName is what the new server calls a mailbox of the old one.
func newName(old string) string {
	return strings.ReplaceAll(strings.TrimPrefix(old, "INBOX."), ".", "/")
}

// row is an account's line in the list, unencrypted.
func (s *site) row(user string) string {
	return s.rowTo("imap+insecure://"+s.via[0], "imap+insecure://"+s.via[1], user)
}

func (s *site) rowTo(host1, host2, user string) string {
	return fmt.Sprintf("%s;%s;%s;%s;%s;%s;", host1, user, secret(1, user), host2, user, secret(2, user))
}

func (s *site) path(name string) string { return filepath.Join(s.dir, name) }

// state is the path of a file in the state directory.
func (s *site) state(name string) string { return filepath.Join(s.dir, "accounts.imapfleet", name) }

// list writes accounts.csv.
func (s *site) list(rows ...string) {
	s.t.Helper()
	if err := os.WriteFile(s.path("accounts.csv"), []byte(strings.Join(rows, "\n")+"\n"), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// ending is how a run of the program went.
type ending struct {
	code      int // -1: killed
	out, errs string
	wall      time.Duration
	summary   throughput.Report // summary.json, when there is one
}

func (e ending) String() string {
	return fmt.Sprintf("exit code %d after %v\n%s%s", e.code, e.wall.Round(time.Millisecond), e.out, e.errs)
}

// run is the program as a process of its own.
func (s *site) run(args ...string) ending {
	s.t.Helper()
	return s.wait(s.start(args...))
}

// going is a process that runs.
type going struct {
	cmd       *exec.Cmd
	out, errs said
	start     time.Time
}

// said is what a process has written so far.
type said struct {
	mu   sync.Mutex
	text bytes.Buffer
	more chan struct{} // closed by what is written next; nil: nobody waits
}

func (s *said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.more != nil {
		close(s.more)
		s.more = nil
	}
	return s.text.Write(p)
}

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// await waits until the process has written some words.
func (s *said) await(t *testing.T, words string) {
	t.Helper()
	s.awaitTimes(t, words, 1)
}

// awaitTimes waits until it has written them so often.
func (s *said) awaitTimes(t *testing.T, words string, times int) {
	t.Helper()
	limit := time.After(time.Minute)
	for {
		s.mu.Lock()
		there := strings.Count(s.text.String(), words) >= times
		if s.more == nil {
			s.more = make(chan struct{})
		}
		more := s.more
		s.mu.Unlock()
		if there {
			return
		}
		select {
		case <-more:
		case <-limit:
			t.Fatalf("%q was not said in a minute: %s", words, s)
		}
	}
}

func (s *site) start(args ...string) *going {
	s.t.Helper()
	g := &going{cmd: program(s.t, s.dir, args...), start: time.Now()}
	g.cmd.Stdout, g.cmd.Stderr = &g.out, &g.errs
	if err := g.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	return g
}

func (s *site) wait(g *going) ending {
	s.t.Helper()
	err := g.cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		s.t.Fatal(err)
	}
	e := ending{code: g.cmd.ProcessState.ExitCode(), wall: time.Since(g.start), out: g.out.String(), errs: g.errs.String()}
	if raw, err := os.ReadFile(s.state("summary.json")); err == nil {
		if err := json.Unmarshal(raw, &e.summary); err != nil {
			s.t.Errorf("summary.json: %v", err)
		}
	}
	return e
}

// mustRun must end with all rows done and every message accounted for.
func (s *site) mustRun(args ...string) ending {
	s.t.Helper()
	e := s.run(append([]string{"run", "accounts.csv", "--quiet"}, args...)...)
	if e.code != exitDone {
		s.t.Fatalf("%v\n%s", e, s.tail("run.log"))
	}
	if c := e.summary.Run.Total; !c.Balanced() || c.NotTried != 0 {
		s.t.Errorf("the count does not add up: %+v", c)
	}
	return e
}

// copied holds a run's count against what is expected.
func (s *site) copied(e ending, copied, there int64) {
	s.t.Helper()
	if c := e.summary.Run.Total; c.Copied != copied || c.AlreadyThere != there {
		s.t.Errorf("copied %d, already there %d; want %d and %d\n%v", c.Copied, c.AlreadyThere, copied, there, e)
	}
}

// tail is the end of a file of the state directory.
func (s *site) tail(name string) string {
	b, err := os.ReadFile(s.state(name))
	if err != nil {
		return err.Error()
	}
	return string(b[max(0, len(b)-4000):])
}

// records reads a result file, by line of the list.
func (s *site) records(name string) map[string]map[string]string {
	s.t.Helper()
	out := make(map[string]map[string]string)
	all := s.table(name)
	for _, fields := range all {
		out[fields["line"]] = fields
	}
	if len(out) != len(all) {
		s.t.Errorf("%s names a line twice", name)
	}
	return out
}

// table reads a result file: its records, by column.
func (s *site) table(name string) (records []map[string]string) {
	s.t.Helper()
	f, err := os.Open(s.state(name))
	if err != nil {
		s.t.Fatal(err)
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.Comma = ';'
	all, err := r.ReadAll()
	if err != nil || len(all) == 0 {
		s.t.Fatalf("%s: %d records, %v", name, len(all), err)
	}
	for _, record := range all[1:] {
		fields := make(map[string]string)
		for i, v := range record {
			fields[all[0][i]] = v
		}
		records = append(records, fields)
	}
	return records
}

// equal reads the accounts at both servers, by other code than the program's,
// and returns how many messages they hold. Every mailbox, message, flag,
// keyword, date and subscription must be there once, in the same order.
func (s *site) equal(users ...string) (messages int64) {
	s.t.Helper()
	counts := make([]int64, len(users))
	var g errgroup.Group
	g.SetLimit(8)
	for i, user := range users {
		g.Go(func() error {
			n, diff, err := s.diff(user)
			if err != nil {
				return err
			}
			counts[i] = n
			if len(diff) > 0 {
				s.t.Errorf("%s differs:\n%s", user, strings.Join(diff[:min(len(diff), 10)], "\n"))
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		s.t.Fatal(err)
	}
	for _, n := range counts {
		messages += n
	}
	return messages
}

func (s *site) diff(user string) (messages int64, diff []string, err error) {
	old, err := imaptest.Dump(s.t.Context(), s.old.Access(user, secret(1, user)))
	if err != nil {
		return 0, nil, err
	}
	found, err := imaptest.Dump(s.t.Context(), s.new.Access(user, secret(2, user)))
	if err != nil {
		return 0, nil, err
	}
	return int64(old.Messages()), imaptest.Diff(old, found, imaptest.DiffOptions{Name: newName, Order: true, Subscriptions: true}), nil
}
