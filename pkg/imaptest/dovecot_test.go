package imaptest

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// sample is a mailbox of odd but lawful messages.
func sample(name string) Mailbox {
	zone := time.FixedZone("", -7*3600-1800)
	return Mailbox{Name: name, Subscribed: true, Messages: []Message{
		{Flags: []string{`\Seen`, "$Forwarded"}, Date: time.Date(1999, 2, 1, 3, 4, 5, 0, zone),
			Body: []byte("Subject: one\r\n\r\nbody\r\n")},
		{Date: time.Date(2020, 12, 31, 23, 59, 59, 0, time.UTC), Body: []byte("Subject: two {5}\r\n\r\nA1 LOGOUT\r\n)\r\n")},
		{Flags: []string{`\Deleted`, `\Draft`, `\Flagged`, `\Answered`}, Date: time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC),
			Body: []byte("Subject: no end of line\r\n\r\nbody")},
		{Date: time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC), Body: []byte("Subject: twin\r\n\r\ntwin\r\n")},
		{Date: time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC), Body: []byte("Subject: twin\r\n\r\ntwin\r\n")},
		{Flags: []string{"[b", "c"}, Date: time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC),
			Body: []byte("Subject: 8-bit \xe4\xf6\r\n\r\n" + strings.Repeat("\xff\x80 long line ", 9000) + "\r\n")},
	}}
}

// checkSample dumps an account and holds it against what was filled in.
func checkSample(t *testing.T, a Access, mailboxes ...Mailbox) *Contents {
	t.Helper()
	c, err := Dump(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	for _, mb := range mailboxes {
		m := c.Mailbox(mb.Name)
		if m == nil {
			t.Errorf("mailbox %q is not there", mb.Name)
			continue
		}
		if !m.Subscribed {
			t.Errorf("mailbox %q is not subscribed", mb.Name)
		}
		if len(m.Messages) != mb.Len() {
			t.Errorf("mailbox %q: %d messages, want %d", mb.Name, len(m.Messages), mb.Len())
			continue
		}
		for i, got := range m.Messages {
			want := mb.At(i)
			if got.Digest != digest(want.Body) || got.Octets != int64(len(want.Body)) || got.Size != got.Octets {
				t.Errorf("message %d: %d octets, RFC822.SIZE %d, %s", i, got.Octets, got.Size, got.Digest)
			}
			if !got.Date.Equal(want.Date) {
				t.Errorf("message %d: date %v, want %v", i, got.Date, want.Date)
			}
			if flags := canonicalFlags(want.Flags); !slices.Equal(got.Flags, flags) {
				t.Errorf("message %d: flags %v, want %v", i, got.Flags, flags)
			}
		}
	}
	return c
}

func TestDovecotBothFormats(t *testing.T) {
	dot, slash := NewDovecotDot(t), NewDovecotSlash(t)
	for d, child := range map[*Dovecot]string{dot: "INBOX.Ä & ö.x \"y\" \\z", slash: "Ä & ö/x \"y\" \\z"} {
		if err := d.AddUser("ann", `a:p "s\`); err != nil {
			t.Fatal(err)
		}
		a := d.Access("ann", `a:p "s\`)
		boxes := []Mailbox{sample("INBOX"), sample(child)}
		if err := Fill(t.Context(), a, boxes...); err != nil {
			t.Fatalf("%v\n%s", err, d.Log())
		}
		checkSample(t, a, boxes...)
		checkSample(t, d.AdminAccess("ann"), boxes...)
		tls := Access{Addr: d.TLSAddr(), User: a.User, Password: a.Password, TLS: d.Certificate().ClientConfig()}
		checkSample(t, tls, boxes...)
		start := Access{Addr: d.Addr(), User: a.User, Password: a.Password, STARTTLS: d.Certificate().ClientConfig()}
		checkSample(t, start, boxes...)
	}
	a, err := Dump(t.Context(), dot.AdminAccess("ann"))
	if err != nil {
		t.Fatal(err)
	}
	b, err := Dump(t.Context(), slash.AdminAccess("ann"))
	if err != nil {
		t.Fatal(err)
	}
	if a.Delimiter != "." || b.Delimiter != "/" {
		t.Errorf("delimiters %q and %q", a.Delimiter, b.Delimiter)
	}
	name := func(n string) string {
		return strings.ReplaceAll(strings.TrimPrefix(n, "INBOX."), ".", "/")
	}
	if diff := Diff(a, b, DiffOptions{Name: name, Order: true, Subscriptions: true}); len(diff) > 0 {
		t.Error(strings.Join(diff, "\n"))
	}
}

func TestDovecotUsers(t *testing.T) {
	d := NewDovecot(t, DovecotOptions{Hide: []string{"multiappend", "LITERAL+"}})
	names, err := d.AddUsers(3, "pw")
	if err != nil {
		t.Fatal(err)
	}
	more, err := d.AddUsers(1, "pw")
	if err != nil || names[2] != "user0003" || more[0] != "user0004" {
		t.Fatalf("%v %v %v", names, more, err)
	}
	login := func(user, password string) error {
		r, err := dialRaw(t.Context(), d.Access(user, password))
		if err != nil {
			return err
		}
		if r.caps["LITERAL+"] || r.caps["MULTIAPPEND"] || !r.caps["UIDPLUS"] {
			t.Errorf("capabilities %v", r.caps)
		}
		r.close()
		return nil
	}
	for _, n := range append(names, more...) {
		if err := login(n, "pw"); err != nil {
			t.Error(err)
		}
	}
	var no *refusal
	if err := login("user0001", "other"); !errors.As(err, &no) {
		t.Errorf("wrong password: %v", err)
	}
	if err := d.SetPassword("user0001", "no"); err != nil {
		t.Fatal(err)
	}
	if err := login("user0001", "pw"); !errors.As(err, &no) {
		t.Errorf("old password: %v", err)
	}
	if err := login("user0001", "no"); err != nil {
		t.Errorf("new password: %v", err)
	}
}

func TestDovecotKnobs(t *testing.T) {
	d := NewDovecot(t, DovecotOptions{Quota: "20K", ReadOnly: []string{"Sealed"}, MaxConns: 3})
	if err := d.AddUser("ann", "pw"); err != nil {
		t.Fatal(err)
	}
	a := d.Access("ann", "pw")
	small := Mailbox{Name: "Open", Messages: []Message{{Body: []byte("Subject: x\r\n\r\nx\r\n")}}}
	if err := Fill(t.Context(), a, small); err != nil {
		t.Fatalf("%v\n%s", err, d.Log())
	}
	tests := []struct {
		name string
		mb   Mailbox
		want string
	}{
		{"quota", Mailbox{Name: "Open", Messages: []Message{{Body: make([]byte, 30<<10)}}}, "OVERQUOTA"},
		{"read-only", Mailbox{Name: "Sealed", Messages: small.Messages}, "APPEND: NO [NOPERM"},
		{"below read-only", Mailbox{Name: "Sealed/child", Messages: small.Messages}, "CREATE: NO [NOPERM"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for i := range tt.mb.Messages[0].Body {
				tt.mb.Messages[0].Body[i] |= 'a' // no NUL
			}
			err := Fill(t.Context(), a, tt.mb)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %s\n%s", err, tt.want, d.Log())
			}
		})
	}
}

