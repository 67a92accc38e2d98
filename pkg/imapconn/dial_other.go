//go:build !windows

package imapconn

import (
	"errors"
	"syscall"
)

// refused reports whether the port answered that nothing listens there.
func refused(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }
