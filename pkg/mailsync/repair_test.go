package mailsync_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/imaptest"
	"github.com/imapfleet/imapfleet/pkg/ledger"
	"github.com/imapfleet/imapfleet/pkg/mailsync"
	"github.com/imapfleet/imapfleet/pkg/rules"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// repairRows reads the ledger's repairs of the row.
func (r *rig) repairRows() (all []ledger.RepairRow) {
	r.t.Helper()
	r.withLedger(func(ctx context.Context, led *ledger.Ledger, rows []ledger.RowID) error {
		return led.Repairs(ctx, rows, func(rep ledger.RepairRow) { all = append(all, rep) })
	})
	return all
}

// repairs are the ledger's repairs of the row, a line each.
func (r *rig) repairs() (out []string) {
	r.t.Helper()
	for _, rep := range r.repairRows() {
		out = append(out, fmt.Sprintf("%d %s: %s -> %s", rep.UID, rep.Kind, rep.Was, rep.Made))
	}
	return out
}

// wantRepairs holds the ledger's repairs against those expected.
func (r *rig) wantRepairs(want ...string) {
	r.t.Helper()
	if got := r.repairs(); !slices.Equal(got, want) {
		r.t.Errorf("repairs:\n got %q\nwant %q", got, want)
	}
}

// boxOf is a mailbox of messages that differ in one thing each.
func boxOf(messages ...imaptest.FakeMessage) imaptest.FakeMailbox {
	return imaptest.FakeMailbox{Name: "INBOX", Count: len(messages), Message: func(i int) imaptest.FakeMessage {
		m := messages[i]
		if m.Body == nil {
			m.Body = text(i, 200)
		}
		return m
	}}
}

// TestDateMissing: a message without a usable INTERNALDATE gets that of its own
// header, and it is written down.
func TestDateMissing(t *testing.T) {
	received := "Received: by mx; Mon, 6 May 2019 07:08:09 -0730\r\n"
	date := "Date: Sun, 5 May 2019 01:02:03 +0000\r\n"
	body := func(head string) []byte { return []byte(head + "Subject: x\r\n\r\ntext\r\n") }
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			box := boxOf(
				imaptest.FakeMessage{Date: "-", Body: body(received + date)},
				imaptest.FakeMessage{Date: `"garbage"`, Body: body(date)},
				imaptest.FakeMessage{Date: "NIL", Body: body("")},
				imaptest.FakeMessage{Date: "-", Body: append(body(received), make0(900_000)...)}, // streamed
				imaptest.FakeMessage{})
			src, dst := imaptest.NewFake(t, imaptest.FakeOptions{}, box), imaptest.NewFake(t, imaptest.FakeOptions{Caps: way.caps})
			r := fakeRig(t, src, dst)
			r.smallToo()
			c := r.mustSync()
			counted(t, c, throughput.Count{Listed: 5, Copied: 5})
			if c.Repaired != 4 {
				t.Errorf("%d repaired", c.Repaired)
			}
			r.wantRepairs("1 date: none -> 2019-05-06T07:08:09-07:30", "2 date: garbage -> 2019-05-05T01:02:03Z",
				"3 date: none -> the time at which it was stored", "4 date: none -> 2019-05-06T07:08:09-07:30")
			var got []string
			for _, s := range dst.Stored("INBOX") {
				got = append(got, fmt.Sprint(len(s.Body), " ", s.Date))
			}
			slices.Sort(got)
			n := func(i int) int { return len(box.Message(i).Body) }
			want := []string{fmt.Sprint(n(0), ` "06-May-2019 07:08:09 -0730"`), fmt.Sprint(n(1), ` "05-May-2019 01:02:03 +0000"`), fmt.Sprint(n(2), " "),
				fmt.Sprint(n(3), ` "06-May-2019 07:08:09 -0730"`), fmt.Sprint(n(4), ` "17-Jul-1996 02:44:25 -0700"`)}
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("dates:\n got %q\nwant %q", got, want)
			}
			storedOnce(t, dst, "INBOX", box, nil)
			for range 2 {
				counted(t, r.mustSync(), throughput.Count{Listed: 5, AlreadyThere: 5})
				r.dir = t.TempDir() + "/lost"
			}
			obedient(t, dst)
		})
	}
}

var yearOf = regexp.MustCompile(`-(\d{4}) .* ([-+]\d{4})"`)