// TestDovecotCaps holds the list that Hide is taken from against the server.
func TestDovecotCaps(t *testing.T) {
	d := NewDovecot(t, DovecotOptions{})
	if err := d.AddUser("ann", "pw"); err != nil {
		t.Fatal(err)
	}
	r, err := dialRaw(t.Context(), d.Access("ann", "pw"))
	if err != nil {
		t.Fatal(err)
	}
	defer r.close()
	want := strings.Fields(dovecotCaps)
	if len(r.caps) != len(want) {
		t.Errorf("%d capabilities, %d in the list", len(r.caps), len(want))
	}
	for _, c := range want {
		if !r.caps[strings.ToUpper(c)] {
			t.Errorf("%s is not offered", c)
		}
	}
}

func TestDovecotMaxConns(t *testing.T) {
	d := NewDovecot(t, DovecotOptions{MaxConns: 3})
	if err := d.AddUser("ann", "pw"); err != nil {
		t.Fatal(err)
	}
	for i := range 4 {
		r, err := dialRaw(t.Context(), d.Access("ann", "pw"))
		if (err != nil) != (i == 3) {
			t.Errorf("connection %d: %v", i, err)
		}
		if err == nil {
			defer r.close()
		}
	}
}

func TestDovecotDir(t *testing.T) {
	parent, err := os.MkdirTemp("", "dir")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(parent) })
	if err := os.Chmod(parent, 0o755); err != nil { // the mail's user has to pass
		t.Fatal(err)
	}
	d := NewDovecot(t, DovecotOptions{Dir: parent})
	if err := d.AddUser("ann", "pw"); err != nil {
		t.Fatal(err)
	}
	box := sample("INBOX")
	if err := Fill(t.Context(), d.Access("ann", "pw"), box); err != nil {
		t.Fatalf("%v\n%s", err, d.Log())
	}
	checkSample(t, d.Access("ann", "pw"), box)
	if rel, err := filepath.Rel(parent, d.Dir()); err != nil || !filepath.IsLocal(rel) {
		t.Errorf("the state is in %s, not in %s", d.Dir(), parent)
	}
	long := filepath.Join(parent, strings.Repeat("x", daemonDirMax))
	if _, err := StartDovecot(DovecotOptions{Dir: long}); err == nil || !strings.Contains(err.Error(), "too long") {
		t.Errorf("a path that is too long: %v", err)
	}
}
