package account

import (
	"strings"
	"testing"
)

func TestParseAddress(t *testing.T) {
	tests := []struct {
		in   string
		want address
	}{
		{"imap.example.com", address{host: "imap.example.com"}},
		{" IMAP.Example.COM. ", address{host: "imap.example.com"}},
		{"mail_1-a.example", address{host: "mail_1-a.example"}},
		{"imap.example.com:1993", address{host: "imap.example.com", port: 1993}},
		{"imaps://h", address{host: "h", security: SecurityTLS, hasScheme: true}},
		{"IMAPS://h:993", address{host: "h", port: 993, security: SecurityTLS, hasScheme: true}},
		{"imap://h:143", address{host: "h", port: 143, security: SecuritySTARTTLS, hasScheme: true}},
		{"imap+insecure://h:143", address{host: "h", port: 143, security: SecurityPlain, hasScheme: true}},
		{"127.0.0.1", address{host: "127.0.0.1"}},
		{"127.0.0.1:10143", address{host: "127.0.0.1", port: 10143}},
		{"::1", address{host: "::1"}},
		{"[::1]", address{host: "::1"}},
		{"[::1]:993", address{host: "::1", port: 993}},
		{"2001:DB8:0::0001", address{host: "2001:db8::1"}},
		{"imaps://[2001:db8::1]:994", address{host: "2001:db8::1", port: 994, security: SecurityTLS, hasScheme: true}},
		{"imap://::1", address{host: "::1", security: SecuritySTARTTLS, hasScheme: true}},
		{"[fe80::1%eth0]:143", address{host: "fe80::1%eth0", port: 143}},
		{"xn--bcher-kva.example", address{host: "xn--bcher-kva.example"}},
		{"h:65535", address{host: "h", port: 65535}},
		{strings.Repeat("a", 63) + ".b", address{host: strings.Repeat("a", 63) + ".b"}},
	}
	for _, tt := range tests {
		got, err := parseAddress(tt.in)
		if err != nil || got != tt.want {
			t.Errorf("%q: %+v, %v; want %+v", tt.in, got, err, tt.want)
		}
	}
}

func TestParseAddressBad(t *testing.T) {
	tests := []struct{ in, want string }{
		{"", "empty"},
		{" \t", "empty"},
		{"imaps://", "empty"},
		{":993", "empty"},
		{".", "empty"},
		{"a b", "a blank in the host name"},
		{"a\u00a0b", "a blank in the host name"},
		{"imaps:// h", "a blank in the host name"},
		{"a/b", "a slash in the host name"},
		{`a\b`, "a slash in the host name"},
		{"imaps://h:993/", "a slash in the host name"},
		{"https://h", "unknown scheme: imaps://, imap:// and imap+insecure:// are known"},
		{"://h", "unknown scheme: imaps://, imap:// and imap+insecure:// are known"},
		{"h:", errPort.Error()},
		{"h:0", errPort.Error()},
		{"h:65536", errPort.Error()},
		{"h:+1", errPort.Error()},
		{"h:-1", errPort.Error()},
		{"h:1e3", errPort.Error()},
		{"h:imap", errPort.Error()},
		{"[::1]:", errPort.Error()},
		{"[::1]993", errPort.Error()},
		{"[::1]:0", errPort.Error()},
		{"[::1", "not an IPv6 address in brackets"},
		{"[]", "not an IPv6 address in brackets"},
		{"[127.0.0.1]", "not an IPv6 address in brackets"},
		{"[h]:993", "not an IPv6 address in brackets"},
		{"h:993:1", "not an IPv6 address (with a port it stands in brackets: [::1]:993)"},
		{":::1", "not an IPv6 address (with a port it stands in brackets: [::1]:993)"},
		{"fe80::1%\x01", "not an IPv6 zone"},
		{"[fe80::1%ä]:993", "not an IPv6 zone"},
		{"bücher.example", "not an ASCII host name: write an international name in its xn-- form"},
		{"user@h", "a character that no host name has"},
		{"h\x00", "a character that no host name has"},
		{"h*", "a character that no host name has"},
		{"a..b", "not a host name: each part between dots has 1 to 63 characters"},
		{".a", "not a host name: each part between dots has 1 to 63 characters"},
		{strings.Repeat("a", 64), "not a host name: each part between dots has 1 to 63 characters"},
		{strings.Repeat("a.", 127) + "ab", "longer than a host name can be"},
	}
	for _, tt := range tests {
		got, err := parseAddress(tt.in)
		if err == nil || err.Error() != tt.want || got != (address{}) {
			t.Errorf("%q: %+v, %v; want %s", tt.in, got, err, tt.want)
		}
	}
}

func TestSecurityNames(t *testing.T) {
	for _, s := range []Security{SecurityUnset, SecurityTLS, SecuritySTARTTLS, SecurityPlain} {
		got, err := ParseSecurity(strings.ToUpper(s.String()))
		if err != nil || got != s {
			t.Errorf("%s: %v, %v", s, got, err)
		}
	}
	if _, err := ParseSecurity("hunter2"); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("an unknown name: %v", err)
	}
}

func TestIdentity(t *testing.T) {
	base := Pair{
		Line:   1,
		Source: Endpoint{Host: "H1", User: "u1", Password: NewSecret("x")},
		Dest:   Endpoint{Host: "h2", User: "u/2"},
	}
	if want := (Key{Host1: "h1", User1: "u1", Host2: "h2", User2: "u/2"}); base.Key() != want {
		t.Errorf("key %+v, want %+v", base.Key(), want)
	}
	tests := []struct {
		name             string
		change           func(p *Pair)
		sameKey, sameDst bool
	}{
		{"line, password, security", func(p *Pair) {
			p.Line, p.Dest.Password, p.Dest.Security, p.Dest.AuthUser, p.Dest.SkipVerify = 9, NewSecret("y"), SecurityTLS, "a", true
		}, true, true},
		{"case of hosts", func(p *Pair) { p.Source.Host, p.Dest.Host = "h1", "H2" }, true, true},
		{"default port", func(p *Pair) { p.Dest.Port = 993 }, false, true},
		{"STARTTLS port", func(p *Pair) { p.Dest.Port = 143 }, false, true},
		{"another port", func(p *Pair) { p.Dest.Port = 1143 }, false, false},
		{"source port", func(p *Pair) { p.Source.Port = 1143 }, false, true},
		{"source user", func(p *Pair) { p.Source.User = "U1" }, false, true},
		{"user", func(p *Pair) { p.Dest.User = "U/2" }, false, false},
		{"host", func(p *Pair) { p.Dest.Host = "h3" }, false, false},
	}
	for _, tt := range tests {
		p := base
		tt.change(&p)
		if same := p.Key() == base.Key(); same != tt.sameKey {
			t.Errorf("%s: same key %v, want %v", tt.name, same, tt.sameKey)
		}
		if same := p.DestID() == base.DestID(); same != tt.sameDst {
			t.Errorf("%s: same destination %v, want %v", tt.name, same, tt.sameDst)
		}
	}
}
