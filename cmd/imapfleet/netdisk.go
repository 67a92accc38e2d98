package main

import (
	"fmt"
	"path/filepath"
)

// networkDisk says what kind of network file system holds dir, or will when
// it is made; empty: none that is known.
func networkDisk(dir string) string {
	for at := absolute(dir); ; {
		kind, ok := diskKind(at)
		up := filepath.Dir(at)
		if ok || up == at {
			return kind
		}
		at = up // not there yet
	}
}

// diskWarning is what is wrong with a state directory on a disk of a kind.
func diskWarning(dir, kind string) string {
	return fmt.Sprintf("the state directory %s is on a network file system (%s), where neither locks nor the ledger are safe: give --state DIR on a local disk", dir, kind)
}
