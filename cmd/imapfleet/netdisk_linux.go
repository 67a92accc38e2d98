package main

import "golang.org/x/sys/unix"

// diskKind is networkDisk for a file that is there; ok: it is.
func diskKind(path string) (kind string, ok bool) {
	var s unix.Statfs_t
	if unix.Statfs(path, &s) != nil {
		return "", false
	}
	return magicName(uint32(s.Type)), true
}

// magicName is what statfs(2) calls a file system. 9P is how virtual machines
// and WSL see their host's disks.
func magicName(magic uint32) string {
	switch magic {
	case unix.NFS_SUPER_MAGIC:
		return "NFS"
	case unix.SMB_SUPER_MAGIC, unix.CIFS_SUPER_MAGIC, unix.SMB2_SUPER_MAGIC:
		return "SMB"
	case unix.AFS_SUPER_MAGIC, unix.AFS_FS_MAGIC:
		return "AFS"
	case unix.V9FS_MAGIC:
		return "9P"
	}
	return ""
}
