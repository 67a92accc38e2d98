package imapconn

import (
	"syscall"
	"time"
)

// processorTime is what this process has used of all processors so far.
func processorTime() time.Duration {
	h, err := syscall.GetCurrentProcess()
	if err != nil {
		return 0
	}
	var created, exited, kernel, user syscall.Filetime
	if syscall.GetProcessTimes(h, &created, &exited, &kernel, &user) != nil {
		return 0
	}
	used := time.Duration(0)
	for _, t := range []syscall.Filetime{kernel, user} { // of 100 ns; not dates, as Nanoseconds would have it
		used += time.Duration(int64(t.HighDateTime)<<32|int64(t.LowDateTime)) * 100
	}
	return used
}
