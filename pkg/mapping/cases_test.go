package mapping

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/imapconn"
	"github.com/imapfleet/imapfleet/pkg/rules"
)

var dots, slash = Tree{"INBOX.", '.'}, Tree{"", '/'}

// boxesOf lists mailboxes in a tree. A name may be followed by attributes, as
// in `Sent|\Sent` or "Work|subscribed".
func boxesOf(t Tree, names ...string) Account {
	var out []imapconn.Mailbox
	for _, n := range names {
		name, attribute, _ := strings.Cut(n, "|")
		m := imapconn.Mailbox{Name: name, Wire: imapconn.EncodeMailbox(name), Delimiter: t.Delimiter}
		switch {
		case attribute == "subscribed":
			m.Subscribed = true
		case attribute == "noselect":
			m.NoSelect = true
		default:
			m.Use = attribute
		}
		out = append(out, m)
	}
	return Account{Tree: t, Mailboxes: out}
}

// pattern is a --include or --exclude with a regular expression.
func pattern(expr string) rules.Pattern {
	return rules.Pattern{Regexp: regexp.MustCompile(expr), Raw: expr}
}

// replaced is a --regextrans2.
func replaced(from, to string, all bool) rules.Transform {
	return rules.Transform{From: regexp.MustCompile(from), To: to, All: all, Raw: "s/" + from + "/" + to + "/"}
}

// left stands for a mailbox that is left out.
const left = "(left out)"

// goes returns where everything goes.
func goes(m *Map) map[string]string {
	got := map[string]string{}
	for _, r := range m.Routes {
		got[r.Source.Name] = r.Dest
		if r.LeftOut != "" {
			got[r.Source.Name] = left
		}
	}
	return got
}

type want = map[string]string

