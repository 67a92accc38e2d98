package diagnosis

import (
	"net"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// readSending is what the system knows of a connection's sending; false where
// it does not say.
func readSending(nc net.Conn) (s Sending, ok bool) {
	sc, is := nc.(syscall.Conn)
	if !is {
		return s, false
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return s, false
	}
	err = raw.Control(func(fd uintptr) {
		info, err := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
		if err != nil {
			return
		}
		s.Busy = time.Duration(info.Busy_time) * time.Microsecond
		s.NoRoom = time.Duration(info.Rwnd_limited) * time.Microsecond
		ok = true
	})
	return s, ok && err == nil
}
