package imapconn

import (
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
			err := c.Create(t.Context(), tt.mailbox, tt.use)
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
	if err := c.Subscribe(t.Context(), "R&D"); err != nil {
		t.Error(err)
	}
	wantFault(t, c.Subscribe(t.Context(), "x"), fault.MailboxRefused, fault.Mailbox, false)
}
