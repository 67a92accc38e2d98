package lockfile

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestTake(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.lock")
	l, err := Take(path)
	must(t, err)
	if _, ok := Read(path); ok {
		t.Error("somebody says that he holds it before he does")
	}
	must(t, l.Say(Self(strings.Repeat("long", 50), time.Now())))
	must(t, l.Say(Self("b.csv", time.Now())))
	o, ok := Read(path)
	if !ok || o.PID != os.Getpid() || o.List != "b.csv" || !o.Alive() || !strings.Contains(o.String(), "list b.csv") {
		t.Errorf("owner %v, %v", o, ok)
	}
	if _, err := Take(path); !errors.Is(err, ErrHeld) {
		t.Errorf("a second one: %v", err)
	}
	must(t, l.Release())
	if o, ok := Read(path); !ok || o.List != "b.csv" {
		t.Errorf("after the release: %v, %v", o, ok)
	}
	l, err = Take(path)
	must(t, err)
	must(t, l.Remove())
	if _, err := os.Stat(path); err == nil {
		t.Error("the file is still there")
	}
}

func TestStill(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a")
	must(t, os.Mkdir(dir, 0o700))
	path := filepath.Join(dir, "x.lock")
	l, err := Take(path)
	must(t, err)
	if !l.Still() {
		t.Error("a file that is there is not")
	}
	must(t, os.Rename(path, path+".old"))
	if l.Still() {
		t.Error("a file that was moved away is there")
	}
	must(t, os.WriteFile(path, nil, 0o600))
	if l.Still() {
		t.Error("another file of that name counts as ours")
	}
	must(t, l.Remove())
	if _, err := os.Stat(path); err != nil {
		t.Errorf("somebody else's file was removed: %v", err)
	}
}

// Taken and removed by many at a time, a lock is never held twice.
func TestTakeWhileOthersRemove(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.lock")
	var held, taken atomic.Int64
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 400 {
				l, err := Take(path)
				if errors.Is(err, ErrHeld) {
					continue
				}
				if err != nil {
					t.Error(err)
					return
				}
				if n := held.Add(1); n != 1 {
					t.Errorf("held %d times", n)
				}
				taken.Add(1)
				held.Add(-1)
				if err := l.Remove(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if taken.Load() == 0 {
		t.Error("nobody ever got it")
	}
}

func TestOwnerFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "holder")
	if _, ok := ReadFile(path); ok {
		t.Error("an owner without a file")
	}
	must(t, Self("", time.Now()).WriteFile(path))
	o, ok := ReadFile(path)
	if !ok || !o.Alive() {
		t.Errorf("owner %v, %v", o, ok)
	}
	o.Host += "-elsewhere"
	if !o.Alive() {
		t.Error("a process on another machine is not believed")
	}
	must(t, os.WriteFile(path, []byte("{"), 0o600))
	if o, ok := ReadFile(path); ok || o.String() != "another process" {
		t.Errorf("half a file: %v, %v", o, ok)
	}
}
