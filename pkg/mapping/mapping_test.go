package mapping

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/imapfleet/imapfleet/pkg/imapconn"
	"github.com/imapfleet/imapfleet/pkg/rules"
)

func box1(delimiter rune, names ...string) []imapconn.Mailbox {
	var out []imapconn.Mailbox
	for _, n := range names {
		out = append(out, imapconn.Mailbox{Name: n, Wire: imapconn.EncodeMailbox(n), Delimiter: delimiter})
	}
	return out
}

func used(m []imapconn.Mailbox, uses map[string]string) []imapconn.Mailbox {
	for i := range m {
		m[i].Use = uses[m[i].Name]
	}
	return m
}

func TestBuild(t *testing.T) {
	dots, slash, flat := Tree{"INBOX.", '.'}, Tree{"", '/'}, Tree{"", 0}
	tests := []struct {
		name         string
		source, dest []imapconn.Mailbox
		from, to     Tree
		stored       map[string]string
		want         map[string]string
	}{
		{
			name:   "prefix and delimiter to none",
			source: box1('.', "INBOX", "INBOX.A", "INBOX.A.B", "INBOX.A.B.C"), from: dots,
			dest: box1('/', "INBOX"), to: slash,
			want: map[string]string{"INBOX": "INBOX", "INBOX.A": "A", "INBOX.A.B": "A/B", "INBOX.A.B.C": "A/B/C"},
		},
		{
			name:   "and back; the delimiter inside a level becomes an underscore",
			source: box1('/', "INBOX", "spam/spam", "spam.spam"), from: slash,
			dest: box1('.', "INBOX"), to: dots,
			want: map[string]string{"INBOX": "INBOX", "spam/spam": "INBOX.spam.spam", "spam.spam": "INBOX.spam_spam"},
		},
		{
			name:   "two source names meet: the second claimant gets a suffix, its children follow",
			source: box1('/', "INBOX", "INBOX/x", "INBOX/x/y", "x", "x/y"), from: slash,
			dest: box1('.', "INBOX"), to: dots,
			want: map[string]string{"INBOX": "INBOX", "INBOX/x": "INBOX.x", "INBOX/x/y": "INBOX.x.y", "x": "INBOX.x (2)", "x/y": "INBOX.x (2).y"},
		},
		{
			name:   "special use by attribute wins over the name",
			source: used(box1('/', "INBOX", "Sent", "Sent Messages"), map[string]string{"Sent Messages": `\Sent`}), from: slash,
			dest: used(box1('/', "INBOX", "Sent"), map[string]string{"Sent": `\Sent`}), to: slash,
			want: map[string]string{"INBOX": "INBOX", "Sent Messages": "Sent", "Sent": "Sent (2)"},
		},
		{
			name:   "special use by name",
			source: box1('.', "INBOX", "INBOX.Deleted Items", "INBOX.Junk E-mail"), from: dots,
			dest: used(box1('/', "INBOX", "Trash", "Junk"), map[string]string{"Trash": `\Trash`, "Junk": `\Junk`}), to: slash,
			want: map[string]string{"INBOX": "INBOX", "INBOX.Deleted Items": "Trash", "INBOX.Junk E-mail": "Junk"},
		},
		{
			name:   "children follow a special mailbox",
			source: used(box1('/', "INBOX", "Bin", "Bin/old"), map[string]string{"Bin": `\Trash`}), from: slash,
			dest: used(box1('/', "INBOX", "Deleted Items"), map[string]string{"Deleted Items": `\Trash`}), to: slash,
			want: map[string]string{"INBOX": "INBOX", "Bin": "Deleted Items", "Bin/old": "Deleted Items/old"},
		},
		{
			name:   "a stored choice never changes",
			source: used(box1('/', "INBOX", "Sent", "Sent Messages"), map[string]string{"Sent Messages": `\Sent`}), from: slash,
			dest: used(box1('/', "INBOX", "Sent"), map[string]string{"Sent": `\Sent`}), to: slash,
			stored: map[string]string{"Sent": "Sent"},
			want:   map[string]string{"INBOX": "INBOX", "Sent": "Sent", "Sent Messages": "Sent Messages"},
		},
		{
			name:   "INBOX below the prefix is another mailbox",
			source: box1('.', "INBOX", "INBOX.INBOX"), from: dots,
			dest: box1('/', "INBOX"), to: slash,
			want: map[string]string{"INBOX": "INBOX", "INBOX.INBOX": "INBOX (2)"},
		},
		{
			name:   "flat destination",
			source: box1('/', "INBOX", "a/b"), from: slash,
			dest: box1(0, "INBOX"), to: flat,
			want: map[string]string{"INBOX": "INBOX", "a/b": "a_b"},
		},
		{
			name:   "names that are no ASCII, and blanks",
			source: box1('.', "INBOX", "INBOX.Entwürfe", "INBOX.sp ace", "INBOX.*%\"\\"), from: dots,
			dest: box1('/', "INBOX"), to: slash,
			want: map[string]string{"INBOX": "INBOX", "INBOX.Entwürfe": "Entwürfe", "INBOX.sp ace": "sp ace", "INBOX.*%\"\\": "*%\"\\"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := map[string]string{}
			dests := map[string]string{}
			for _, r := range built(t, Input{Source: Account{Tree: tt.from, Mailboxes: tt.source},
				Dest: Account{Tree: tt.to, Mailboxes: tt.dest}, Stored: settled(tt.stored)}).Routes {
				got[r.Source.Name] = r.Dest
				if other, ok := dests[r.Dest]; ok {
					t.Errorf("%q and %q both go to %q", other, r.Source.Name, r.Dest)
				}
				dests[r.Dest] = r.Source.Name
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("routes (-want +got):\n%s", d)
			}
		})
	}
}