// TestDateRefused: a date that the destination refuses gives way to the nearest
// one that it takes.
func TestDateRefused(t *testing.T) {
	old := []byte("Date: Sun, 5 May 2019 01:02:03 +0000\r\n\r\ntext\r\n")
	for _, answer := range []string{"NO bad date", "BAD bad date"} {
		for _, way := range ways {
			t.Run(way.name+"/"+answer, func(t *testing.T) {
				t.Parallel()
				box := boxOf(
					imaptest.FakeMessage{},
					imaptest.FakeMessage{Date: `"31-Dec-1969 23:59:59 +0000"`},
					imaptest.FakeMessage{Date: `"01-Jan-1904 00:00:00 +0000"`, Body: old},
					imaptest.FakeMessage{Date: `"01-Jan-2040 00:00:00 +0000"`},
					imaptest.FakeMessage{Date: `"01-Jan-2010 00:00:00 +1545"`},
					imaptest.FakeMessage{Date: `"01-Jan-1904 00:00:00 +0000"`, Body: append(old, make0(900_000)...)},
					imaptest.FakeMessage{})
				src := imaptest.NewFake(t, imaptest.FakeOptions{}, box)
				dst := imaptest.NewFake(t, imaptest.FakeOptions{Caps: way.caps, Append: func(m imaptest.FakeAppend) imaptest.FakeRefusal {
					if d := yearOf.FindStringSubmatch(m.Head); d != nil && (d[1] < "1970" || d[1] > "2037" || d[2] > "+1400" && d[2] < "-") {
						return imaptest.FakeRefusal{Answer: answer}
					}
					return imaptest.FakeRefusal{}
				}})
				r := fakeRig(t, src, dst)
				r.smallToo()
				c := r.mustSync()
				counted(t, c, throughput.Count{Listed: 7, Copied: 7})
				if c.Repaired != 5 {
					t.Errorf("%d repaired", c.Repaired)
				}
				r.wantRepairs("2 date: 1969-12-31T23:59:59Z -> 1970-01-02T00:00:00Z", "3 date: 1904-01-01T00:00:00Z -> 2019-05-05T01:02:03Z",
					"4 date: 2040-01-01T00:00:00Z -> 2036-12-31T00:00:00Z", "5 date: 2010-01-01T00:00:00+15:45 -> 2009-12-31T08:15:00Z",
					"6 date: 1904-01-01T00:00:00Z -> 2019-05-05T01:02:03Z")
				if rej := r.rejects(); len(rej) > 0 {
					t.Errorf("rejects: %+v", rej)
				}
				storedOnce(t, dst, "INBOX", box, nil)
				for range 2 {
					counted(t, r.mustSync(), throughput.Count{Listed: 7, AlreadyThere: 7})
					r.dir = t.TempDir() + "/lost"
				}
			})
		}
	}
}

// smallToo makes messages of 900,000 octets go as streams.
func (r *rig) smallToo() {
	options := r.options
	r.options = func(o *mailsync.Options) { options(o); small(o) }
}

// TestDateAlteredQuietly: what a destination makes of an odd date without a
// word is read back and written down.
func TestDateAlteredQuietly(t *testing.T) {
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			box := boxOf(
				imaptest.FakeMessage{Date: `"31-Dec-1969 23:59:59 +0000"`},
				imaptest.FakeMessage{Date: `"01-Jan-1970 00:00:00 +0000"`},
				imaptest.FakeMessage{Date: `"01-Jan-2040 00:00:00 +0000"`},
				imaptest.FakeMessage{},
				imaptest.FakeMessage{Date: `"01-Jan-2010 00:00:00 +2345"`}, // its zone is dropped
				imaptest.FakeMessage{Date: `"01-Jan-2010 00:00:00 -1530"`}, // kept
				imaptest.FakeMessage{Date: `"01-Jan-2010 00:00:00 +1545"`}) // another spelling of the same instant
			dates := strings.NewReplacer("31-Dec-1969", "01-Jan-2106", "01-Jan-2040", "03-Mar-2025", "+2345", "+0000",
				"01-Jan-2010 00:00:00 +1545", "31-Dec-2009 08:15:00 +0000")
			src := imaptest.NewFake(t, imaptest.FakeOptions{}, box)
			dst := imaptest.NewFake(t, imaptest.FakeOptions{Caps: way.caps, Show: func(m *imaptest.FakeMessage) { m.Date = dates.Replace(m.Date) }})
			r := fakeRig(t, src, dst)
			c := r.mustSync()
			counted(t, c, throughput.Count{Listed: 7, Copied: 7})
			if c.Repaired != 3 {
				t.Errorf("%d repaired", c.Repaired)
			}
			r.wantRepairs("1 date: 1969-12-31T23:59:59Z -> 2106-01-01T23:59:59Z", "3 date: 2040-01-01T00:00:00Z -> 2025-03-03T00:00:00Z",
				"5 date: 2010-01-01T00:00:00+23:45 -> 2010-01-01T00:00:00Z")
			counted(t, r.mustSync(), throughput.Count{Listed: 7, AlreadyThere: 7})
			obedient(t, dst)
		})
	}
}

