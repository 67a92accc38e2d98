package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestPIDFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run.pid")
	ours := strconv.Itoa(os.Getpid()) + "\n"
	write := func(path, text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	take := func() *pidFile {
		t.Helper()
		p, err := takePIDFile(path, "some.csv", time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if b, err := os.ReadFile(path); err != nil || string(b) != ours {
			t.Errorf("%q, %v", b, err)
		}
		return p
	}
	remove := func(p *pidFile) {
		t.Helper()
		if err := p.remove(); err != nil {
			t.Fatal(err)
		}
		if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), "*")); len(left) > 0 {
			t.Errorf("left: %q", left)
		}
	}
	remove(take())

	p := take()
	_, err := takePIDFile(path, "other.csv", time.Now())
	if err == nil || !strings.Contains(err.Error(), "process "+strings.TrimSpace(ours)+" on ") || !strings.Contains(err.Error(), "some.csv") ||
		!strings.Contains(err.Error(), " since ") {
		t.Errorf("a live one: %v", err)
	}
	remove(p)

	// What a run that was killed has left, its number taken by another process.
	write(path, ours)
	write(path+".lock", "\x00{}\n")
	remove(take())
	write(path, "999999999\n")
	remove(take())

	for what, text := range map[string]string{"a live process of another program": ours, "a list": "host;user;x\n", "a key": "-5"} {
		write(path, text)
		if _, err := takePIDFile(path, "some.csv", time.Now()); err == nil {
			t.Errorf("%s is overwritten", what)
		}
		if b, _ := os.ReadFile(path); string(b) != text {
			t.Errorf("%s is now %q", what, b)
		}
		if _, err := os.Stat(path + ".lock"); err == nil {
			t.Errorf("%s: a lock is left", what)
		}
	}

	// Who has put another file there meanwhile keeps it.
	write(path, "")
	p = take()
	write(path, "1\n")
	if err := p.remove(); err != nil {
		t.Error(err)
	}
	if b, _ := os.ReadFile(path); string(b) != "1\n" {
		t.Errorf("somebody else's: %q", b)
	}
	if p, err := takePIDFile("", "some.csv", time.Now()); p != nil || err != nil || p.remove() != nil {
		t.Errorf("no flag: %v, %v", p, err)
	}
}
