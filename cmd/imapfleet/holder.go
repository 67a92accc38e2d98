package main

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"time"
)

// holderFile is where the ledger's lock says who holds it; it is left behind
// by a process that was killed.
const holderFile = "ledger.holder"

// holder is the process that runs with a state directory, or did.
type holder struct {
	Host  string    `json:"host"`
	PID   int       `json:"pid"`
	Since time.Time `json:"since"`
}

// readHolder returns false when nobody says that he holds dir.
func readHolder(dir string) (h holder, ok bool) {
	b, err := os.ReadFile(filepath.Join(dir, holderFile))
	if err != nil || json.Unmarshal(b, &h) != nil || h.PID <= 0 {
		return holder{}, false
	}
	return h, true
}

// alive reports whether the process still runs, as far as can be told: one on
// another machine is believed.
func (h holder) alive() bool {
	host, err := os.Hostname()
	if err != nil || host != h.Host {
		return true
	}
	p, err := os.FindProcess(h.PID)
	if err != nil {
		return false
	}
	if runtime.GOOS == "windows" { // found means alive there
		return p.Release() == nil
	}
	err = p.Signal(syscall.Signal(0))
	return err == nil || errors.Is(err, os.ErrPermission)
}
