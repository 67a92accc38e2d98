package diagnosis

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// acked is how many octets the other end of a connection has confirmed; false
// where the system does not say.
func acked(nc net.Conn) (octets int64, ok bool) {
	sc, is := nc.(syscall.Conn)
	if !is {
		return 0, false
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return 0, false
	}
	err = raw.Control(func(fd uintptr) {
		info, err := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
		if err == nil {
			octets, ok = int64(info.Bytes_acked), true
		}
	})
	return octets, ok && err == nil
}
