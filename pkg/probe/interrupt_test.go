package probe

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/imapfleet/imapfleet/pkg/imaptest"
)

var seeds = flag.Int("probe.seeds", 24, "how many interruptions are tried on the server in memory, and a quarter of that on Dovecot")

// interruption is what happens to a probe, and when.
type interruption struct {
	octets int64             // on both sides, until it is stopped; 0: it is not
	on     string            // a command to the destination at which ...
	nth    int64             // ... when it comes for the nth time ...
	reset  bool              // ... all connections break; else it is stopped
	faults [2]imaptest.Fault // of the first connections, by side
	first  [2]int            // how many have them
}

func interruptionOf(seed int) (in interruption) {
	rng := rand.New(rand.NewPCG(uint64(seed), 7))
	somewhere := func(most float64) int64 { return int64(math.Exp(rng.Float64()*math.Log(most/150)) * 150) }
	switch seed % 4 {
	case 0:
		in.octets = 1 + rng.Int64N(5<<19)
	case 1:
		in.on, in.nth, in.reset = []string{"CREATE", "SELECT", "APPEND", "DELETE"}[seed/4%4], 1+rng.Int64N(3), rng.IntN(2) == 0
	case 2:
		in.octets = somewhere(3 << 20)
		fallthrough
	case 3:
		for i := range in.faults {
			in.first[i] = rng.IntN(6)
			in.faults[i] = imaptest.Fault{CutAfter: somewhere(1 << 19)}
			if rng.IntN(3) == 0 {
				in.faults[i] = imaptest.Fault{ResetChance: 0.03, Seed: uint64(seed)}
			}
		}
	}
	return in
}

// interrupted runs a probe that is interrupted and looks at what is left.
func interrupted(t *testing.T, r *rig, in interruption) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var passed, seen atomic.Int64
	var via []string
	var proxies [2]*imaptest.Proxy
	var resetting sync.WaitGroup
	defer resetting.Wait()
	for i, s := range []server{r.src, r.dst} {
		proxies[i] = imaptest.StartProxy(t, s.Access(r.users[0], secret).Addr, imaptest.ProxyOptions{
			Faults: imaptest.FirstConns(in.first[i], in.faults[i]),
			Tap: func(_ int, dir imaptest.Direction, b []byte) {
				if n := passed.Add(int64(len(b))); in.octets > 0 && n >= in.octets {
					cancel()
				}
				if in.on == "" || i == 0 || dir != imaptest.Up || !bytes.Contains(b, []byte(" "+in.on+" ")) || seen.Add(1) != in.nth {
					return
				}
				if in.reset {
					resetting.Go(proxies[1].ResetConns)
				} else {
					cancel()
				}
			},
		})
		via = append(via, proxies[i].Addr())
	}
	o := quick(r.pairs(via...))
	o.Volume, o.Lanes = 1<<20, 4
	rep, err := Run(ctx, o)
	if (err != nil) != (ctx.Err() != nil) {
		t.Errorf("error %v, context %v", err, ctx.Err())
	}
	t.Logf("%+v: %d made, %d removed, %d steps, ended %v, %s", in, rep.Mailboxes.Made, rep.Mailboxes.Removed,
		len(rep.Source)+len(rep.Dest)+len(rep.Both), rep.Ended, rep.Verdict)
	if len(rep.Mailboxes.Left) > 0 || rep.Mailboxes.Made > rep.Mailboxes.Removed {
		t.Errorf("mailboxes %+v", rep.Mailboxes)
	}
	r.untouched()
}

// Nothing is left behind wherever a probe is interrupted.
func TestInterrupted(t *testing.T) {
	for seed := range *seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			r := newRig(t, memoryServer(t), memoryServer(t), "anna", "bernd")
			interrupted(t, r, interruptionOf(seed))
		})
	}
}

func TestInterruptedDovecot(t *testing.T) {
	src, dst := imaptest.NewDovecotSlash(t), imaptest.NewDovecotDot(t)
	for seed := range *seeds / 4 {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			r := newRig(t, src, dst, fmt.Sprint("anna", seed), fmt.Sprint("bernd", seed))
			interrupted(t, r, interruptionOf(seed))
		})
	}
}

// A probe that is stopped before it has begun does nothing.
func TestStoppedAtOnce(t *testing.T) {
	r := newRig(t, memoryServer(t), memoryServer(t), "anna")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	began := time.Now()
	rep, err := Run(ctx, quick(r.pairs()))
	if err == nil || rep.Verdict == "" || rep.Mailboxes.Made > 0 || time.Since(began) > 10*time.Second {
		t.Errorf("%v, %+v", err, rep)
	}
	r.untouched()
}
