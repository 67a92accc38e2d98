package mailsync_test

import (
	"strings"
	"sync/atomic"
	"testing"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/imaptest"
	"github.com/imapfleet/imapfleet/pkg/mailsync"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// ways are all ways to append, by what the server offers.
var ways = []struct {
	name string
	caps []string
}{
	{"MULTIAPPEND", caps()},
	{"MULTIAPPEND with LITERAL-", literalMinus()},
	{"MULTIAPPEND without literals", caps("LITERAL+")},
	{"LITERAL+", caps("MULTIAPPEND")},
	{"LITERAL-", literalMinus("MULTIAPPEND")},
	{"synchronising", caps("MULTIAPPEND", "LITERAL+")},
	{"no UIDPLUS", caps("UIDPLUS")},
	{"nothing", caps("MULTIAPPEND", "LITERAL+", "UIDPLUS", "ESEARCH", "UNSELECT", "NAMESPACE", "ID")},
}

// TestOneMessageRefused holds the engine to this: a message that the
// destination refuses, however it says so, costs only itself, is in the
// ledger, is tried again in the next pass, and vanishes from the ledger when
// it is taken.
func TestOneMessageRefused(t *testing.T) {
	const n, bad = 30, 17
	refusals := []struct {
		name string
		r    imaptest.FakeRefusal
		code fault.Code
	}{
		{"NO at the end", imaptest.FakeRefusal{Answer: "NO bad message", AtEnd: true}, fault.MessageRefused},
		{"NO at once", imaptest.FakeRefusal{Answer: "NO bad message"}, fault.MessageRefused},
		{"TOOBIG", imaptest.FakeRefusal{Answer: "NO [TOOBIG] too big"}, fault.TooBig},
		{"BAD at the end", imaptest.FakeRefusal{Answer: "BAD bad message", AtEnd: true}, fault.MessageRefused},
		{"BAD at once", imaptest.FakeRefusal{Answer: "BAD bad message"}, fault.MessageRefused},
	}
	for _, way := range ways {
		for _, atomicity := range []bool{false, true} {
			for _, refusal := range refusals {
				name := way.name + "/" + refusal.name
				if atomicity {
					name += ", not atomic"
				}
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					box := plain(n)
					src := imaptest.NewFake(t, imaptest.FakeOptions{}, box)
					var open atomic.Bool
					dst := imaptest.NewFake(t, imaptest.FakeOptions{Caps: way.caps, NotAtomic: atomicity,
						Append: func(m imaptest.FakeAppend) imaptest.FakeRefusal {
							if m.Octets == sizeOf(bad) && !open.Load() {
								return refusal.r
							}
							return imaptest.FakeRefusal{}
						}})
					r := fakeRig(t, src, dst)
					for range 2 {
						already := len(dst.Stored("INBOX"))
						c, err := r.sync(t.Context())
						if f := fault.Of(err); f == nil || f.Scope != fault.Message || f.Side != fault.Dest || f.Code != refusal.code {
							t.Errorf("error %v (%+v)", err, f)
						}
						counted(t, c, throughput.Count{Listed: n, Copied: int64(n - 1 - already), AlreadyThere: int64(already), Rejected: 1})
						storedOnce(t, dst, "INBOX", box, func(i int) bool { return i != bad })
						rej := r.rejects()
						if len(rej) != 1 || rej[0].UID != bad+1 || !strings.Contains(rej[0].Text, "b") || rej[0].MessageID != "<17@example.org>" ||
							rej[0].Octets != sizeOf(bad) || rej[0].Date.IsZero() {
							t.Errorf("rejects: %+v", rej)
						}
					}
					open.Store(true)
					counted(t, r.mustSync(), throughput.Count{Listed: n, Copied: 1, AlreadyThere: n - 1})
					storedOnce(t, dst, "INBOX", box, nil)
					if rej := r.rejects(); len(rej) != 0 {
						t.Errorf("rejects of a message that was taken: %+v", rej)
					}
					if !strings.HasPrefix(refusal.r.Answer, "BAD") {
						obedient(t, dst)
					}
				})
			}
		}
	}
}

// TestOverQuota: what comes before the full mailbox arrives, the rest is not
// tried, and the account says why.
func TestOverQuota(t *testing.T) {
	const n, full = 40, 25
	for _, way := range ways {
		for _, atEnd := range []bool{false, true} {
			name := way.name
			if atEnd {
				name += ", at the end"
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				box := plain(n)
				src := imaptest.NewFake(t, imaptest.FakeOptions{}, box, imaptest.FakeMailbox{Name: "more", Count: 3, Message: box.Message})
				var open atomic.Bool
				dst := imaptest.NewFake(t, imaptest.FakeOptions{Caps: way.caps,
					Append: func(m imaptest.FakeAppend) imaptest.FakeRefusal {
						if m.Octets >= sizeOf(full) && !open.Load() {
							return imaptest.FakeRefusal{Answer: "NO [OVERQUOTA] mailbox is full", AtEnd: atEnd}
						}
						return imaptest.FakeRefusal{}
					}})
				r := fakeRig(t, src, dst)
				c, err := r.sync(t.Context())
				if f := fault.Of(err); f == nil || f.Scope != fault.Account || f.Side != fault.Dest || f.Code != fault.Quota || f.Temporary {
					t.Errorf("error %v (%+v)", err, f)
				}
				counted(t, c, throughput.Count{Listed: n + 3, Copied: full, NotTried: n - full + 3})
				storedOnce(t, dst, "INBOX", box, func(i int) bool { return i < full })
				open.Store(true)
				counted(t, r.mustSync(), throughput.Count{Listed: n + 3, Copied: n - full + 3, AlreadyThere: full})
				storedOnce(t, dst, "INBOX", box, nil)
				obedient(t, dst)
			})
		}
	}
}

