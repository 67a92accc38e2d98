package main

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A file system that becomes read-only in the middle, as ext4 does when its
// disk fails, stops the run within seconds; with the disk back a rerun
// completes it exactly.
func TestReadOnlyDiskReal(t *testing.T) {
	t.Parallel()
	disk := failingDisk(t)
	s := newSite(t)
	link := s.slow(256 << 10)
	users := s.trio("readonly", 840)
	args := []string{"run", "accounts.csv", "--quiet", "--parallel", "2", "--state", filepath.Join(disk.dir, "state")}
	g := s.start(args...)
	s.passed(link, 100<<10)
	disk.mount(t, "-o", "remount,abort")
	at := time.Now()
	e := s.wait(g)
	if e.code != exitRun || !strings.Contains(e.errs, "to do: the state directory cannot be written") {
		t.Errorf("on a read-only disk: %v", e)
	}
	took := time.Since(at)
	t.Logf("stopped after %v", took)
	if took > 20*time.Second {
		t.Errorf("it took %v to stop", took)
	}
	all := 0
	for _, user := range users {
		all += s.count(user)
	}
	if all == 180 {
		t.Error("the run went on to its end on a read-only disk")
	}
	if e := s.run(args...); e.code != exitRun || e.errs == "" {
		t.Errorf("still read-only: %v", e)
	}
	disk.unmount(t)
	disk.repair(t)
	if e := s.run(args...); e.code != exitDone {
		t.Errorf("with the disk back: %v", e)
	}
	for _, user := range users {
		s.once(user)
	}
}

// loopDisk is a file system in a file.
type loopDisk struct {
	dir, image string
	mounted    bool
}

func failingDisk(t *testing.T) *loopDisk {
	t.Helper()
	d := &loopDisk{dir: filepath.Join(t.TempDir(), "disk"), image: filepath.Join(t.TempDir(), "image")}
	for _, args := range [][]string{
		{"truncate", "-s", "16M", d.image}, {"mkfs.ext4", "-q", d.image}, {"mkdir", d.dir}, {"mount", "-o", "loop", d.image, d.dir},
	} {
		if out, err := exec.CommandContext(t.Context(), args[0], args[1:]...).CombinedOutput(); err != nil {
			t.Skipf("a disk that fails needs root, ext4 and loop devices: %q: %v %s", args, err, out)
		}
	}
	d.mounted = true
	t.Cleanup(func() {
		if d.mounted {
			d.unmount(t)
		}
	})
	return d
}

// repair mounts what is on the disk as another one. Not itself: a process that
// was given mounts of its own meanwhile, as servers of other tests are, keeps it
// in use, and as it is.
func (d *loopDisk) repair(t *testing.T) {
	t.Helper()
	again := d.image + ".again"
	if out, err := exec.CommandContext(t.Context(), "cp", d.image, again).CombinedOutput(); err != nil {
		t.Fatalf("copy the disk: %v %s", err, out)
	}
	d.mount(t, "-o", "loop", again)
}

func (d *loopDisk) mount(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), "mount", append(args, d.dir)...).CombinedOutput(); err != nil {
		t.Fatalf("mount %q: %v %s", args, err, out)
	}
	d.mounted = true
}

func (d *loopDisk) unmount(t *testing.T) {
	t.Helper()
	if out, err := exec.Command("umount", d.dir).CombinedOutput(); err != nil { // in a cleanup too, when t's context has ended
		t.Fatalf("umount: %v %s", err, out)
	}
	d.mounted = false
}
