package imapconn

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/imaptest"
)

func TestStore(t *testing.T) {
	tests := []struct {
		name  string
		set   []Range
		add   bool
		flags []string
		want  string // "": nothing is sent
	}{
		{"add", []Range{{1, 5}, {7, 7}}, true, []string{`\seen`, "$Forwarded"}, `UID STORE 1:5,7 +FLAGS.SILENT (\Seen $Forwarded)`},
		{"take away", []Range{{9, 9}}, false, []string{`\Flagged`}, `UID STORE 9 -FLAGS.SILENT (\Flagged)`},
		{"only what can be carried", []Range{{1, 1}}, true, []string{`\Recent`, `\*`, "x) +FLAGS (y", "a\r\nX9 LOGOUT", `\DRAFT`}, `UID STORE 1 +FLAGS.SILENT (\Draft)`},
		{"what no APPEND may hold", []Range{{1, 1}}, true, []string{`\Custom`, strings.Repeat("k", 250)}, `UID STORE 1 +FLAGS.SILENT (\Custom ` + strings.Repeat("k", 250) + `)`},
		{"longer than any server takes", []Range{{1, 1}}, true, []string{strings.Repeat("k", 251), "\\" + strings.Repeat("k", 51)}, ""},
		{"nothing that can be carried", []Range{{1, 1}}, true, []string{`\Recent`, "a]b"}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := dial(t, scripted(t, func(s *session) {
				s.login("")
				if tt.want != "" {
					s.answer(tt.want, "* 1 FETCH (MODSEQ (5) UID 1)")
				}
				s.logout()
			}))
			st, err := c.Store(t.Context(), tt.set, tt.add, tt.flags)
			if err != nil {
				t.Fatal(err)
			}
			if err := st.Wait(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

// What a server says of its own accord to a STORE is not taken for the answer
// to the FETCH behind it.
func TestStoreInFlight(t *testing.T) {
	c := dial(t, scripted(t, func(s *session) {
		s.login("")
		a, b := s.exact(`UID STORE 1 +FLAGS.SILENT (\Seen)`), s.exact(`UID STORE 2 -FLAGS.SILENT (\Seen)`)
		f := s.exact("UID FETCH 3 (UID FLAGS)")
		s.say("* 1 FETCH (UID 1 MODSEQ (7))", a+" OK", "* 2 FETCH (UID 2 MODSEQ (8))", b+" NO expunged", "* 3 FETCH (UID 3 FLAGS ())", f+" OK")
		s.logout()
	}))
	first, err1 := c.Store(t.Context(), []Range{{1, 1}}, true, []string{`\Seen`})
	second, err2 := c.Store(t.Context(), []Range{{2, 2}}, false, []string{`\Seen`})
	var got []uint32
	f, err3 := c.Fetch(t.Context(), []Range{{3, 3}}, ItemFlags, FetchHandler{Message: func(m *Message) error { got = append(got, m.UID); return nil }})
	if err1 != nil || err2 != nil || err3 != nil {
		t.Fatal(err1, err2, err3)
	}
	if err := first.Wait(t.Context()); err != nil {
		t.Error(err)
	}
	wantFault(t, second.Wait(t.Context()), fault.Refused, fault.Mailbox, false)
	if err := f.Wait(t.Context()); err != nil || !slices.Equal(got, []uint32{3}) {
		t.Errorf("fetched %v, %v", got, err)
	}
}

// A refusal names the mailbox that is selected.
func TestStoreRefused(t *testing.T) {
	c := dial(t, scripted(t, func(s *session) {
		s.login("")
		s.answer(`SELECT "Entw&APw-rfe"`)
		s.say(s.expect("UID STORE .*") + " NO [NOPERM] no")
		s.logout()
	}))
	if _, err := c.Select(t.Context(), "Entw&APw-rfe"); err != nil {
		t.Fatal(err)
	}
	st, err := c.Store(t.Context(), []Range{{1, 1}}, true, []string{`\Seen`})
	if err != nil {
		t.Fatal(err)
	}
	if e := wantFault(t, st.Wait(t.Context()), fault.MailboxRefused, fault.Mailbox, false); e.Mailbox != "Entwürfe" || e.Op != "store" {
		t.Errorf("%+v", e)
	}
	long := make([]Range, 1000)
	for i := range long {
		long[i] = Range{uint32(1_000_000_000 + 2*i), uint32(1_000_000_000 + 2*i)}
	}
	for _, set := range [][]Range{nil, long} {
		if _, err := c.Store(t.Context(), set, true, []string{`\Seen`}); fault.CodeOf(err) != fault.Protocol {
			t.Errorf("a set of %d: %v", len(set), err)
		}
	}
}

func TestFetchSince(t *testing.T) {
	c := dial(t, scripted(t, func(s *session) {
		s.login("CONDSTORE")
		s.answer("UID FETCH 1:99 (UID FLAGS) (CHANGEDSINCE 9223372036854775807)",
			`* 1 FETCH (UID 3 MODSEQ (9223372036854775807) FLAGS (\Seen))`,
			`* 2 FETCH (MODSEQ ( 12 ) UID 4 FLAGS ())`,
			`* 3 FETCH (FLAGS () MODSEQ () UID 5)`,
			`* 4 FETCH (FLAGS () MODSEQ NIL UID 6)`,
			`* 5 FETCH (FLAGS () MODSEQ 8 UID 7 MODSEQ (x)`)
		s.answer("UID FETCH 1:99 (UID FLAGS)")
		s.logout()
	}))
	var got []string
	h := FetchHandler{Message: func(m *Message) error {
		got = append(got, fmt.Sprint(m.UID, m.HasFlags, m.ModSeq))
		return nil
	}}
	for _, since := range []uint64{1<<63 - 1, 0} { // 0 asks for all
		f, err := c.FetchSince(t.Context(), []Range{{1, 99}}, ItemFlags, since, h)
		if err == nil {
			err = f.Wait(t.Context())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if want := []string{"3 true 9223372036854775807", "4 true 12", "5 true 0", "6 true 0", "7 true 0"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// On a real server: what another session changes moves the HIGHESTMODSEQ of
// LIST-STATUS, STATUS and EXAMINE without any of them having been asked for
// CONDSTORE, and CHANGEDSINCE gives exactly what was changed.
func TestDovecotChanges(t *testing.T) {
	for _, format := range []string{"sdbox", "maildir"} {
		t.Run(format, func(t *testing.T) {
			d := imaptest.NewDovecot(t, imaptest.DovecotOptions{Format: format, Separator: "/"})
			if err := d.AddUser("u", "p"); err != nil {
				t.Fatal(err)
			}
			user := dial(t, dovecotConfig(d, "u", "p"))
			fill(t, user, "INBOX", 20, 100)
			if _, err := user.Select(t.Context(), "INBOX"); err != nil {
				t.Fatal(err)
			}
			before := highest(t, dial(t, dovecotConfig(d, "u", "p")))
			if again := highest(t, dial(t, dovecotConfig(d, "u", "p"))); again != before {
				t.Errorf("nothing happened, yet it moved from %d to %d", before, again)
			}
			change(t, user, 7, true, `\Flagged`, "$Label1")
			first := highest(t, dial(t, dovecotConfig(d, "u", "p")))
			change(t, user, 9, true, `\Seen`)
			change(t, user, 7, false, `\Flagged`)
			watcher := dial(t, dovecotConfig(d, "u", "p"))
			second := highest(t, watcher)
			if before == 0 || first <= before || second <= first {
				t.Errorf("HIGHESTMODSEQ went %d, %d, %d", before, first, second)
			}
			for since, want := range map[uint64]string{
				before: "[7 $Label1 9 \\Seen]", first: "[7 $Label1 9 \\Seen]", second: "[]",
			} {
				if got := changes(t, watcher, since); got != strings.ReplaceAll(want, `\\`, `\`) {
					t.Errorf("since %d: %s, want %s", since, got, want)
				}
			}
		})
	}
}

// highest gives INBOX's HIGHESTMODSEQ as LIST-STATUS says it first on a
// session, and checks that STATUS and EXAMINE say the same.
func highest(t *testing.T, c *Conn) uint64 {
	t.Helper()
	_, all, err := c.ListStatus(t.Context())
	if err != nil || len(all) == 0 {
		t.Fatalf("%+v, %v", all, err)
	}
	status, err := c.Status(t.Context(), []string{"INBOX"})
	if err != nil {
		t.Fatal(err)
	}
	sel, err := c.Examine(t.Context(), "INBOX")
	if err != nil || sel.NoModSeq {
		t.Fatalf("%+v, %v", sel, err)
	}
	n := all[0].HighestModSeq
	if status[0].HighestModSeq != n || sel.HighestModSeq != n {
		t.Errorf("LIST-STATUS says %d, STATUS %d, EXAMINE %d", n, status[0].HighestModSeq, sel.HighestModSeq)
	}
	return n
}

func change(t *testing.T, c *Conn, uid uint32, add bool, flags ...string) {
	t.Helper()
	st, err := c.Store(t.Context(), []Range{{uid, uid}}, add, flags)
	if err == nil {
		err = st.Wait(context.WithoutCancel(t.Context()))
	}
	if err != nil {
		t.Fatal(err)
	}
}

func changes(t *testing.T, c *Conn, since uint64) string {
	t.Helper()
	var got []string
	f, err := c.FetchSince(t.Context(), []Range{{1, 1000}}, ItemFlags, since, FetchHandler{Message: func(m *Message) error {
		if m.ModSeq <= since {
			t.Errorf("UID %d has mod-sequence %d, asked since %d", m.UID, m.ModSeq, since)
		}
		flags, _ := Sanitize(m.Flags)
		got = append(got, fmt.Sprint(m.UID, " ", strings.Join(flags, " ")))
		return nil
	}})
	if err == nil {
		err = f.Wait(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(got)
}
