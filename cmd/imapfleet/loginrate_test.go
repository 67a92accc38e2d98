package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Each command that logs in spaces its logins. Both sides are one host here, so
// the second login of a row is half a second after the first one, or later.
func TestLoginRateOfEachCommand(t *testing.T) {
	servers := twoServers(t)
	for _, s := range servers {
		if err := s.AddUser("user", "x"); err != nil {
			t.Fatal(err)
		}
	}
	name := filepath.Join(t.TempDir(), "accounts.csv")
	list := fmt.Sprintf("imap+insecure://%s;user;x;imap+insecure://%s;user;x\n", servers[0].Addr(), servers[1].Addr())
	if err := os.WriteFile(name, []byte(list), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{"run", "check", "verify"} {
		var out, errs bytes.Buffer
		start := time.Now()
		if code := run(t.Context(), []string{command, name, "--quiet", "--login-rate", "2/s"}, nil, &out, &errs); code != exitDone {
			t.Fatalf("%s: exit code %d\n%s%s", command, code, &out, &errs)
		}
		if d := time.Since(start); d < time.Second/2 {
			t.Errorf("%s took %v", command, d)
		}
	}
}
