package imaptest

import (
	"os"
	"syscall"
)

// childAttr puts a server into a process group of its own and has it told to
// end when we are killed.
func childAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}

func terminate(p *os.Process) {
	// It may be gone already.
	_ = p.Signal(syscall.SIGTERM)
}

// killGroup ends whatever a server that we started has left behind.
func killGroup(p *os.Process) {
	// An empty group is what we hope for.
	_ = syscall.Kill(-p.Pid, syscall.SIGKILL)
}
