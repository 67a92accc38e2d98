package imaptest

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
)

// childAttr puts a server into a process group of its own and has it told to
// end when we are killed.
func childAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}

// actAs starts a server as another user. A server that changes its user by
// itself is no longer told that we are killed.
func actAs(attr *syscall.SysProcAttr, uid, gid int) {
	attr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}

// ownMounts starts a server with mounts of its own.
func ownMounts(attr *syscall.SysProcAttr) { attr.Unshareflags = syscall.CLONE_NEWNS }

// canMount returns why no server can have mounts of its own; nil when it can.
func canMount() error {
	if os.Getuid() != 0 {
		return errors.New("only root can start it: the path of a socket is compiled in, and has to be mounted over")
	}
	cmd := exec.Command("/bin/true")
	cmd.SysProcAttr = childAttr()
	ownMounts(cmd.SysProcAttr)
	return cmd.Run()
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
