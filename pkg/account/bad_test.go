package account

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

// rowErrors are the errors that Load joined, each a *RowError, by line.
func rowErrors(t *testing.T, err error) []*RowError {
	t.Helper()
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		t.Fatalf("not joined row errors: %v", err)
	}
	var rows []*RowError
	for _, e := range joined.Unwrap() {
		row, ok := e.(*RowError)
		if !ok {
			t.Fatalf("%T, want *RowError: %v", e, e)
		}
		rows = append(rows, row)
	}
	if !slices.IsSortedFunc(rows, func(a, b *RowError) int { return a.Line - b.Line }) {
		t.Errorf("errors are not sorted by line:\n%v", err)
	}
	return rows
}

func checkErrors(t *testing.T, in string, opt Options, want []string) {
	t.Helper()
	list, err := Load(strings.NewReader(in), opt)
	if list != nil || err == nil {
		t.Fatalf("Load gave a list, want the errors %q", want)
	}
	var got []string
	for _, row := range rowErrors(t, err) {
		got = append(got, row.Error())
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("errors (-want +got):\n%s", diff)
	}
}

const (
	wantExtra   = "options begin with -- (if a password holds a ';', give the list a header line and quote the password)"
	wantUTF8    = "not UTF-8: save the list as UTF-8"
	wantControl = "a control character"
)

