package console

import (
	"io"
	"os"
	"strconv"

	"golang.org/x/term"
)

// choose says whether the output is to be plain, and returns what undoes the
// terminal's preparation.
func choose(opt Options) (plain bool, restore func()) {
	nothing := func() {}
	switch {
	case opt.Quiet || opt.Mode == Plain:
		return true, nothing
	case opt.Mode == Frame:
		return false, nothing
	case opt.Getenv("NO_COLOR") != "" || opt.Getenv("TERM") == "dumb":
		return true, nothing
	}
	f, ok := opt.Out.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return true, nothing
	}
	restore, ok = prepare(f)
	return !ok, restore
}

// sizeOf returns a function that asks out for its size; 0 when it has none.
func sizeOf(out io.Writer) func() (width, height int) {
	return func() (int, int) {
		f, ok := out.(*os.File)
		if !ok {
			return 0, 0
		}
		width, height, err := term.GetSize(int(f.Fd()))
		if err != nil {
			return 0, 0
		}
		return width, height
	}
}

func digits(n int) string { return strconv.Itoa(n) }
