package diagnosis

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// readSystem reads /proc; what is not there is not known.
func readSystem(r *Reading) {
	r.used = processTime()
	r.queued = queued("/proc/self/task")
	if line := lineOf(read("/proc/stat"), "cpu "); len(line) > 5 {
		for i, f := range line[1:min(len(line), 9)] {
			n := number(f)
			r.all += n
			if i == 1 || i == 3 || i == 4 { // of low priority, idle, and idle while a disk works
				r.idle += n
			}
		}
	}
	status := read("/proc/self/status")
	if f := lineOf(status, "VmRSS:"); len(f) > 1 {
		r.resident = number(f[1]) << 10
	}
	if f := lineOf(status, "VmSwap:"); len(f) > 1 {
		r.swapped = number(f[1]) << 10
	}
	if f := lineOf(read("/proc/vmstat"), "pswpin "); len(f) > 1 {
		r.swapIns = number(f[1])
	}
	if f := lineOf(read("/proc/pressure/memory"), "some "); len(f) > 1 {
		if _, total, ok := bytes.Cut(f[len(f)-1], []byte("total=")); ok {
			r.stalled = time.Duration(number(total)) * time.Microsecond
		}
	}
}

// queued is how long the threads of a process have waited for a processor.
func queued(dir string) (sum time.Duration) {
	tasks, err := os.ReadDir(dir)
	if err != nil {
		return 0
	}
	for _, t := range tasks {
		if f := bytes.Fields(read(filepath.Join(dir, t.Name(), "schedstat"))); len(f) > 1 {
			sum += time.Duration(number(f[1]))
		}
	}
	return sum
}

// read is a file of /proc; nil when there is none.
func read(name string) []byte {
	b, err := os.ReadFile(name)
	if err != nil {
		return nil
	}
	return b
}

// lineOf are the fields of the line that begins with some words.
func lineOf(text []byte, begin string) [][]byte {
	for line := range bytes.Lines(text) {
		if bytes.HasPrefix(line, []byte(begin)) {
			return bytes.Fields(line)
		}
	}
	return nil
}

func number(b []byte) int64 {
	n, err := strconv.ParseInt(string(b), 10, 64)
	if err != nil {
		return 0
	}
	return n
}
