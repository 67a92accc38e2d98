//go:build !windows

package console

import "os"

// prepare has nothing to do: the terminal understands control sequences.
func prepare(*os.File) (restore func(), ok bool) { return func() {}, true }
