package main

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imapfleet/imapfleet/pkg/imaptest"
)

// caseServers are two servers with one account and one message, reached in
// plaintext, by STARTTLS and by TLS.
type caseServers struct {
	plain, starttls, tls [2]*imaptest.Memory
	ca                   []byte
}

const casePassword = `a b"c\d$e*(f){g}h`

func newCaseServers(t *testing.T) *caseServers {
	t.Helper()
	cert, err := imaptest.NewCertificate()
	if err != nil {
		t.Fatal(err)
	}
	c := &caseServers{ca: cert.CertPEM}
	for i := range 2 {
		for at, opt := range map[**imaptest.Memory]imaptest.MemoryOptions{
			&c.plain[i]: {}, &c.starttls[i]: {STARTTLS: true, Certificate: cert}, &c.tls[i]: {TLS: true, Certificate: cert},
		} {
			m, err := imaptest.NewMemory(opt)
			if err != nil {
				t.Fatal(err)
			}
			imaptest.CloseAfter(t, m)
			for _, u := range []struct{ user, password string }{{"anna", casePassword}, {"blank", " both ends "}} {
				if err := m.AddUser(u.user, u.password); err != nil {
					t.Fatal(err)
				}
			}
			m.AddAdmin("admin", "adm\\in")
			if i == 0 {
				if err := m.Fill("anna", imaptest.Mailbox{Name: "INBOX", Messages: demoMailbox(0, "INBOX", 1).Messages}); err != nil {
					t.Fatal(err)
				}
			}
			*at = m
		}
	}
	return c
}

// loginCase is one row of a list and what a command makes of it.
type loginCase struct {
	name    string
	row     string // $1 and $2 are the plain servers, $T1 those with TLS, $S1 those with STARTTLS, $P is the password
	command string // with its flags; "": run
	code    int
	says    []string // on stdout or stderr
	state   string   // in results.csv, as "state side code"; "": not looked at
}

// The conformance cases about connections and logins, by their numbers, as a
// user meets them. 11, 15 and 18 are about options that do not exist here, and
// are refused by name. 16, 17 and 20 are in imapconn: they take servers that a list cannot reach.
func TestLoginCases(t *testing.T) {
	servers := newCaseServers(t)
	gone := imaptest.NewFake(t, imaptest.FakeOptions{})
	closed := gone.Port()
	if err := gone.Close(); err != nil {
		t.Fatal(err)
	}
	const good = "$1;anna;$P;$2;anna;$P"
	tests := []loginCase{
		{"case 1: wrong password at the source", "$1;anna;x;$2;anna;$P", "", exitNotDone, []string{"source, auth-refused: 1 row"}, "failed source auth-refused"},
		{"case 2: wrong password at the destination", "$1;anna;$P;$2;anna;x", "", exitNotDone, []string{"destination, auth-refused: 1 row"}, "failed destination auth-refused"},
		{"case 3: both wrong, both told", "$1;anna;x;$2;anna;x", "", exitNotDone, []string{"; and destination 127.0.0.1: login: NO [AUTHENTICATIONFAILED]"}, "failed source auth-refused"},
		{"case 3: both wrong, in a check", "$1;anna;x;$2;anna;x", "check", exitNotDone, []string{"line 1: source 127.0.0.1: login: NO", "line 1: destination 127.0.0.1: login: NO"}, ""},
		{"case 4: no such host at the source", "imaps://no.such.host.invalid;anna;$P;$2;anna;$P", "run --retries 0 --patience 1ms", exitNotDone, []string{"source, host-unknown: 1 row", "check the host column"}, "failed source host-unknown"},
		{"case 4: refused port at the destination", "$1;anna;$P;imap+insecure://127.0.0.1:$closed;anna;$P", "run --retries 0 --patience 1ms", exitNotDone, []string{"destination, unreachable: 1 row"}, "failed destination unreachable"},
		{"case 5: STARTTLS demanded, not offered", "imap://$a1;anna;$P;$2;anna;$P", "", exitNotDone, []string{"source, tls-missing: 1 row"}, "failed source tls-missing"},
		{"case 5: no password in plaintext where STARTTLS is offered", "imap+insecure://$s1;anna;$P;$2;anna;$P", "", exitNotDone, []string{"source, tls-missing: 1 row"}, "failed source tls-missing"},
		{"case 6: ssl and starttls, a flag", good, "run --security1 tls,starttls", exitUsage, []string{"--security1", "must be auto, tls, starttls or plain"}, ""},
		{"case 6: ssl and starttls, in a row", good + ";--ssl1 --tls1", "", exitUsage, []string{"line 1"}, ""},
		{"case 7: a certificate nobody vouches for", "$T1;anna;$P;$T2;anna;$P", "run --retries 0", exitNotDone, []string{"tls: 1 row", "--ca-file"}, "failed source tls"},
		{"case 7: opted out by name", "$T1;anna;$P;$T2;anna;$P", "run --insecure-skip-verify1 --insecure-skip-verify2", exitDone, []string{"warning: 1 rows do not verify"}, "done  "},
		{"case 7: an authority of one's own, STARTTLS", "$S1;anna;$P;$S2;anna;$P", "run --ca-file ca.pem", exitDone, nil, "done  "},
		{"case 8: the file of passwords is missing, here the list", "", "run missing.csv", exitUsage, []string{"missing.csv"}, ""},
		{"case 9: a password of odd characters", good, "", exitDone, []string{"1 copied"}, "done  "},
		{"case 10: blanks at both ends of a password belong to it", "$1;blank; both ends ;$2;blank; both ends ", "", exitDone, []string{"warning: "}, "done  "},
		{"case 10: and are not added", "$1;anna; $P;$2;anna;$P", "", exitNotDone, nil, "failed source auth-refused"},
		{"case 12: no password anywhere", "$1;anna;;$2;anna;$P", "", exitUsage, []string{"line 1, column password1: empty"}, ""},
		{"case 13: as an administrator, by PLAIN", `$1;anna;adm\in;$2;anna;adm\in`, "run --authuser1 admin --authuser2 admin", exitDone, []string{"1 listed"}, "done  "},
		{"case 13: a wrong administrator", `$1;anna;adm\in;$2;anna;$P`, "run --authuser1 nobody", exitNotDone, nil, "failed source auth-refused"},
		{"case 14: user*master", `$1;anna*admin;adm\in;$2;anna*admin;adm\in`, "", exitDone, []string{"1 listed"}, "done  "},
		{"case 19: an IPv6 address", "imap+insecure://[::1]:$closed;anna;$P;$2;anna;$P", "run --retries 0 --patience 1ms", exitNotDone, []string{"source, unreachable: 1 row"}, "failed source unreachable"},
		{"case 21: a host with a blank", "old example.org;anna;$P;$2;anna;$P", "", exitUsage, []string{"line 1, column host1"}, ""},
		{"case 21: a host with a slash", "old/example.org;anna;$P;$2;anna;$P", "", exitUsage, []string{"line 1, column host1"}, ""},
		{"case 22: logins only", good, "check --no-files", exitDone, []string{"1 of 1 rows can log in on both sides"}, ""},
		{"case 22: logins only, by imapsync's name", good + ";--justlogin", "", exitDone, nil, "done  "},
		{"case 23: an unknown option", good, "run --nosuch", exitUsage, []string{"unknown flag: --nosuch", "run --help"}, ""},
		{"case 23: an unknown option in a row", good + ";--nosuch", "", exitUsage, []string{"line 1"}, ""},
		{"cases 8, 11: passwords stand in the list alone", good, "run --passfile1 x", exitUsage, []string{"a password has its column in the list"}, ""},
		{"case 15: PROXYAUTH does not exist here", good, "run --proxyauth1", exitUsage, []string{"--proxyauth1"}, ""},
		{"case 18: OAuth2 does not exist here", good, "run --oauthaccesstoken1 x", exitUsage, []string{"--oauthaccesstoken1"}, ""},
	}
	values := strings.NewReplacer(
		"$closed", fmt.Sprint(closed), "$P", casePassword,
		"$T1", fmt.Sprintf("imaps://localhost:%d", servers.tls[0].Port()), "$T2", fmt.Sprintf("imaps://localhost:%d", servers.tls[1].Port()),
		"$S1", fmt.Sprintf("imap://localhost:%d", servers.starttls[0].Port()), "$S2", fmt.Sprintf("imap://localhost:%d", servers.starttls[1].Port()),
		"$a1", servers.plain[0].Addr(), "$s1", servers.starttls[0].Addr(),
		"$1", "imap+insecure://"+servers.plain[0].Addr(), "$2", "imap+insecure://"+servers.plain[1].Addr())
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { tt.test(t, values.Replace(tt.row), servers.ca) })
	}
}

