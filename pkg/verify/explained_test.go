package verify_test

import (
	"fmt"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/imapfleet/imapfleet/pkg/imaptest"
	"github.com/imapfleet/imapfleet/pkg/ledger"
	"github.com/imapfleet/imapfleet/pkg/rules"
	"github.com/imapfleet/imapfleet/pkg/verify"
)

// link returns what the ledger has of a source mailbox.
func (r *rig) link(path string) ledger.Mailbox {
	r.t.Helper()
	links, err := r.led.Mailboxes(r.t.Context(), r.row)
	if err != nil {
		r.t.Fatal(err)
	}
	i := slices.IndexFunc(links, func(l ledger.Mailbox) bool { return l.Source == r.src.name(path) })
	if i < 0 {
		r.t.Fatalf("the ledger does not know %s", path)
	}
	return links[i]
}

func (r *rig) noError(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

// reject makes message n, from 1, of INBOX one that the destination refused.
func (r *rig) reject(n uint32, accept bool) {
	r.t.Helper()
	id := r.link("INBOX").ID
	r.remove(r.dst, "INBOX", int(n))
	r.noError(r.led.AddRuns(r.t.Context(), id, []ledger.Run{{Source: n, Dest: 0, Count: 1}}, nil))
	r.noError(r.led.PutReject(r.t.Context(), ledger.Reject{Mailbox: id, UID: n, Code: "too-big", Text: "destination: too big"}))
	if accept {
		r.noError(r.led.AcceptReject(r.t.Context(), id, n))
	}
}

// repaired makes message 2 of INBOX one that the run has changed.
func (r *rig) repaired(all ...ledger.Repair) {
	r.t.Helper()
	for _, repair := range all {
		repair.Mailbox, repair.UID = r.link("INBOX").ID, 2
		r.noError(r.led.PutRepair(r.t.Context(), repair))
	}
}

// TestExplained: what the ledger knows, and what users did since the run,
// explains what is found; what it does not explain is a difference.
func TestExplained(t *testing.T) {
	tests := []struct {
		name  string
		do    func(r *rig)
		want  []string
		state verify.State
	}{
		{"removed at the source", func(r *rig) { r.remove(r.src, "INBOX", 2) }, []string{"1 (gone at the source)"}, verify.Verified},
		{"a mailbox removed at the source", func(r *rig) {
			r.noError(imaptest.Remove(r.t.Context(), r.src.access(r.user, password), r.src.name("Work")))
		}, []string{"3 (gone at the source)"}, verify.Verified},
		{"a mailbox removed at the destination", func(r *rig) {
			r.noError(imaptest.Remove(r.t.Context(), r.dst.access(r.user, password), r.dst.name("Work")))
		}, []string{"3 missing"}, verify.Incomplete},
		{"flags changed at the source", func(r *rig) { r.do(r.src, "INBOX", `STORE 1 +FLAGS (\Seen)`, `STORE 2 -FLAGS (\Seen)`) },
			[]string{"2 (flags changed at the source)"}, verify.Verified},
		{"flags changed on both sides", func(r *rig) {
			r.do(r.src, "INBOX", `STORE 1 +FLAGS (\Seen)`)
			r.do(r.dst, "INBOX", `STORE 1 +FLAGS (\Answered)`)
		}, []string{"1 (flags changed at the destination)", "1 (flags changed at the source)"}, verify.Verified},
		{"new mail at the source", func(r *rig) { r.fill(r.src, "INBOX", mail("new", 2)...) }, []string{"2 not copied yet"}, verify.Incomplete},
		{"a new mailbox at the source", func(r *rig) { r.fill(r.src, "new", mail("new", 2)...) }, []string{"2 missing"}, verify.Incomplete},
		{"refused", func(r *rig) { r.reject(3, false) }, []string{"1 rejected"}, verify.Incomplete},
		{"refused, and accepted", func(r *rig) { r.reject(3, true) }, []string{"1 (accepted)"}, verify.Verified},
		{"moved at the source", func(r *rig) {
			r.do(r.src, "INBOX", "COPY 3 "+quoted(r.src.name("Work")))
			r.remove(r.src, "INBOX", 3)
		}, []string{"1 wrong mailbox"}, verify.Incomplete},
		{"the run's repairs", func(r *rig) {
			m := mail("inbox", 5)[1]
			m.Date, m.Flags = m.Date.Add(time.Hour), nil
			r.remove(r.dst, "INBOX", 2)
			r.fill(r.dst, "INBOX", m)
			r.repaired(ledger.Repair{Kind: "date", Was: "a", Made: m.Date.Format(time.RFC3339)}, ledger.Repair{Kind: "keywords", Was: `\Seen $Work`, Made: "$Work"})
		}, []string{"2 (repaired)"}, verify.Verified},
		{"a date that no repair made", func(r *rig) {
			m := mail("inbox", 5)[1]
			made := m.Date.Add(2 * time.Hour)
			m.Date = m.Date.Add(time.Hour)
			r.remove(r.dst, "INBOX", 2)
			r.fill(r.dst, "INBOX", m)
			r.repaired(ledger.Repair{Kind: "date", Was: "a", Made: made.Format(time.RFC3339)})
		}, []string{"1 date differs"}, verify.Incomplete},
	}
	src, dst := memoryHost(t), memoryHost(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, src, dst)
			r.fill(src, "INBOX", mail("inbox", 5)...)
			r.fill(src, "Work", mail("work", 3)...)
			r.migrate()
			tt.do(r)
			for _, deep := range []bool{false, true} {
				rep := r.verify(func(o *verify.Options) { o.Deep = deep })
				if got := kinds(rep); !slices.Equal(got, tt.want) || rep.State != tt.state {
					t.Errorf("deep %v: %s with %q, want %s with %q\n%+v", deep, rep.State, got, tt.state, tt.want, rep.Findings)
				}
			}
		})
	}
}

