//go:build !linux

package imaptest

import (
	"errors"
	"os"
	"syscall"
)

func childAttr() *syscall.SysProcAttr { return &syscall.SysProcAttr{} }

func actAs(*syscall.SysProcAttr, int, int) {}

func ownMounts(*syscall.SysProcAttr) {}

func canMount() error { return errors.New("it can be started on Linux only") }

func terminate(p *os.Process) {
	// It may be gone already, and Windows knows no request to end.
	_ = p.Signal(os.Interrupt)
}

func killGroup(p *os.Process) {
	// It may be gone already.
	_ = p.Kill()
}
