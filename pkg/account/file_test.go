package account

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func writeList(t *testing.T, mode fs.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "accounts.csv")
	if err := os.WriteFile(path, []byte("h1;u1;p1;h2;u2;p2;\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestLoadFile(t *testing.T) {
	list, err := LoadFile(writeList(t, 0o600), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(list.Pairs) != 1 || len(list.Warnings) != 0 {
		t.Errorf("%d pairs, warnings %q; want 1 and none", len(list.Pairs), list.Warnings)
	}
	if _, err := LoadFile(filepath.Join(t.TempDir(), "missing"), Options{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing list: %v", err)
	}
	if _, err := LoadFile(t.TempDir(), Options{}); err == nil || errors.Is(err, ErrNoAccounts) {
		t.Errorf("a directory: %v", err)
	}
}

func TestLoadFileModes(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("mode bits say nothing about access on Windows")
	}
	for mode, warns := range map[fs.FileMode]bool{0o600: false, 0o400: false, 0o622: false, 0o640: true, 0o604: true, 0o644: true} {
		path := writeList(t, mode)
		list, err := LoadFile(path, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if got := len(list.Warnings) == 1 && strings.Contains(list.Warnings[0], "chmod 600"); got != warns {
			t.Errorf("%04o: warnings %q, want one: %v", mode, list.Warnings, warns)
		}
	}
}
