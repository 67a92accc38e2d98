package mailsync_test

import (
	"testing"
	"time"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/imaptest"
	"github.com/imapfleet/imapfleet/pkg/mailsync"
	"github.com/imapfleet/imapfleet/pkg/rules"
)

// Size adds up what goes, told or read message by message, and asks nobody but
// the source.
func TestSize(t *testing.T) {
	for _, size := range []string{"STATUS=SIZE", "XNOTHING"} {
		t.Run(size, func(t *testing.T) {
			src := imaptest.NewFake(t, imaptest.FakeOptions{Caps: withCaps(size)}, holding("INBOX", 3, 1000), holding("Work", 2, 500), holding("Trash", 9, 9000))
			dst := imaptest.NewFake(t, imaptest.FakeOptions{})
			pair := pairOf(t, src.Access(), dst.Access())
			pair.Rules = &rules.Rules{}
			e := mailsync.New(mailsync.Options{Logger: discard(), Patience: 2 * time.Second, Timeout: 10 * time.Second, FinalTimeout: 10 * time.Second})
			rep := e.Size(t.Context(), pair)
			if rep.Fault != nil || rep.Messages != 14 || rep.Octets.Octets != 3*1000+2*500+9*9000 || rep.Octets.Error != 0 {
				t.Errorf("%+v", rep)
			}
			obedient(t, src)
			if n := len(dst.Commands()); n > 0 {
				t.Errorf("the destination was sent %d commands", n)
			}
		})
	}
}

// Of many messages the sizes of some are read.
func TestSizeSample(t *testing.T) {
	src := imaptest.NewFake(t, imaptest.FakeOptions{}, holding("INBOX", 12_000, 300))
	pair := pairOf(t, src.Access(), imaptest.NewFake(t, imaptest.FakeOptions{}).Access())
	e := mailsync.New(mailsync.Options{Logger: discard(), Patience: 2 * time.Second, Timeout: 10 * time.Second, FinalTimeout: 10 * time.Second})
	rep := e.Size(t.Context(), pair)
	if o := rep.Octets; rep.Fault != nil || rep.Messages != 12_000 || o.Octets != 12_000*300 || o.Sampled > 5100 || o.Of != 12_000 {
		t.Errorf("%+v", rep)
	}
}

func TestSizeFault(t *testing.T) {
	src := imaptest.NewFake(t, imaptest.FakeOptions{})
	pair := pairOf(t, src.Access(), src.Access())
	src.Close()
	e := mailsync.New(mailsync.Options{Logger: discard(), Patience: 10 * time.Millisecond, Timeout: time.Second, FinalTimeout: time.Second})
	if rep := e.Size(t.Context(), pair); rep.Fault == nil || rep.Fault.Side != fault.Source {
		t.Errorf("%+v", rep)
	}
}
