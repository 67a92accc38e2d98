package verify_test

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/imapfleet/imapfleet/pkg/imaptest"
	"github.com/imapfleet/imapfleet/pkg/verify"
)

// planted is a difference that is made at the destination behind the program's
// back, and what verify has to find: with a ledger, without one, and whether
// it takes the bodies to see it.
type planted struct {
	name        string
	plant       func(r *rig)
	known       []string
	alone       []string
	deepOnly    bool
	incompleteK bool // with a ledger; without one each of them but "new mail" is
}

// replace takes the third message of INBOX away and stores another in its
// place.
func replace(r *rig, change func(m *imaptest.Message)) {
	m := mail("inbox", 20)[2]
	change(&m)
	r.remove(r.dst, "INBOX", 3)
	r.fill(r.dst, "INBOX", m)
}

var plants = []planted{
	{name: "nothing", plant: func(*rig) {}},
	{name: "a removed message", plant: func(r *rig) { r.remove(r.dst, "INBOX", 3) },
		known: []string{"1 (removed since)"}, alone: []string{"1 missing"}},
	{name: "one changed octet of a body", deepOnly: true, incompleteK: true,
		plant: func(r *rig) {
			replace(r, func(m *imaptest.Message) { m.Body = bytes.Replace(m.Body, []byte("line"), []byte("lime"), 1) })
		}, known: []string{"1 content differs"}, alone: []string{"1 content differs"}},
	{name: "one changed octet of a header", incompleteK: true,
		plant: func(r *rig) {
			replace(r, func(m *imaptest.Message) {
				m.Body = bytes.Replace(m.Body, []byte("Subject: i"), []byte("Subject: j"), 1)
			})
		}, known: []string{"1 content differs"}, alone: []string{"1 content differs"}},
	{name: "a cut body", incompleteK: true,
		plant: func(r *rig) {
			replace(r, func(m *imaptest.Message) { m.Body = m.Body[:len(m.Body)-10] })
		}, known: []string{"1 content differs"}, alone: []string{"1 content differs"}},
	{name: "a shifted date", incompleteK: true,
		plant: func(r *rig) {
			replace(r, func(m *imaptest.Message) { m.Date = m.Date.Add(time.Hour) })
		}, known: []string{"1 date differs"}, alone: []string{"1 date differs"}},
	{name: "a lost flag", plant: func(r *rig) { r.do(r.dst, "INBOX", `STORE 4 -FLAGS (\Seen)`) },
		known: []string{"1 (flags changed at the destination)"}, alone: []string{"1 flags differ"}},
	{name: "swapped mailboxes", plant: func(r *rig) {
		r.do(r.dst, "INBOX", "COPY 3 "+quoted(r.dst.name("Work/2024")))
		r.do(r.dst, "Work/2024", "COPY 2 INBOX")
		r.remove(r.dst, "INBOX", 3)
		r.remove(r.dst, "Work/2024", 2)
	}, known: []string{"2 (moved since)"}, alone: []string{"2 wrong mailbox"}},
	{name: "a message in a mailbox of the destination's own", plant: func(r *rig) {
		r.fill(r.dst, "Mine", mail("mine", 2)...)
		r.do(r.dst, "INBOX", "COPY 3 "+quoted(r.dst.name("Mine")))
		r.remove(r.dst, "INBOX", 3)
	}, known: []string{"1 (moved since)"}, alone: []string{"1 wrong mailbox"}},
	{name: "an added duplicate", plant: func(r *rig) { r.fill(r.dst, "INBOX", mail("inbox", 20)[2]) },
		known: []string{"1 (copied since)"}, alone: []string{"1 duplicate"}},
	{name: "new mail", plant: func(r *rig) { r.fill(r.dst, "INBOX", mail("new", 3)...) },
		known: []string{"3 (new at the destination)"}, alone: []string{"3 (new at the destination)"}},
}

// TestPlanted: each planted difference is found, by a fast look where headers,
// octets, dates and flags show it, by a deep one always; and nothing else is.
func TestPlanted(t *testing.T) {
	hosts(t, func(t *testing.T, src, dst host) {
		for i, p := range plants {
			if dst.real && i%3 != 0 {
				continue // there each takes seconds; TestAgrees has them all
			}
			t.Run(p.name, func(t *testing.T) {
				t.Parallel()
				r := newRig(t, src, dst)
				r.fill(src, "INBOX", mail("inbox", 20)...)
				r.fill(src, "Work/2024", mail("work", 8)...)
				r.fill(src, "empty")
				r.migrate()
				p.plant(r)
				for _, deep := range []bool{false, true} {
					for _, known := range []bool{true, false} {
						r.expect(p, deep, known)
					}
				}
			})
		}
	})
}

func (r *rig) expect(p planted, deep, known bool) {
	r.t.Helper()
	rep := r.verify(func(o *verify.Options) {
		if o.Deep = deep; !known {
			o.Ledger = nil
		}
	})
	want, state := p.alone, verify.Incomplete
	if known {
		want = p.known
	}
	if known && !p.incompleteK || p.name == "new mail" || p.name == "nothing" {
		state = verify.Verified
	}
	if p.deepOnly && !deep {
		want, state = nil, verify.Verified
	}
	if got := kinds(rep); !slices.Equal(got, want) {
		r.t.Errorf("deep %v, ledger %v: found %q, want %q\n%+v", deep, known, got, want, rep.Findings)
	}
	if rep.State != state {
		r.t.Errorf("deep %v, ledger %v: %s, want %s", deep, known, rep.State, state)
	}
	if rep.Messages != 28 || rep.Mailboxes < 3 {
		r.t.Errorf("deep %v, ledger %v: %d messages in %d mailboxes", deep, known, rep.Messages, rep.Mailboxes)
	}
}
