package fault

import "testing"

func TestClassifyReadsConnectionLimits(t *testing.T) {
	tests := []struct {
		name             string
		a                Answer
		perUser, perHost int
	}{
		{"Dovecot 2.3", Answer{Op: "login", Status: "NO", Code: "UNAVAILABLE", Text: "Maximum number of connections from user+IP exceeded (mail_max_userip_connections=10)"}, 10, 0},
		{"Dovecot 2.4", Answer{Op: "login", Status: "NO", Code: "LIMIT", Text: "Maximum number of connections from user+IP exceeded (mail_max_userip_connections=3)"}, 3, 0},
		{"Cyrus, of the host", Answer{Op: "login", Status: "NO", Text: "Too many open connections (40 of 40 from mover.example [192.0.2.1], 1 of 9 for carla)"}, 0, 40},
		{"Cyrus, of the user", Answer{Op: "login", Status: "NO", Text: "Too many open connections (12 of 40 from mover.example [192.0.2.1], 9 of 9 for carla)"}, 9, 0},
		{"Cyrus, of both", Answer{Op: "login", Status: "NO", Text: "Too many open connections (40 of 40 from mover.example, 10 of 9 for carla)"}, 9, 40},
		{"Cyrus, only users are limited", Answer{Op: "login", Status: "NO", Text: "Too many open connections (9 of 9 for carla)"}, 9, 0},
		{"Gmail does not say", Answer{Op: "login", Status: "NO", Code: "ALERT", Text: "Too many simultaneous connections. (Failure)"}, 0, 0},
		{"no number of this world", Answer{Op: "login", Status: "NO", Text: "Too many open connections (99999999999999999999 of 3 from x) mail_max_userip_connections=99999999999999999999"}, 0, 0},
		{"Kerio, at the greeting", Answer{Op: "greeting", Status: "BYE", Text: "too many connections. Connection limit is 100"}, 0, 100},
		{"a limit of the user", Answer{Op: "login", Status: "NO", Text: "You have reached the limit of 5 simultaneous connections"}, 5, 0},
		{"a limit of the address", Answer{Op: "login", Status: "NO", Text: "Too many connections: max. 20 connections per IP address"}, 0, 20},
		{"so many are allowed", Answer{Op: "login", Status: "NO", Code: "LIMIT", Text: "only 3 concurrent sessions are allowed"}, 3, 0},
		{"how many there are is no limit", Answer{Op: "login", Status: "NO", Text: "Too many connections (12 open)"}, 0, 0},
		{"a rate is no limit", Answer{Op: "login", Status: "NO", Text: "Too many connections: limit of 20 connections per minute"}, 0, 0},
		{"another refusal", Answer{Op: "append", Status: "NO", Code: "LIMIT", Text: "9 of 9 for carla"}, 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := Classify(tt.a)
			if e.MaxPerUser != tt.perUser || e.MaxPerHost != tt.perHost {
				t.Errorf("limits %d per user, %d per host, want %d and %d", e.MaxPerUser, e.MaxPerHost, tt.perUser, tt.perHost)
			}
		})
	}
}

func FuzzConnectionLimits(f *testing.F) {
	for _, s := range []string{
		"(mail_max_userip_connections=10)", "(5 of 4 from host, 1 of 9 for user)", "0 of 0 from x", "1 of 1 for", "mail_max_userip_connections=0",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if u, h := connectionLimits(text); u < 0 || h < 0 || u > 999_999 || h > 999_999 {
			t.Errorf("%d per user, %d per host", u, h)
		}
	})
}
