package imaptest

import (
	"net"

	"golang.org/x/sys/unix"
)

// unsent returns the octets written to nc that the other end's kernel has not
// taken yet.
func unsent(nc *net.TCPConn) int {
	rc, err := nc.SyscallConn()
	if err != nil {
		return 0
	}
	n := 0
	err = rc.Control(func(fd uintptr) {
		if v, err := unix.IoctlGetInt(int(fd), unix.TIOCOUTQ); err == nil {
			n = v
		}
	})
	if err != nil {
		return 0 // closed meanwhile
	}
	return n
}
