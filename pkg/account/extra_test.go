package account

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/imapfleet/imapfleet/pkg/rules"
)

// flags are the options of a command line.
func flags(t *testing.T, pairs ...string) *rules.Builder {
	t.Helper()
	b := rules.NewBuilder(time.Date(2026, 6, 30, 12, 0, 0, 0, time.UTC))
	for i := 0; i < len(pairs); i += 2 {
		o, negated, ok := rules.Lookup(pairs[i])
		if !ok {
			t.Fatalf("no option %s", pairs[i])
		}
		err := b.Set(o, pairs[i+1])
		if negated {
			err = b.Negate(o)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return b
}

func load(t *testing.T, in string, b *rules.Builder) *List {
	t.Helper()
	list, err := Load(strings.NewReader(in), Options{Rules: b})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// TestExtra reads options of rows over those of the run.
func TestExtra(t *testing.T) {
	list := load(t, strings.Join([]string{
		"h1;u1;p1;h2;u1;p2;;",
		"h1;u2;p1;h2;u2;p2;--map 'Sent Items=Sent' --exclude=^Old --maxage 10;",
		"h1;u3;p1;h2;u3;p2",
		"h1;u4;p1;h2;u4;p2;  --automap  ;",
		"h1;u5;p1;h2;u5;p2;--automap",
		"h1;u6;p1;h2;u6;p2;--nomap --dry",
	}, "\n"), flags(t, "map", "A=B", "noautomap", "true", "exclude", "Junk*", "maxage", "30"))
	at := func(i int) *rules.Rules { return list.Pairs[i].Rules }
	if at(0) != at(2) || at(3) != at(4) {
		t.Error("rows that say the same do not share their rules")
	}
	if r := at(0); len(r.Map) != 1 || !r.NoAutomap || len(r.Exclude) != 1 || r.Since.Day() != 31 {
		t.Errorf("of the run: %+v", r)
	}
	if r := at(1); len(r.Map) != 2 || r.Map[1] != (rules.Rename{From: "Sent Items", To: "Sent"}) || len(r.Exclude) != 2 || r.Since.Day() != 20 || !r.NoAutomap {
		t.Errorf("of the second row: %+v", r)
	}
	if r := at(3); r.NoAutomap || len(r.Map) != 1 {
		t.Errorf("of the fourth row: %+v", r)
	}
	if r := at(5); len(r.Map) != 0 || !r.Dry {
		t.Errorf("of the sixth row: %+v", r)
	}
	if list := load(t, "h1;u1;p1;h2;u1;p2\n", nil); list.Pairs[0].Rules != nil {
		t.Error("a list without options has rules")
	}
}

// TestExtraPrecedence: scheme over column over extra over flag.
func TestExtraPrecedence(t *testing.T) {
	const columns = "host1;port1;security1;tlsverify1;authuser1;extra;user1;password1;host2;user2;password2\n"
	run := flags(t, "port1", "1993", "security1", "plain", "authuser1", "flag", "insecure-skip-verify1", "true")
	tests := []struct {
		name, fields string
		run          *rules.Builder
		want         Endpoint
	}{
		{"flag", "h;;;;;", run, Endpoint{Port: 1993, Security: SecurityPlain, AuthUser: "flag", SkipVerify: true}},
		{"extra beats flag", "h;;;;;--port1 143 --ssl1 --authuser1=row --no-insecure-skip-verify1", run,
			Endpoint{Port: 143, Security: SecurityTLS, AuthUser: "row"}},
		{"column beats extra", "h;994;starttls;yes;column;--port1 143 --ssl1 --authuser1=row --insecure-skip-verify1", run,
			Endpoint{Port: 994, Security: SecuritySTARTTLS, AuthUser: "column"}},
		{"scheme beats all", "imaps://h:995;994;starttls;yes;;--port1 143 --tls1", run, Endpoint{Port: 995, Security: SecurityTLS, AuthUser: "flag"}},
		{"--tls1", "h;;;;;--tls1", nil, Endpoint{Security: SecuritySTARTTLS}},
		{"--tls1 over --ssl1 of the run", "h;;;;;--tls1", flags(t, "ssl1", "true"), Endpoint{Security: SecuritySTARTTLS}},
		{"--nossl1: no TLS from the start", "h;;;;;--nossl1", nil, Endpoint{Security: SecuritySTARTTLS}},
		{"--notls1: no STARTTLS", "h;;;;;--notls1", nil, Endpoint{Security: SecurityTLS}},
		{"plaintext, by both names", "h;;;;;--nossl1 --notls1 --port1 143", nil, Endpoint{Port: 143, Security: SecurityPlain}},
		{"auto by name", "h;;;;;--security1 auto", flags(t, "security1", "plain"), Endpoint{}},
		{"143 is STARTTLS", "h;;;;;--port1 143", nil, Endpoint{Port: 143, Security: SecuritySTARTTLS}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := load(t, columns+tt.fields+";u1;p1;h2;u2;p2\n", tt.run).Pairs[0].Source
			tt.want.Host, tt.want.User, tt.want.Password = "h", "u1", NewSecret("p1")
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestExtraErrors(t *testing.T) {
	const begin = "h1;u1;p1;h2;u2;p2;"
	tests := []struct {
		name, extra string
		want        []string
	}{
		{"case 91: only what is known", "--foldrrec INBOX", []string{"word 1 is no known option; the nearest one is --folderrec"}},
		{"case 23: an unknown option", "--automap --nosuch x --dry", []string{"word 2 is no known option; 'imapfleet run --help' lists them"}},
		{"all at once", "--maxage x --simulong 5 --minsize -1 x", []string{
			"--maxage: must be a number of days, such as 30", "--simulong: that is no part of a migration: leave it out",
			"--minsize: must be a number of octets, or one such as 25MiB", "word 7 is no option: options begin with --",
		}},
		{"a password", "--password1 hunter2", []string{"--password1: a password has its column in the list, and stands nowhere else"}},
		{"a password with =", "--passfile2=hunter2", []string{"--passfile2: a password has its column in the list, and stands nowhere else"}},
		{"another host", "--host1 h3 --user2=u3", []string{"--host1: the list says that, in columns of its own", "--user2: the list says that, in columns of its own"}},
		{"a file", "--map-file /etc/passwd", []string{"--map-file: belongs on the command line; the list has a column map, and --map"}},
		{"case 6: ssl and starttls", "--ssl1 --tls1 --ssl2", []string{"--ssl1 and --tls1 exclude each other: --ssl1 is TLS from the start, --tls1 is STARTTLS"}},
		{"port", "--port2 0 --security1 ssl", []string{"--security1: must be auto, tls, starttls or plain", "--port2: the port must be a number from 1 to 65535"}},
		{"quotes", "--map 'A=B", []string{"a quote that is opened and not closed"}},
		{"no value", "--folder --automap", []string{"--folder needs a value"}},
		{"nothing is run", "--map A=B `id` $(id)", []string{"word 3 is no option: options begin with --", "word 4 is no option: options begin with --"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var want []string
			for _, line := range []int{1, 2} { // the second time from what is remembered
				for _, w := range tt.want {
					want = append(want, fmt.Sprintf("line %d, column extra: %s", line, w))
				}
			}
			in := begin + tt.extra + "\n" + strings.ReplaceAll(begin, "u2", "u3") + tt.extra + "\n"
			checkErrors(t, in, Options{}, want)
		})
	}
}

func TestMapColumn(t *testing.T) {
	list := load(t, head+";Map;extra\n"+`h1;u1;p1;h2;u2;p2;"Sent Items=Sent, A\,B=C\=D";--f1f2 Sent\ Items=Gesendet`+"\n"+"h1;u3;p1;h2;u4;p2;;\n",
		flags(t, "map", "inbox=INBOX", "map", "Sent Items=X"))
	want := []rules.Rename{{From: "inbox", To: "INBOX"}, {From: "A,B", To: "C=D"}, {From: "Sent Items", To: "Gesendet"}}
	if diff := cmp.Diff(want, list.Pairs[0].Rules.Map); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if n := len(list.Pairs[1].Rules.Map); n != 2 {
		t.Errorf("%d renames of the run, want 2", n)
	}
	checkErrors(t, head+";map\nh1;u1;p1;h2;u2;p2;hunter2\nh1;u3;p1;h2;u4;p2;A=,B=C\n", Options{}, []string{
		`line 2, column map: must be A=B, two names of mailboxes (\= is a = inside a name)`, "line 3, column map: an empty name",
	})
}

func TestMapFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "map.txt")
	text := "\ufeff# all\r\n[Gmail]/Sent Mail=Sent\r\n\r\n[u1]\r\nA=B\r\nArchive=Old\r\n[ nobody@example.org ]\r\nA=C\r\n[]\r\nX=Y\r\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	list := load(t, head+";map\nh1;u1;p1;h2;u2;p2;A=Z\nh1;u3;p1;h2;u4;p2;\n", flags(t, "map-file", path))
	all := []rules.Rename{{From: "[Gmail]/Sent Mail", To: "Sent"}, {From: "X", To: "Y"}}
	if diff := cmp.Diff(append(all, rules.Rename{From: "Archive", To: "Old"}, rules.Rename{From: "A", To: "Z"}), list.Pairs[0].Rules.Map); diff != "" {
		t.Errorf("u1 (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(all, list.Pairs[1].Rules.Map); diff != "" {
		t.Errorf("u3 (-want +got):\n%s", diff)
	}
	warn := []string{`the map file has sections for users that no row has as user1: "nobody@example.org"`}
	if diff := cmp.Diff(warn, list.Warnings); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
}

func TestOptionsCheck(t *testing.T) {
	for _, tt := range []struct {
		b    *rules.Builder
		want string
	}{
		{flags(t, "port1", "70000"), "--port1: the port must be a number from 1 to 65535"},
		{flags(t, "security2", "ssl"), "--security2: must be auto, tls, starttls or plain"},
		{flags(t, "authuser1", "a\x01"), "--authuser1: a control character"},
		{flags(t, "min-size", "2M", "max-size", "1M"), "--min-size is more than --max-size"},
	} {
		if err := (Options{Rules: tt.b}).Check(); err == nil || err.Error() != tt.want {
			t.Errorf("%v, want %s", err, tt.want)
		}
		if _, err := Load(strings.NewReader("h1;u1;p1;h2;u2;p2"), Options{Rules: tt.b}); err == nil {
			t.Errorf("Load takes it, want %s", tt.want)
		}
	}
}
