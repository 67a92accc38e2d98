package mailsync

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/imapfleet/imapfleet/pkg/imapconn"
)

func TestKeepable(t *testing.T) {
	open := imapconn.Selected{AnyKeyword: true}
	long := strings.Repeat("k", 60)
	tests := []struct {
		name                 string
		sel                  imapconn.Selected
		flags                []string
		kept, after, dropped []string
	}{
		{"PERMANENTFLAGS absent: all", open, []string{`\Seen`, "$Forwarded"}, []string{`\Seen`, "$Forwarded"}, nil, nil},
		{"with \\*: all", imapconn.Selected{FlagsKnown: true, AnyKeyword: true, PermanentFlags: []string{`\Seen`, `\*`}}, []string{`\Draft`, "x"}, []string{`\Draft`, "x"}, nil, nil},
		{"a closed list", imapconn.Selected{FlagsKnown: true, PermanentFlags: []string{`\Seen`, "Work"}}, []string{`\SEEN`, "work", "x", `\Draft`, long}, []string{`\Seen`, "work"}, nil, []string{"x", `\Draft`, long}},
		{"what no APPEND may hold", open, []string{`\Custom`, "a]b", `\Flagged`, `\Recent`}, []string{`\Flagged`}, nil, []string{`\Custom`, "a]b"}},
		{"what a STORE may hold", open, []string{long, strings.Repeat("k", 251)}, nil, []string{long}, []string{strings.Repeat("k", 251)}},
		{"a flag that the server names", imapconn.Selected{FlagsKnown: true, PermanentFlags: []string{`\custom`}}, []string{`\Custom`}, nil, []string{`\Custom`}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			kept, after, dropped := keepable(tt.sel, tt.flags)
			for i, d := range []string{cmp.Diff(tt.kept, kept), cmp.Diff(tt.after, after), cmp.Diff(tt.dropped, dropped)} {
				if d != "" {
					t.Errorf("%s (-want +got):\n%s", []string{"kept", "after", "dropped"}[i], d)
				}
			}
		})
	}
}