// TestKeywordsRefused: a keyword that the destination refuses is left out, and
// no other one; which it is, is written down for each message.
func TestKeywordsRefused(t *testing.T) {
	long := strings.Repeat("k", 60)
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			box := boxOf(
				imaptest.FakeMessage{Flags: `\Seen $Good`},
				imaptest.FakeMessage{Flags: `\Seen $Good $Bad`},
				imaptest.FakeMessage{Flags: `$Bad`},
				imaptest.FakeMessage{Flags: `\Seen $Good ` + long},
				imaptest.FakeMessage{Flags: `\Flagged gr` + "\xfc" + `n \Custom`},
				imaptest.FakeMessage{Flags: `$Good $Bad`, Body: append(text(5, 200), make0(900_000)...)},
				imaptest.FakeMessage{Flags: `\Seen`})
			src := imaptest.NewFake(t, imaptest.FakeOptions{}, box)
			dst := imaptest.NewFake(t, imaptest.FakeOptions{Caps: way.caps, Append: func(m imaptest.FakeAppend) imaptest.FakeRefusal {
				if strings.Contains(m.Head, "$Bad") {
					return imaptest.FakeRefusal{Answer: "NO too many keywords", AtEnd: true}
				}
				return imaptest.FakeRefusal{}
			}, Intercept: func(c imaptest.FakeCommand) (reply imaptest.FakeReply) {
				if c.Name == "UID STORE" && strings.Contains(c.Args, "$Bad") {
					reply.Lines = []string{"TAG NO too many keywords"}
				}
				return reply
			}})
			r := fakeRig(t, src, dst)
			r.smallToo()
			c := r.mustSync()
			counted(t, c, throughput.Count{Listed: 7, Copied: 7})
			if c.Repaired != 4 {
				t.Errorf("%d repaired", c.Repaired)
			}
			r.wantRepairs(`2 keywords: \Seen $Good $Bad -> \Seen $Good`, "3 keywords: $Bad -> none",
				"5 keywords: \\Flagged gr n \\Custom -> \\Flagged", "6 keywords: $Good $Bad -> $Good")
			var got []string
			for _, f := range dst.Flags("INBOX") {
				got = append(got, f)
			}
			slices.Sort(got)
			want := []string{"", "$Good", `\Flagged`, `\Seen`, `\Seen $Good`, `\Seen $Good`, `\Seen $Good ` + long}
			if !slices.Equal(got, want) {
				t.Errorf("flags %q, want %q", got, want)
			}
			storedOnce(t, dst, "INBOX", box, nil)
			n := len(dst.Commands())
			counted(t, r.mustSync(), throughput.Count{Listed: 7, AlreadyThere: 7})
			if stores := told(dst, n, "UID STORE"); len(stores) > 0 {
				t.Errorf("flags were tried again: %q", stores)
			}
			obedient(t, dst)
		})
	}
}

// repair says what may be changed; "none": nothing.
func (r *rig) repair(kinds ...string) {
	r.rules.Repairs = rules.Repairs{Off: kinds[0] == "none", Kinds: kinds}
}