func TestBuildTwoWireNamesOneName(t *testing.T) {
	source := []imapconn.Mailbox{
		{Name: "INBOX", Wire: "INBOX", Delimiter: '/'},
		{Name: "R&D", Wire: "R&D", Delimiter: '/'},
		{Name: "R&D", Wire: "R&-D", Delimiter: '/'},
	}
	got := map[string]string{}
	slash := Tree{"", '/'}
	for _, r := range built(t, Input{Source: Account{Tree: slash, Mailboxes: source}, Dest: Account{Tree: slash, Mailboxes: box1('/', "INBOX")}}).Routes {
		got[r.Source.Wire] = r.Dest
	}
	want := map[string]string{"INBOX": "INBOX", "R&-D": "R&D", "R&D": "R&D (2)"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("routes (-want +got):\n%s", d)
	}
}

// FuzzBuild: whatever names a source has, no two meet in one destination, also
// where the destination takes names that differ in case for one, and whatever
// it refuses, nor where a rule gives each another name; and a second pass with
// the first one's choices changes nothing.
func FuzzBuild(f *testing.F) {
	f.Add("Sent", "Sent Messages", "INBOX/x", "x", byte('/'), byte('.'), "")
	f.Add("a/b", "a_b", "a", "INBOX (2)", byte('/'), byte(0), "Dovecot")
	f.Add("", "/", "//", "inbox/INBOX", byte('/'), byte('/'), "Gimap")
	f.Add("50%", "50_", "e\u0301", "\u00e9", byte('/'), byte('.'), "Cyrus mox")
	f.Fuzz(func(t *testing.T, a, b, c, d string, from, to byte, software string) {
		if len(a)+len(b)+len(c)+len(d) > 1000 {
			return // no server keeps such names
		}
		source := box1(rune(from&0x7f), "INBOX", a, b, c, d)
		in := Input{Source: Account{Tree: Tree{"", rune(from & 0x7f)}, Mailboxes: source},
			Dest: Account{Tree: Tree{"INBOX" + string(rune(to&0x7f)), rune(to & 0x7f)}, Mailboxes: box1('/', "INBOX", "Sent"), Software: software}}
		first := built(t, in)
		apart(t, first)
		stored := map[string]string{}
		for _, r := range first.Routes {
			stored[r.Source.Wire] = r.Dest
		}
		in.Dest.Mailboxes = box1('/', "INBOX", "Sent", "x")
		in.Stored = settled(stored)
		for _, r := range built(t, in).Routes {
			if stored[r.Source.Wire] != r.Dest {
				t.Fatalf("%q went to %q, then to %q", r.Source.Wire, stored[r.Source.Wire], r.Dest)
			}
		}
		in.Stored = nil
		m := built(t, in)
		var all []int
		for i := range m.Routes {
			all = append(all, i)
		}
		for try := range Spellings {
			m.Respell(all, try)
			apart(t, m)
		}
		m.Taken(all)
		apart(t, m)
		if !strings.Contains(a+b+c+d, "&") { // what is encoded means another name
			in.Rules.Transforms = []rules.Transform{replaced("^", "Old", false)}
			apart(t, built(t, in))
		}
	})
}

func apart(t *testing.T, m *Map) {
	t.Helper()
	seen := map[string]string{}
	for _, r := range m.Routes {
		if w, ok := seen[m.m.key(r.Dest)]; ok && w != r.Source.Wire {
			t.Fatalf("%q and %q both go to %q", w, r.Source.Wire, r.Dest)
		}
		if r.Others > 0 {
			t.Fatalf("%q is merged: %+v", r.Source.Wire, r)
		}
		seen[m.m.key(r.Dest)] = r.Source.Wire
	}
}

func built(t testing.TB, in Input) *Map {
	t.Helper()
	m, err := Build(in)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// settled makes choices of which something was copied.
func settled(dests map[string]string) map[string]Choice {
	all := map[string]Choice{}
	for wire, dest := range dests {
		all[wire] = Choice{Dest: dest, Settled: true}
	}
	return all
}
