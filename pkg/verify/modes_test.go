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

// The rules that explain what is missing are those that verify is given: where
// the run had others, that is told.
func TestOtherRules(t *testing.T) {
	src, dst := memoryHost(t), memoryHost(t)
	few, all := &rules.Rules{Messages: rules.Messages{MaxSize: 90}}, &rules.Rules{Exclude: patterns("^Junk$")}
	for _, tt := range []struct {
		name      string
		run, here *rules.Rules
		notes     int
		want      []string
	}{
		{"none", nil, nil, 0, nil},
		{"the same", few, few, 0, []string{"7 (filtered)"}},
		{"only the run's", few, nil, 1, []string{"7 missing"}},
		{"only here", nil, few, 1, nil},
		{"about mailboxes", all, nil, 0, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, src, dst)
			r.fill(r.src, "INBOX", mail("inbox", 3)...)
			r.fill(r.src, "Work", mail("work", 5)...)
			r.rules = tt.run
			r.migrate()
			r.rules = tt.here
			rep := r.verify(nil)
			if got := kinds(rep); len(rep.Notes) != tt.notes || !slices.Equal(got, tt.want) {
				t.Errorf("%q, notes %q", got, rep.Notes)
			}
			if rep := r.verify(func(o *verify.Options) { o.Ledger = nil }); len(rep.Notes) > 0 {
				t.Errorf("notes of nothing: %q", rep.Notes)
			}
		})
	}
}
