package imapconn

import (
	"strconv"
	"strings"
	"testing"
)

// A message over 1 MiB waits for "+" until one of at least a quarter of it has
// been stored, in whatever mailbox. One that was refused tells nothing.
func TestAppendLargeOnceTaken(t *testing.T) {
	text := strings.Repeat("x", sizeReach*(maxNonSync+2)+1)
	steps := []struct {
		mailbox       string
		size          int
		sync, refused bool
	}{
		{"a", 1, true, false}, // the mailbox's name
		{"a", maxNonSync + 2, true, true},
		{"a", maxNonSync + 2, true, false},
		{"b", 1, true, false},
		{"b", sizeReach*(maxNonSync+2) + 1, true, true},
		{"b", sizeReach * (maxNonSync + 2), false, false},
		{"b", sizeReach*(maxNonSync+2) + 1, false, false},
	}
	c := dial(t, scripted(t, func(s *session) {
		s.login("LITERAL+")
		for i, m := range steps {
			tag := "X" + strconv.Itoa(i+2)
			head := tag + ` APPEND "` + m.mailbox + `" `
			if m.refused {
				if l, _ := s.line(); l != head+"{"+strconv.Itoa(m.size)+"}" {
					t.Errorf("the server got %q", l)
				}
				s.say(tag + " NO too large")
				continue
			}
			s.literal(head, text[:m.size], m.sync)
			s.line()
			s.say(tag + " OK done")
		}
		s.logout()
	}))
	for _, m := range steps {
		if _, err := appendOne(t, c, m.mailbox, Head{}, text[:m.size]); (err != nil) != m.refused {
			t.Errorf("%d octets to %s: %v", m.size, m.mailbox, err)
		}
	}
}
