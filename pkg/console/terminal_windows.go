package console

import (
	"os"

	"golang.org/x/sys/windows"
)

// prepare makes the Windows console understand control sequences. One that
// cannot (before Windows 10) gets plain lines.
func prepare(f *os.File) (restore func(), ok bool) {
	h := windows.Handle(f.Fd())
	var mode uint32
	if err := windows.GetConsoleMode(h, &mode); err != nil {
		return func() {}, false
	}
	wanted := mode | windows.ENABLE_PROCESSED_OUTPUT | windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING
	if wanted == mode {
		return func() {}, true
	}
	if err := windows.SetConsoleMode(h, wanted); err != nil {
		return func() {}, false
	}
	return func() { _ = windows.SetConsoleMode(h, mode) }, true
}
