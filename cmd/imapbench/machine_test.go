package main

import "testing"

func TestFileSystem(t *testing.T) {
	const mounts = "/dev/vda / ext4 rw 0 0\ntmpfs /dev/shm tmpfs rw 0 0\n/dev/vdb /nosuch xfs rw 0 0\nbroken\n/dev/vdc /nosuch/deep/down btrfs rw 0 0\n"
	for dir, want := range map[string]string{
		"/nosuch": "xfs", "/nosuch/deep": "xfs", "/nosuchmore": "ext4", "/nosuch/deep/down/here": "btrfs", "/dev/shm": "tmpfs (RAM disk)",
	} {
		if got := fileSystem(mounts, dir); got != want {
			t.Errorf("%s: %q, want %q", dir, got, want)
		}
	}
	if got := fileSystem("", "/nosuch"); got != "" {
		t.Errorf("without mounts: %q", got)
	}
}

func TestMemory(t *testing.T) {
	for in, want := range map[string]string{"25163392 kB": "24 GiB", "": "", "odd": "odd"} {
		if got := memory(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
