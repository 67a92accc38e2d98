package imapconn

import (
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/imapfleet/imapfleet/pkg/account"
	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/imaptest"
)

func TestQuotas(t *testing.T) {
	tests := []struct {
		name   string
		answer []string
		end    string // of the tagged answer; "": OK
		want   []Quota
		known  bool
	}{
		{"one root", []string{`* QUOTAROOT INBOX "User quota"`, `* QUOTA "User quota" (STORAGE 10 512 MESSAGE 3 1000)`}, "",
			[]Quota{{"User quota", "STORAGE", 10240, 524288}, {"User quota", "MESSAGE", 3, 1000}}, true},
		{"two roots, one without limits, in atoms and a literal", []string{`* QUOTAROOT "INBOX" a b {1}`, "c", "* quota a ()", "* QUOTA {1}", "b (storage 1 2)"}, "",
			[]Quota{{"b", "STORAGE", 1024, 2048}}, true},
		{"no roots", []string{"* QUOTAROOT INBOX"}, "", nil, true},
		{"NIL", []string{"* QUOTAROOT INBOX NIL", "* QUOTA NIL (STORAGE 5 6)"}, "", []Quota{{"NIL", "STORAGE", 5 << 10, 6 << 10}}, true},
		{"limit 0, odd figures, half a triple", []string{`* QUOTA "" (STORAGE 5 0 MESSAGE -1 5 X 1 y Z 1 2 STORAGE 3`}, "", []Quota{{"", "Z", 1, 2}}, true},
		{"more than fits", []string{`* QUOTA "" (STORAGE 9007199254740992 9223372036854775807)`}, "", []Quota{{"", "STORAGE", math.MaxInt64, math.MaxInt64}}, true},
		{"nothing said", nil, "", nil, false},
		{"refused", []string{`* QUOTA "" (STORAGE 1 2)`}, "NO [NOPERM] not for you", nil, false},
		{"not understood", nil, "BAD what?", nil, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := dial(t, scripted(t, func(s *session) {
				s.login("QUOTA")
				tag := s.exact(`GETQUOTAROOT "INBOX"`)
				s.say(tt.answer...)
				if tt.end == "" {
					tt.end = "OK done"
				}
				s.say(tag + " " + tt.end)
				s.logout()
			}))
			got, known, err := c.Quotas(t.Context(), "INBOX")
			if err != nil || known != tt.known || !slices.Equal(got, tt.want) {
				t.Errorf("%v, known %v, %v, want %v", got, known, err, tt.want)
			}
		})
	}
	t.Run("not offered", func(t *testing.T) {
		c := dial(t, scripted(t, func(s *session) { s.login(""); s.logout() }))
		if got, known, err := c.Quotas(t.Context(), "INBOX"); err != nil || known || got != nil {
			t.Errorf("%v, known %v, %v", got, known, err)
		}
	})
	if free := (Quota{Used: 5, Limit: 3}).Free(); free != 0 {
		t.Errorf("over quota: %d free", free)
	}
}

// Dovecot's own quota, in the form it says it.
func TestDovecotQuotas(t *testing.T) {
	d := imaptest.NewDovecot(t, imaptest.DovecotOptions{Quota: "5M"})
	if err := d.AddUser("full", "x"); err != nil {
		t.Fatal(err)
	}
	if err := imaptest.Fill(t.Context(), d.Access("full", "x"), imaptest.Mailbox{Name: "INBOX", Messages: []imaptest.Message{{Body: make100k()}}}); err != nil {
		t.Fatal(err)
	}
	c := dial(t, dovecotConfig(d, "full", "x"))
	got, known, err := c.Quotas(t.Context(), "INBOX")
	if err != nil || !known || len(got) != 1 || got[0].Resource != "STORAGE" || got[0].Limit != 5<<20 || got[0].Used < 100<<10 || got[0].Used > 110<<10 {
		t.Errorf("%+v, known %v, %v", got, known, err)
	}
	for limit, want := range map[int64]int{100 << 10: 1, 200 << 10: 0} {
		if _, err := c.Examine(t.Context(), "INBOX"); err != nil {
			t.Fatal(err)
		}
		s, err := c.StartLarger(t.Context(), limit)
		if err != nil {
			t.Fatal(err)
		}
		if uids, err := s.Wait(t.Context()); err != nil || len(uids) != want {
			t.Errorf("larger than %d: %v, %v", limit, uids, err)
		}
	}
}

func make100k() []byte {
	return append([]byte("Subject: large\r\n\r\n"), slices.Repeat([]byte("0123456789abcdef0123456789abcdef0123456789abcdef\r\n"), 2100)...)
}

func TestAppendLimits(t *testing.T) {
	f := imaptest.NewFake(t, imaptest.FakeOptions{Caps: append(imaptest.FakeCaps(), "APPENDLIMIT")},
		imaptest.FakeMailbox{Name: "INBOX", AppendLimit: "1000"}, imaptest.FakeMailbox{Name: "free"})
	c := dial(t, Config{Side: fault.Dest, DialContext: f.DialContext,
		Endpoint: account.Endpoint{Host: "localhost", Security: account.SecurityPlain, User: "u", Password: account.NewSecret("p")}})
	all, err := c.Status(t.Context(), []string{"INBOX", "free"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int64{1000, 0}, []int64{all[0].AppendLimit, all[1].AppendLimit}); diff != "" {
		t.Error(diff)
	}
	if v := f.Violations(); len(v) > 0 {
		t.Error(v)
	}
}

// StartLarger asks for what a 32-bit number can say at most, and may find
// nothing in a mailbox that is not empty.
func TestLarger(t *testing.T) {
	for _, tt := range []struct {
		caps, want, answer string
		limit              int64
		found              int
	}{
		{"", "UID SEARCH LARGER 7", "* SEARCH", 7, 0},
		{"ESEARCH", "UID SEARCH RETURN (ALL) LARGER 4294967295", "* ESEARCH UID ALL 4:5", 1 << 40, 2},
	} {
		c := dial(t, scripted(t, func(s *session) {
			s.login(tt.caps)
			s.answer(`EXAMINE "INBOX"`, "* 9 EXISTS")
			s.answer(tt.want, tt.answer)
			s.logout()
		}))
		if _, err := c.Examine(t.Context(), "INBOX"); err != nil {
			t.Fatal(err)
		}
		s, err := c.StartLarger(t.Context(), tt.limit)
		if err != nil {
			t.Fatal(err)
		}
		if uids, err := s.Wait(t.Context()); err != nil || len(uids) != tt.found {
			t.Errorf("%v, %v", uids, err)
		}
	}
}
