package main

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestMagicName(t *testing.T) {
	for magic, want := range map[uint32]string{
		0x6969: "NFS", 0x517b: "SMB", 0xff534d42: "SMB", 0xfe534d42: "SMB", 0x5346414f: "AFS", 0x01021997: "9P",
		0xef53: "", 0x01021994: "", 0x58465342: "", // ext4, tmpfs, xfs
	} {
		if got := magicName(magic); got != want {
			t.Errorf("%#x: %q, want %q", magic, got, want)
		}
	}
}

func TestNetworkDisk(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "not", "there", "yet")
	if kind := networkDisk(dir); kind != "" {
		t.Skipf("this machine's temporary directory is on %s", kind)
	}
	if kind, ok := diskKind(dir); ok {
		t.Errorf("a directory that is not there is on %q", kind)
	}
	if w := diskWarning(dir, "NFS"); !strings.Contains(w, dir) || !strings.Contains(w, "--state DIR") {
		t.Errorf("warning %q", w)
	}
}
