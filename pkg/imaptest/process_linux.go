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

// terminate asks a server that we started to end, and all that it has started:
// asked alone, Dovecot's master takes a second to end the others.
func terminate(p *os.Process) {
	// They may be gone already.
	_ = syscall.Kill(-p.Pid, syscall.SIGTERM)
}

// killGroup ends whatever a server that we started has left behind.
func killGroup(p *os.Process) {
	// An empty group is what we hope for.
	_ = syscall.Kill(-p.Pid, syscall.SIGKILL)
}
