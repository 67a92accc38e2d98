package verify_test

import (
	"slices"
	"testing"

	"github.com/imapfleet/imapfleet/pkg/imaptest"
	"github.com/imapfleet/imapfleet/pkg/rules"
	"github.com/imapfleet/imapfleet/pkg/verify"
)

// A row that only logs in is not proven: nothing was compared.
func TestJustLogin(t *testing.T) {
	r := newRig(t, memoryHost(t), memoryHost(t))
	r.fill(r.src, "INBOX", mail("inbox", 5)...)
	r.rules = &rules.Rules{JustLogin: true}
	rep := r.verify(nil)
	if rep.State != verify.NotVerified || len(rep.Notes) != 1 || rep.Messages != 0 {
		t.Errorf("%s, notes %q, %d messages", rep.State, rep.Notes, rep.Messages)
	}
}

// A mailbox that the destination does not have is a difference, also where no
// message of it is missing.
func TestMailboxMissing(t *testing.T) {
	for _, tt := range []struct {
		name  string
		rules *rules.Rules
		want  []string
	}{
		{"an empty one", nil, []string{"1 mailbox missing", "3 missing"}},
		{"mailboxes only", &rules.Rules{JustFolders: true}, []string{"2 mailbox missing", "3 (filtered)"}},
		{"no message is wanted", &rules.Rules{Messages: rules.Messages{MaxSize: 1}}, []string{"2 mailbox missing", "3 (filtered)"}},
		{"left out", &rules.Rules{Exclude: patterns("^Work$", "^empty$")}, []string{"1 (filtered)"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, memoryHost(t), memoryHost(t))
			r.fill(r.src, "INBOX")
			r.fill(r.src, "Work", mail("work", 3)...)
			r.fill(r.src, "empty")
			r.migrate()
			for _, path := range []string{"Work", "empty"} {
				r.noError(imaptest.Remove(t.Context(), r.dst.access(r.user, password), r.dst.name(path)))
			}
			r.rules = tt.rules
			rep := r.verify(func(o *verify.Options) { o.Ledger = nil })
			if got := kinds(rep); !slices.Equal(got, tt.want) {
				t.Errorf("%s with %q, want %q: %+v", rep.State, got, tt.want, rep.Findings)
			}
			for _, f := range rep.Findings {
				if f.Kind == verify.NoDest && (f.Mailbox == "" || f.UID != 0 || f.Explained) {
					t.Errorf("%+v", f)
				}
			}
		})
	}
}
