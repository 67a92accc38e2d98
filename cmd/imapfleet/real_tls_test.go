//go:build unix

package main

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/imapfleet/imapfleet/pkg/imaptest"
)

// A certificate that nobody vouches for: refused on either side, with what to
// do about it; accepted with --ca-file, or unseen and with a warning. By TLS
// from the first octet and by STARTTLS.
func TestSelfSignedReal(t *testing.T) {
	t.Parallel()
	servers := newSite(t)
	schemes := []struct {
		name string
		addr func(d *imaptest.Dovecot) string
	}{
		{"imaps", func(d *imaptest.Dovecot) string { return fmt.Sprintf("imaps://localhost:%d", d.TLSPort()) }},
		{"imap", func(d *imaptest.Dovecot) string { return fmt.Sprintf("imap://localhost:%d", d.Port()) }},
	}
	for i, scheme := range schemes {
		t.Run(scheme.name, func(t *testing.T) {
			t.Parallel()
			s := servers.child(t)
			user := fmt.Sprintf("tls%d", i)
			s.add(user, imaptest.NewGenerator(uint64(300+i), imaptest.RealSpec()).Mailbox("INBOX", 20))
			old, found := scheme.addr(s.old), scheme.addr(s.new)
			oldCA, err := os.ReadFile(s.old.Dir() + "/cert.pem")
			if err != nil {
				t.Fatal(err)
			}
			newCA := s.new.Certificate().CertPEM
			for name, pem := range map[string][]byte{"old.pem": oldCA, "both.pem": append(oldCA[:len(oldCA):len(oldCA)], newCA...)} {
				if err := os.WriteFile(s.path(name), pem, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			s.list(s.rowTo(old, found, user))

			s.refuses("source")
			s.refuses("destination", "--ca-file", "old.pem")
			s.refuses("destination", "--insecure-skip-verify1")
			if n := s.logins(s.new)[user]; n != 0 {
				t.Errorf("%d logins at a server that is not trusted", n)
			}
			s.copied(s.mustRun("--ca-file", "both.pem"), 20, 0)
			e := s.run("run", "accounts.csv", "--insecure-skip-verify1", "--insecure-skip-verify2")
			if e.code != exitDone {
				t.Errorf("unseen: %v", e)
			}
			s.copied(e, 0, 20)
			for _, side := range []string{"source", "destination"} {
				if !strings.Contains(e.errs, "warning: 1 rows do not verify the certificate of the "+side) {
					t.Errorf("no warning of the %s: %s", side, e.errs)
				}
			}
			s.equal(user)
		})
	}
}

// refuses runs and must fail for the certificate of one side.
func (s *site) refuses(side string, args ...string) {
	s.t.Helper()
	e := s.run(append([]string{"run", "accounts.csv", "--quiet", "--retries", "0"}, args...)...)
	r := s.records("failed.csv")["1"]
	if e.code != exitNotDone || r["side"] != side || r["code"] != "tls" || !strings.Contains(r["hint"], "--ca-file") {
		s.t.Errorf("%v: %v\n%v", args, r, e)
	}
	if !strings.Contains(e.out, "--ca-file") {
		s.t.Errorf("%v: no hint:\n%s", args, e.out)
	}
}

// Nobody has 500 passwords: an admin logs in for each user, by SASL PLAIN with
// an authorization identity, or by the user's name with the admin's behind it.
func TestAdminLoginReal(t *testing.T) {
	t.Parallel()
	servers := newSite(t)
	tests := []struct {
		name string
		list string // of $1 old address, $2 new address, $3 user, $4 admin's password
		args []string
	}{
		{"authuser", "$1;$3;$4;$2;$3;$4", []string{"--authuser1", imaptest.DovecotAdmin, "--authuser2", imaptest.DovecotAdmin}},
		{"columns", "host1;user1;password1;authuser1;host2;user2;password2;authuser2\n" +
			"$1;$3;$4;" + imaptest.DovecotAdmin + ";$2;$3;$4;" + imaptest.DovecotAdmin, nil},
		{"user*admin", "$1;$3*" + imaptest.DovecotAdmin + ";$4;$2;$3*" + imaptest.DovecotAdmin + ";$4", nil},
	}
	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := servers.child(t)
			user := fmt.Sprintf("admin%d", i)
			s.add(user, mailboxes(imaptest.NewGenerator(uint64(400+i), imaptest.RealSpec()), 60)...)
			list := func(password string) {
				s.list(strings.NewReplacer("$1", "imap+insecure://"+s.via[0], "$2", "imap+insecure://"+s.via[1],
					"$3", user, "$4", password).Replace(tt.list))
			}
			list("not the admin's")
			e := s.run(append([]string{"run", "accounts.csv", "--quiet", "--retries", "0"}, tt.args...)...)
			failed := s.records("failed.csv")
			for _, r := range failed {
				if r["side"] != "source" || r["code"] != "auth-refused" {
					t.Errorf("refused admin: %v", r)
				}
			}
			if e.code != exitNotDone || len(failed) != 1 {
				t.Errorf("refused admin: %d rows, %v", len(failed), e)
			}
			list(imaptest.DovecotAdminPassword)
			s.copied(s.mustRun(tt.args...), 60, 0)
			s.copied(s.mustRun(tt.args...), 0, 60)
			s.equal(user)
		})
	}
}