func (tt loginCase) test(t *testing.T, row string, ca []byte) {
	t.Chdir(t.TempDir())
	for name, text := range map[string]string{"accounts.csv": row + "\n", "ca.pem": string(ca)} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	args := strings.Fields(tt.command)
	if len(args) == 0 {
		args = []string{"run"}
	}
	if !strings.HasSuffix(tt.command, ".csv") {
		args = append([]string{args[0], "accounts.csv"}, args[1:]...)
	}
	var stdout, stderr bytes.Buffer
	// No stdin to read from: whoever asks for a password dies.
	if code := run(t.Context(), args, nil, &stdout, &stderr); code != tt.code {
		t.Errorf("exit code %d, want %d", code, tt.code)
	}
	all := stdout.String() + stderr.String()
	for _, want := range tt.says {
		if !strings.Contains(all, want) {
			t.Errorf("no %q", want)
		}
	}
	if tt.state != "" {
		if got := stateOf(t); got != tt.state {
			t.Errorf("results.csv says %q, want %q", got, tt.state)
		}
	} else if _, err := os.Stat(filepath.Join("accounts.imapfleet", "ledger.db")); err == nil {
		t.Error("a ledger was made")
	}
	if strings.Contains(all, casePassword) || strings.Contains(all, "adm\\in") {
		t.Error("a password was told")
	}
	if t.Failed() {
		t.Logf("%q\n%s", args, all)
	}
}

// stateOf is "state side code" of the only row.
func stateOf(t *testing.T) string {
	t.Helper()
	f, err := os.Open(filepath.Join("accounts.imapfleet", "results.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.Comma = ';'
	all, err := r.ReadAll()
	if err != nil || len(all) != 2 {
		t.Fatalf("%d records, %v", len(all), err)
	}
	column := map[string]string{}
	for i, name := range all[0] {
		column[name] = all[1][i]
	}
	return strings.Join([]string{column["state"], column["side"], column["code"]}, " ")
}
