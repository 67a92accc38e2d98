package account

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// ep is an endpoint with a bare host.
func ep(host, user, password string) Endpoint {
	return Endpoint{Host: host, User: user, Password: NewSecret(password)}
}

// row1 is the pair of most tests.
func row1(line int) Pair {
	return Pair{Line: line, Source: ep("h1", "u1", "p1"), Dest: ep("h2", "u2", "p2")}
}

func passwords(line int, p1, p2 string) Pair {
	return Pair{Line: line, Source: ep("h1", "u1", p1), Dest: ep("h2", "u2", p2)}
}

const head = "host1;user1;password1;host2;user2;password2"

func checkPairs(t *testing.T, in string, opt Options, want []Pair) {
	t.Helper()
	list, err := Load(strings.NewReader(in), opt)
	if err != nil {
		t.Fatalf("Load: %v", err)
	}
	if diff := cmp.Diff(want, list.Pairs); diff != "" {
		t.Errorf("pairs (-want +got), passwords are hidden:\n%s", diff)
	}
	for i, p := range list.Pairs {
		if i < len(want) && !(p.Source.Password.Equal(want[i].Source.Password) && p.Dest.Password.Equal(want[i].Dest.Password)) {
			t.Errorf("line %d: passwords %q %q, want %q %q", p.Line, p.Source.Password.Reveal(), p.Dest.Password.Reveal(),
				want[i].Source.Password.Reveal(), want[i].Dest.Password.Reveal())
		}
	}
}

