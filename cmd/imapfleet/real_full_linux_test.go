package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A full disk stops the run, which says so and loses nothing: with space again
// a rerun completes it exactly.
func TestFullDiskReal(t *testing.T) {
	t.Parallel()
	servers := newSite(t)
	t.Run("in the middle", func(t *testing.T) {
		t.Parallel()
		s := servers.child(t)
		disk := smallDisk(t)
		link := s.slow(256 << 10)
		users := s.trio("full", 800)
		g := s.start("run", "accounts.csv", "--quiet", "--parallel", "1", "--state", filepath.Join(disk, "state"))
		s.passed(link, 100<<10)
		free := fillUp(t, disk)
		e := s.wait(g)
		if e.code != exitRun || !strings.Contains(e.errs, "full") || !strings.Contains(e.errs, "free space") {
			t.Errorf("on a full disk: %v", e)
		}
		if n := strings.Count(e.errs, "disk is full"); n != 1 {
			t.Errorf("said %d times: %s", n, e.errs)
		}
		all := 0
		for _, user := range users {
			all += s.count(user)
		}
		if all == 180 {
			t.Error("the run went on to its end on a full disk")
		}
		// Still full: said again, nothing lost.
		if e := s.run("run", "accounts.csv", "--quiet", "--state", filepath.Join(disk, "state")); e.code != exitRun {
			t.Errorf("still full: %v", e)
		}
		free()
		if e := s.run("run", "accounts.csv", "--quiet", "--state", filepath.Join(disk, "state")); e.code != exitDone {
			t.Errorf("with space again: %v", e)
		}
		for _, user := range users {
			s.once(user)
		}
	})
	t.Run("from the beginning", func(t *testing.T) {
		t.Parallel()
		s := servers.child(t)
		disk := smallDisk(t)
		users := s.trio("fuller", 820)
		free := fillUp(t, disk)
		e := s.run("run", "accounts.csv", "--quiet", "--state", filepath.Join(disk, "state"))
		if e.code != exitRun || e.errs == "" {
			t.Errorf("on a full disk: %v", e)
		}
		for _, user := range users {
			if n := s.logins(s.old)[user] - 1; n != 0 { // the one that filled it
				t.Errorf("%s was logged in %d times", user, n)
			}
		}
		free()
		if e := s.run("run", "accounts.csv", "--quiet", "--state", filepath.Join(disk, "state")); e.code != exitDone {
			t.Errorf("with space again: %v", e)
		}
		s.equal(users...)
	})
}

// smallDisk is a directory on a file system of its own, of 2 MiB.
func smallDisk(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=2m"); err != nil {
		t.Skipf("mounting a small file system needs root: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
	return dir
}

// fillUp leaves no octet of a disk free; the function that it returns frees
// them.
func fillUp(t *testing.T, disk string) (free func()) {
	t.Helper()
	name := filepath.Join(disk, "filler")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	block := make([]byte, 4096)
	for err == nil {
		_, err = f.Write(block)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
}