// Two source mailboxes that go to one are compared with it together, and each
// message is told by its own mailbox.
func TestMerged(t *testing.T) {
	src, dst := memoryHost(t), memoryHost(t)
	r := newRig(t, src, dst)
	twin := mail("a", 4)[0]
	r.fill(src, "A", mail("a", 4)...)
	r.fill(src, "B", append(mail("b", 3), twin)...)
	r.rules = &rules.Rules{Map: []rules.Rename{{From: "A", To: "both"}, {From: "B", To: "both"}}}
	r.migrate()
	if rep := r.verify(nil); len(rep.Findings) > 0 || rep.Same != 8 {
		t.Fatalf("%d the same, %+v", rep.Same, rep.Findings)
	}
	r.remove(dst, "both", 6)
	rep := r.verify(nil)
	if got := kinds(rep); !slices.Equal(got, []string{"1 (removed since)"}) {
		t.Fatalf("%q", got)
	}
	if f := rep.Findings[0]; f.Mailbox != "B" || f.DestMailbox != "both" || f.MessageID != "<b.1@example.org>" {
		t.Errorf("%+v", f)
	}
}

// With Strict, what was changed at the destination since counts.
func TestStrict(t *testing.T) {
	r := newRig(t, memoryHost(t), memoryHost(t))
	r.fill(r.src, "INBOX", mail("inbox", 5)...)
	r.migrate()
	r.remove(r.dst, "INBOX", 2)
	r.do(r.dst, "INBOX", `STORE 1 +FLAGS (\Answered)`)
	strict := func(o *verify.Options) { o.Strict, o.Subjects = true, true }
	rep := r.verify(strict)
	if got := kinds(rep); rep.State != verify.Incomplete || !slices.Equal(got, []string{"1 flags changed at the destination", "1 removed since"}) {
		t.Errorf("%s with %q", rep.State, got)
	}
	if f := rep.Findings[1]; f.Subject != "inbox 1" {
		t.Errorf("no subject: %+v", f)
	}
}

// What the user's own rules leave out is no difference, with a ledger or
// without one; that it is left out without a rule is one.
func TestFiltered(t *testing.T) {
	src, dst := memoryHost(t), memoryHost(t)
	for _, tt := range []struct {
		name  string
		rules rules.Messages
	}{
		{"size", rules.Messages{MaxSize: 110}},
		{"date", rules.Messages{Since: time.Date(2006, 1, 1, 0, 0, 0, 0, time.UTC)}},
		{"date and size", rules.Messages{Since: time.Date(2006, 1, 1, 0, 0, 0, 0, time.UTC), MaxSize: 130}},
		{"search", rules.Messages{Search: "UNANSWERED"}},
		{"duplicates", rules.Messages{SkipDuplicates: true}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, src, dst)
			all := mail("inbox", 10)
			r.fill(src, "INBOX", append(all, all[0], all[0])...)
			r.rules = &rules.Rules{Messages: tt.rules}
			r.migrate()
			for _, ledgerless := range []bool{false, true} {
				for _, deep := range []bool{false, true} {
					set := func(o *verify.Options) {
						if o.Deep = deep; ledgerless {
							o.Ledger = nil
						}
					}
					r.rules = &rules.Rules{Messages: tt.rules}
					rep := r.verify(set)
					left := 12 - int(rep.Same)
					if got := kinds(rep); rep.State != verify.Verified || left == 0 || !slices.Equal(got, []string{fmt.Sprintf("%d (filtered)", left)}) {
						t.Errorf("ledger %v, deep %v: %s with %q\n%+v", !ledgerless, deep, rep.State, got, rep.Findings)
					}
					r.rules = nil
					if got := kinds(r.verify(set)); !slices.Equal(got, []string{fmt.Sprintf("%d missing", left)}) {
						t.Errorf("without the rule, ledger %v, deep %v: %q", !ledgerless, deep, got)
					}
				}
			}
		})
	}
}

func patterns(all ...string) (out []rules.Pattern) {
	for _, p := range all {
		out = append(out, rules.Pattern{Regexp: regexp.MustCompile(p), Raw: p})
	}
	return out
}

// A mailbox that a rule leaves out is one exception, and one that a rule sends
// elsewhere is looked for there, without a ledger too.
func TestMailboxRules(t *testing.T) {
	r := newRig(t, memoryHost(t), memoryHost(t))
	for _, path := range []string{"INBOX", "Work", "Old", "empty"} {
		r.fill(r.src, path, mail(path, 4)...)
	}
	r.rules = &rules.Rules{Map: []rules.Rename{{From: "Work", To: "Office"}}, Exclude: patterns("^Old$")}
	r.migrate()
	for _, ledgerless := range []bool{false, true} {
		rep := r.verify(func(o *verify.Options) {
			if ledgerless {
				o.Ledger = nil
			}
		})
		if got := kinds(rep); rep.State != verify.Verified || !slices.Equal(got, []string{"1 (filtered)"}) || rep.Same != 12 {
			t.Errorf("ledger %v: %s with %q, %d the same\n%+v", !ledgerless, rep.State, got, rep.Same, rep.Findings)
		}
	}
}
