package main

import (
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/imapfleet/imapfleet/pkg/imaptest"
)

// machine says where figures come from. What is not known stays empty.
type machine struct {
	CPU        string `json:"cpu"`
	Cores      int    `json:"cores"`
	Memory     string `json:"memory"`
	Kernel     string `json:"kernel"`
	Dovecot    string `json:"dovecot"`
	FileSystem string `json:"file_system"`
	Go         string `json:"go"`
}

// thisMachine describes the machine; mail is in dir.
func thisMachine(dir string) machine {
	m := machine{
		CPU: cmp.Or(field("/proc/cpuinfo", "model name"), runtime.GOARCH), Cores: runtime.NumCPU(),
		Memory: memory(field("/proc/meminfo", "MemTotal")),
		Kernel: runtime.GOOS, Go: runtime.Version(),
	}
	if release := first("/proc/sys/kernel/osrelease"); release != "" {
		m.Kernel += " " + release
	}
	if path, err := imaptest.FindDovecot(); err == nil {
		if out, err := exec.Command(path, "--version").Output(); err == nil {
			m.Dovecot = strings.TrimSpace(string(out))
		}
	}
	if mounts, err := os.ReadFile("/proc/mounts"); err == nil {
		m.FileSystem = fileSystem(string(mounts), dir)
	}
	return m
}

func (m machine) String() string {
	return fmt.Sprintf("machine: %s, %d cores, %s memory, %s, Dovecot %s, mail on %s, %s",
		m.CPU, m.Cores, cmp.Or(m.Memory, "unknown"), m.Kernel, m.Dovecot, cmp.Or(m.FileSystem, "unknown"), m.Go)
}

// first is the first line of a file.
func first(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	line, _, _ := strings.Cut(string(text), "\n")
	return line
}

// field is the value of the first line "name: value" of a file.
func field(path, name string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		if k, v, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(k) == name {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// memory turns "24000000 kB" into GiB.
func memory(s string) string {
	var kib int64
	if _, err := fmt.Sscanf(s, "%d kB", &kib); err != nil {
		return s
	}
	return fmt.Sprintf("%.0f GiB", float64(kib)/(1<<20))
}

// fileSystem returns the type of what dir is on, of the lines of /proc/mounts.
func fileSystem(mounts, dir string) string {
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real
	}
	kind, longest := "", 0
	for line := range strings.Lines(mounts) {
		f := strings.Fields(line)
		if len(f) < 3 || len(f[1]) < longest {
			continue
		}
		if rel, err := filepath.Rel(f[1], dir); err == nil && filepath.IsLocal(rel) {
			kind, longest = f[2], len(f[1])
		}
	}
	if kind == "tmpfs" {
		kind += " (RAM disk)"
	}
	return kind
}

// load is the average of the last minute.
func load() string {
	one, _, _ := strings.Cut(first("/proc/loadavg"), " ")
	return cmp.Or(one, "unknown")
}
