package main

import (
	"os"
	"path/filepath"

	"golang.org/x/sys/windows"
)

// diskKind is networkDisk for a file that is there; ok: it is.
func diskKind(path string) (kind string, ok bool) {
	if _, err := os.Stat(path); err != nil {
		return "", false
	}
	root, err := windows.UTF16PtrFromString(filepath.VolumeName(path) + `\`)
	if err == nil && windows.GetDriveType(root) == windows.DRIVE_REMOTE {
		return "SMB or another", true
	}
	return "", true
}
