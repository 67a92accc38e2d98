package console

import (
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// pty opens a terminal of so many columns and lines.
func pty(t *testing.T, width, height uint16) *os.File {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("this machine gives no pseudo terminals: %v", err)
	}
	t.Cleanup(func() { master.Close() })
	fd := int(master.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("this machine gives no pseudo terminals: %v", err)
	}
	t.Cleanup(func() { slave.Close() })
	if err := unix.IoctlSetWinsize(int(slave.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Col: width, Row: height}); err != nil {
		t.Fatal(err)
	}
	return slave
}

func TestChooseOnTerminal(t *testing.T) {
	f := pty(t, 97, 31)
	tests := []struct {
		name, variable, value string
		plain                 bool
	}{
		{"terminal", "TERM", "xterm-256color", false},
		{"nothing set", "", "", false},
		{"dumb", "TERM", "dumb", true},
		{"no colour", "NO_COLOR", "1", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			plain, restore := choose(Options{Out: f, Getenv: func(k string) string {
				if k == tt.variable {
					return tt.value
				}
				return ""
			}})
			restore()
			if plain != tt.plain {
				t.Errorf("plain = %v, want %v", plain, tt.plain)
			}
		})
	}
	if w, h := sizeOf(f)(); w != 97 || h != 31 {
		t.Errorf("size = %d x %d, want 97 x 31", w, h)
	}
}
