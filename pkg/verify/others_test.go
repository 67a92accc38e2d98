package verify_test

import (
	"slices"
	"testing"

	"github.com/imapfleet/imapfleet/pkg/imaptest"
	"github.com/imapfleet/imapfleet/pkg/rules"
	"github.com/imapfleet/imapfleet/pkg/verify"
)

// Two rows go to one account, and both have the mail that all staff got: what
// one row has put there does not prove the other one, whether that row is known
// or new in the list.
func TestOtherRow(t *testing.T) {
	src, dst := memoryHost(t), memoryHost(t)
	a, b := newRig(t, src, dst), newRig(t, src, dst)
	b.into = a.user
	a.bind(a, b)
	staff := mail("staff", 3)
	a.fill(src, "INBOX", append(mail("a", 2), staff...)...)
	b.fill(src, "INBOX", staff...)
	a.fill(src, "Archive", staff[0])
	a.migrate()
	known := b.row
	for _, row := range []struct {
		what string
		set  func()
	}{{"known", func() {}}, {"new", func() { b.row = 0 }}} {
		row.set()
		for _, deep := range []bool{false, true} {
			rep := b.verify(func(o *verify.Options) { o.Deep = deep })
			if got := kinds(rep); !slices.Equal(got, []string{"3 missing"}) || rep.DestMessages != 5 || rep.Same != 0 {
				t.Errorf("%s, deep %v: %s with %q, %d the same of %d at the destination: %+v", row.what, deep, rep.State, got, rep.Same, rep.DestMessages, rep.Findings)
			}
		}
	}
	b.row = known
	b.migrate()
	for _, r := range []*rig{a, b} {
		for _, deep := range []bool{false, true} {
			if rep := r.verify(func(o *verify.Options) { o.Deep = deep }); rep.State != verify.Verified || len(rep.Findings) > 0 {
				t.Errorf("%s with %+v", rep.State, rep.Findings)
			}
		}
	}
	if c, err := imaptest.Dump(t.Context(), dst.access(a.user, password)); err != nil || len(c.Mailbox("INBOX").Messages) != 8 {
		t.Errorf("%+v, %v", c, err)
	}
}

// What a mailbox that a rule leaves out now has been given proves no other one
// that goes to the same place.
func TestOtherMailbox(t *testing.T) {
	r := newRig(t, memoryHost(t), memoryHost(t))
	both := mail("both", 1)
	r.fill(r.src, "A", mail("a", 2)...)
	r.fill(r.src, "B", both...)
	into := []rules.Rename{{From: "A", To: "All"}, {From: "B", To: "All"}}
	r.rules = &rules.Rules{Map: into}
	r.migrate()
	r.fill(r.src, "A", both...)
	r.rules = &rules.Rules{Map: into, Exclude: patterns("^B$")}
	for _, deep := range []bool{false, true} {
		if got := kinds(r.verify(func(o *verify.Options) { o.Deep = deep })); !slices.Equal(got, []string{"1 (filtered)", "1 not copied yet"}) {
			t.Errorf("deep %v: %q", deep, got)
		}
	}
	r.migrate()
	if got := kinds(r.verify(nil)); !slices.Equal(got, []string{"1 (filtered)"}) {
		t.Errorf("%q", got)
	}
}
