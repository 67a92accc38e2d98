package imapconn

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/imapfleet/imapfleet/pkg/fault"
)

func TestMoveAndCopy(t *testing.T) {
	set := []Range{{3, 5}, {9, 9}}
	for _, tt := range []struct {
		name   string
		copy   bool
		lines  []string
		tagged string
		want   Copied
		code   fault.Code
		scope  fault.Scope
	}{
		{"as RFC 6851 has it", false, []string{"* OK [COPYUID 7 3:5,9 101:104] moved", "* 3 EXPUNGE", "* 3 EXPUNGE"}, "OK done", Copied{7, []uint32{3, 4, 5, 9}, []uint32{101, 102, 103, 104}}, "", 0},
		{"with VANISHED, code in the tagged answer", false, []string{"* VANISHED 3:5,9", "* OK still here"}, "OK [copyuid 7 3:5,9 101,103,102,200] done", Copied{7, []uint32{3, 4, 5, 9}, []uint32{101, 103, 102, 200}}, "", 0},
		{"in two pieces", false, []string{"* OK [COPYUID 7 3:4 1:2]", "* OK [COPYUID 7 9 3]"}, "OK", Copied{7, []uint32{3, 4, 9}, []uint32{1, 2, 3}}, "", 0},
		{"copied", true, nil, "OK [COPYUID 4294967298 3 8] done", Copied{2, []uint32{3}, []uint32{8}}, "", 0},
		{"no code", true, nil, "OK done", Copied{}, "", 0},
		{"nonsense in it", true, []string{"* OK [COPYUID 7 3:5 1:2] x", "* OK [COPYUID x 3 1] x", "* OK [COPYUID 7 1:4294967295 1:4294967295] x", "* OK [COPYUID] x"}, "OK [COPYUID 7 0 1]", Copied{}, "", 0},
		{"refused", false, nil, "NO [CANNOT] no", Copied{}, fault.Refused, fault.Mailbox},
		{"not understood", false, nil, "BAD what?", Copied{}, fault.Refused, fault.Mailbox},
	} {
		t.Run(tt.name, func(t *testing.T) {
			command := "UID MOVE"
			if tt.copy {
				command = "UID COPY"
			}
			c := dial(t, scripted(t, func(s *session) {
				s.login("")
				tag := s.exact(command + ` 3:5,9 "a\"b"`)
				s.say(append(tt.lines, tag+" "+tt.tagged)...)
				s.logout()
			}))
			do := c.Move
			if tt.copy {
				do = c.Copy
			}
			got, err := do(t.Context(), set, `a"b`)
			if tt.code != "" {
				wantFault(t, err, tt.code, tt.scope, false)
				return
			}
			if d := cmp.Diff(tt.want, got); err != nil || d != "" {
				t.Errorf("%v (-want +got):\n%s", err, d)
			}
		})
	}
}

// UID EXPUNGE, or nothing.
func TestExpunge(t *testing.T) {
	c := dial(t, scripted(t, func(s *session) {
		s.login("UIDPLUS")
		s.answer("UID EXPUNGE 3:5,9", "* 3 EXPUNGE", "* VANISHED 4:5,9", "* 7 EXISTS")
		tag := s.exact("UID EXPUNGE 7")
		s.say(tag + " NO [NOPERM] not yours")
		s.logout()
	}))
	if err := c.Expunge(t.Context(), []Range{{3, 5}, {9, 9}}); err != nil {
		t.Error(err)
	}
	wantFault(t, c.Expunge(t.Context(), []Range{{7, 7}}), fault.Forbidden, fault.Mailbox, false)
	if err := c.Expunge(t.Context(), nil); err == nil {
		t.Error("an empty set was sent")
	}
	without := dial(t, scripted(t, func(s *session) { s.login("MOVE"); s.logout() }))
	if err := without.Expunge(t.Context(), []Range{{3, 5}}); err == nil {
		t.Error("without UIDPLUS: no error")
	}
}
