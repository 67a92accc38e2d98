package verify_test

import (
	"bytes"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/imapfleet/imapfleet/pkg/imaptest"
	"github.com/imapfleet/imapfleet/pkg/rules"
	"github.com/imapfleet/imapfleet/pkg/verify"
)

// A repair explains what it has made, not whatever the destination has under
// the UID of a message that was repaired.
func TestRepaired(t *testing.T) {
	source := box("INBOX", 9, func(i int, m *imaptest.FakeMessage) {
		if i == 3 || i == 5 {
			m.Body = append(m.Body, strings.Repeat("a long line", 100)+"\r\n"...)
		}
	})
	var spoiled atomic.Bool
	r, _, _ := fakes(t, imaptest.FakeOptions{}, imaptest.FakeOptions{
		Whole: func(octets []byte) string {
			for line := range bytes.Lines(octets) {
				if len(line) > 1000 {
					return "NO Line too long"
				}
			}
			return ""
		},
		Show: func(m *imaptest.FakeMessage) {
			if spoiled.Load() && bytes.Contains(m.Body, []byte("<5@INBOX>")) {
				m.Body = bytes.Replace(m.Body, []byte("a long line"), []byte("a lone line"), 1)
			}
		},
	}, boxes(source), nil)
	r.rules = &rules.Rules{Repairs: rules.Repairs{Kinds: []string{rules.RepairLines}}}
	r.migrate()
	for _, tt := range []struct {
		spoil bool
		want  []string
		state verify.State
		same  int64
	}{
		{false, []string{"2 (repaired)"}, verify.Verified, 9},
		{true, []string{"1 (repaired)", "1 content differs"}, verify.Incomplete, 8},
	} {
		spoiled.Store(tt.spoil)
		for _, deep := range []bool{false, true} {
			rep := r.verify(func(o *verify.Options) { o.Deep = deep })
			if got := kinds(rep); !slices.Equal(got, tt.want) || rep.State != tt.state || rep.Same != tt.same {
				t.Errorf("spoiled %v, deep %v: %s with %q, %d the same: %+v", tt.spoil, deep, rep.State, got, rep.Same, rep.Findings)
			}
		}
	}
}
