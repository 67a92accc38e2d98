package rules

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var sameExpr = cmp.Comparer(func(a, b *regexp.Regexp) bool { return a.String() == b.String() })

func TestOptions(t *testing.T) {
	pattern := func(raw string) Pattern { return Pattern{regexp.MustCompile(raw), raw} }
	aged := func(since, before time.Time, outside bool) Rules {
		return Rules{Messages: Messages{Since: since, Before: before, Outside: outside}}
	}
	tests := []struct {
		line string
		want Rules
	}{
		{"", Rules{}},
		{`--f1f2 A=B --map "Sent Items=Sent" -f1f2=A=C`, Rules{Map: []Rename{{"Sent Items", "Sent"}, {"A", "C"}}}},
		{`--map inbox=Old --map INBOX=New`, Rules{Map: []Rename{{"INBOX", "New"}}}},
		{`--map 'a\=b=c\,d\e'`, Rules{Map: []Rename{{"a=b", `c,d\e`}}}},
		{"--map A=B --nof1f2", Rules{}},
		{"--noautomap", Rules{NoAutomap: true}},
		{"--no-automap --AutoMap", Rules{}},
		{"--automap=no", Rules{NoAutomap: true}},
		{"case 36: --subfolder2 Old --subfolder1 'A B'", Rules{Subfolder1: "A B", Subfolder2: "Old"}},
		{"case 38: --exclude (?i)spam --include ^A", Rules{Include: []Pattern{pattern("^A")}, Exclude: []Pattern{pattern("(?i)spam")}}},
		{"--exclude ^A --noexclude --exclude ^B", Rules{Exclude: []Pattern{pattern("^B")}}},
		{"case 39: --folder INBOX --folder=Sent --folderrec 'A/B'", Rules{Folders: []string{"INBOX", "Sent"}, FolderTrees: []string{"A/B"}}},
		{"case 30: --skipemptyfolders", Rules{SkipEmpty: true}},
		{"--skip-empty --subscribed --subscribeall --views", Rules{SkipEmpty: true, Subscribed: true, Subscribe: true, Views: true}},
		{"case 32: --subscribe", Rules{}},
		{"--nosubscribe", Rules{NoSubscribe: true}},
		{"case 22: --justlogin", Rules{JustLogin: true}},
		{"case 83: --dry --justfolders", Rules{Dry: true, JustFolders: true}},
		{"--since 2024-01-31 --before 1-Mar-2024 --by-date-header",
			Rules{Messages: Messages{Since: date(2024, 1, 31), Before: date(2024, 3, 1), ByDateHeader: true}}},
		{"case 64: --maxage 1", aged(date(2026, 6, 29), time.Time{}, false)},
		{"case 64: --maxage 0 --abletosearch --noabletosearch", aged(date(2026, 6, 30), time.Time{}, false)},
		{"--minage 0.5", aged(time.Time{}, date(2026, 6, 30), false)},
		{"case 65: --maxage 10000 --minage 9999", aged(date(1999, 2, 12), date(1999, 2, 13), false)},
		{"case 65: --maxage 9999 --minage 10000", aged(date(1999, 2, 13), date(1999, 2, 12), true)},
		{"--maxage 30 --since 2024-01-01 --minage 40", aged(date(2024, 1, 1), date(2026, 5, 21), false)},
		{"case 63: --maxsize 10000000 --minsize 100", Rules{Messages: Messages{MaxSize: 10_000_000, MinSize: 100}}},
		{"--max-size 25MiB --min-size 1k", Rules{Messages: Messages{MaxSize: 25 << 20, MinSize: 1 << 10}}},
		{`case 66: --search 'OR UNSEEN KEYWORD "a\"(b"'`, Rules{Messages: Messages{Search: `OR UNSEEN KEYWORD "a\"(b"`}}},
		{"case 49: --skip-duplicates", Rules{Messages: Messages{SkipDuplicates: true}}},
		{"case 49: --nosyncduplicates", Rules{Messages: Messages{SkipDuplicates: true}}},
		{"case 49: --syncduplicates", Rules{}},
		{"--repair crlf,NUL,crlf", Rules{Repairs: Repairs{Kinds: []string{"crlf", "nul"}}}},
		{"--repair none", Rules{Repairs: Repairs{Off: true}}},
		{"--follow-moves --followdeletes --max-delete 2.5%", Rules{Follow: Follow{Moves: true, Deletes: true, MaxDelete: 2.5}}},
		{"--nosyncacls --syncinternaldates --nofoldersizes --nofoldersizesatend --noreleasecheck --nolog --usecache --addheader --noexpunge1 --authmech1 plain --tmpdir /x", Rules{}},
	}
	for _, tt := range tests {
		t.Run(tt.line, func(t *testing.T) {
			_, line, found := strings.Cut(tt.line, ": ")
			if !found {
				line = tt.line
			}
			if diff := cmp.Diff(tt.want, mustParse(t, line), sameExpr); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestOptionErrors(t *testing.T) {
	tests := []struct{ line, want string }{
		{"--map A", `--map: must be A=B, two names of mailboxes (\= is a = inside a name)`},
		{"--map =B", "--map: an empty name"},
		{"--map 'A=B\x01'", "--map: a control character in a name"},
		{"--subfolder2 ''", "--subfolder2: an empty name"},
		{"--folder", "--folder needs a value"},
		{"--automap=maybe", "--automap: must be yes or no (also true, on, 1; false, off, 0)"},
		{"--since 31.1.2024", "--since: must be a day such as 2024-01-31"},
		{"--maxage -1", "--maxage: must be a number of days, such as 30"},
		{"--maxage NaN", "--maxage: must be a number of days, such as 30"},
		{"--maxage 1e9", "--maxage: must be a number of days, such as 30"},
		{"--since 2024-02-01 --before 2024-02-01", "--since, --before, --maxage and --minage leave no day between them"},
		{"--maxage 5 --minage 5", "--since, --before, --maxage and --minage leave no day between them"},
		{"--max-size 0", "--max-size: must be a number of octets, or one such as 25MiB"},
		{"--max-size 1k --min-size 2k", "--min-size is more than --max-size"},
		{"--search ''", "--search: empty"},
		{"--search 'ALL\nx'", "--search: must be one line of ASCII"},
		{"--search 'ALL\rx'", "--search: must be one line of ASCII"},
		{"--search 'SUBJECT é'", "--search: must be one line of ASCII"},
		{"--search 'SUBJECT {3}'", "--search: a literal such as {5} is not taken: put the text in quotes"},
		{"--search 'SUBJECT {3+}'", "--search: a literal such as {5} is not taken: put the text in quotes"},
		{"--search 'SUBJECT ~{3}'", "--search: a literal such as {5} is not taken: put the text in quotes"},
		{"--search 'ALL) x'", "--search: a ) without its ("},
		{"--search '(ALL'", "--search: a ( without its )"},
		{`--search 'SUBJECT "a'`, "--search: a quote that is opened and not closed"},
		{`--search 'SUBJECT "a\"'`, "--search: a quote that is opened and not closed"},
		{"--search 'charset utf-8 ALL'", "--search: must be search keys alone, without CHARSET"},
		{"--search 'RETURN (SAVE) ALL'", "--search: must be search keys alone, without RETURN"},
		{"--repair bodies", "--repair: must be none or some of date,keywords,newline,crlf,nul,8bit,header,lines"},
		{"--repair ''", "--repair: must be none or some of date,keywords,newline,crlf,nul,8bit,header,lines"},
		{"--max-delete 0", "--max-delete: must be a percentage over 0, such as 10%"},
		{"--max-delete 101%", "--max-delete: must be a percentage over 0, such as 10%"},
		{"--authmech2 XOAUTH2", "--authmech2: OAuth2 is not there yet: use an app password"},
		{"--authmech1 PREAUTH", "--authmech1: only PLAIN and LOGIN are there, over TLS; which of them is found out at the server"},
		{"case 23: --nosuchthing", "word 1 is no known option; 'imapfleet run --help' lists them"},
		{"case 23: --max-agee=3", "word 1 is no known option; the nearest one is --maxage"},
		{"--", "word 1 is no option: options begin with --"},
		{"case 82: --delete1", "--delete1: " + noDelete},
		{"case 79: --expunge1", "--expunge1: " + noDelete},
		{"--syncacls", "--syncacls: rights (ACLs) are not copied: set them at the destination"},
		{"case 67: --exitwhenover 1000", "--exitwhenover: a run is stopped by Ctrl-C and goes on when it is run again; --limit of the run holds it to a rate, also by a timetable"},
		{"case 68: --errorsmax 5", "--errorsmax: --max-rejects of the run says when a row is given up"},
		{"--nofastio1", "--nofastio1: buffers are --memory's, for the whole run: leave it out"},
		{"case 78: --gmail1", "--gmail1: servers are asked what they can: leave it out, and give the host in the list"},
	}
	for _, tt := range tests {
		t.Run(tt.line, func(t *testing.T) {
			line := tt.line
			if strings.HasPrefix(line, "case ") {
				_, line, _ = strings.Cut(line, ": ")
			}
			_, errs := parse(t, line)
			if len(errs) != 1 || errs[0].Error() != tt.want {
				t.Errorf("%v, want %s", errs, tt.want)
			}
		})
	}
}

// TestRefusals: each says what to do or why, and none is an option too.
func TestRefusals(t *testing.T) {
	for _, name := range []string{"simulong", "pipemess", "regexmess", "useheader", "buffersize", "fastio1", "exitwhenover", "proxyauth1", "sep1", "oauthdirect2"} {
		if Refusal(name) == "" {
			t.Errorf("--%s is not refused", name)
		}
		if _, _, ok := Lookup(name); ok {
			t.Errorf("--%s is an option", name)
		}
	}
	if Refusal("automap") != "" || Refusal("nosuch") != "" {
		t.Error("an option, or none, is refused")
	}
}

// TestTable: names are there once, help can be written of all, and each
// spelling of imapsync is found.
func TestTable(t *testing.T) {
	for _, o := range Options() {
		if o.Usage == "" || (o.value == nil) == (o.toggle == nil) || (o.value != nil) != (o.Arg != "") {
			t.Errorf("option %s is not whole", o.Name)
		}
	}
	for _, name := range []string{"f1f2", "F1F2", "max-age", "MaxAge", "nomap", "no-f1f2", "skip_empty_folders", "subscribe_all", "dry", "dryrun", "ssl1", "notls2", "nosyncacls"} {
		if _, _, ok := Lookup(name); !ok {
			t.Errorf("--%s is not found", name)
		}
	}
	if o, negated, _ := Lookup("noautomap"); o == nil || o.Name != "automap" || !negated {
		t.Error("--noautomap is not automap's negation")
	}
}

// TestClone: a row changes nothing for the run or for other rows.
func TestClone(t *testing.T) {
	run := NewBuilder(today)
	for _, w := range []string{"A=B", "C=D", "E=F"} {
		o, _, _ := Lookup("map")
		if err := run.Set(o, w); err != nil {
			t.Fatal(err)
		}
	}
	first, second := run.Clone(), run.Clone()
	if errs := first.Parse([]string{"--map", "A=X", "--map", "G=H", "--folder", "a", "--exclude", "a"}); errs != nil {
		t.Fatal(errs)
	}
	if errs := second.Parse([]string{"--map", "G=I", "--folder", "b", "--exclude", "b"}); errs != nil {
		t.Fatal(errs)
	}
	for _, tt := range []struct {
		b    *Builder
		want []Rename
	}{
		{run, []Rename{{"A", "B"}, {"C", "D"}, {"E", "F"}}},
		{first, []Rename{{"C", "D"}, {"E", "F"}, {"A", "X"}, {"G", "H"}}},
		{second, []Rename{{"A", "B"}, {"C", "D"}, {"E", "F"}, {"G", "I"}}},
	} {
		s, err := tt.b.Build()
		if err != nil || !slices.Equal(s.Rules.Map, tt.want) {
			t.Errorf("%v, %v; want %v", s.Rules.Map, err, tt.want)
		}
	}
}

func TestMapFileErrors(t *testing.T) {
	b := NewBuilder(today)
	err := b.readMapFile(strings.NewReader("A=B\n\nA=C\n[u]\nA=D\nINBOX=a\ninbox=b\nx\n"))
	want := "line 3: this mailbox has a line above already\nline 7: this mailbox has a line above already\n" +
		`line 8: must be A=B, two names of mailboxes (\= is a = inside a name)`
	if err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	if err := b.readMapFile(strings.NewReader("\xff=a")); err != errUTF8 {
		t.Errorf("%v, want %v", err, errUTF8)
	}
	if err := b.openMapFile(t.TempDir() + "/none"); err == nil {
		t.Error("a file that is not there is taken")
	}
}

func TestOnly(t *testing.T) {
	for want, r := range map[string]*Rules{"": nil, "login": {JustLogin: true, JustFolders: true}, "folders": {JustFolders: true}} {
		if got := r.Only(); got != want {
			t.Errorf("%+v: %q, want %q", r, got, want)
		}
	}
}
