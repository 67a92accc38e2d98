package imapconn

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestSanitize(t *testing.T) {
	tests := []struct {
		name                 string
		in, kept, droppedOut []string
	}{
		{"system flags in any case", []string{`\SEEN`, `\answered`, `\Flagged`, `\Deleted`, `\Draft`}, []string{`\Seen`, `\Answered`, `\Flagged`, `\Deleted`, `\Draft`}, nil},
		{"Recent goes without a word", []string{`\Recent`, `\recent`, `\Seen`}, []string{`\Seen`}, nil},
		{"each once", []string{`\Seen`, `\seen`, "$Label1", "$label1"}, []string{`\Seen`, "$Label1"}, nil},
		{"usual keywords", []string{"$Forwarded", "NonJunk", "a+b", "&amp"}, []string{"$Forwarded", "NonJunk", "a+b", "&amp"}, nil},
		{"unknown system flag", []string{`\Custom`, `\*`, `\`}, nil, []string{`\Custom`, `\*`, `\`}},
		{"bracket", []string{"[b]", "b]"}, nil, []string{"[b]", "b]"}},
		{"specials", []string{"a b", "a(b", "a)b", "{5}", "a%b", "a*b", `a"b`, `a\b`}, nil, []string{"a b", "a(b", "a)b", "{5}", "a%b", "a*b", `a"b`, `a\b`}},
		{"8-bit", []string{"größe", "a\x80"}, nil, []string{"größe", "a\x80"}},
		{"controls", []string{"a\r\nX1 DELETE x", "a\x00", "a\x7f", "\t"}, nil, []string{"a\r\nX1 DELETE x", "a\x00", "a\x7f", "\t"}},
		{"too long", []string{strings.Repeat("k", 50), strings.Repeat("k", 51)}, []string{strings.Repeat("k", 50)}, []string{strings.Repeat("k", 51)}},
		{"NIL and nothing", []string{"NIL", "nil", ""}, nil, []string{"NIL", "nil", ""}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			kept, dropped := Sanitize(tt.in)
			if d := cmp.Diff(tt.kept, kept); d != "" {
				t.Errorf("kept: %s", d)
			}
			if d := cmp.Diff(tt.droppedOut, dropped); d != "" {
				t.Errorf("dropped: %s", d)
			}
		})
	}
}

func TestHeadRender(t *testing.T) {
	date := time.Date(2020, 2, 3, 4, 5, 6, 0, time.FixedZone("", 3600))
	tests := []struct {
		name  string
		h     Head
		want  string
		needs []string
	}{
		{"nothing", Head{}, "", nil},
		{"flags and date", Head{Flags: []string{`\Seen`, "Foo"}, Date: date, HasDate: true}, `(\Seen Foo) "03-Feb-2020 04:05:06 +0100" `, []string{"keyword foo", "usual date"}},
		{"date that was not given", Head{Date: date}, "", nil},
		{"date that cannot be said", Head{Date: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC), HasDate: true}, "", nil},
		{"only bad flags", Head{Flags: []string{"a\r\nX1 DELETE x"}}, "", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, needs, _ := tt.h.render()
			if got != tt.want || !slices.Equal(needs, tt.needs) {
				t.Errorf("got %q %q, want %q %q", got, needs, tt.want, tt.needs)
			}
		})
	}
}

// FuzzHead: whatever the source says, the head is of our own parts.
func FuzzHead(f *testing.F) {
	f.Add(`\Seen`, "Foo", int64(0), 0)
	f.Add("a\r\nb", "[x]", int64(1<<60), 86399)
	f.Fuzz(func(t *testing.T, a, b string, sec int64, zone int) {
		h := Head{Flags: []string{a, b}, HasDate: true, Date: time.Unix(sec%(1<<40), 0).In(time.FixedZone("", zone%200000))}
		text, _, _ := h.render()
		if !plainASCII(text) {
			t.Fatalf("%q", text)
		}
		if strings.ContainsAny(text, "{]%*") || strings.Count(text, "(") > 1 || strings.Count(text, `"`) > 2 {
			t.Fatalf("%q", text)
		}
	})
}
