//go:build unix

package account

import "io/fs"

// othersRead reports whether group or others may read a regular file.
func othersRead(mode fs.FileMode) bool { return mode.IsRegular() && mode&0o044 != 0 }
