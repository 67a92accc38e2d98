package imapconn

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/imapfleet/imapfleet/pkg/account"
	"github.com/imapfleet/imapfleet/pkg/fault"
)

// A server that says again what it was sent must not put the password into
// errors, in whichever form and at whichever point it does so.
func TestLoginHidesPassword(t *testing.T) {
	b64 := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	echoes := map[string]string{
		"NO":           "%[1]s NO [AUTHENTICATIONFAILED] LOGIN %[2]s",
		"code":         "%[1]s NO [X-ECHO %[2]s] no",
		"BAD":          "%[1]s BAD unknown: %[2]s",
		"BYE":          "* BYE what is %[2]s supposed to be?",
		"nonsense":     "* %[2]s",
		"no IMAP":      "%[2]s",
		"odd tag":      "%[1]s %[2]s",
		"code of OK":   "%[1]s OK [CAPABILITY \"%[2]s\"] x",
		"continuation": "+ %[2]s",
	}
	const quoted = `hunter\\2\" ä` // of the second password
	for _, user := range []string{"", "admin"} {
		for _, password := range []string{"hunter2", `hunter\2" ä`, " hunter\t2 "} {
			response := "\x00u\x00" + password
			if user != "" {
				response = "u\x00" + user + "\x00" + password
			}
			forms := map[string]string{"raw": password, "base64": b64(password), "SASL": b64(response)}
			if strings.Contains(password, `\`) {
				forms["quoted"] = quoted
			}
			for where, echo := range echoes {
				for form, secret := range forms {
					t.Run(fmt.Sprint(where, " ", form, " ", password, " ", user), func(t *testing.T) {
						cfg := scripted(t, func(s *session) {
							s.say("* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] ready")
							l, _ := s.line()
							tag, _, _ := strings.Cut(l, " ")
							if strings.HasSuffix(l, "}") {
								s.say("+ go on")
								s.line()
							}
							s.say(fmt.Sprintf(echo, tag, secret))
						})
						cfg.Endpoint.AuthUser, cfg.Endpoint.Password = user, account.NewSecret(password)
						_, err := Dial(t.Context(), cfg)
						if err == nil {
							t.Fatal("no error")
						}
						wantHidden(t, err, "hunter", b64(password), b64(response))
					})
				}
			}
		}
	}
}

// wantHidden holds every text in err's chain against the secrets.
func wantHidden(t *testing.T, err error, secrets ...string) {
	t.Helper()
	for ; err != nil; err = errors.Unwrap(err) {
		said := err.Error() + fmt.Sprintf("%+v", err)
		if e, ok := err.(*fault.Error); ok {
			said += e.Text + e.Hint
		}
		for _, secret := range secrets {
			if strings.Contains(said, secret) {
				t.Errorf("%T says %q", err, said)
			}
		}
	}
}

func TestLoginRedacts(t *testing.T) {
	tests := []struct{ name, password, text, want string }{
		{"in the middle", "hunter2", "NO LOGIN u hunter2 failed", "NO LOGIN u [redacted] failed"},
		{"one octet", "7", "NO 17 left", "NO 1[redacted] left"},
		{"quoted", `a"b`, `NO "a\"b" or a"b`, `NO "[redacted]" or [redacted]`},
		{"blank at the end, trimmed", "hunter ", "NO hunter", "NO [redacted]"},
		{"blank at the end, within", "hunter ", "NO [hunter] x", "NO [[redacted]] x"},
		{"ends in a quote, as Go shows it", `ä"`, `NO "\u00e4\"" "ä\""`, `NO "\u00e4\"" "[redacted]"`},
		{"blanks only", "  ", "NO  such user", "NO  such user"},
		{"empty", "", "NO Login failed AHUA", "NO Login failed AHUA"},
		{"not there", "hunter2", "NO Login failed.", "NO Login failed."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newSecrets(account.Endpoint{User: "u", Password: account.NewSecret(tt.password)})
			in := &fault.Error{Code: fault.AuthRefused, Op: "login", Text: tt.text, Err: fmt.Errorf("%s: %w", tt.text, io.EOF)}
			err := s.hide(in)
			e := fault.Of(err)
			if e == nil || e.Text != tt.want || e.Code != fault.AuthRefused || e.Err.Error() != tt.want+": EOF" || !errors.Is(err, io.EOF) {
				t.Errorf("got %+v, want text %q", e, tt.want)
			}
			if said := fmt.Sprintf("%+v %#v %q", e.Err, e.Err, e.Err); tt.text != tt.want && strings.Contains(said, tt.text) {
				t.Errorf("fmt says %q", said)
			}
			if in.Text != tt.text {
				t.Error("the error that others may hold was changed")
			}
		})
	}
}