func TestLoadPlain(t *testing.T) {
	tests := []struct {
		name, in string
		want     []Pair
	}{
		{"trailing delimiter", "h1;u1;p1;h2;u2;p2;\n", []Pair{row1(1)}},
		{"no trailing delimiter", "h1;u1;p1;h2;u2;p2\n", []Pair{row1(1)}},
		{"empty extra", "h1;u1;p1;h2;u2;p2;;\n", []Pair{row1(1)}},
		{"blank extra", "h1;u1;p1;h2;u2;p2; ;\n", []Pair{row1(1)}},
		{"case 90: no last newline", "h1;u1;p1;h2;u2;p2;", []Pair{row1(1)}},
		{"case 90: CRLF", "h1;u1;p1;h2;u2;p2\r\nh1;u3;p1;h2;u4;p2\r\n", []Pair{
			row1(1), {Line: 2, Source: ep("h1", "u3", "p1"), Dest: ep("h2", "u4", "p2")},
		}},
		{"CR alone", "# old\rh1;u1;p1;h2;u2;p2\r", []Pair{row1(2)}},
		{"case 90: comments, indented too, and blank lines", "# host1;user1\n\n  \t# more\n \t \nh1;u1;p1;h2;u2;p2;\n\n#\n", []Pair{row1(5)}},
		{"lines of delimiters", "h1;u1;p1;h2;u2;p2\n;;;;;;\n ; ;;;;;;\n", []Pair{row1(1)}},
		{"case 90: byte order mark", "\ufeffh1;u1;p1;h2;u2;p2", []Pair{row1(1)}},
		{"delimiter named", "sep=,\r\nh1,u1,p1,h2,u2,p2,\r\n", []Pair{row1(2)}},
		{"indented", "  h1 ; u1 ;p1; h2;\tu2 ;p2;", []Pair{row1(1)}},
		{"case 90: quote in a password", `h1;u1;p"1;h2;u2;"p2";`, []Pair{passwords(1, `p"1`, `"p2"`)}},
		{"quote begins a password", "h1;u1;\"p1;h2;u2;p2;\nh1;u3;p1;h2;u4;p2\"\n", []Pair{
			passwords(1, `"p1`, "p2"), {Line: 2, Source: ep("h1", "u3", "p1"), Dest: ep("h2", "u4", `p2"`)},
		}},
		{"case 9: imapsync's password", `h1;u1;a b"c\d$e*(f){g}` + ";h2;u2;#p,2\\;", []Pair{passwords(1, `a b"c\d$e*(f){g}`, `#p,2\`)}},
		{"case 10: blanks around passwords", "h1;u1; p1;h2;u2;\tp2  ;\n", []Pair{passwords(1, " p1", "\tp2  ")}},
		{"case 10: password of blanks", "h1;u1;  ;h2;u2;p2;\n", []Pair{passwords(1, "  ", "p2")}},
		{"UTF-8", "h1;u1;pä€1;h2;u2;пароль;\n", []Pair{passwords(1, "pä€1", "пароль")}},
		{"user like a header, password too", "imap.a.net;user1;pass1;imap.b.net;user2;pass2\n", []Pair{
			{Line: 1, Source: ep("imap.a.net", "user1", "pass1"), Dest: ep("imap.b.net", "user2", "pass2")},
		}},
		{"hosts like a header", "host1;user1;secret;host2;user2;secret\n", []Pair{
			{Line: 1, Source: ep("host1", "user1", "secret"), Dest: ep("host2", "user2", "secret")},
		}},
		{"imapsync's example names", "host001_1;user001_1;password001_1;host001_2;user001_2;password001_2;\n", []Pair{
			{Line: 1, Source: ep("host001_1", "user001_1", "password001_1"), Dest: ep("host001_2", "user001_2", "password001_2")},
		}},
		{"case 14: admin login", "h1;bob*admin;p1;h2;u2;p2;", []Pair{
			{Line: 1, Source: ep("h1", "bob*admin", "p1"), Dest: ep("h2", "u2", "p2")},
		}},
		{"case of users", "H1.Example.;U1;p1;h2;u2;p2;", []Pair{
			{Line: 1, Source: ep("h1.example", "U1", "p1"), Dest: ep("h2", "u2", "p2")},
		}},
		{"one source, two destinations", "h1;u1;p1;h2;u2;p2\nh1;u1;p1;h3;u2;p2\n", []Pair{
			row1(1), {Line: 2, Source: ep("h1", "u1", "p1"), Dest: ep("h3", "u2", "p2")},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { checkPairs(t, tt.in, Options{}, tt.want) })
	}
}

func TestLoadHeaded(t *testing.T) {
	tests := []struct {
		name, in string
		want     []Pair
	}{
		{"in order", head + "\nh1;u1;p1;h2;u2;p2\n", []Pair{row1(2)}},
		{"trailing delimiters", head + ";\nh1;u1;p1;h2;u2;p2;;;\n", []Pair{row1(2)}},
		{"extra and trailing delimiter", head + ";extra;\r\nh1;u1;p1;h2;u2;p2;\r\n;;;;;;\r\n", []Pair{row1(2)}},
		{"another order", "password2;host2;user2;password1;host1;user1\np2;h2;u2;p1;h1;u1", []Pair{row1(2)}},
		{"comma", strings.ReplaceAll(head, ";", ",") + "\nh1,u1,p1,h2,u2,p2\n", []Pair{row1(2)}},
		{"tab", strings.ReplaceAll(head, ";", "\t") + "\nh1\tu1\tp1\th2\tu2\tp2\n", []Pair{row1(2)}},
		{"delimiter named", "sep=|\n" + strings.ReplaceAll(head, ";", "|") + "\nh1|u1|p1|h2|u2|p2\n", []Pair{row1(3)}},
		{"case 90: quoted", `"host1";"user1";"password1";"host2";"user2";"password2"` + "\n" + `"h1";"u1";"p;""1";"h2";"u2";"p2"`,
			[]Pair{passwords(2, `p;"1`, "p2")}},
		{"case 90: quoted comma", strings.ReplaceAll(head, ";", ",") + "\n" + `h1,u1,"p,1",h2,u2,"p;2"`, []Pair{passwords(2, "p,1", "p;2")}},
		{"quotes inside", head + "\n" + `h1;u1;p"1"";h2;u2;p2"`, []Pair{passwords(2, `p"1""`, `p2"`)}},
		{"quoted blanks and comment sign", head + "\n" + `h1;u1;" p1 ";h2;u2;"#p2"`, []Pair{passwords(2, " p1 ", "#p2")}},
		{"case 90: backslash", head + "\n" + `h1;u1;p\1;h2;u2;"p\"`, []Pair{passwords(2, `p\1`, `p\`)}},
		{"comments, blank lines, mark", "\ufeff# list\n\n" + head + "\n  # indented\n\nh1;u1;p1;h2;u2;p2", []Pair{row1(6)}},
		{"names of the field", "Source Host;source_user;Pass1;dest-host;DEST USER;passwd2\nh1;u1;p1;h2;u2;p2", []Pair{row1(2)}},
		{"more names", "src_host;username1;source_pass;destination_server;login2;target.password\nh1;u1;p1;h2;u2;p2", []Pair{row1(2)}},
		{"all columns", head + ";port1;port2;security1;security2;tlsverify1;tlsverify2;authuser1;authuser2;extra\n" +
			"h1;u1;p1;h2;u2;p2;1143;;STARTTLS;tls;no;yes;admin;;\n", []Pair{{
			Line: 2,
			Source: Endpoint{Host: "h1", Port: 1143, Security: SecuritySTARTTLS, User: "u1",
				Password: NewSecret("p1"), AuthUser: "admin", SkipVerify: true},
			Dest: Endpoint{Host: "h2", Security: SecurityTLS, User: "u2", Password: NewSecret("p2")},
		}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { checkPairs(t, tt.in, Options{}, tt.want) })
	}
}

func TestLoadPrecedence(t *testing.T) {
	flags := SideDefaults{Port: 1993, Security: SecurityPlain, AuthUser: "flag", SkipVerify: true}
	const columns = "host1;port1;security1;tlsverify1;authuser1;user1;password1;host2;user2;password2\n"
	tests := []struct {
		name, fields string // host1;port1;security1;tlsverify1;authuser1
		def          SideDefaults
		want         Endpoint
	}{
		{"bare", "h;;;;", SideDefaults{}, Endpoint{}},
		{"bare, flags", "h;;;;", flags, Endpoint{Port: 1993, Security: SecurityPlain, AuthUser: "flag", SkipVerify: true}},
		{"columns beat flags", "h;143;tls;yes;column", flags, Endpoint{Port: 143, Security: SecurityTLS, AuthUser: "column"}},
		{"auto by name beats a flag", "h;;auto;;", SideDefaults{Security: SecurityPlain}, Endpoint{}},
		{"scheme beats columns", "imaps://h:994;143;plain;;", flags, Endpoint{Port: 994, Security: SecurityTLS, AuthUser: "flag", SkipVerify: true}},
		{"scheme without port", "imaps://h;994;starttls;;", SideDefaults{}, Endpoint{Port: 994, Security: SecurityTLS}},
		{"scheme alone", "imap://h;;;;", SideDefaults{Security: SecurityTLS}, Endpoint{Security: SecuritySTARTTLS}},
		{"plaintext by name", "imap+insecure://h:1143;;;;", SideDefaults{}, Endpoint{Port: 1143, Security: SecurityPlain}},
		{"port of the host", "h:144;145;;;", flags, Endpoint{Port: 144, Security: SecurityPlain, AuthUser: "flag", SkipVerify: true}},
		{"993", "h:993;;;;", SideDefaults{}, Endpoint{Port: 993, Security: SecurityTLS}},
		{"143", "h;143;;;", SideDefaults{}, Endpoint{Port: 143, Security: SecuritySTARTTLS}},
		{"143 by flag", "h;;;;", SideDefaults{Port: 143}, Endpoint{Port: 143, Security: SecuritySTARTTLS}},
		{"another port", "h:1143;;auto;;", SideDefaults{}, Endpoint{Port: 1143, Security: SecurityTLS}},
		{"verify true", "h;;;TRUE;", flags, Endpoint{Port: 1993, Security: SecurityPlain, AuthUser: "flag"}},
		{"verify on", "h;;;on;", SideDefaults{SkipVerify: true}, Endpoint{}},
		{"verify 1", "h;;; 1 ;", SideDefaults{SkipVerify: true}, Endpoint{}},
		{"verify no", "h;;;No;", SideDefaults{}, Endpoint{SkipVerify: true}},
		{"verify false", "h;;;false;", SideDefaults{}, Endpoint{SkipVerify: true}},
		{"verify off", "h;;;off;", SideDefaults{}, Endpoint{SkipVerify: true}},
		{"verify 0", "h;;;0;", SideDefaults{}, Endpoint{SkipVerify: true}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			want := tt.want
			want.Host, want.User, want.Password = "h", "u1", NewSecret("p1")
			in := columns + tt.fields + ";u1;p1;h2;u2;p2\n"
			checkPairs(t, in, Options{Source: tt.def}, []Pair{{Line: 2, Source: want, Dest: ep("h2", "u2", "p2")}})

			// The same for the other side.
			want.User, want.Password = "u2", NewSecret("p2")
			in = "host2;port2;security2;tlsverify2;authuser2;user2;password2;host1;user1;password1\n" + tt.fields + ";u2;p2;h1;u1;p1\n"
			checkPairs(t, in, Options{Dest: tt.def}, []Pair{{Line: 2, Source: ep("h1", "u1", "p1"), Dest: want}})
		})
	}
}

func TestLoadWarnings(t *testing.T) {
	tests := []struct {
		name, in string
		want     []string
	}{
		{"none", "h1;u1;p1;h2;u2;p2\n", nil},
		{"blank at an end", "h1;u1;p1 ;h2;u2;p2\n\nh1;u3;p1;h2;u4; p2\n",
			[]string{"lines 1, 3: a password begins or ends with a blank; it is taken as it is"}},
		{"many blanks", strings.Join([]string{
			"h;a;p ;d;a;p", "h;b;p ;d;b;p", "h;c;p ;d;c;p", "h;d;p ;d;d;p", "h;e;p ;d;e;p", "h;f;p ;d;f;p", "h;g;p ;d;g;p",
		}, "\n"), []string{"lines 1, 2, 3, 4, 5 and 2 more: a password begins or ends with a blank; it is taken as it is"}},
		{"letter case", "h1;u1;p1;h2;U2;p2\nh1;u3;p1;h2;u2;p2\n",
			[]string{"line 2: user2 differs from that of line 1 in letter case only; for most servers it is the same account"}},
		{"much letter case", "h;a;p;d;ab;p\nh;b;p;d;Ab;p\nh;c;p;d;aB;p\nh;d;p;d;AB;p\nh;e;p;e;Xyz;p\nh;f;p;e;xyz;p\nh;g;p;e;xYz;p\nh;h;p;e;xyZ;p\n",
			[]string{
				"line 2: user2 differs from that of line 1 in letter case only; for most servers it is the same account",
				"line 3: user2 differs from that of line 1 in letter case only; for most servers it is the same account",
				"line 4: user2 differs from that of line 1 in letter case only; for most servers it is the same account",
				"line 6: user2 differs from that of line 5 in letter case only; for most servers it is the same account",
				"line 7: user2 differs from that of line 5 in letter case only; for most servers it is the same account",
				"user2 differs from that of another line in letter case only: 1 more of this kind",
			}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			list, err := Load(strings.NewReader(tt.in), Options{})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, list.Warnings); diff != "" {
				t.Errorf("warnings (-want +got):\n%s", diff)
			}
		})
	}
}
