package mailsync_test

import (
	"context"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/imapconn"
	"github.com/imapfleet/imapfleet/pkg/imaptest"
	"github.com/imapfleet/imapfleet/pkg/mailsync"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// impatient ends a side that makes no progress soon.
func impatient(o *mailsync.Options) {
	o.LookEvery, o.Patience = time.Millisecond, time.Second
	o.Timeout, o.FinalTimeout = 300*time.Millisecond, 300*time.Millisecond
}

// TestPatienceEnds: a side that lets everybody in and then fails at the same
// step each time ends the pass with a temporary fault of that side, and the
// counts add up.
func TestPatienceEnds(t *testing.T) {
	const n = 20
	shut := imaptest.FakeReply{Close: true}
	tests := []struct {
		name     string
		src, dst func(c imaptest.FakeCommand) imaptest.FakeReply
		arrive   int64
	}{
		{name: "the destination closes on APPEND", dst: func(c imaptest.FakeCommand) imaptest.FakeReply { return on(c, "APPEND", shut) }},
		{name: "the destination closes on SELECT", dst: func(c imaptest.FakeCommand) imaptest.FakeReply { return on(c, "SELECT", shut) }},
		{name: "the destination closes on LIST", dst: func(c imaptest.FakeCommand) imaptest.FakeReply { return on(c, "LIST", shut) }},
		{name: "the source closes on FETCH", src: func(c imaptest.FakeCommand) imaptest.FakeReply { return on(c, "UID FETCH", shut) }},
		{name: "the source closes on EXAMINE", src: func(c imaptest.FakeCommand) imaptest.FakeReply { return on(c, "EXAMINE", shut) }},
		{name: "the source closes on STATUS", src: func(c imaptest.FakeCommand) imaptest.FakeReply { return on(c, "STATUS", shut) }},
		{name: "the destination says nothing to SELECT", dst: func(c imaptest.FakeCommand) imaptest.FakeReply { return on(c, "SELECT", mute) }},
		{name: "the source says nothing to FETCH", src: func(c imaptest.FakeCommand) imaptest.FakeReply { return on(c, "UID FETCH", mute) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			src := imaptest.NewFake(t, imaptest.FakeOptions{Intercept: tt.src}, plain(n))
			// Foreign mail that comes in all the time must not pass for progress.
			dst := imaptest.NewFake(t, imaptest.FakeOptions{Intercept: tt.dst}, imaptest.FakeMailbox{Name: "INBOX", Count: 5,
				Message: func(i int) imaptest.FakeMessage { return imaptest.FakeMessage{Body: text(1000+i, 300)} }})
			r := fakeRig(t, src, dst)
			r.options = impatient
			c, err := r.sync(t.Context())
			side := fault.Source
			if tt.dst != nil {
				side = fault.Dest
			}
			if f := fault.Of(err); f == nil || f.Side != side || !f.Temporary || f.Scope != fault.Account {
				t.Errorf("error %v (%+v)", err, f)
			}
			if !c.Balanced() || c.Copied != 0 {
				t.Errorf("count %+v", c)
			}
		})
	}
}

func on(c imaptest.FakeCommand, name string, r imaptest.FakeReply) imaptest.FakeReply {
	if c.Name == name {
		return r
	}
	return imaptest.FakeReply{}
}

// mute answers nothing to a command: an untagged line is no answer.
var mute = imaptest.FakeReply{Lines: []string{"* OK still here"}}

// TestForeignMailIsNoProgress: a destination that fails at each APPEND, while
// mail of others keeps coming in above the floor, ends by patience.
func TestForeignMailIsNoProgress(t *testing.T) {
	src := imaptest.NewFake(t, imaptest.FakeOptions{}, plain(5))
	var dst *imaptest.Fake
	var offered atomic.Int64
	dst = imaptest.NewFake(t, imaptest.FakeOptions{Append: func(m imaptest.FakeAppend) imaptest.FakeRefusal {
		if m.Octets == 7 {
			return imaptest.FakeRefusal{}
		}
		offered.Add(1)
		dst.DropConns()
		return imaptest.FakeRefusal{Answer: "NO gone"}
	}})
	r := fakeRig(t, src, dst)
	r.options = impatient
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { // delivers by a connection of its own, as often as it is cut
		defer close(done)
		for n := int64(-1); ctx.Err() == nil; {
			if k := offered.Load(); k == n {
				runtime.Gosched()
				time.Sleep(time.Millisecond)
				continue
			} else {
				n = k
			}
			_ = imaptest.Fill(ctx, dst.Access(), imaptest.Mailbox{Name: "INBOX", Messages: []imaptest.Message{{Body: []byte("foreign")}}})
		}
	}()
	start := time.Now()
	c, err := r.sync(t.Context())
	stop()
	<-done
	if f := fault.Of(err); f == nil || f.Side != fault.Dest || !f.Temporary {
		t.Errorf("error %v after %v", err, time.Since(start))
	}
	counted(t, c, throughput.Count{Listed: 5, NotTried: 5})
}

// TestSourceBreaksInLargeMessage: a message in whose middle the source breaks
// off every time costs only itself, and the source is to blame, not the
// destination that it was being streamed to.
func TestSourceBreaksInLargeMessage(t *testing.T) {
	box := plain(6)
	one := box.Message
	box.Message = func(i int) imaptest.FakeMessage {
		if i == 3 {
			return imaptest.FakeMessage{Body: text(i, 900_000)}
		}
		return one(i)
	}
	src, dst := imaptest.NewFake(t, imaptest.FakeOptions{}, box), imaptest.NewFake(t, imaptest.FakeOptions{})
	r := fakeRig(t, src, dst)
	r.options = func(o *mailsync.Options) { quick(o); small(o); o.Patience = 5 * time.Second }
	r.before(false, imaptest.ProxyOptions{Faults: imaptest.EveryConn(imaptest.Fault{CutAfter: 500_000})})
	log := r.logged()
	c, err := r.sync(t.Context())
	if f := fault.Of(err); f == nil || f.Side != fault.Source || f.Scope != fault.Message || f.Code != fault.SourceUnreadable {
		t.Errorf("error %v", err)
	}
	counted(t, c, throughput.Count{Listed: 6, Copied: 5, Rejected: 1})
	if s := log.String(); strings.Contains(s, "side=destination") || !strings.Contains(s, "side=source") {
		t.Errorf("the wrong side is blamed:\n%s", s)
	}
	r.viaSrc = ""
	if c := r.mustSync(); c.Rejected != 0 {
		t.Errorf("count %+v", c)
	}
	storedOnce(t, dst, "INBOX", box, nil)
}

// TestIdleSideIsDialledAgain: a connection that broke while its side only
// waited for the other is opened again, however long ago its last progress is.
func TestIdleSideIsDialledAgain(t *testing.T) {
	box := plain(5)
	src := imaptest.NewFake(t, imaptest.FakeOptions{}, box, imaptest.FakeMailbox{Name: "later", Count: 5, Message: box.Message})
	var once atomic.Bool
	dst := imaptest.NewFake(t, imaptest.FakeOptions{Append: func(imaptest.FakeAppend) imaptest.FakeRefusal {
		if once.CompareAndSwap(false, true) {
			time.Sleep(150 * time.Millisecond) // longer than the source's patience
			src.DropConns()
		}
		return imaptest.FakeRefusal{}
	}})
	r := fakeRig(t, src, dst)
	r.options = func(o *mailsync.Options) { quick(o); o.Patience = 100 * time.Millisecond }
	counted(t, r.mustSync(), throughput.Count{Listed: 10, Copied: 10})
}

// TestMemoryIsBounded: bodies beyond what one lane may hold never stand in
// memory together, whatever the sizes.
func TestMemoryIsBounded(t *testing.T) {
	const n, large, limit = 20_000, 5 << 20, 1 << 20
	box := imaptest.FakeMailbox{Name: "INBOX", Count: n, Message: func(i int) imaptest.FakeMessage {
		if i%5000 == 4999 {
			return imaptest.FakeMessage{Body: text(i, large)}
		}
		return imaptest.FakeMessage{Body: text(i, 200+i*7919%6000)}
	}}
	src := imaptest.NewFake(t, imaptest.FakeOptions{}, box)
	r := fakeRig(t, src, imaptest.NewFake(t, imaptest.FakeOptions{}))
	var high atomic.Int64
	r.options = func(o *mailsync.Options) {
		quick(o)
		o.Memory, o.Lanes = limit, 1
		mailsync.WatchMemory(o, &high)
	}
	counted(t, r.mustSync(), throughput.Count{Listed: n, Copied: n})
	if h := high.Load(); h == 0 || h > limit {
		t.Errorf("the window held %d octets, allowed are %d", h, limit)
	}
}

// TestLargeMessageAfterMany: a message that does not fit into memory comes when
// enough has gone over for the connection to be asked whether it should be
// compressed.
func TestLargeMessageAfterMany(t *testing.T) {
	const n = 9
	box := imaptest.FakeMailbox{Name: "INBOX", Count: n, Message: func(i int) imaptest.FakeMessage {
		if i == n-1 {
			return imaptest.FakeMessage{Body: text(i, 5<<20)}
		}
		return imaptest.FakeMessage{Body: text(i, 1<<20)}
	}}
	r := fakeRig(t, imaptest.NewFake(t, imaptest.FakeOptions{}, box), imaptest.NewFake(t, imaptest.FakeOptions{}))
	r.options = func(o *mailsync.Options) {
		quick(o)
		o.Lanes, o.Memory = 1, 2*imapconn.Memory+3<<20
	}
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	c, err := r.sync(ctx)
	if err != nil {
		t.Fatal(err)
	}
	counted(t, c, throughput.Count{Listed: n, Copied: n})
}

// TestMessageThatBreaksTheSource: a message whose FETCH ends the connection,
// every time, costs only itself.
func TestMessageThatBreaksTheSource(t *testing.T) {
	const n = 30
	box := plain(n)
	one := box.Message
	var src *imaptest.Fake
	box.Message = func(i int) imaptest.FakeMessage {
		if i == 7 || i == 19 {
			src.DropConns()
		}
		return one(i)
	}
	src = imaptest.NewFake(t, imaptest.FakeOptions{}, box)
	dst := imaptest.NewFake(t, imaptest.FakeOptions{})
	r := fakeRig(t, src, dst)
	r.options = func(o *mailsync.Options) { quick(o); o.Patience = 10 * time.Second }
	for pass := range 2 {
		c, err := r.sync(t.Context())
		if f := fault.Of(err); f == nil || f.Side != fault.Source || f.Scope != fault.Message {
			t.Errorf("error %v", err)
		}
		counted(t, c, throughput.Count{Listed: n, Copied: int64((n - 2) * (1 - pass)), AlreadyThere: int64((n - 2) * pass), Rejected: 2})
	}
	box.Message = one
	storedOnce(t, dst, "INBOX", box, func(i int) bool { return i != 7 && i != 19 })
}
