package imapconn

import (
	"context"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/imapfleet/imapfleet/pkg/account"
	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/imaptest"
)

// dovecotConfig reaches an account of a real server, in plaintext.
func dovecotConfig(d *imaptest.Dovecot, user, password string) Config {
	return Config{Side: fault.Dest, DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return d.DialContext(ctx, network, "")
	}, Endpoint: account.Endpoint{Host: "localhost", Security: account.SecurityPlain, User: user, Password: account.NewSecret(password)}}
}

func TestDovecotLogins(t *testing.T) {
	d := imaptest.NewDovecotSlash(t)
	for i, p := range []string{"simple", `a b"c\d$e*(f)g;h`, " lead and trail ", `\`, `"`, "pässwörd"} {
		user := fmt.Sprintf("odd%d", i)
		if err := d.AddUser(user, p); err != nil {
			t.Fatal(err)
		}
		t.Run(p, func(t *testing.T) {
			c := dial(t, dovecotConfig(d, user, p))
			if !strings.HasPrefix(c.ServerID(), "Dovecot") || !c.Caps().MultiAppend {
				t.Errorf("%q %+v", c.ServerID(), c.Caps())
			}
		})
	}
	t.Run("authuser", func(t *testing.T) {
		cfg := dovecotConfig(d, "odd1", imaptest.DovecotAdminPassword)
		cfg.Endpoint.AuthUser = imaptest.DovecotAdmin
		dial(t, cfg)
	})
	t.Run("user*admin", func(t *testing.T) {
		dial(t, dovecotConfig(d, "odd1*"+imaptest.DovecotAdmin, imaptest.DovecotAdminPassword))
	})
	t.Run("wrong password", func(t *testing.T) {
		_, err := Dial(t.Context(), dovecotConfig(d, "odd1", "wrong"))
		wantFault(t, err, fault.AuthRefused, fault.Account, false)
	})
	t.Run("wrong admin password", func(t *testing.T) {
		cfg := dovecotConfig(d, "odd1", "wrong")
		cfg.Endpoint.AuthUser = imaptest.DovecotAdmin
		_, err := Dial(t.Context(), cfg)
		wantFault(t, err, fault.AuthRefused, fault.Account, false)
	})
	t.Run("TLS", func(t *testing.T) {
		cfg := dovecotConfig(d, "odd0", "simple")
		cfg.Endpoint.Security, cfg.RootCAs = account.SecurityTLS, d.Certificate().Pool()
		cfg.Endpoint.Port, cfg.DialContext = d.TLSPort(), nil
		dial(t, cfg)
	})
	t.Run("STARTTLS", func(t *testing.T) {
		cfg := dovecotConfig(d, "odd0", "simple")
		cfg.Endpoint.Security, cfg.RootCAs = account.SecuritySTARTTLS, d.Certificate().Pool()
		dial(t, cfg)
	})
}

// The whole round on a real server, by every way to append, with two kinds of
// hierarchy.
func TestDovecotRound(t *testing.T) {
	tests := []struct {
		mode AppendMode
		opt  imaptest.DovecotOptions
	}{
		{AppendMulti, imaptest.DovecotOptions{Format: "sdbox", Separator: "/"}},
		{AppendMulti, imaptest.DovecotOptions{Format: "maildir", Separator: ".", Prefix: "INBOX."}},
		{AppendPlus, imaptest.DovecotOptions{Format: "sdbox", Separator: "/", Hide: []string{"MULTIAPPEND"}}},
		{AppendSync, imaptest.DovecotOptions{Format: "maildir", Separator: ".", Prefix: "INBOX.",
			Hide: []string{"MULTIAPPEND", "LITERAL+", "LIST-EXTENDED", "ESEARCH", "STATUS=SIZE", "NAMESPACE", "ID"}}},
	}
	for _, tt := range tests {
		t.Run(tt.mode.String()+" "+tt.opt.Format, func(t *testing.T) {
			d := imaptest.NewDovecot(t, tt.opt)
			if err := d.AddUser("u", "p"); err != nil {
				t.Fatal(err)
			}
			c := dial(t, dovecotConfig(d, "u", "p"))
			if c.AppendMode() != tt.mode {
				t.Fatalf("mode %v", c.AppendMode())
			}
			round(t, c, tt.opt.Prefix, tt.opt.Separator)
		})
	}
}