// TestCases are those of the conformance list that names alone decide, by
// their numbers there.
func TestCases(t *testing.T) {
	specialDest := boxesOf(slash, "INBOX", `Sent|\Sent`, `Junk|\Junk`, `Trash|\Trash`)
	tests := []struct {
		name         string
		source, dest Account
		rules        rules.Rules
		empty        string // this source mailbox is
		want         want
	}{
		{"case 24: INBOX. and . to none and /", boxesOf(dots, "INBOX", "INBOX.A.B.C", "INBOX.A|noselect"), boxesOf(slash, "INBOX"), rules.Rules{}, "",
			want{"INBOX": "INBOX", "INBOX.A.B.C": "A/B/C"}},
		{"case 25: and back; a dot inside a name becomes an underscore", boxesOf(slash, "INBOX", "spam/spam", "spam.spam"), boxesOf(dots, "INBOX"), rules.Rules{}, "",
			want{"INBOX": "INBOX", "spam/spam": "INBOX.spam.spam", "spam.spam": "INBOX.spam_spam"}},
		{"case 25: the one that is called so already keeps its name", boxesOf(slash, "INBOX", "a.b", "a_b"), boxesOf(dots, "INBOX"), rules.Rules{}, "",
			want{"INBOX": "INBOX", "a_b": "INBOX.a_b", "a.b": "INBOX.a_b (2)"}},
		{"case 26: names that are no ASCII", boxesOf(dots, "INBOX", "INBOX.éé", "INBOX.日本語"), boxesOf(slash, "INBOX"), rules.Rules{}, "",
			want{"INBOX": "INBOX", "INBOX.éé": "éé", "INBOX.日本語": "日本語"}},
		{"case 27: blanks, quotes, backslash, wildcards, brackets", boxesOf(slash, "INBOX", "sp ace", " lead", "trail ", "two  blanks", `q"uote`, `back\slash`, "st*r%", "[bracket]"),
			boxesOf(slash, "INBOX"), rules.Rules{}, "",
			want{"INBOX": "INBOX", "sp ace": "sp ace", " lead": " lead", "trail ": "trail ", "two  blanks": "two  blanks", `q"uote`: `q"uote`,
				`back\slash`: `back\slash`, "st*r%": "st*r%", "[bracket]": "[bracket]"}},
		{"case 27: what Cyrus is known to refuse gives way", boxesOf(slash, "INBOX", "50%", `q"uote`, `back\slash`, "{x}", "50_"), withSoftware(boxesOf(dots, "INBOX"), "Cyrus IMAP 3.6.1"), rules.Rules{}, "",
			want{"INBOX": "INBOX", "50_": "INBOX.50_", "50%": "INBOX.50_~" + markOf("INBOX.50%"), `q"uote`: "INBOX.q_uote", `back\slash`: "INBOX.back_slash", "{x}": "INBOX._x}"}},
		{"case 27: and Courier no emoji", boxesOf(slash, "INBOX", "a/😀", "a/😀/b"), withSoftware(boxesOf(dots, "INBOX"), "Courier-IMAP ready."), rules.Rules{}, "",
			want{"INBOX": "INBOX", "a/😀": "INBOX.a._", "a/😀/b": "INBOX.a._.b"}},
		{"case 27: mox takes composed characters only", boxesOf(slash, "INBOX", "e\u0301t\u0301"), withSoftware(boxesOf(slash, "INBOX"), "mox"), rules.Rules{}, "",
			want{"INBOX": "INBOX", "e\u0301t\u0301": "\u00e9t\u0301"}},
		{"case 28: INBOX in any case", boxesOf(slash, "INBOX", "a"), boxesOf(slash, "INBOX"), rules.Rules{Map: []rules.Rename{{From: "inbox", To: "Old"}, {From: "a", To: "Inbox"}}}, "",
			want{"INBOX": "Old", "a": "INBOX"}},
		{"case 29: twins stay two where the destination folds case", boxesOf(slash, "INBOX", "Work", "WORK", "WORK/x", "work"), withSoftware(boxesOf(slash, "INBOX", "Work"), "Gimap"), rules.Rules{}, "",
			want{"INBOX": "INBOX", "WORK": "Work", "Work": "Work (2)", "work": "work (3)", "WORK/x": "Work/x"}},
		{"case 30: an empty one is made", boxesOf(slash, "INBOX", "empty"), boxesOf(slash, "INBOX"), rules.Rules{}, "empty",
			want{"INBOX": "INBOX", "empty": "empty"}},
		{"case 30: not with --skip-empty", boxesOf(slash, "INBOX", "empty", "full"), boxesOf(slash, "INBOX"), rules.Rules{SkipEmpty: true}, "empty",
			want{"INBOX": "INBOX", "empty": left, "full": "full"}},
		{"case 31: a \\Noselect container is no mailbox", boxesOf(slash, "INBOX", "a|noselect", "a/b"), boxesOf(slash, "INBOX"), rules.Rules{}, "",
			want{"INBOX": "INBOX", "a/b": "a/b"}},
		{"case 32: --subscribed", boxesOf(slash, "INBOX|subscribed", "a|subscribed", "b"), boxesOf(slash, "INBOX"), rules.Rules{Subscribed: true}, "",
			want{"INBOX": "INBOX", "a": "a", "b": left}},
		{"case 33: special use", boxesOf(dots, "INBOX", "INBOX.Sent Messages", "INBOX.Junk", "INBOX.Spam"), specialDest, rules.Rules{}, "",
			want{"INBOX": "INBOX", "INBOX.Sent Messages": "Sent", "INBOX.Junk": "Junk", "INBOX.Spam": "Spam"}},
		{"case 33: Junk and Spam to Junk, by the user's will", boxesOf(dots, "INBOX", "INBOX.Junk", "INBOX.Spam"), specialDest,
			rules.Rules{Map: []rules.Rename{{From: "INBOX.Spam", To: "Junk"}}}, "",
			want{"INBOX": "INBOX", "INBOX.Junk": "Junk", "INBOX.Spam": "Junk"}},
		{"case 33: not with --no-automap", boxesOf(dots, "INBOX", "INBOX.Sent Messages"), specialDest, rules.Rules{NoAutomap: true}, "",
			want{"INBOX": "INBOX", "INBOX.Sent Messages": "Sent Messages"}},
		{"case 34: --map beats special use and --regextrans2", boxesOf(slash, "INBOX", `Gesendet|\Sent`, "x"), specialDest,
			rules.Rules{Map: []rules.Rename{{From: "Gesendet", To: "Mine"}, {From: "x", To: "y"}}, Transforms: []rules.Transform{replaced("^", "Old/", false)}}, "",
			want{"INBOX": "Old/INBOX", "Gesendet": "Mine", "x": "y"}},
		{"case 34: names as imapsync's users have them, in modified UTF-7", boxesOf(slash, "INBOX", "Entwürfe"), boxesOf(slash, "INBOX"),
			rules.Rules{Map: []rules.Rename{{From: "Entw&APw-rfe", To: "&AOk-t&AOk-"}}}, "",
			want{"INBOX": "INBOX", "Entwürfe": "été"}},
		{"case 34: special use beats --regextrans2", boxesOf(slash, "INBOX", `Gesendet|\Sent`, "Gesendet/2020"), specialDest,
			rules.Rules{Transforms: []rules.Transform{replaced("Gesendet", "X", false)}}, "",
			want{"INBOX": "INBOX", "Gesendet": "Sent", "Gesendet/2020": "X/2020"}},
		{"case 35: --map names a mailbox letter by letter", boxesOf(slash, "INBOX", "a"), withSoftware(boxesOf(dots, "INBOX"), "Cyrus"),
			rules.Rules{Map: []rules.Rename{{From: "a", To: "INBOX.50%"}}}, "",
			want{"INBOX": "INBOX", "a": "INBOX.50%"}},
		{"case 36: --subfolder2", boxesOf(dots, "INBOX", "INBOX.a.b", `INBOX.Sent|\Sent`), specialDest, rules.Rules{Subfolder2: "Old"}, "",
			want{"INBOX": "Old/INBOX", "INBOX.a.b": "Old/a/b", "INBOX.Sent": "Old/Sent"}},
		{"case 36: --subfolder2 with the destination's prefix or without it", boxesOf(slash, "INBOX", "a", "INBOX/x"), boxesOf(dots, "INBOX"), rules.Rules{Subfolder2: "INBOX.Old"}, "",
			want{"INBOX": "INBOX.Old.INBOX", "a": "INBOX.Old.a", "INBOX/x": "INBOX.Old.INBOX.x"}},
		{"case 36: and back by --subfolder1", boxesOf(dots, "INBOX", "INBOX.Old", "INBOX.Old.INBOX", "INBOX.Old.a.b", "INBOX.Old.Sent", "INBOX.x", "INBOX.Older"), specialDest, rules.Rules{Subfolder1: "Old"}, "",
			want{"INBOX": left, "INBOX.Old": left, "INBOX.Old.INBOX": "INBOX", "INBOX.Old.a.b": "a/b", "INBOX.Old.Sent": "Sent", "INBOX.x": left, "INBOX.Older": left}},
		{"case 37: all into one", boxesOf(slash, "INBOX", "a", "a/b", `Sent|\Sent`), boxesOf(slash, "INBOX"), rules.Rules{Transforms: []rules.Transform{replaced(".*", "INBOX", false)}}, "",
			want{"INBOX": "INBOX", "a": "INBOX", "a/b": "INBOX", "Sent": "INBOX"}},
		{"case 37: what no rule sends there stays apart", boxesOf(dots, "INBOX", "INBOX.INBOX", "INBOX.a"), boxesOf(slash, "INBOX"), rules.Rules{Map: []rules.Rename{{From: "INBOX.a", To: "INBOX"}}}, "",
			want{"INBOX": "INBOX", "INBOX.a": "INBOX", "INBOX.INBOX": "INBOX (2)"}},
		{"case 37: what a rule makes of two names that only the destination makes one", boxesOf(slash, "INBOX", "INBOX/x", "x", "a.b", "a_b"), boxesOf(dots, "INBOX"),
			rules.Rules{Transforms: []rules.Transform{replaced(`^INBOX\.`, "INBOX.Old.", false)}}, "",
			want{"INBOX": "INBOX", "INBOX/x": "INBOX.Old.x", "x": "INBOX.Old.x (2)", "a.b": "INBOX.Old.a_b (2)", "a_b": "INBOX.Old.a_b"}},
		{"case 37: of letter case at one that folds it", boxesOf(slash, "INBOX", "Work", "WORK", "work"), withSoftware(boxesOf(slash, "INBOX"), "Gimap"),
			rules.Rules{Transforms: []rules.Transform{replaced("^W", "Old/W", false)}}, "",
			want{"INBOX": "INBOX", "WORK": "Old/WORK", "Work": "Old/Work (2)", "work": "work"}},
		{"case 37: of what it does not take", boxesOf(slash, "INBOX", "50%", "50_", "50{"), withSoftware(boxesOf(slash, "INBOX"), "Cyrus"),
			rules.Rules{Transforms: []rules.Transform{replaced("^5", "Old/5", false)}}, "",
			want{"INBOX": "INBOX", "50_": "Old/50_", "50%": "Old/50_~" + markOf("Old/50%"), "50{": "Old/50_~" + markOf("Old/50{")}},
		{"case 37: two that a rule sends to what it does not take", boxesOf(slash, "INBOX", "a", "b", "c_"), withSoftware(boxesOf(slash, "INBOX"), "Cyrus"),
			rules.Rules{Transforms: []rules.Transform{replaced("^[ab]$", "c%", false)}}, "",
			want{"INBOX": "INBOX", "a": "c_~" + markOf("c%"), "b": "c_~" + markOf("c%"), "c_": "c_"}},
		{"case 37: all into one, also what the destination makes one", boxesOf(slash, "INBOX", "INBOX/x", "x"), boxesOf(dots, "INBOX"),
			rules.Rules{Transforms: []rules.Transform{replaced(".*", "INBOX", false)}}, "",
			want{"INBOX": "INBOX", "INBOX/x": "INBOX", "x": "INBOX"}},
		{"case 37: into one that is there, by a rule", boxesOf(slash, "INBOX", `Junk|\Junk`, "Spam", "b", "B"), withSoftware(specialDest, "Gimap"),
			rules.Rules{Transforms: []rules.Transform{replaced("^Spam$", "junk", false), replaced("(?i)^b$", "C", false)}}, "",
			want{"INBOX": "INBOX", "Junk": "Junk", "Spam": "Junk", "b": "C", "B": "C"}},
		{"case 38: exclude comes after include", boxesOf(slash, "INBOX", "Work", "Work/old", "Private"), boxesOf(slash, "INBOX"),
			rules.Rules{Include: []rules.Pattern{pattern("^Work"), pattern("^INBOX$")}, Exclude: []rules.Pattern{pattern("old$")}}, "",
			want{"INBOX": "INBOX", "Work": "Work", "Work/old": left, "Private": left}},
		{"case 38: letter case as the expression says", boxesOf(slash, "INBOX", "SPAM", "spam"), boxesOf(slash, "INBOX"), rules.Rules{Exclude: []rules.Pattern{pattern("(?i)^spam$")}}, "",
			want{"INBOX": "INBOX", "SPAM": left, "spam": left}},
		{"case 38: folders and trees by name, and exclude from them", boxesOf(slash, "INBOX", "a", "a/b", "a/b/c", "ab", "d", "d/e"), boxesOf(slash, "INBOX"),
			rules.Rules{Folders: []string{"d"}, FolderTrees: []string{"a"}, Exclude: []rules.Pattern{pattern("c$")}}, "",
			want{"INBOX": left, "a": "a", "a/b": "a/b", "a/b/c": left, "ab": left, "d": "d", "d/e": left}},
		{"views are left out", boxesOf(slash, "INBOX", `[Gmail]/All Mail|\All`, `[Gmail]/Starred|\Flagged`, `[Gmail]/Important|\Important`), boxesOf(slash, "INBOX"), rules.Rules{}, "",
			want{"INBOX": "INBOX", "[Gmail]/All Mail": left, "[Gmail]/Starred": left, "[Gmail]/Important": left}},
		{"unless they are asked for", boxesOf(slash, "INBOX", `All|\All`), boxesOf(slash, "INBOX"), rules.Rules{Views: true}, "",
			want{"INBOX": "INBOX", "All": "All"}},
		{"or named", boxesOf(slash, "INBOX", `All|\All`, `Flagged|\Flagged`), boxesOf(slash, "INBOX"), rules.Rules{Folders: []string{"All", "INBOX"}}, "",
			want{"INBOX": "INBOX", "All": "All", "Flagged": left}},
		{"one that is left out gives no special use away", boxesOf(slash, "INBOX", `Gesendet|\Sent`, "Sent"), specialDest, rules.Rules{Exclude: []rules.Pattern{pattern("^Gesendet$")}}, "",
			want{"INBOX": "INBOX", "Gesendet": left, "Sent": "Sent"}},
		{"--regextrans2, each after the other, first match or all", boxesOf(slash, "INBOX", "a b c"), boxesOf(slash, "INBOX"),
			rules.Rules{Transforms: []rules.Transform{replaced("^(a) b", "${1}x b", false), replaced(" ", "_", true)}}, "",
			want{"INBOX": "INBOX", "a b c": "ax_b_c"}},
		{"--regextrans2 is for the names that it matches", boxesOf(slash, "INBOX", "Spam", "Spam/x", "Junk", "Junk/x"), boxesOf(slash, "INBOX"),
			rules.Rules{Transforms: []rules.Transform{replaced("^Spam$", "Junk", false)}}, "",
			want{"INBOX": "INBOX", "Spam": "Junk", "Spam/x": "Spam/x", "Junk": "Junk", "Junk/x": "Junk/x"}},
		{"what a rule rewrites follows a parent that gave way", boxesOf(slash, "INBOX", "INBOX/x", "x", "x/y", "x/y/z"), boxesOf(dots, "INBOX"),
			rules.Rules{Transforms: []rules.Transform{replaced(`^INBOX\.`, "INBOX.Old.", false)}}, "",
			want{"INBOX": "INBOX", "INBOX/x": "INBOX.Old.x", "x": "INBOX.Old.x (2)", "x/y": "INBOX.Old.x (2).y", "x/y/z": "INBOX.Old.x (2).y.z"}},
		{"or a special one, within what it leaves alone", boxesOf(slash, "INBOX", `Gesendet|\Sent`, "Gesendet/2020", "Gesendet/2020/1"), specialDest,
			rules.Rules{Transforms: []rules.Transform{replaced("2020", "2021", false)}}, "",
			want{"INBOX": "INBOX", "Gesendet": "Sent", "Gesendet/2020": "Sent/2021", "Gesendet/2020/1": "Sent/2021/1"}},
		{"--map is for one mailbox: what is below it goes where it would go", boxesOf(slash, "INBOX", "a", "a/b"), boxesOf(slash, "INBOX"), rules.Rules{Map: []rules.Rename{{From: "a", To: "z"}}}, "",
			want{"INBOX": "INBOX", "a": "z", "a/b": "a/b"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := built(t, Input{Source: tt.source, Dest: tt.dest, Rules: tt.rules, Empty: func(m imapconn.Mailbox) bool { return m.Name == tt.empty }})
			if d := cmp.Diff(tt.want, goes(m)); d != "" {
				t.Errorf("routes (-want +got):\n%s", d)
			}
		})
	}
}

