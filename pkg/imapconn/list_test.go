package imapconn

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/imapfleet/imapfleet/pkg/fault"
)

func TestListExtended(t *testing.T) {
	c := dial(t, scripted(t, func(s *session) {
		s.login("LIST-EXTENDED SPECIAL-USE")
		s.answer(`LIST "" "*" RETURN (SUBSCRIBED SPECIAL-USE)`,
			`* LIST (\HasChildren \Subscribed) "/" Inbox`,
			`* LIST (\HasNoChildren \sent \SUBSCRIBED) "/" "Sent Messages"`,
			`* list (\NonExistent \HasChildren) "/" Old ("CHILDINFO" ("SUBSCRIBED"))`,
			`* LIST (\Noselect) "/" "[Gmail]"`,
			`* LIST () "/" "Entw&APw-rfe"`,
			`* LIST (\Marked \XLIST)  "/"  "R&D"`,
			`* LIST () "/" {8}`, "a\"b\\c\xfc/ ",
			"* LIST () \"/\" \"\xe4\xf6\"",
			`* LIST (\AllMail \Inbox) "/" two words`,
			`* LIST () NIL NIL`,
			`* LIST () "/" ""`,
			`* LIST () "/" "R&D"`,
			`* VANISHED 1:5`,
			`* 7 EXISTS`)
		s.logout()
	}))
	got, err := c.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := []Mailbox{
		{Name: "INBOX", Wire: "Inbox", Delimiter: '/', HasChildren: true, Subscribed: true},
		{Name: "Sent Messages", Wire: "Sent Messages", Delimiter: '/', Use: `\Sent`, Subscribed: true},
		{Name: "Old", Wire: "Old", Delimiter: '/', NoSelect: true, NonExistent: true, HasChildren: true},
		{Name: "[Gmail]", Wire: "[Gmail]", Delimiter: '/', NoSelect: true},
		{Name: "Entwürfe", Wire: "Entw&APw-rfe", Delimiter: '/'},
		{Name: "R&D", Wire: "R&D", Delimiter: '/'},
		{Name: `a"b\cü/ `, Wire: "a\"b\\c\xfc/ ", Delimiter: '/'},
		{Name: "äö", Wire: "\xe4\xf6", Delimiter: '/'},
		{Name: "two words", Wire: "two words", Delimiter: '/'},
		{Name: "NIL", Wire: "NIL"},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestListPlain(t *testing.T) {
	c := dial(t, scripted(t, func(s *session) {
		s.login("")
		list, lsub := s.exact(`LIST "" "*"`), s.exact(`LSUB "" "*"`) // one round trip
		s.say(`* LIST (\HasNoChildren) "." "a"`,
			`* LIST () "." "b"`,
			`* LIST () "." "c"`,
			list+" OK done")
		s.say(`* LSUB () "." "inbox"`,
			`* LIST () "." "a"`,
			`* LSUB (\Noselect) "." "b"`,
			`* LSUB () "." "gone"`,
			lsub+" OK done")
		s.logout()
	}))
	got, err := c.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := []Mailbox{
		{Name: "INBOX", Wire: "INBOX", Delimiter: '/', Subscribed: true},
		{Name: "a", Wire: "a", Delimiter: '.', Subscribed: true},
		{Name: "b", Wire: "b", Delimiter: '.'},
		{Name: "c", Wire: "c", Delimiter: '.'},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// A server that offers LIST-EXTENDED and then will not have it is listed the
// old way; a refused LSUB costs only the subscriptions.
func TestListRefusals(t *testing.T) {
	c := dial(t, scripted(t, func(s *session) {
		s.login("LIST-EXTENDED")
		s.say(s.exact(`LIST "" "*" RETURN (SUBSCRIBED)`) + " BAD Unexpected extra arguments to LIST")
		s.answer(`LIST "" "*"`, `* LIST () "/" INBOX`)
		s.say(s.exact(`LSUB "" "*"`) + " NO not here")
		s.say(s.exact(`LIST "" "*" RETURN (SUBSCRIBED)`) + " NO no")
		s.say(s.exact(`LIST "" "*"`) + " NO [UNAVAILABLE] later")
		s.answer(`LSUB "" "*"`)
		s.logout()
	}))
	got, err := c.List(t.Context())
	if err != nil || len(got) != 1 {
		t.Fatalf("got %v, %v", got, err)
	}
	_, err = c.List(t.Context())
	if e := wantFault(t, err, fault.Unavailable, fault.Account, true); e.Op != "list" {
		t.Errorf("op %q", e.Op)
	}
}

func TestListNamespaces(t *testing.T) {
	tests := []struct {
		name, namespace string
		script          func(s *session)
		want            []string
	}{
		{"prefix INBOX.", `* NAMESPACE (("INBOX." ".")) NIL NIL`, func(s *session) {
			s.answer(`LIST "" "INBOX"`, `* LIST (\HasChildren) "." INBOX`)
			s.answer(`LIST "" "INBOX.*"`, `* LIST () "." INBOX.a`, `* LIST () "." INBOX`)
			s.answer(`LSUB "" "INBOX"`)
			s.answer(`LSUB "" "INBOX.*"`)
		}, []string{"INBOX", "INBOX.a"}},
		{"others and shared", `* NAMESPACE (("" "/")) (("Other Users/" "/")) (("Public/" "/")("#news." "."))`, func(s *session) {
			s.answer(`LIST "" "*"`, `* LIST () "/" INBOX`, `* LIST (\Noselect) "/" "Other Users"`, `* LIST () "/" "Other Users/x/y"`,
				`* LIST (\Noselect) "/" Public`, `* LIST () "/" Public/info`, `* LIST () "/" "#news.comp"`, `* LIST () "/" "Publications"`)
			s.answer(`LSUB "" "*"`)
		}, []string{"INBOX", "Publications"}},
		{"personal below a shared prefix", `* NAMESPACE (("mail/me/" "/")) NIL (("mail/" "/"))`, func(s *session) {
			s.answer(`LIST "" "INBOX"`)
			s.answer(`LIST "" "mail/me/*"`, `* LIST () "/" "mail/me/a"`, `* LIST () "/" "mail/you"`)
			s.answer(`LSUB "" "INBOX"`)
			s.answer(`LSUB "" "mail/me/*"`)
		}, []string{"INBOX", "mail/me/a"}},
		{"two personal ones", `* NAMESPACE (("" "/")("#mh/" "/")("" "/")) NIL NIL`, func(s *session) {
			s.answer(`LIST "" "*"`, `* LIST () "/" INBOX`, `* LIST () "/" "#mh/x"`)
			s.answer(`LIST "" "#mh/*"`, `* LIST () "/" "#mh/x"`)
			s.answer(`LSUB "" "*"`)
			s.answer(`LSUB "" "#mh/*"`)
		}, []string{"INBOX", "#mh/x"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := dial(t, scripted(t, func(s *session) {
				s.say("* OK [CAPABILITY IMAP4rev1] ready")
				s.say(s.exact(`LOGIN "u" "p"`) + " OK [CAPABILITY IMAP4rev1 NAMESPACE] in")
				s.answer("NAMESPACE", tt.namespace)
				tt.script(s)
				s.logout()
			}))
			all, err := c.List(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, m := range all {
				got = append(got, m.Name)
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

// Without NAMESPACE prefix and delimiter are guessed from the mailboxes.
func TestGuessedNamespace(t *testing.T) {
	tests := []struct {
		name, namespace, root string
		all                   []string
		want                  Namespace
	}{
		{"all below INBOX", "", `* LIST (\Noselect) "." ""`, []string{"INBOX", "INBOX.Junk"}, Namespace{"INBOX.", '.'}},
		{"one beside it", "", `* LIST (\Noselect) "." ""`, []string{"INBOX", "INBOX.Junk", "zzz"}, Namespace{"", '.'}},
		{"INBOX alone", "", `* LIST (\Noselect) "/" ""`, []string{"INBOX"}, Namespace{"", '/'}},
		{"in its own case", "", `* LIST (\Noselect) "/" ""`, []string{"Inbox", "Inbox/a"}, Namespace{"Inbox/", '/'}},
		{"flat", "", `* LIST (\Noselect) NIL ""`, []string{"INBOX", "a"}, Namespace{"", '.'}},
		{"NAMESPACE NIL", "* NAMESPACE NIL NIL NIL", `* LIST (\Noselect) "." ""`, []string{"INBOX", "INBOX.Junk"}, Namespace{"INBOX.", '.'}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var lines []string
			for _, n := range tt.all {
				lines = append(lines, `* LIST () "`+string(tt.want.Delimiter)+`" "`+n+`"`)
			}
			c := dial(t, scripted(t, func(s *session) {
				caps := "IMAP4rev1"
				if tt.namespace != "" {
					caps += " NAMESPACE"
				}
				s.say("* OK [CAPABILITY IMAP4rev1] ready")
				s.say(s.exact(`LOGIN "u" "p"`) + " OK [CAPABILITY " + caps + "] in")
				if tt.namespace != "" {
					s.answer("NAMESPACE", tt.namespace)
				}
				s.answer(`LIST "" ""`, tt.root)
				s.answer(`LIST "" "*"`, lines...)
				s.logout()
			}))
			if d := cmp.Diff([]Namespace{tt.want}, c.Namespaces()); d != "" {
				t.Error(d)
			}
		})
	}
}