func round(t *testing.T, c *Conn, prefix, sep string) {
	ctx := t.Context()
	name := prefix + "Entwürfe & R&D" + sep + `sub "q"`
	if sep == "." {
		name = prefix + "Entwürfe & R&D" + sep + "sub q"
	}
	for range 2 { // the second is no error
		if err := createOne(ctx, c, name, ""); err != nil {
			t.Fatal(err)
		}
	}
	if err := subscribeOne(ctx, c, name); err != nil {
		t.Fatal(err)
	}
	all, err := c.List(ctx)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(all, func(m Mailbox) bool { return m.Name == name })
	if i < 0 || !all[i].Subscribed || string(all[i].Delimiter) != sep || !slices.ContainsFunc(all, func(m Mailbox) bool { return m.Name == "INBOX" }) {
		t.Fatalf("%q is not as it should be in %+v", name, all)
	}
	wire := all[i].Wire
	sel, err := c.Select(ctx, wire)
	if err != nil || sel.Exists != 0 || !sel.AnyKeyword || !slices.Contains(sel.PermanentFlags, `\Deleted`) || sel.ReadOnly {
		t.Fatalf("%+v, %v", sel, err)
	}
	want := appendRound(t, c, wire, sel)
	uids, err := c.UIDs(ctx, sel.UIDNext)
	if err != nil || len(uids) != len(want) {
		t.Fatalf("%v, %v", uids, err)
	}
	var got []string
	var bodies fetched
	h := bodies.handler()
	h.Message = func(m *Message) error {
		got = append(got, stored(m.UID, m.Flags, m.Date, m.Size, string(m.Body)))
		return nil
	}
	f, err := c.Fetch(ctx, Ranges(uids), everything, h)
	if err == nil {
		err = f.Wait(ctx)
	}
	if d := cmp.Diff(want, got); d != "" || err != nil {
		t.Error(d, err)
	}
	if none, err := c.UIDs(ctx, uids[len(uids)-1]+1); err != nil || len(none) != 0 {
		t.Errorf("above the last UID: %v, %v", none, err)
	}
	if err := c.Unselect(ctx); err != nil {
		t.Error(err)
	}
	st, err := c.Status(ctx, []string{wire, "INBOX", prefix + "nowhere"})
	if err != nil || !st[0].OK || st[0].Messages != uint32(len(want)) || st[0].UIDValidity != sel.UIDValidity || !st[1].OK || st[2].OK {
		t.Errorf("%+v, %v", st, err)
	}
}

// appendRound sends messages by the session's mode, a refused one and one
// over a megabyte among them, and returns what stored should say of them.
func appendRound(t *testing.T, c *Conn, wire string, sel Selected) (want []string) {
	heads := []Head{
		{Flags: []string{`\Seen`}, Date: usual, HasDate: true},
		{Flags: []string{"$Forwarded", "Größe", `\Custom`, strings.Repeat("k", 51)}, Date: time.Date(1999, 12, 31, 23, 30, 0, 0, time.FixedZone("", -5400)), HasDate: true},
		{Flags: []string{"$Forwarded", `\Deleted`}, Date: usual.In(time.FixedZone("", -3600)), HasDate: true},
		{Flags: []string{"NonJunk", `\Recent`}, Date: usual, HasDate: true},
	}
	bodies := []string{
		"Subject: 1\r\n\r\na1 CREATE obeyed\r\n", "\r\n", "Subject: big\r\n\r\n" + strings.Repeat("x", 1<<20) + "\r\n", "Subject: 4\r\n\r\nX1 OK {5}\r\n",
	}
	a, err := c.Append(t.Context(), wire)
	if err != nil {
		t.Fatal(err)
	}
	var uids []uint32
	settle := func() {
		p, err := a.Finish(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		done, err := p.Wait(t.Context())
		if err != nil || done.UIDValidity != sel.UIDValidity {
			t.Fatalf("%+v, %v", done, err)
		}
		uids = append(uids, done.UIDs...)
	}
	for i, h := range heads {
		if i > 0 && c.AppendMode() != AppendMulti {
			settle()
			if a, err = c.Append(t.Context(), wire); err != nil {
				t.Fatal(err)
			}
		}
		if err := a.Add(t.Context(), h, int64(len(bodies[i])), io.MultiReader(strings.NewReader(bodies[i]))); err != nil {
			t.Fatal(err)
		}
	}
	settle()
	for i, u := range uids {
		flags, _ := Sanitize(heads[i].Flags)
		want = append(want, stored(u, flags, heads[i].Date, int64(len(bodies[i])), bodies[i]))
	}
	return want
}

// stored renders what a server keeps of a message: flags in no order, the
// date as an instant.
func stored(uid uint32, flags []string, date time.Time, size int64, body string) string {
	flags, _ = Sanitize(flags)
	slices.Sort(flags)
	return fmt.Sprintf("%d|%s|%s|%d|%s", uid, strings.Join(flags, " "), date.UTC().Format(time.RFC3339), size, body)
}
