//go:build unix

package ledger

import "syscall"

// dropRights makes this process one of a user who owns nothing.
func dropRights() error { return syscall.Setuid(65534) }
