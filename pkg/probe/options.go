package probe

import (
	"context"
	"crypto/x509"
	"log/slog"
	"net"
	"time"

	"github.com/imapfleet/imapfleet/pkg/account"
	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// Options say what Run does. Pairs must be given; the zero value of everything
// else is the default named.
type Options struct {
	// Pairs are the rows that lend their accounts, all between the same two
	// hosts, each account once: what Choose returns. Lanes are spread over them.
	Pairs []account.Pair

	For      time.Duration // until the last measurement ends; 0: 30 s. To remove mailboxes may take longer.
	Volume   int64         // octets that are read from the source, and as many written to the destination, at most; 0: 2 GiB
	Lanes    int           // the most that are tried: 1, 2, 4 ... and this number; 0: 8
	ReadOnly bool          // at the destination only to log in and look

	RootCAs *x509.CertPool // nil: the system's
	Faults  *fault.Rules   // the user's own reading of refusals; nil: none
	Logger  *slog.Logger   // nil: silent
	Version string         // told to the servers by ID

	Timeout, FinalTimeout time.Duration // see imapconn.Config
	// DialContext replaces the net.Dialer of both sides.
	DialContext func(ctx context.Context, network, addr string) (net.Conn, error)
	// AwaitLogin returns when the next connection to a host may be opened; nil:
	// at once. Its error is ctx's. To remove mailboxes one is opened all the same
	// when half of RemoveFor is over.
	AwaitLogin func(ctx context.Context, host string) error

	RemoveFor time.Duration // how long a mailbox is tried to be removed; 0: 1 minute
	LookEvery time.Duration // time to a second look for what a lost session may still make; 0: 2 s

	// OnStep is told of each measurement, OnNote of what a person should know
	// at once; nil: nobody is. They are called by one goroutine at a time.
	OnStep func(phase Phase, s throughput.Step)
	OnNote func(text string)
}

// Phase is one of the three measurements.
type Phase string

// The phases, in their order.
const (
	Source Phase = "source"      // read into nothing
	Dest   Phase = "destination" // written, with made-up messages
	Both   Phase = "both"        // read and written
)

// Defaults and bounds.
const (
	DefaultFor    = 30 * time.Second
	DefaultVolume = 2 << 30
	DefaultLanes  = 8
	MaxLanes      = 64
)

func (o Options) withDefaults() Options {
	if o.For <= 0 {
		o.For = DefaultFor
	}
	if o.Volume <= 0 {
		o.Volume = DefaultVolume
	}
	if o.Lanes <= 0 {
		o.Lanes = DefaultLanes
	}
	o.Lanes = min(o.Lanes, MaxLanes)
	if o.RemoveFor <= 0 {
		o.RemoveFor = time.Minute
	}
	if o.LookEvery <= 0 {
		o.LookEvery = 2 * time.Second
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if len(o.Pairs) > o.Lanes {
		o.Pairs = o.Pairs[:o.Lanes]
	}
	return o
}

// ladder is the numbers of lanes that are tried.
func (o Options) ladder() (out []int) {
	for n := 1; n < o.Lanes; n *= 2 {
		out = append(out, n)
	}
	return append(out, o.Lanes)
}
