package mailsync_test

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/imaptest"
	"github.com/imapfleet/imapfleet/pkg/mailsync"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// TestMailboxGoneAtAppend: a destination mailbox that is not there any more
// costs no reject for each of its messages, and no other mailbox.
func TestMailboxGoneAtAppend(t *testing.T) {
	const n = 15                                          // more than there may be rejects
	for _, without := range []string{"", "MULTIAPPEND"} { // in batches, and message by message
		t.Run("without "+without, func(t *testing.T) {
			t.Parallel()
			box := plain(n)
			src := imaptest.NewFake(t, imaptest.FakeOptions{}, box, imaptest.FakeMailbox{Name: "gone", Count: n, Message: box.Message})
			var back atomic.Bool
			dst := imaptest.NewFake(t, imaptest.FakeOptions{Caps: caps(without), Append: func(m imaptest.FakeAppend) imaptest.FakeRefusal {
				if m.Mailbox == "gone" && !back.Load() {
					return imaptest.FakeRefusal{Answer: "NO [TRYCREATE] Mailbox doesn't exist: gone", AtEnd: true}
				}
				return imaptest.FakeRefusal{}
			}})
			r := fakeRig(t, src, dst)
			r.options = func(o *mailsync.Options) { quick(o); o.MaxRejects = 10 }
			c, err := r.sync(t.Context())
			if f := fault.Of(err); f == nil || f.Scope != fault.Mailbox || f.Code != fault.MailboxRefused || f.Side != fault.Dest {
				t.Errorf("error %v (%+v)", err, f)
			}
			counted(t, c, throughput.Count{Listed: 2 * n, Copied: n, NotTried: n, MailboxesRefused: 1})
			storedOnce(t, dst, "INBOX", box, nil)
			back.Store(true)
			counted(t, r.mustSync(), throughput.Count{Listed: 2 * n, Copied: n, AlreadyThere: n})
			storedOnce(t, dst, "gone", box, nil)
			obedient(t, dst)
		})
	}
}

// TestThrottledEndsThePass: a server that names a time and hangs up is left
// alone for that time, whichever command heard of it first; nothing is
// rejected, and the next pass is exact.
func TestThrottledEndsThePass(t *testing.T) {
	const n = 10
	const throttle = "Request is throttled. Suggested Backoff Time: 299961 milliseconds"
	for name, lines := range map[string][]string{
		"NO, then BYE": {"TAG NO " + throttle, "* BYE Connection closed. 14"},
		"BYE, then NO": {"* BYE Connection closed. 14", "TAG NO " + throttle},
	} {
		for _, side := range []fault.Side{fault.Source, fault.Dest} {
			t.Run(side.String()+", "+name, func(t *testing.T) {
				t.Parallel()
				var calm atomic.Bool
				opt := imaptest.FakeOptions{Intercept: func(cmd imaptest.FakeCommand) imaptest.FakeReply {
					about := "UID FETCH"
					if side == fault.Dest {
						about = "SELECT"
					}
					if cmd.Name == about && !calm.Load() {
						return imaptest.FakeReply{Lines: lines, Close: true}
					}
					return imaptest.FakeReply{}
				}}
				opts := map[fault.Side]imaptest.FakeOptions{side: opt}
				box := plain(n)
				src, dst := imaptest.NewFake(t, opts[fault.Source], box), imaptest.NewFake(t, opts[fault.Dest])
				r := fakeRig(t, src, dst)
				_, err := r.sync(t.Context())
				if f := fault.Of(err); f == nil || f.Code != fault.Throttled || f.Side != side || f.Wait != 299961*time.Millisecond || !f.Temporary {
					t.Fatalf("error %v (%+v)", err, f)
				}
				calm.Store(true)
				r.mustSync()
				storedOnce(t, dst, "INBOX", box, nil)
				if n := len(r.rejects()); n != 0 {
					t.Errorf("%d rejects", n)
				}
			})
		}
	}
}

// TestFaultRulesReachTheConnections: what the user's rules say of a server is
// what the pass ends with.
func TestFaultRulesReachTheConnections(t *testing.T) {
	rules, err := fault.ParseRules(strings.NewReader(`append server="acme" text="vault sealed" -> code=unavailable scope=host temporary wait=20m hint="unseal the vault"`))
	if err != nil {
		t.Fatal(err)
	}
	src := imaptest.NewFake(t, imaptest.FakeOptions{}, plain(5))
	dst := imaptest.NewFake(t, imaptest.FakeOptions{ID: `("name" "Acme" "version" "1")`, Append: func(imaptest.FakeAppend) imaptest.FakeRefusal {
		return imaptest.FakeRefusal{Answer: "NO Vault sealed", AtEnd: true}
	}})
	r := fakeRig(t, src, dst)
	r.options = func(o *mailsync.Options) { quick(o); o.Faults = rules }
	c, err := r.sync(t.Context())
	if f := fault.Of(err); f == nil || f.Code != fault.Unavailable || f.Scope != fault.Host || f.Wait != 20*time.Minute || f.Hint != "unseal the vault" {
		t.Errorf("error %v (%+v)", err, f)
	}
	counted(t, c, throughput.Count{Listed: 5, NotTried: 5})
}
