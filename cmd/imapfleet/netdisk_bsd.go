//go:build darwin || freebsd

package main

import "golang.org/x/sys/unix"

// diskKind is networkDisk for a file that is there; ok: it is.
func diskKind(path string) (kind string, ok bool) {
	var s unix.Statfs_t
	if unix.Statfs(path, &s) != nil {
		return "", false
	}
	switch unix.ByteSliceToString(s.Fstypename[:]) {
	case "nfs":
		return "NFS", true
	case "smbfs":
		return "SMB", true
	case "afpfs":
		return "AFP", true
	case "webdav":
		return "WebDAV", true
	}
	return "", true
}