// TestTooManyRejects: a destination that refuses everything ends the account
// after as many rejects in a row as are allowed, and what was not tried is
// counted as such. Rejects of earlier passes do not count again.
func TestTooManyRejects(t *testing.T) {
	box := plain(80)
	src := imaptest.NewFake(t, imaptest.FakeOptions{}, box)
	dst := imaptest.NewFake(t, imaptest.FakeOptions{Append: func(imaptest.FakeAppend) imaptest.FakeRefusal {
		return imaptest.FakeRefusal{Answer: "NO not today", AtEnd: true}
	}})
	r := fakeRig(t, src, dst)
	c, err := r.sync(t.Context())
	if f := fault.Of(err); f == nil || f.Code != fault.TooManyRejects || f.Side != fault.Dest || f.Scope != fault.Account {
		t.Errorf("error %v (%+v)", err, f)
	}
	counted(t, c, throughput.Count{Listed: 80, Rejected: 50, NotTried: 30})
	if n := len(r.rejects()); n != 50 {
		t.Errorf("%d rejects in the ledger", n)
	}
	c, err = r.sync(t.Context())
	if f := fault.Of(err); f == nil || f.Scope != fault.Message {
		t.Errorf("second pass: %v", err)
	}
	counted(t, c, throughput.Count{Listed: 80, Rejected: 80})
	r.options = func(o *mailsync.Options) { quick(o); o.MaxRejects = 7 }
	_, err = r.sync(t.Context())
	if f := fault.Of(err); f == nil || f.Scope != fault.Message {
		t.Errorf("third pass: rejects of earlier passes ended the account: %v", err)
	}
}

// TestSourceRejectsBlameTheSource: messages that the source cannot read count
// as rejects of the source.
func TestSourceRejectsBlameTheSource(t *testing.T) {
	src := imaptest.NewFake(t, imaptest.FakeOptions{}, imaptest.FakeMailbox{Name: "INBOX", Count: 20,
		Message: func(i int) imaptest.FakeMessage { return imaptest.FakeMessage{NilBody: true} }})
	dst := imaptest.NewFake(t, imaptest.FakeOptions{})
	r := fakeRig(t, src, dst)
	r.options = func(o *mailsync.Options) { quick(o); o.MaxRejects = 10 }
	c, err := r.sync(t.Context())
	if f := fault.Of(err); f == nil || f.Code != fault.TooManyRejects || f.Side != fault.Source {
		t.Errorf("error %v (%+v)", err, f)
	}
	counted(t, c, throughput.Count{Listed: 20, Rejected: 10, NotTried: 10})
}

// TestAnswersOwedWhenTheAccountEnds: what the destination stores behind the
// message that ended the account is booked as copied, not left for the next
// pass to find.
func TestAnswersOwedWhenTheAccountEnds(t *testing.T) {
	const n, full = 40, 20
	box := plain(n)
	src := imaptest.NewFake(t, imaptest.FakeOptions{}, box)
	dst := imaptest.NewFake(t, imaptest.FakeOptions{Caps: caps("MULTIAPPEND"), Append: func(m imaptest.FakeAppend) imaptest.FakeRefusal {
		if m.Octets == sizeOf(full) {
			return imaptest.FakeRefusal{Answer: "NO [OVERQUOTA] no room for this one", AtEnd: true}
		}
		return imaptest.FakeRefusal{}
	}})
	c, err := fakeRig(t, src, dst).sync(t.Context())
	if fault.CodeOf(err) != fault.Quota {
		t.Errorf("error %v", err)
	}
	if stored := int64(len(dst.Stored("INBOX"))); c.Copied != stored || c.Copied < full || !c.Balanced() {
		t.Errorf("%d stored, count %+v", stored, c)
	}
}

// TestLargeRejectVanishes: a reject of an earlier pass that is streamed leaves
// the ledger when it is taken, as any other.
func TestLargeRejectVanishes(t *testing.T) {
	box := imaptest.FakeMailbox{Name: "INBOX", Count: 3, Message: func(i int) imaptest.FakeMessage {
		return imaptest.FakeMessage{Body: text(i, 100+i*700_000)}
	}}
	src := imaptest.NewFake(t, imaptest.FakeOptions{}, box)
	var open atomic.Bool
	dst := imaptest.NewFake(t, imaptest.FakeOptions{Append: func(m imaptest.FakeAppend) imaptest.FakeRefusal {
		if m.Octets > 1000 && !open.Load() {
			return imaptest.FakeRefusal{Answer: "NO [TOOBIG] too big"}
		}
		return imaptest.FakeRefusal{}
	}})
	r := fakeRig(t, src, dst)
	r.options = func(o *mailsync.Options) { quick(o); small(o); o.MaxRejects = 3 }
	for pass := range 3 { // rejects of earlier passes end nothing
		c, err := r.sync(t.Context())
		if fault.CodeOf(err) != fault.TooBig {
			t.Errorf("error %v", err)
		}
		counted(t, c, throughput.Count{Listed: 3, Copied: int64(1 - min(pass, 1)), AlreadyThere: int64(min(pass, 1)), Rejected: 2})
		if n := len(r.rejects()); n != 2 {
			t.Errorf("%d rejects", n)
		}
	}
	open.Store(true)
	counted(t, r.mustSync(), throughput.Count{Listed: 3, Copied: 2, AlreadyThere: 1})
	if rej := r.rejects(); len(rej) != 0 {
		t.Errorf("rejects of messages that were taken: %+v", rej)
	}
	storedOnce(t, dst, "INBOX", box, nil)
}
