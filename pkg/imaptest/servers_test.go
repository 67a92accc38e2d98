package imaptest

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// realServers are all that may be installed, with what each is started by.
var realServers = []struct {
	name  string
	find  func() error
	start func() (Server, error)
}{
	{"dovecot", func() error { _, err := FindDovecot(); return err },
		func() (Server, error) { return StartDovecot(DovecotOptions{Separator: ".", Prefix: "INBOX."}) }},
	{"cyrus", FindCyrus, func() (Server, error) { return StartCyrus() }},
	{"courier", FindCourier, func() (Server, error) { return StartCourier(CourierOptions{}) }},
}

// eachServer runs a test on every real server.
func eachServer(t *testing.T, run func(t *testing.T, s Server)) {
	for _, r := range realServers {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			run(t, startServer(t, r.name, r.find, r.start))
		})
	}
}

// TestServersKeep holds what is stored in a real server against what it gives.
func TestServersKeep(t *testing.T) {
	eachServer(t, func(t *testing.T, s Server) {
		const password = `a:p "s\ é`
		if err := s.AddUser("ann", password); err != nil {
			t.Fatal(err)
		}
		a := s.Access("ann", password)
		boxes := []Mailbox{plainSample("INBOX"), plainSample("INBOX.Ä & ö.x")}
		if err := Fill(t.Context(), a, boxes...); err != nil {
			t.Fatalf("%v\n%s", err, s.Log())
		}
		if c := checkSample(t, a, boxes...); c.Delimiter != "." {
			t.Errorf("delimiter %q", c.Delimiter)
		}
		if s.Version() == "" || strings.Count(s.Version(), ".") < 2 {
			t.Errorf("version %q", s.Version())
		}
	})
}

// plainSample is what of sample every server keeps to the last octet.
func plainSample(name string) Mailbox {
	m := sample(name)
	m.Messages = slices.DeleteFunc(m.Messages, func(m Message) bool {
		return slices.Contains(m.Flags, "[b") || !strings.HasSuffix(string(m.Body), "\n")
	})
	return m
}

// TestServersPasswords: who says another password is refused, and who is added
// while the server runs is not.
func TestServersPasswords(t *testing.T) {
	eachServer(t, func(t *testing.T, s Server) {
		var no *refusal
		if err := s.AddUser("ann", "pw"); err != nil {
			t.Fatal(err)
		}
		if err := s.AddUser("ann", "other"); err == nil {
			t.Error("a user was added twice")
		}
		if _, err := dialRaw(t.Context(), s.Access("ann", "wrong")); !errors.As(err, &no) {
			t.Errorf("wrong password: %v", err)
		}
		r, err := dialRaw(t.Context(), s.Access("ann", "pw"))
		if err != nil {
			t.Fatalf("%v\n%s", err, s.Log())
		}
		r.close()
	})
}

// TestServersLeaveNothing: no process, session or file outlives Close.
func TestServersLeaveNothing(t *testing.T) {
	for _, kind := range realServers {
		t.Run(kind.name, func(t *testing.T) {
			if err := kind.find(); err != nil {
				Missing(t, kind.name, err)
			}
			s, err := kind.start()
			if err != nil {
				t.Fatal(err)
			}
			if err := s.AddUser("ann", "pw"); err != nil {
				t.Fatal(err)
			}
			r, err := dialRaw(t.Context(), s.Access("ann", "pw"))
			if err != nil {
				t.Fatal(err)
			}
			defer r.nc.Close()
			d := s.(interface{ self() *daemon }).self()
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			if _, err := os.Stat(d.dir); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("state directory: %v", err)
			}
			if err := r.ok(t.Context(), "NOOP"); err == nil {
				t.Error("a session outlived its server")
			}
			left := processesOf(t, d)
			for deadline := time.Now().Add(5 * time.Second); len(left) > 0 && time.Now().Before(deadline); {
				runtime.Gosched() // what was killed takes a moment to end
				left = processesOf(t, d)
			}
			for _, line := range left {
				t.Errorf("a process is there: %s", line)
			}
		})
	}
}

func (d *daemon) self() *daemon { return d }

// processesOf returns the processes of a server's group, and those whose
// command line names its directory.
func processesOf(t *testing.T, d *daemon) (found []string) {
	all, err := os.ReadDir("/proc")
	if err != nil {
		t.Skipf("no list of processes: %v", err)
	}
	for _, e := range all {
		// A process may end meanwhile, and what is no process has no such files.
		line, _ := os.ReadFile(fmt.Sprintf("/proc/%s/cmdline", e.Name()))
		stat, _ := os.ReadFile(fmt.Sprintf("/proc/%s/stat", e.Name()))
		_, rest, _ := strings.Cut(string(stat), ") ") // state, parent, group
		f := strings.Fields(rest)
		if len(f) < 3 || f[0] == "Z" { // ended, and not our child
			continue
		}
		if strings.Contains(string(line), d.dir) || f[2] == fmt.Sprint(d.cmd.Process.Pid) {
			found = append(found, strings.ReplaceAll(string(line), "\x00", " ")+string(stat))
		}
	}
	return found
}
