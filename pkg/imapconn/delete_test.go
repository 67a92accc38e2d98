package imapconn

import (
	"testing"

	"github.com/imapfleet/imapfleet/pkg/fault"
)

func TestDelete(t *testing.T) {
	c := dial(t, scripted(t, func(s *session) {
		s.login("")
		a, b := s.exact(`DELETE "R&-D"`), s.exact(`DELETE "x"`)
		s.say(a+" OK gone", b+" NO [NONEXISTENT] no such mailbox")
		s.answer("NOOP")
		s.logout()
	}))
	refusals, err := c.Delete(t.Context(), []string{"R&D", "x", "y\r\nz"})
	if err != nil || refusals[0] != nil {
		t.Fatal(err, refusals)
	}
	wantFault(t, refusals[1], fault.Refused, fault.Mailbox, false)
	wantFault(t, refusals[2], fault.MailboxRefused, fault.Mailbox, false)
	if d, err := c.Noop(t.Context()); err != nil || d <= 0 {
		t.Errorf("NOOP took %v, %v", d, err)
	}
	if took := c.Took(); took.Login <= 0 || took.Security != "" {
		t.Errorf("took %+v in plain text", took)
	}
}
