//go:build !unix

package account

import "io/fs"

// othersRead is false: mode bits say nothing about access here.
func othersRead(fs.FileMode) bool { return false }
