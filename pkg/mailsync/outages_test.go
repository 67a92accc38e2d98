package mailsync_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/imapfleet/imapfleet/pkg/imaptest"
	"github.com/imapfleet/imapfleet/pkg/mailsync"
)

// TestStall lets the first connection of one side fall silent after n octets,
// as behind a NAT that has forgotten it, for n all over the pass. A server that
// never greets may be one that waits for TLS: the pass leaves that to its row's
// retries.
func TestStall(t *testing.T) {
	t.Parallel()
	servers(t, func(t *testing.T, src, dst host) {
		for _, dest := range []bool{false, true} {
			whole := newRig(t, src, dst)
			whole.cuttable()
			p := whole.before(dest, imaptest.ProxyOptions{})
			whole.mustSync()
			for _, way := range []imaptest.Direction{imaptest.Up, imaptest.Down} {
				total := p.Stats().Up
				if way == imaptest.Down {
					total = p.Stats().Down
				}
				points := moreOf(5, 25)
				for i := range points {
					n := greeted + (total-greeted)*int64(i)/int64(points)
					t.Run(fmt.Sprintf("destination=%v/way %d/%d of %d octets", dest, way, n, total), func(t *testing.T) {
						t.Parallel()
						r := newRig(t, src, dst)
						want := r.cuttable()
						r.options = func(o *mailsync.Options) {
							looks(dst)(o)
							o.Timeout, o.FinalTimeout = 2*time.Second, 2*time.Second
						}
						p := r.before(dest, imaptest.ProxyOptions{Faults: imaptest.FirstConns(1, imaptest.Fault{Count: way, StallAfter: n})})
						r.arrive(want)
						if p.Stats().Stalls == 0 && i == 0 {
							t.Error("nothing was stalled")
						}
					})
				}
			}
		}
	})
}

// greeted is more than the octets of a greeting, less than those of the login.
const greeted = 160

// TestRandomResets resets connections of both sides, at one piece in twenty of
// what passes.
func TestRandomResets(t *testing.T) {
	t.Parallel()
	servers(t, func(t *testing.T, src, dst host) {
		for seed := range uint64(moreOf(4, 40)) {
			t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
				t.Parallel()
				r := newRig(t, src, dst)
				want := r.cuttable()
				r.options = func(o *mailsync.Options) {
					looks(dst)(o)
					o.Patience = 2 * time.Minute
				}
				for _, dest := range []bool{false, true} {
					r.before(dest, imaptest.ProxyOptions{Faults: func(n int) imaptest.Fault {
						return imaptest.Fault{ResetChance: 0.05, Seed: seed<<32 | uint64(n)}
					}})
				}
				r.arrive(want)
			})
		}
	})
}

// TestCutInLargeMessage resets the first connection of one side in the middle
// of a literal of 20 MB, which stands in memory as a whole or is streamed.
func TestCutInLargeMessage(t *testing.T) {
	t.Parallel()
	servers(t, func(t *testing.T, src, dst host) {
		for _, dest := range []bool{false, true} {
			for _, memory := range []int64{0, 4 << 20} {
				t.Run(fmt.Sprintf("destination=%v/memory %d", dest, memory), func(t *testing.T) {
					t.Parallel()
					r := newRig(t, src, dst)
					box := imaptest.Mailbox{Name: "INBOX", Messages: mail("a", 6, 2000)}
					box.Messages[3].Body = append(box.Messages[3].Body, imaptest.NewGenerator(1, imaptest.Spec{Median: 20 << 20, Mean: 20 << 20, Max: 20 << 20}).Message(0).Body...)
					r.fillSource(box)
					r.options = func(o *mailsync.Options) {
						looks(dst)(o)
						o.Memory, o.Lanes = memory, 1
					}
					p := r.before(dest, imaptest.ProxyOptions{Faults: imaptest.FirstConns(1, imaptest.Fault{CutAfter: 10 << 20})})
					r.arrive(len(box.Messages))
					if p.Stats().Cuts != 1 {
						t.Errorf("the proxy says %+v", p.Stats())
					}
				})
			}
		}
	})
}

// TestOutage takes a server away in the middle of a pass, for a time that is
// within patience: the pass goes on by itself.
func TestOutage(t *testing.T) {
	t.Parallel()
	outages := []time.Duration{6 * time.Second}
	if *fullFaults {
		outages = append(outages, time.Minute)
	}
	servers(t, func(t *testing.T, src, dst host) {
		for _, at := range places {
			for _, outage := range outages {
				t.Run(fmt.Sprintf("%s/%v", at.name, outage), func(t *testing.T) {
					t.Parallel()
					r := newRig(t, src, dst)
					want := r.cuttable()
					r.options = func(o *mailsync.Options) {
						looks(dst)(o)
						o.Patience = 2 * time.Minute
					}
					var proxies []*imaptest.Proxy
					for _, dest := range at.sides {
						proxies = append(proxies, r.before(dest, imaptest.ProxyOptions{UpRate: 64 << 10, DownRate: 64 << 10}))
					}
					done := make(chan error, 1)
					go func() { done <- outageOf(t, proxies, outage) }()
					r.arrive(want)
					if err := <-done; err != nil {
						t.Error(err)
					}
				})
			}
		}
	})
}

// outageOf stops what stands before servers once a third of the account has
// passed, and lets it begin again after a while.
func outageOf(t *testing.T, proxies []*imaptest.Proxy, d time.Duration) error {
	for _, p := range proxies {
		err := p.Await(t.Context(), func(s imaptest.ProxyStats) bool { return s.Up+s.Down > 25<<10 })
		if err != nil {
			return err
		}
	}
	for _, p := range proxies {
		if err := p.Stop(); err != nil {
			return err
		}
	}
	<-time.After(d) // what is tested is that much time
	for _, p := range proxies {
		if err := p.Start(); err != nil {
			return err
		}
	}
	return nil
}
