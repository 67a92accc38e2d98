package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A file that another program holds, as Excel does on Windows, keeps its
// content; the new one stands beside it until it can be replaced.
func TestResultFileHeldOpen(t *testing.T) {
	dir := t.TempDir()
	f := newResultFiles(dir)
	var told []string
	f.warn = func(e *heldError) { told = append(told, e.Error()) }
	denied := errors.New("the process cannot access the file because it is being used by another process")
	held := map[string]bool{}
	f.rename = func(from, to string) error {
		if held[filepath.Base(to)] {
			return denied
		}
		return os.Rename(from, to)
	}
	write := func(text string) {
		t.Helper()
		if err := f.replace("results.csv", func(w io.Writer) error {
			_, err := io.WriteString(w, text)
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	want := func(results, beside string) {
		t.Helper()
		for name, text := range map[string]string{"results.csv": results, "results.new.csv": beside} {
			if b, _ := os.ReadFile(filepath.Join(dir, name)); string(b) != text {
				t.Errorf("%s: %q, want %q", name, b, text)
			}
		}
	}
	write("one")
	want("one", "")
	held["results.csv"] = true
	write("two")
	write("three")
	want("one", "three")
	if len(told) != 1 || !strings.Contains(told[0], "results.new.csv") || !strings.Contains(told[0], denied.Error()) {
		t.Errorf("told %q", told)
	}
	held["results.new.csv"] = true // opened to see what is new
	write("four")
	want("one", "three")
	held = map[string]bool{}
	write("four")
	want("four", "")
	held["results.csv"] = true
	write("five")
	if len(told) != 2 {
		t.Errorf("told %q", told)
	}
	if rest, _ := filepath.Glob(filepath.Join(dir, "*.new")); len(rest) > 0 {
		t.Errorf("left: %q", rest)
	}
	f.warn = nil // as check and verify have it
	err := f.replace("results.csv", func(w io.Writer) error { return nil })
	if !errors.Is(err, denied) {
		t.Errorf("nobody to tell: %v", err)
	}
	var stderr strings.Builder
	other := errors.New("another")
	if rest := tellHeld(errors.Join(err, other), &stderr); !errors.Is(rest, other) || errors.Is(rest, denied) || !strings.HasPrefix(stderr.String(), "warning: results.csv cannot be replaced") {
		t.Errorf("told %q, left %v", &stderr, rest)
	}
	if err := tellHeld(nil, &stderr); err != nil {
		t.Error(err)
	}
}
