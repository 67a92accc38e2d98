package mailsync

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// hugePage is the size in octets of the huge pages that are asked for: that of
// most processors. Where it is another one, less comes of it.
const hugePage = 2 << 20

// wantHugePages asks the system to back memory by huge pages. With small ones
// the system's work for each that is touched first, and the processor's for
// each that it has to find again, were seen to cost a quarter of all that a
// lane takes. It is a wish: the system may have none, or be set not to give
// any. What is asked for ends at the borders of huge pages, so that those are
// whole that the memory has only a part of: next to it is other memory of ours,
// most of it the next block.
func wantHugePages(memory []byte) {
	at := uintptr(unsafe.Pointer(unsafe.SliceData(memory)))
	from, to := at&^(hugePage-1), (at+uintptr(len(memory))+hugePage-1)&^(hugePage-1)
	_, _, _ = unix.Syscall(unix.SYS_MADVISE, from, to-from, unix.MADV_HUGEPAGE)
}
