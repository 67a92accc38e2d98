//go:build unix

package main

import (
	"testing"

	"github.com/imapfleet/imapfleet/pkg/imaptest"
)

// The main job where the destination lacks what makes it fast. A server whose
// capability is hidden still has it, so what the client says is looked at too.
func TestCapabilitiesTakenAwayReal(t *testing.T) {
	t.Parallel()
	servers := newSite(t)
	tests := []struct {
		name         string
		hide         []string
		batches      bool // several messages in one command
		withoutWaits bool // literals that are not waited for
	}{
		{"none", nil, true, true},
		{"LITERAL+", []string{"LITERAL+"}, true, false},
		{"MULTIAPPEND", []string{"MULTIAPPEND"}, false, true},
		{"UIDPLUS", []string{"UIDPLUS"}, true, true},
		{"LITERAL+ and MULTIAPPEND", []string{"LITERAL+", "MULTIAPPEND"}, false, false},
		{"all", []string{"LITERAL+", "MULTIAPPEND", "UIDPLUS"}, false, false},
	}
	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := servers.child(t)
			tap := startTap(t, s.new.Addr())
			s.via[1] = imaptest.StartProxy(t, tap.ln.Addr().String(), imaptest.ProxyOptions{Hide: tt.hide}).Addr()
			var users, rows []string
			var want int64
			for j, n := range []int{120, 60} {
				user := "caps" + string(rune('a'+i)) + string(rune('a'+j))
				s.add(user, mailboxes(imaptest.NewGenerator(uint64(1000+10*i+j), imaptest.RealSpec()), n)...)
				users, rows, want = append(users, user), append(rows, s.row(user)), want+int64(n)
			}
			s.list(rows...)

			s.copied(s.mustRun("--parallel", "2"), want, 0)
			s.equal(users...)
			c := tap.seen()
			if int64(c.messages) != want {
				t.Errorf("%d messages were sent, want %d", c.messages, want)
			}
			if got := c.appends < c.messages; got != tt.batches {
				t.Errorf("%d commands for %d messages", c.appends, c.messages)
			}
			if got := c.nonSync > 0; got != tt.withoutWaits {
				t.Errorf("%d of %d literals were not waited for", c.nonSync, c.messages)
			}
			s.copied(s.mustRun("--parallel", "2"), 0, want)
			s.equal(users...)
			if n := tap.seen().messages; int64(n) != want {
				t.Errorf("the second run sent %d messages", int64(n)-want)
			}
		})
	}
}
