package imapconn

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/imapfleet/imapfleet/pkg/imaptest"
)

// told renders mailboxes with their statuses, a line each.
func told(boxes []Mailbox, all []Status) string {
	var b strings.Builder
	for i, m := range boxes {
		s := all[i]
		fmt.Fprintln(&b, m.Wire, m.Subscribed, s.OK, s.Reply.Status, s.Messages, s.UIDNext, s.UIDValidity, s.HighestModSeq, s.Size)
	}
	return b.String()
}

func TestListStatus(t *testing.T) {
	const all = "LIST-EXTENDED LIST-STATUS SPECIAL-USE CONDSTORE STATUS=SIZE"
	const full = " (MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ SIZE)"
	tests := []struct {
		name, caps string
		script     func(s *session)
		want       []string
	}{
		{"all in one answer", all, func(s *session) {
			s.answer(`LIST "" "*" RETURN (SUBSCRIBED SPECIAL-USE STATUS`+full+`)`,
				`* LIST (\Subscribed) "/" inbox`,
				`* STATUS INBOX (MESSAGES 1 UIDNEXT 2 UIDVALIDITY 3 HIGHESTMODSEQ 4 SIZE 5)`,
				`* LIST (\Noselect) "/" x`,
				`* STATUS "Entw&APw-rfe" (MESSAGES 2 HIGHESTMODSEQ 9223372036854775807)`, // ahead of its LIST
				`* LIST () "/" Entw&APw-rfe`,
				`* LIST () "/" "\"q"`,
				`* STATUS {2}`, `"q (MESSAGES 3 )`)
		}, []string{"inbox true true OK 1 2 3 4 5", "x false false  0 0 0 0 -1", "Entw&APw-rfe false true OK 2 0 0 9223372036854775807 -1", `"q false true OK 3 0 0 0 -1`}},
		{"without CONDSTORE and STATUS=SIZE", "LIST-EXTENDED LIST-STATUS", func(s *session) {
			s.answer(`LIST "" "*" RETURN (SUBSCRIBED STATUS (MESSAGES UIDNEXT UIDVALIDITY))`,
				`* LIST () "/" INBOX`, `* STATUS INBOX (MESSAGES 1)`)
		}, []string{"INBOX false true OK 1 0 0 0 -1"}},
		{"what is missing is asked for singly", all, func(s *session) {
			s.answer(`LIST "" "*" RETURN (SUBSCRIBED SPECIAL-USE STATUS`+full+`)`,
				`* LIST () "/" INBOX`, `* LIST () "/" a`, `* STATUS a (MESSAGES 7)`, `* LIST () "/" b`, `* STATUS c (MESSAGES 8)`)
			inbox, b := s.exact(`STATUS "INBOX"`+full), s.exact(`STATUS "b"`+full)
			s.say(`* STATUS INBOX (MESSAGES 4)`, inbox+" OK", b+" NO [NOPERM] no")
		}, []string{"INBOX false true OK 4 0 0 0 -1", "a false true OK 7 0 0 0 -1", "b false false NO 0 0 0 0 -1"}},
		{"names that decode to the same", all, func(s *session) {
			s.answer(`LIST "" "*" RETURN (SUBSCRIBED SPECIAL-USE STATUS`+full+`)`,
				`* LIST () "/" INBOX`, `* STATUS INBOX (MESSAGES 1)`,
				`* LIST () "/" R&D`, `* LIST () "/" R&-D`, `* STATUS R&-D (MESSAGES 2)`)
			s.answer(`STATUS "R&D"`+full, `* STATUS R&D (MESSAGES 3)`)
		}, []string{"INBOX false true OK 1 0 0 0 -1", "R&D false true OK 3 0 0 0 -1", "R&-D false true OK 2 0 0 0 -1"}},
		{"one name in two spellings", all, func(s *session) {
			s.answer(`LIST "" "*" RETURN (SUBSCRIBED SPECIAL-USE STATUS`+full+`)`,
				`* LIST () "/" INBOX`, `* STATUS INBOX (MESSAGES 1)`, `* LIST () "/" R&D`, `* STATUS R&-D (MESSAGES 2)`)
		}, []string{"INBOX false true OK 1 0 0 0 -1", "R&D false true OK 2 0 0 0 -1"}},
		{"refused, then the old way", all, func(s *session) {
			s.say(s.exact(`LIST "" "*" RETURN (SUBSCRIBED SPECIAL-USE STATUS`+full+`)`) + " BAD Unknown LIST return option")
			s.answer(`LIST "" "*" RETURN (SUBSCRIBED SPECIAL-USE)`, `* LIST (\Subscribed) "/" INBOX`, `* LIST () "/" a`)
			inbox, a := s.exact(`STATUS "INBOX"`+full), s.exact(`STATUS "a"`+full)
			s.say(`* STATUS INBOX (MESSAGES 1)`, inbox+" OK", `* STATUS a (MESSAGES 2)`, a+" OK")
		}, []string{"INBOX true true OK 1 0 0 0 -1", "a false true OK 2 0 0 0 -1"}},
		{"not offered", "CONDSTORE", func(s *session) {
			list, lsub := s.exact(`LIST "" "*"`), s.exact(`LSUB "" "*"`)
			s.say(`* LIST () "/" INBOX`, list+" OK", `* LSUB () "/" INBOX`, lsub+" OK")
			s.answer(`STATUS "INBOX" (MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ)`, `* STATUS INBOX (MESSAGES 1 HIGHESTMODSEQ 6)`)
		}, []string{"INBOX true true OK 1 0 0 6 -1"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := dial(t, scripted(t, func(s *session) {
				s.login(tt.caps)
				tt.script(s)
				s.logout()
			}))
			boxes, all, err := c.ListStatus(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(strings.Join(tt.want, "\n")+"\n", told(boxes, all)); d != "" {
				t.Error(d)
			}
		})
	}
}

// Every pattern of every namespace goes out before the first answer.
func TestListStatusNamespaces(t *testing.T) {
	c := dial(t, scripted(t, func(s *session) {
		s.say("* OK [CAPABILITY IMAP4rev1] ready")
		s.say(s.exact(`LOGIN "u" "p"`) + " OK [CAPABILITY IMAP4rev1 NAMESPACE LIST-EXTENDED LIST-STATUS] in")
		s.answer("NAMESPACE", `* NAMESPACE (("INBOX." ".")) NIL NIL`)
		const suffix = ` RETURN (SUBSCRIBED STATUS (MESSAGES UIDNEXT UIDVALIDITY))`
		inbox, below := s.exact(`LIST "" "INBOX"`+suffix), s.exact(`LIST "" "INBOX.*"`+suffix)
		s.say(`* LIST () "." INBOX`, `* STATUS INBOX (MESSAGES 1)`, inbox+" OK")
		s.say(`* LIST () "." INBOX.a`, `* STATUS INBOX.a (MESSAGES 2)`, below+" OK")
		s.logout()
	}))
	boxes, all, err := c.ListStatus(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff("INBOX false true OK 1 0 0 0 -1\nINBOX.a false true OK 2 0 0 0 -1\n", told(boxes, all)); d != "" {
		t.Error(d)
	}
}

// ID and NAMESPACE are one round trip.
func TestIntroductionInOneRoundTrip(t *testing.T) {
	c := dial(t, scripted(t, func(s *session) {
		s.say("* OK [CAPABILITY IMAP4rev1] ready")
		s.say(s.exact(`LOGIN "u" "p"`) + " OK [CAPABILITY IMAP4rev1 NAMESPACE ID] in")
		id, namespace := s.expect(`ID \(.*\)`), s.exact("NAMESPACE")
		s.say(`* ID ("name" "Test")`, id+" OK", `* NAMESPACE (("x." ".")) NIL NIL`, namespace+" OK")
		s.logout()
	}))
	if got := c.Namespaces(); c.ServerID() != "Test" || len(got) != 1 || got[0].Prefix != "x." {
		t.Errorf("%q %v", c.ServerID(), got)
	}
}

// On a real server what one command says is what STATUS says of each.
func TestDovecotListStatus(t *testing.T) {
	for _, hide := range [][]string{nil, {"LIST-STATUS"}} {
		d := imaptest.NewDovecot(t, imaptest.DovecotOptions{Format: "maildir", Separator: ".", Prefix: "INBOX.", Hide: hide})
		if err := d.AddUser("u", "p"); err != nil {
			t.Fatal(err)
		}
		c := dial(t, dovecotConfig(d, "u", "p"))
		if c.Caps().ListStatus == (hide != nil) {
			t.Fatalf("LIST-STATUS %v", c.Caps().ListStatus)
		}
		for i, name := range []string{"INBOX", "INBOX.Entwürfe & R&D", "INBOX.a b"} {
			if err := createOne(t.Context(), c, name, ""); err != nil && i > 0 {
				t.Fatal(err)
			}
			fill(t, c, EncodeMailbox(name), 1+i, 100)
		}
		boxes, got, err := c.ListStatus(t.Context())
		if err != nil || len(boxes) != 3 {
			t.Fatalf("%+v, %v", boxes, err)
		}
		names := make([]string, len(boxes))
		for i, b := range boxes {
			names[i] = b.Wire
			if !got[i].OK || got[i].Messages == 0 || got[i].HighestModSeq == 0 {
				t.Errorf("%s: %+v", b.Name, got[i])
			}
			got[i].Reply.Text = ""
		}
		want, err := c.Status(t.Context(), names)
		if err != nil {
			t.Fatal(err)
		}
		for i := range want {
			want[i].Reply.Text = ""
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
	}
}
