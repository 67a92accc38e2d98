package mailsync

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/imapfleet/imapfleet/pkg/imapconn"
)

func TestCarried(t *testing.T) {
	tests := []struct {
		name          string
		sel           imapconn.Selected
		flags         []string
		kept, dropped []string
	}{
		{"PERMANENTFLAGS absent: all", imapconn.Selected{AnyKeyword: true}, []string{`\Seen`, "$Forwarded"}, []string{`\Seen`, "$Forwarded"}, nil},
		{"with \\*: all", imapconn.Selected{FlagsKnown: true, AnyKeyword: true, PermanentFlags: []string{`\Seen`, `\*`}}, []string{`\Draft`, "x"}, []string{`\Draft`, "x"}, nil},
		{"a closed list", imapconn.Selected{FlagsKnown: true, PermanentFlags: []string{`\Seen`, "Work"}}, []string{`\SEEN`, "work", "x", `\Draft`}, []string{`\Seen`, "work"}, []string{"x", `\Draft`}},
		{"what no APPEND may hold", imapconn.Selected{AnyKeyword: true}, []string{`\Custom`, "a]b", `\Flagged`, `\Recent`}, []string{`\Flagged`}, []string{`\Custom`, "a]b"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := &writer{stint: &stint{dst: &opened{sel: tt.sel}}}
			if d := cmp.Diff(tt.kept, w.carried(tt.flags)); d != "" {
				t.Errorf("kept (-want +got):\n%s", d)
			}
			want := map[string]bool{}
			for _, f := range tt.dropped {
				want[f] = true
			}
			if d := cmp.Diff(want, w.dropped); d != "" && len(want)+len(w.dropped) > 0 {
				t.Errorf("dropped (-want +got):\n%s", d)
			}
		})
	}
}
