//go:build !linux

package imaptest

import (
	"os"
	"syscall"
)

func childAttr() *syscall.SysProcAttr { return nil }

func terminate(p *os.Process) {
	// It may be gone already, and Windows knows no request to end.
	_ = p.Signal(os.Interrupt)
}

func killGroup(p *os.Process) {
	// It may be gone already.
	_ = p.Kill()
}
