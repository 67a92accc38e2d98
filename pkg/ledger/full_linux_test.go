package ledger

import (
	"errors"
	"syscall"
	"testing"
)

// TestFileSystemFull fills a small file system to the last octet, so that a
// commit breaks off in the middle of the WAL.
func TestFileSystemFull(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"); err != nil {
		t.Skipf("mounting a small file system needs root: %v", err)
	}
	defer func() { must(t, syscall.Unmount(dir, 0)) }()
	l, err := Open(t.Context(), dir)
	must(t, err)
	row := bind(t, l, entries(0, 1))[0]
	id := mailbox(t, l, row, "INBOX", "INBOX")
	var floor uint32
	for err == nil {
		next := floor + 1
		err = errors.Join(
			l.AddRuns(t.Context(), id, []Run{{next, 2 * next, 1}}, nil),
			l.PutReject(t.Context(), Reject{Mailbox: id, UID: next, Text: string(make([]byte, 3000))}))
		if err == nil {
			err = l.SetFloors(t.Context(), []Floor{{ID: id, Floor: next, Open: true}})
		}
		if err == nil {
			floor = next
		}
	}
	if floor < 10 {
		t.Fatalf("full after %d floors: %v", floor, err)
	}
	t.Logf("after %d floors: %v", floor, err)
	if e := l.Close(); e == nil {
		t.Error("Close after the file system was full: no error")
	}
	// It is still full.
	l, err = Open(t.Context(), dir)
	if err == nil {
		err = errors.Join(overfill(t.Context(), l, id), l.Flush(t.Context()))
		_ = l.Close() // it says the same
	}
	if err == nil {
		t.Error("the file system is still full: no error")
	}
	t.Logf("again: %v", err)

	must(t, syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT, "size=16m"))
	l, err = Open(t.Context(), dir)
	must(t, err)
	defer func() { must(t, l.Close()) }()
	boxes, err := l.Mailboxes(t.Context(), row)
	must(t, err)
	if len(boxes) != 1 || boxes[0].Floor < floor {
		t.Errorf("mailboxes %+v, floor %d was acknowledged", boxes, floor)
	}
	if runs := runsOf(t, l, id); uint32(len(runs)) != boxes[0].Floor {
		t.Errorf("%d runs, floor %d", len(runs), boxes[0].Floor)
	}
	must(t, overfill(t.Context(), l, id))
	must(t, l.Flush(t.Context()))
}
