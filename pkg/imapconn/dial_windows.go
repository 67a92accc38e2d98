package imapconn

import (
	"errors"
	"syscall"
)

// wsaConnRefused is WSAECONNREFUSED; the syscall package's ECONNREFUSED is an
// invented number on Windows that no socket ever returns.
const wsaConnRefused = syscall.Errno(10061)

// refused reports whether the port answered that nothing listens there.
func refused(err error) bool {
	return errors.Is(err, wsaConnRefused) || errors.Is(err, syscall.ECONNREFUSED)
}