func withSoftware(a Account, software string) Account {
	a.Software = software
	return a
}

func markOf(name string) string { return strings.TrimPrefix(mark(name), "~") }

// TestMissing is case 39: a mailbox that was asked for by name and is not there
// is an error that names the one that may be meant.
func TestMissing(t *testing.T) {
	source := boxesOf(dots, "INBOX", "INBOX.Work", "INBOX.Work.x")
	for name, tt := range map[string]struct {
		rules rules.Rules
		hint  string
	}{
		"case 39: --folder":     {rules.Rules{Folders: []string{"INBOX", "Work"}}, "INBOX.Work"},
		"case 39: --folderrec":  {rules.Rules{FolderTrees: []string{"INBOX.work"}}, "INBOX.Work"},
		"case 36: --subfolder1": {rules.Rules{Subfolder1: "Old"}, "as the source lists them"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Build(Input{Source: source, Dest: boxesOf(slash, "INBOX"), Rules: tt.rules})
			f := fault.Of(err)
			if f == nil || f.Side != fault.Source || f.Scope != fault.Account || f.Temporary || !strings.Contains(f.Hint, tt.hint) {
				t.Errorf("error %v (%+v)", err, f)
			}
		})
	}
}

// TestRespell: other names for one that is refused go from the mildest to
// letters and digits, stay apart from all others, and children follow.
func TestRespell(t *testing.T) {
	long := strings.Repeat("é", 90)
	deep := strings.Repeat("d/", 100) + "e"
	in := Input{Source: boxesOf(slash, "INBOX", "a%b", "a_b", "a%b/c", "plain", long, long+"x", deep), Dest: boxesOf(slash, "INBOX")}
	m := built(t, in)
	refused := func(names ...string) (at []int) {
		for i, r := range m.Routes {
			for _, n := range names {
				if r.Source.Name == n {
					at = append(at, i)
				}
			}
		}
		return at
	}
	if again := m.Respell(refused("a%b", "a%b/c", "plain"), 0); len(again) != 2 {
		t.Errorf("%d are called otherwise, want 2", len(again))
	}
	got := goes(m)
	if a := "a_b" + mark("a%b"); got["a%b"] != a || got["a%b/c"] != a+"/c" || got["plain"] != "plain" || got["a_b"] != "a_b" {
		t.Errorf("first try: %q", got)
	}
	m.Respell(refused(long, long+"x", deep), 1)
	got = goes(m)
	for _, n := range []string{long, long + "x", deep} {
		if d := got[n]; d == n || len(imapconn.EncodeMailbox(d)) > maxOctets || !strings.HasPrefix(n, strings.TrimSuffix(d, mark(n))) {
			t.Errorf("%.20s... goes to %q", n, d)
		}
	}
	if got[long] == got[long+"x"] {
		t.Error("two long names are one")
	}
	m.Respell(refused(long), 3)
	if d := goes(m)[long]; strings.Trim(strings.TrimSuffix(d, mark(long)), "_") != "" {
		t.Errorf("last try: %q", d)
	}
	m.Reset(refused("a%b"))
	if d := goes(m)["a%b"]; d != "a%b" {
		t.Errorf("reset: %q", d)
	}
	for _, r := range m.Routes {
		if r.Source.Name == "a%b/c" && !r.Changed || r.Source.Name == "plain" && r.Changed {
			t.Errorf("%+v", r)
		}
	}
}

