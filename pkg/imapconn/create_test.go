package imapconn

import (
	"context"
	"testing"

	"github.com/imapfleet/imapfleet/pkg/fault"
)

func TestCreate(t *testing.T) {
	tests := []struct {
		name, caps, mailbox, use string
		script                   func(s *session)
		code                     fault.Code
	}{
		{"plain", "", "Entwürfe", "", func(s *session) { s.answer(`CREATE "Entw&APw-rfe"`) }, ""},
		{"with a use", "CREATE-SPECIAL-USE", "S", `\Sent`, func(s *session) { s.answer(`CREATE "S" (USE (\Sent))`) }, ""},
		{"use that is refused", "CREATE-SPECIAL-USE", "S", `\Sent`, func(s *session) {
			s.say(s.exact(`CREATE "S" (USE (\Sent))`) + " NO [USEATTR] no")
			s.answer(`CREATE "S"`)
		}, ""},
		{"use that is none", "CREATE-SPECIAL-USE", "S", `\Foo))` + "\r\n", func(s *session) { s.answer(`CREATE "S"`) }, ""},
		{"use not offered", "", "S", `\Sent`, func(s *session) { s.answer(`CREATE "S"`) }, ""},
		{"there already", "", "S", "", func(s *session) { s.say(s.exact(`CREATE "S"`) + " NO [ALREADYEXISTS] there") }, ""},
		{"refused", "", "S", "", func(s *session) { s.say(s.exact(`CREATE "S"`) + " NO cannot") }, fault.MailboxRefused},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := dial(t, scripted(t, func(s *session) { s.login(tt.caps); tt.script(s); s.logout() }))
			err := createOne(t.Context(), c, tt.mailbox, tt.use)
			if tt.code == "" && err == nil {
				return
			}
			wantFault(t, err, tt.code, fault.Mailbox, false)
		})
	}
}

func TestSubscribe(t *testing.T) {
	c := dial(t, scripted(t, func(s *session) {
		s.login("")
		s.answer(`SUBSCRIBE "R&-D"`)
		s.say(s.exact(`SUBSCRIBE "x"`) + " NO no such mailbox")
		s.logout()
	}))
	if err := subscribeOne(t.Context(), c, "R&D"); err != nil {
		t.Error(err)
	}
	wantFault(t, subscribeOne(t.Context(), c, "x"), fault.MailboxRefused, fault.Mailbox, false)
}

// None is waited for before the next is sent, and each has its own answer.
func TestCreateSeveral(t *testing.T) {
	c := dial(t, scripted(t, func(s *session) {
		s.login("")
		a, b, d := s.exact(`CREATE "a"`), s.exact(`CREATE "b"`), s.exact(`CREATE "d"`)
		s.say(a+" OK", b+" NO cannot", d+" OK")
		s.logout()
	}))
	refusals, err := c.Create(t.Context(), []NewMailbox{{Name: "a"}, {Name: "b"}, {Name: "c\r"}, {Name: "d"}})
	if err != nil {
		t.Fatal(err)
	}
	for i, refused := range []bool{false, true, true, false} {
		if (refusals[i] != nil) != refused {
			t.Errorf("mailbox %d: %v", i, refusals[i])
		}
	}
}

// createOne makes one mailbox.
func createOne(ctx context.Context, c *Conn, name, use string) error {
	refusals, err := c.Create(ctx, []NewMailbox{{Name: name, Use: use}})
	if err != nil {
		return err
	}
	return refusals[0]
}

// subscribeOne subscribes to one mailbox.
func subscribeOne(ctx context.Context, c *Conn, name string) error {
	finish, err := c.Subscribe(ctx, []string{name})
	if err != nil {
		return err
	}
	refusals, err := finish(ctx)
	if err != nil {
		return err
	}
	return refusals[0]
}
