package verify_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/imapfleet/imapfleet/pkg/imaptest"
	"github.com/imapfleet/imapfleet/pkg/ledger"
	"github.com/imapfleet/imapfleet/pkg/rules"
	"github.com/imapfleet/imapfleet/pkg/verify"
)

// filterCase is what stands in A and B at the source, both of which go to one
// mailbox, and what is done to the destination after a run.
type filterCase struct {
	name string
	a, b []imaptest.Message
	// before are the rules of the run, and after those of verify.
	before, after rules.Messages
	do            func(r *rig)
	known, alone  []string // with the ledger, and without it
}

func (c filterCase) test(t *testing.T, src, dst host) {
	r := newRig(t, src, dst)
	r.fill(src, "A", c.a...)
	r.fill(src, "B", c.b...)
	into := []rules.Rename{{From: "A", To: "All"}, {From: "B", To: "All"}}
	r.rules = &rules.Rules{Map: into, Messages: c.before}
	r.migrate()
	c.do(r)
	r.rules = &rules.Rules{Map: into, Messages: c.after}
	for _, deep := range []bool{false, true} {
		for _, ledgerless := range []bool{false, true} {
			want := c.known
			rep := r.verify(func(o *verify.Options) {
				if o.Deep = deep; ledgerless {
					o.Ledger, want = nil, c.alone
				}
			})
			if got := kinds(rep); !slices.Equal(got, want) {
				t.Errorf("deep %v, ledger %v: %q, want %q: %+v", deep, !ledgerless, got, want, rep.Findings)
			}
		}
	}
}

// A message is a duplicate of one in its own mailbox whose octets are the same,
// all of them; one of those must be there, or have been.
func TestDuplicates(t *testing.T) {
	m := mail("m", 3)
	like := m[0] // header and octets are m[0]'s
	like.Body = bytes.Replace(like.Body, []byte("a line"), []byte("a lime"), 1)
	src, dst := memoryHost(t), memoryHost(t)
	skip := rules.Messages{SkipDuplicates: true}
	for _, c := range []filterCase{
		{name: "left out", a: append(m, m[0]), before: skip, after: skip, do: func(*rig) {},
			known: []string{"1 (filtered)"}, alone: []string{"1 (filtered)"}},
		{name: "of another mailbox", a: m, b: m[:1], before: skip, after: skip, do: func(r *rig) { r.remove(r.dst, "All", 4) },
			known: []string{"1 (removed since)"}, alone: []string{"1 missing"}},
		{name: "of another mailbox, and not tried yet", a: m, before: skip, after: skip, do: func(r *rig) { r.fill(r.src, "B", m[0]) },
			known: []string{"1 not copied yet"}, alone: []string{"1 missing"}},
		{name: "another body", a: append(m, like), before: skip, after: skip, do: func(r *rig) { r.remove(r.dst, "All", 4) },
			known: []string{"1 (removed since)"}, alone: []string{"1 missing"}},
		{name: "another body, and not tried yet", a: m, before: skip, after: skip, do: func(r *rig) { r.fill(r.src, "A", like) },
			known: []string{"1 not copied yet"}, alone: []string{"1 missing"}},
		{name: "of one that its user has removed", a: append(m, m[0]), before: skip, after: skip, do: func(r *rig) { r.remove(r.dst, "All", 1) },
			known: []string{"1 (filtered)", "1 (removed since)"}, alone: []string{"1 (filtered)", "1 missing"}},
		{name: "delivered before the rule", a: append(m, m[0]), after: skip, do: func(r *rig) { r.remove(r.dst, "All", 4) },
			known: []string{"1 (removed since)"}, alone: []string{"1 (filtered)"}},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, src, dst) })
	}
}

// What a rule leaves out and nobody has delivered is left out, wherever a copy
// of it stands; what was delivered is not.
func TestLeftOut(t *testing.T) {
	m := mail("m", 3) // the octets are more with each
	src, dst := memoryHost(t), memoryHost(t)
	small := rules.Messages{MaxSize: int64(len(m[1].Body))}
	lost := func(r *rig) {
		r.remove(r.dst, "All", 3)
		r.noError(r.led.AddRuns(r.t.Context(), r.link("A").ID, []ledger.Run{{Source: 3, Dest: 0, Count: 1}}, nil))
	}
	for _, c := range []filterCase{
		{name: "a copy of its user's", a: m, before: small, after: small, do: func(r *rig) { r.fill(r.dst, "Mine", m[2]) },
			known: []string{"1 (filtered)"}, alone: []string{"1 (filtered)"}},
		{name: "a copy in another mailbox that belongs to the source", a: m, before: small, after: small,
			do: func(r *rig) {
				r.fill(r.src, "C")
				r.fill(r.dst, "C", m[2])
			},
			known: []string{"1 (filtered)", "1 (new at the destination)"}, alone: []string{"1 (filtered)", "1 (new at the destination)"}},
		{name: "delivered before the rule", a: m, after: small, do: func(r *rig) { r.remove(r.dst, "All", 3) },
			known: []string{"1 (removed since)"}, alone: []string{"1 (filtered)"}},
		{name: "delivered before the rule, nobody knows where", a: m, after: small, do: lost,
			known: []string{"1 missing"}, alone: []string{"1 (filtered)"}},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, src, dst) })
	}
}