func TestLoadBadRows(t *testing.T) {
	tests := []struct {
		name, in string
		want     []string
	}{
		{"case 90: short", "h1;u1;p1;h2;u2\n", []string{"line 1: 5 fields, not 6 or 7"}},
		{"short by an empty password", "h1;u1;p1;h2;u2;\n", []string{"line 1: 5 fields, not 6 or 7"}},
		{"one field", "h1\n", []string{"line 1: 1 field, not 6 or 7"}},
		{"commas without header", "h1,u1,p1,h2,u2,p2\n",
			[]string{`line 1: 1 field, not 6 or 7: without a header line they are separated by ";"`}},
		{"case 90: long", "h1;u1;p1;h2;u2;p2;a;b\n",
			[]string{`line 1: 8 fields, not 6 or 7: a password with a ";" in it needs a list with a header line and quotes`}},
		{"delimiter in a password", "h1;u1;se;cret;h2;u2;p2\n", []string{"line 1, column extra: " + wantExtra}},
		{"extra", "h1;u1;p1;h2;u2;p2;--automap --maxage x;\n", []string{"line 1, column extra: --maxage: must be a number of days, such as 30"}},
		{"case 90: empty fields", " ;;;;;x\n", []string{
			"line 1, column host1: empty", "line 1, column user1: empty", "line 1, column password1: empty",
			"line 1, column host2: empty", "line 1, column user2: empty",
		}},
		{"case 12: empty password", "h1;u1;;h2;u2;p2;\n", []string{"line 1, column password1: empty"}},
		{"empty scheme host", "imaps://;u1;p1;imaps://:993;u2;p2;\n", []string{"line 1, column host1: empty", "line 1, column host2: empty"}},
		{"case 21: blank and slash in a host name", "h 1;u1;p1;h/2;u2;p2;\n", []string{"line 1, column host1: a blank in the host name", "line 1, column host2: a slash in the host name"}},
		{"scheme", "pop3://h1;u1;p1;imap://h2/;u2;p2;\n", []string{
			"line 1, column host1: unknown scheme: imaps://, imap:// and imap+insecure:// are known",
			"line 1, column host2: a slash in the host name",
		}},
		{"ports", "h1:70000;u1;p1;h2:x;u2;p2;\n", []string{
			"line 1, column host1: the port must be a number from 1 to 65535",
			"line 1, column host2: the port must be a number from 1 to 65535",
		}},
		{"not UTF-8", "h1;u1;p\xe41;h2;u2;p2;\nh1;u3;p1;h2;u4;p2\n# \xe4\n\xff\n", []string{"line 1: " + wantUTF8, "line 4: " + wantUTF8}},
		{"all at once, by line", "h1;u1;p1;h2;u2;p2\nshort\nh1;;p1;h2;u3;p2\nshort\nh1;u1;p1;h2;u2;p2\n", []string{
			"line 2: 1 field, not 6 or 7", "line 3, column user1: empty", "line 4: 1 field, not 6 or 7", "line 5: the same row as line 1",
		}},
		{"physical lines", "# c\r\n\r\n  # c\r\nh1;u1;;h2;u2;p2\r\n", []string{"line 4, column password1: empty"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { checkErrors(t, tt.in, Options{}, tt.want) })
	}
}

func TestLoadBadHeadedRows(t *testing.T) {
	tests := []struct {
		name, in string
		want     []string
	}{
		{"extra by name", head + ";Extra\nh1;u1;p1;h2;u2;p2;--ssl1 \"x\"\n", []string{"line 2, column extra: word 2 is no option: options begin with --"}},
		{"columns", head + ";port1;port2;security1;tlsverify2\nh1;u1;p1;h2;u2;p2;0;+993;ssl;maybe\n", []string{
			"line 2, column port1: the port must be a number from 1 to 65535",
			"line 2, column security1: must be auto, tls, starttls or plain",
			"line 2, column port2: the port must be a number from 1 to 65535",
			"line 2, column tlsverify2: must be yes or no (also true, on, 1; false, off, 0)",
		}},
		{"control characters", head + ";authuser1\nh1;u\x01;p1;h2;u\x7f2;p\x002;a\tb\n", []string{
			"line 2, column user1: " + wantControl, "line 2, column authuser1: " + wantControl,
			"line 2, column user2: " + wantControl, "line 2, column password2: a NUL or a line break, which no login can carry",
		}},
		{"headed short and long", head + ";extra\nh1;u1;p1;h2;u2\nh1;u1;p1;h2;u2;p2;;x\n",
			[]string{"line 2: 5 fields, the header has 7", "line 3: 8 fields, the header has 7"}},
		{"quote not closed", head + "\nh1;u1;\"p1;h2;u2;p2\nh1;;p1;h2;u2;p2\n\"h1;u1;p1;h2;u2;p2", []string{
			"line 2, column password1: the quote that begins the field is not closed on its line",
			"line 3, column user1: empty",
			"line 4, column host1: the quote that begins the field is not closed on its line",
		}},
		{"case 90: line break in a field", head + "\nh1;u1;\"p\n1\";h2;u2;p2\n", []string{
			"line 2, column password1: the quote that begins the field is not closed on its line",
			"line 3: 4 fields, the header has 6",
		}},
		{"after a quote", head + "\n\"h1\" ;u1;p1;h2;u2;p2\nh1;u1;p1;h2;u2;p2;\"\"\"a\"b\n", []string{
			"line 2, column host1: text after the closing quote: write a quote inside a quoted field twice",
			"line 3: text after the closing quote: write a quote inside a quoted field twice",
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { checkErrors(t, tt.in, Options{}, tt.want) })
	}
}

func TestLoadBadHeader(t *testing.T) {
	tests := []struct {
		name, in string
		want     []string
	}{
		{"misspelt optional", "# list\n" + head + ";prot1\nh1;;p1;h2;u2;p2;993\n", []string{
			"line 2, column prot1: unknown column; the nearest known one is port1", "line 3, column user1: empty",
		}},
		{"misspelt required", "hots1;user1;pasword1;host2;user2;password2\nh1;;p1;h2;u2;p2\n", []string{
			"line 1: field 1 of the header is no known column; the nearest one is host1",
			"line 1: field 3 of the header is no known column; the nearest one is password1",
		}},
		{"misspelt host", "hots1;user1;password1;host2;user2;password2\nh1;;p1;h2;u2;p2\n",
			[]string{"line 1, column hots1: unknown column; the nearest known one is host1"}},
		{"an account much like a header", "host1;user1;Password3;host2;user2;passw0rd\n", []string{
			"line 1: field 3 of the header is no known column; the nearest one is password1",
			"line 1: field 6 of the header is no known column; the nearest one is password1",
			"line 1, column password2: missing from the header",
		}},
		{"far away", head + ";Department\nh1;u1;p1;h2;u2;p2;Sales\n",
			[]string{"line 1, column Department: unknown column; the nearest known one is host2"}},
		{"unprintable", head + ";a\x1b[31m b\nh1;u1;p1;h2;u2;p2;x\n",
			[]string{`line 1, column "a\x1b[31m b": unknown column; the nearest known one is host1`}},
		{"very long", head + ";" + strings.Repeat("ä", 500) + "\nh1;u1;p1;h2;u2;p2;x\n",
			[]string{`line 1, column "` + strings.Repeat("ä", 20) + `": unknown column; the nearest known one is host1`}},
		{"missing", "host1;user1;password1;host2;user2\nh1;u1;p1;h2;u2\n", []string{"line 1, column password2: missing from the header"}},
		{"missing, in quotes", `"host1","user1","host2","user2"` + "\nh1,u1,h2,u2\n", []string{
			"line 1, column password1: missing from the header", "line 1, column password2: missing from the header",
		}},
		{"doubled", head + ";pass1\nh1;u1;p1;h2;u2;p2;p3\n", []string{"line 1, column pass1: column password1 is there twice"}},
		{"doubled and missing", "host1;host1;user1;password1;host2;password2\n",
			[]string{"line 1, column host1: column host1 is there twice", "line 1, column user2: missing from the header"}},
		{"no name", "host1;;user1;password1;host2;user2;password2\nh1;x;u1;p1;h2;u2;p2\n", []string{"line 1: field 2 of the header has no name"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { checkErrors(t, tt.in, Options{}, tt.want) })
	}
}

func TestLoadTwins(t *testing.T) {
	const merge = "the same destination account as line 1 (--allow-merge lets both write to it)"
	tests := []struct {
		name, in  string
		forbidden []string // without AllowMerge
		merged    []string // with it
	}{
		{"case 96: one destination", "h1;u1;p1;h2;u2;p2\nh1;u3;p1;h2;u2;p2\nh3;u1;p1;h2;u2;p2", []string{
			"line 2, column user2: " + merge, "line 3, column user2: " + merge,
		}, nil},
		{"case 96: the same row", "h1;u1;p1;h2;u2;p2\n# c\nh1;u1;x1;h2;u2;x2\n",
			[]string{"line 3: the same row as line 1"}, []string{"line 3: the same row as line 1"}},
		{"hosts and ports of one server", "h1;u1;p1;h2;u2;p2\nH1:993;u1;p1;imap://h2.:143;u2;p2\n",
			[]string{"line 2: the same row as line 1"}, []string{"line 2: the same row as line 1"}},
		{"IPv6", "h1;u1;p1;::1;u2;p2\nh3;u1;p1;[0:0::0:1]:993;u2;p2\n", []string{"line 2, column user2: " + merge}, nil},
		{"with another error", "h1;u1;;h2;u2;p2\nh3;u1;p1;h2;u2;p2\n",
			[]string{"line 1, column password1: empty", "line 2, column user2: " + merge},
			[]string{"line 1, column password1: empty"}},
		{"onto itself", "h1;u1;p1;imaps://H1:993;u1;p2\n",
			[]string{"line 1: source and destination are the same account"},
			[]string{"line 1: source and destination are the same account"}},
		{"another port is another server", "h1;u1;p1;h2;u2;p2\nh1:1993;u1;p1;h2:1993;u2;p2\nh1;u1;p1;h1:1993;u1;p2", nil, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for allow, want := range map[bool][]string{false: tt.forbidden, true: tt.merged} {
				if want != nil {
					checkErrors(t, tt.in, Options{AllowMerge: allow}, want)
				} else if _, err := Load(strings.NewReader(tt.in), Options{AllowMerge: allow}); err != nil {
					t.Errorf("AllowMerge %v: %v", allow, err)
				}
			}
		})
	}
}

func TestLoadNothing(t *testing.T) {
	for _, in := range []string{"", "\n", "# only a comment", "\ufeff", "\ufeff\r\n", head + "\n", head + "\n;;;;;;\n", ";;;;;;", "sep=;", "sep=;\n"} {
		if list, err := Load(strings.NewReader(in), Options{}); !errors.Is(err, ErrNoAccounts) || list != nil {
			t.Errorf("%q: error %v, want %v", in, err, ErrNoAccounts)
		}
	}
}

func TestLoadReadError(t *testing.T) {
	gone := errors.New("gone")
	in := io.MultiReader(strings.NewReader("h1;u1;p1;h2;u2;p2\n"), iotest.ErrReader(gone))
	if list, err := Load(in, Options{}); !errors.Is(err, gone) || list != nil {
		t.Errorf("error %v, want %v and no list", err, gone)
	}
	if _, err := readText(strings.NewReader("12345"), 4); err == nil {
		t.Error("a list over the limit is taken")
	}
	if text, err := readText(strings.NewReader("1234"), 4); text != "1234" || err != nil {
		t.Errorf("a list at the limit: %q, %v", text, err)
	}
	for _, opt := range []Options{{Source: SideDefaults{Port: 65536}}, {Dest: SideDefaults{Port: -1}}} {
		if _, err := Load(strings.NewReader("h1;u1;p1;h2;u2;p2\n"), opt); err == nil {
			t.Errorf("%+v is taken", opt)
		}
	}
}

// Wherever a stray delimiter puts it, no error and no warning repeats a
// password, a host or a user.
func TestErrorsHideFields(t *testing.T) {
	const secret = "hunter2"
	fields := []string{"h1", "u1", "p1", "h2", "u2", "p2", "993", "tls", "yes", "admin", "", ""}
	const columns = "host1;user1;password1;host2;user2;password2;port1;security1;tlsverify1;authuser1;map;extra\n"
	for i := range fields {
		for _, form := range []string{
			secret, secret + "\x01", "\xff" + secret, " " + secret + " ", `"` + secret, `"` + secret + `"x`,
			secret + "://h", "imaps://u:" + secret + "@h", "h:" + secret, "[" + secret + "]", secret + "/x", "h " + secret, "--" + secret, "--map=" + secret, "--search1 \"" + secret + "\"x\"", "--maxage " + secret,
			"--regextrans2 s/(" + secret + "/x/", "-" + secret + " " + secret, "--exclude (?=" + secret, "--security1 " + secret, "A=B," + secret, "--password1 " + secret,
		} {
			row := slices.Clone(fields)
			row[i] = form
			for _, in := range []string{
				columns + strings.Join(row, ";"), strings.Join(row, ";"), strings.Join(row[:7], ";"), strings.Join(row[:6], ";"),
				strings.Join(row[:6], ","), columns + strings.Join(row[:i], ";"),
			} {
				var said []string
				list, err := Load(strings.NewReader(in+"\n"+in), Options{})
				if err != nil {
					said = append(said, err.Error())
				} else {
					said = append(said, list.Warnings...)
				}
				if all := strings.Join(said, "\n"); strings.Contains(all, secret) {
					t.Errorf("column %d, %q: said %q", i, form, all)
				}
			}
		}
	}
}

func TestRowError(t *testing.T) {
	cause := errors.New("why")
	var err error = &RowError{Line: 7, Column: "host1", Err: cause}
	if got := err.Error(); got != "line 7, column host1: why" {
		t.Errorf("Error: %q", got)
	}
	if !errors.Is(err, cause) {
		t.Error("the cause is not wrapped")
	}
	if joinRows(nil) != nil {
		t.Error("no row errors are an error")
	}
}