// TestRepairsOff: with --repair none what cannot go unchanged is a reject that
// says why; with a rule that allows it, the next run brings it over.
func TestRepairsOff(t *testing.T) {
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			box := boxOf(
				imaptest.FakeMessage{Date: "-"},
				imaptest.FakeMessage{},
				imaptest.FakeMessage{Flags: `\Seen \Custom`},
				imaptest.FakeMessage{Flags: `\Custom`, Body: append(text(3, 200), make0(900_000)...)},
				imaptest.FakeMessage{Date: "-"})
			src, dst := imaptest.NewFake(t, imaptest.FakeOptions{}, box), imaptest.NewFake(t, imaptest.FakeOptions{Caps: way.caps})
			r := fakeRig(t, src, dst)
			r.smallToo()
			r.repair("none")
			c, err := r.sync(t.Context())
			if f := fault.Of(err); f == nil || f.Code != fault.MessageRefused || f.Scope != fault.Message {
				t.Errorf("error %v", err)
			}
			counted(t, c, throughput.Count{Listed: 5, Copied: 1, Rejected: 4})
			texts := map[uint32]string{}
			for _, rej := range r.rejects() {
				texts[rej.UID] = rej.Text
			}
			want := map[uint32]string{1: "destination: the source gives no INTERNALDATE", 3: `destination: the destination does not take the flags \Custom`,
				4: `destination: the destination does not take the flags \Custom`, 5: "destination: the source gives no INTERNALDATE"}
			if !maps.Equal(texts, want) {
				t.Errorf("rejects %v", texts)
			}
			r.wantRepairs()
			r.repair("date", "keywords")
			counted(t, r.mustSync(), throughput.Count{Listed: 5, Copied: 4, AlreadyThere: 1})
			storedOnce(t, dst, "INBOX", box, nil)
			if len(r.rejects()) > 0 || len(r.repairs()) != 4 {
				t.Errorf("rejects %v, repairs %v", r.rejects(), r.repairs())
			}
			obedient(t, dst)
		})
	}
}

// accept has the ledger accept rejects of a mailbox.
func (r *rig) accept(uids ...uint32) {
	r.t.Helper()
	r.withLedger(func(ctx context.Context, led *ledger.Ledger, rows []ledger.RowID) error {
		all, err := led.Rejects(ctx, rows[0])
		for _, rej := range all {
			if slices.Contains(uids, rej.UID) {
				err = errors.Join(err, led.AcceptReject(ctx, rej.Mailbox, rej.UID))
			}
		}
		return err
	})
}

// TestAccepted: what a human has accepted is not tried again and keeps no
// account from being done; where nothing has changed, the mailbox is not even
// opened. It stays accepted when the mailbox is replaced at the destination; one
// that was replaced at the source is tried anew.
func TestAccepted(t *testing.T) {
	for name, offered := range map[string][]string{"CONDSTORE": tracking(), "without": nil} {
		t.Run(name, func(t *testing.T) {
			box := plain(6)
			src := imaptest.NewFake(t, imaptest.FakeOptions{Caps: offered}, box)
			dst := imaptest.NewFake(t, imaptest.FakeOptions{Append: func(m imaptest.FakeAppend) imaptest.FakeRefusal {
				if m.Octets == sizeOf(1) || m.Octets == sizeOf(4) {
					return imaptest.FakeRefusal{Answer: "NO virus", AtEnd: true}
				}
				return imaptest.FakeRefusal{}
			}})
			r := fakeRig(t, src, dst)
			pass := func(want throughput.Count, accepted int64, done bool) {
				t.Helper()
				c, err := r.sync(t.Context())
				if (err == nil) != done || c.Accepted != accepted {
					t.Errorf("accepted %d, error %v", c.Accepted, err)
				}
				counted(t, c, want)
			}
			pass(throughput.Count{Listed: 6, Copied: 4, Rejected: 2}, 0, false)
			r.accept(2)
			pass(throughput.Count{Listed: 6, AlreadyThere: 4, Rejected: 2}, 1, false)
			r.accept(2, 5)
			for range 2 {
				n := len(src.Commands())
				pass(throughput.Count{Listed: 6, AlreadyThere: 4, Rejected: 2}, 2, true)
				if opened := len(told(src, n, "EXAMINE")); (opened == 0) != (offered != nil) {
					t.Errorf("opened %d times", opened)
				}
			}
			must(t, dst.Renew("INBOX"))
			pass(throughput.Count{Listed: 6, AlreadyThere: 4, Rejected: 2}, 2, true)
			must(t, src.Renew("INBOX"))
			pass(throughput.Count{Listed: 6, AlreadyThere: 4, Rejected: 2}, 0, false)
		})
	}
}