// TestNotes are what check and a dry run show.
func TestNotes(t *testing.T) {
	in := Input{Source: boxesOf(slash, "INBOX", "Spam", "Junk", `All|\All`, "a.b", "c\x1b[2J", `Gesendet|\Sent`), Dest: boxesOf(dots, "INBOX", `INBOX.Sent|\Sent`),
		Rules: rules.Rules{Map: []rules.Rename{{From: "Spam", To: "INBOX.Junk"}}, Exclude: []rules.Pattern{pattern("^c")}}}
	got := built(t, in).Notes()
	want := []string{
		`All is left out: a view of all mail (\All): it would bring every message twice. At Gmail, archived mail without a label is only there: --views migrates it too`,
		`Gesendet goes to INBOX.Sent: special use \Sent`,
		"Junk goes to INBOX.Junk, together with Spam",
		"Spam goes to INBOX.Junk, together with Junk: --map",
		"a.b goes to INBOX.a_b: the destination's delimiter cannot stand inside a name",
		"c [2J is left out: --exclude ^c",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("notes (-want +got):\n%s", d)
	}
}

// TestManyMailboxes is case 44: 10,000 mailboxes, also where all of them meet,
// are merged or are refused.
func TestManyMailboxes(t *testing.T) {
	const n = 10_000
	var names, dotted []string
	for i := range n {
		names = append(names, fmt.Sprintf("top%d/sub%d/x%d", i%100, i%1000, i))
		dotted = append(dotted, strings.Repeat(".", 1+i%50)+"x"+strings.Repeat("_", i/50))
	}
	for name, in := range map[string]Input{
		"case 44: plain":   {Source: boxesOf(slash, names...)},
		"case 44: merged":  {Source: boxesOf(slash, names...), Rules: rules.Rules{Transforms: []rules.Transform{replaced(".*", "INBOX", false)}}},
		"case 44: altered": {Source: boxesOf(slash, dotted...)},
	} {
		t.Run(name, func(t *testing.T) {
			in.Dest = boxesOf(dots, "INBOX")
			m := built(t, in)
			all := make([]int, len(m.Routes))
			for i := range all {
				all[i] = i
			}
			m.Respell(all, 3)
			if len(m.Routes) != n {
				t.Errorf("%d routes", len(m.Routes))
			}
		})
	}
}
