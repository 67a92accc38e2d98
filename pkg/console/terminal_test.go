package console

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// terminal is as much of a terminal as the console needs: it wraps long
// lines, scrolls, breaks lines anew when it becomes narrower, and understands
// the few sequences that the console may send. Anything else is a fault.
type terminal struct {
	width, height int
	rows          [][]rune // all lines ever, those above the screen too
	hard          []bool   // the row ended in a line feed
	x, y          int      // y counts from the first line ever
	faults        []string
	writes        int
	frames        int // writes that drew a frame
}

func newTerminal(width, height int) *terminal {
	return &terminal{width: width, height: height, rows: [][]rune{nil}, hard: []bool{false}}
}

func (t *terminal) size() (int, int) { return t.width, t.height }

// top is the first row that is on the screen.
func (t *terminal) top() int { return max(0, len(t.rows)-t.height) }

func (t *terminal) Write(p []byte) (int, error) {
	t.writes++
	s := string(p)
	if strings.Contains(s, "rows ") {
		t.frames++
	}
	for s != "" {
		if strings.HasPrefix(s, "\x1b[") {
			n := strings.IndexAny(s, "AJK")
			if n < 0 {
				t.faults = append(t.faults, fmt.Sprintf("sequence %q", s))
				return len(p), nil
			}
			t.sequence(s[2:n], s[n])
			s = s[n+1:]
			continue
		}
		r, size := utf8.DecodeRuneInString(s)
		t.put(r)
		s = s[size:]
	}
	return len(p), nil
}

func (t *terminal) sequence(arg string, final byte) {
	switch {
	case final == 'A':
		var n int
		if _, err := fmt.Sscan(arg, &n); err != nil || n < 1 {
			t.faults = append(t.faults, "up "+arg)
		}
		t.y = max(t.top(), t.y-n)
	case final == 'K' && arg == "":
		t.rows[t.y] = t.rows[t.y][:min(t.x, len(t.rows[t.y]))]
	case final == 'J' && arg == "":
		// A terminal keeps the blank rows; for the test they are not there.
		t.rows[t.y] = t.rows[t.y][:min(t.x, len(t.rows[t.y]))]
		for i := t.y + 1; i < len(t.rows); i++ {
			t.rows[i], t.hard[i] = nil, false
		}
	default:
		t.faults = append(t.faults, fmt.Sprintf("sequence %q%c", arg, final))
	}
}

func (t *terminal) put(r rune) {
	switch {
	case r == '\n':
		t.hard[t.y] = true
		t.next()
	case r == '\r':
		t.x = 0
	case r < ' ' || r >= 0x7f && r < 0xa0 || r == utf8.RuneError:
		t.faults = append(t.faults, fmt.Sprintf("character %U", r))
	default:
		for range columns(r) {
			if t.x == t.width {
				t.hard[t.y] = false
				t.next()
			}
			row := t.rows[t.y]
			for len(row) <= t.x {
				row = append(row, ' ')
			}
			row[t.x] = r
			t.rows[t.y] = row
			t.x++
		}
	}
}

func (t *terminal) next() {
	t.x = 0
	t.y++
	if t.y == len(t.rows) {
		t.rows = append(t.rows, nil)
		t.hard = append(t.hard, false)
	}
}

// resize breaks the lines anew, as most terminals do.
func (t *terminal) resize(width, height int) {
	old, hard := t.rows, t.hard
	cursor := t.y
	t.width, t.height = width, height
	t.rows, t.hard, t.x, t.y = [][]rune{nil}, []bool{false}, 0, 0
	at := -1
	for i, row := range old[:min(len(old), cursor)] {
		for _, r := range row {
			if t.x == t.width {
				t.next()
			}
			t.rows[t.y] = append(t.rows[t.y], r)
			t.x++
		}
		if hard[i] {
			t.hard[t.y] = true
			t.next()
		}
		at = t.y
	}
	if at >= 0 {
		t.y = at
	}
	t.x = 0
}

// text is all that is there to read, scrolled off or not.
func (t *terminal) text() string {
	var b strings.Builder
	for _, row := range t.rows {
		b.WriteString(strings.TrimRight(string(row), " ") + "\n")
	}
	return strings.TrimRight(b.String(), "\n")
}
