package fault

import "testing"

// What a mailbox is called is not what the server says of it.
func TestMailboxNameIsNoReason(t *testing.T) {
	const gone = "mailbox-refused mailbox"
	tests := []struct {
		op, mailbox, code, text, want string
	}{
		{"append", "Quota", "TRYCREATE", "Mailbox doesn't exist: Quota", gone},
		{"append", "Old/Quota 2019", "NONEXISTENT", "Mailbox doesn't exist: Old/Quota 2019 (0.001 + 0.000 secs).", gone},
		{"create", "quota:reports", "CANNOT", `Invalid mailbox name "quota:reports"`, gone},
		{"select", "System errors", "NONEXISTENT", "Unknown Mailbox: System errors (Failure)", gone},
		{"select", "Rate limits", "", "Mailbox 'Rate limits' cannot be opened", gone},
		{"select", "Application-specific passwords", "", "no such folder <Application-specific passwords>", gone},
		{"append", "Quota", "", "Quota exceeded", "quota account"},
		{"append", "Quota", "", "Error: Quota exceeded", "quota account"},
		{"append", "Quota", "OVERQUOTA", "Mailbox is full: Quota", "quota account"},
		{"create", "", "", `quota exceeded for ""`, "quota account"},
		{"append", "Mailbox", "", "Mailbox is full", "quota account"},
	}
	for _, tt := range tests {
		a := Answer{Side: Dest, Op: tt.op, Mailbox: tt.mailbox, Status: "NO", Code: tt.code, Text: tt.text}
		if e := Classify(a); reading(e) != tt.want {
			t.Errorf("%s %s [%s] %q: %s, want %s", tt.op, tt.mailbox, tt.code, tt.text, reading(e), tt.want)
		}
	}
}

// A wrong password stays one, whatever politeness the server adds: a login
// that was refused is never repeated by itself.
func TestWrongPasswordPolitely(t *testing.T) {
	tests := []struct{ text, want string }{
		{"Invalid user name or password. Please try again later.", noLogin},
		{"LOGIN failed: incorrect password, try again later", noLogin},
		{"Login failed, wrong credentials; try again later", noLogin},
		{"Username or password is incorrect, try again later", noLogin},
		{"Login failed: bad username/password (system error)", noLogin},
		{"Please try again later", busy},
		{"Temporary authentication failure, try again later", "auth-temporary account later"},
		{"Cannot check the password now, try again later", busy},
		{"Too many connections; invalid password is not the reason", many},
	}
	for _, tt := range tests {
		if e := Classify(Answer{Side: Source, Op: "login", Status: "NO", Text: tt.text}); reading(e) != tt.want {
			t.Errorf("%q: %s, want %s", tt.text, reading(e), tt.want)
		}
	}
}
