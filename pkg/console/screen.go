package console

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// screen is the output: a frame at the bottom, if there is one, and lines
// above it. The lock guards all below it and is never held while a view is
// asked for: who answers may be writing a log line.
type screen struct {
	out  io.Writer
	size func() (width, height int)
	now  func() time.Time

	mu      sync.Mutex
	last    *throughput.View // what the frame shows; nil: no frame
	shown   []string         // the frame's lines that stand on the terminal now
	width   int              // the terminal's when they were drawn
	drawn   time.Time        // when
	partial []byte           // a line that waits for its end
}

const (
	defaultWidth  = 80
	defaultHeight = 24
	longestLine   = 64 << 10 // of a log line that does not end, in octets
)

// measure asks for the terminal's size. A line uses one column less than
// there are, and a frame one line: filling the last one makes some terminals
// wrap or scroll.
func (s *screen) measure() (width, height int) {
	width, height = s.size()
	if width <= 0 {
		width = defaultWidth
	}
	if height <= 0 {
		height = defaultHeight
	}
	return width, height
}

// draw shows f as the frame, unless the last drawing is too recent.
func (s *screen) draw(f throughput.View) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = &f
	if now := s.now(); now.Sub(s.drawn) >= redraw {
		s.paint(nil, now)
	}
}

// leave shows f for good: what comes after it goes below.
func (s *screen) leave(f throughput.View) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = &f
	s.paint(nil, s.now())
	s.last, s.shown = nil, nil
}

// line writes one line.
func (s *screen) line(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	// Nobody to tell: the output is where errors would go.
	_, _ = io.WriteString(s.out, text+"\n")
}

// paint puts the frame where it was. Lines above go first, if any; then the
// old frame is wiped before, since they scroll.
func (s *screen) paint(above []byte, now time.Time) error {
	width, height := s.measure()
	var lines []string
	if s.last != nil {
		lines = compose(*s.last, width-1, height-1)
	}
	if len(above) == 0 && width == s.width && slices.Equal(lines, s.shown) {
		return nil
	}
	var b bytes.Buffer
	if len(above) > 0 || width < s.width {
		s.wipe(&b, width)
		b.Write(above)
	} else {
		up(&b, len(s.shown))
	}
	for _, l := range lines {
		b.WriteString(l + "\x1b[K\n")
	}
	if len(lines) < len(s.shown) {
		b.WriteString("\x1b[J")
	}
	s.shown, s.width, s.drawn = lines, width, now
	_, err := s.out.Write(b.Bytes())
	return err
}

// wipe takes the frame off the terminal. One that has become narrower since
// has broken the frame's lines into more.
func (s *screen) wipe(b *bytes.Buffer, width int) {
	if len(s.shown) == 0 {
		return
	}
	rows := 0
	for _, l := range s.shown {
		rows += max(1, (textWidth(l)+width-1)/width)
	}
	up(b, rows) // no terminal goes up further than its first line
	b.WriteString("\x1b[J")
	s.shown = nil
}

func up(b *bytes.Buffer, n int) {
	if n > 0 {
		b.WriteString("\r\x1b[")
		b.WriteString(digits(n))
		b.WriteString("A")
	}
}

// Write puts whole lines above the frame. They are written at once, for a
// process that dies must have said why; the frame comes back with them, or,
// if it was drawn just now, with the next drawing.
func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.partial = append(s.partial, p...)
	end := bytes.LastIndexByte(s.partial, '\n') + 1
	if end == 0 && len(s.partial) > longestLine {
		s.partial = append(s.partial, '\n')
		end = len(s.partial)
	}
	if end == 0 {
		return len(p), nil
	}
	lines := cleanLines(s.partial[:end])
	s.partial = append(s.partial[:0], s.partial[end:]...)
	if err := s.above(lines); err != nil {
		return 0, err
	}
	return len(p), nil
}

// above writes whole lines and looks after the frame.
func (s *screen) above(lines []byte) error {
	now := s.now()
	if s.last != nil && now.Sub(s.drawn) >= redraw {
		return s.paint(lines, now)
	}
	var b bytes.Buffer
	if len(s.shown) > 0 {
		width, _ := s.measure()
		s.wipe(&b, width)
	}
	b.Write(lines)
	_, err := s.out.Write(b.Bytes())
	return err
}

// flush writes a line that has not ended.
func (s *screen) flush() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.partial) > 0 {
		lines := cleanLines(append(s.partial, '\n'))
		s.partial = nil
		_ = s.above(lines) // nobody to tell: this is where errors would go
	}
}

// cleanLines leaves no control character but the line feeds.
func cleanLines(p []byte) []byte {
	return []byte(strings.Map(func(r rune) rune {
		if r == '\n' {
			return r
		}
		return printable(r)
	}, string(p)))
}
