//go:build !windows

package lockfile

// removeFirst: removed while it is locked, a file is never that of somebody
// who came later.
const removeFirst = true
