// Package console is what a person sees of a run while it goes on: on a
// terminal a frame with one bar and a line per busy worker, elsewhere a plain
// line now and then. Console is its main type. It counts nothing itself: it
// shows what a throughput.Watch says, and it also carries the log's lines, so that they and the frame do not tear each other.
// It prints no result; that is throughput.Summary's work.
package console

import (
	"context"
	"io"
	"os"
	"sync"
	"time"

	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// Mode says what a Console shows.
type Mode uint8

// The modes. The zero Mode looks at the output: a frame on a terminal, unless
// NO_COLOR is set to something or TERM is dumb; plain lines elsewhere.
const (
	Auto  Mode = iota
	Frame      // a frame, redrawn in place
	Plain      // a line every ten seconds, without control characters
)

const (
	tick       = 125 * time.Millisecond // of a frame; a little over redraw, or clock jitter would skip every other one
	redraw     = 100 * time.Millisecond // never more often than this
	plainEvery = 10 * time.Second
)

// Options says what to show and where. The zero value shows nothing.
type Options struct {
	Out   io.Writer         // stderr; nil: nothing is written
	Mode  Mode              // Auto looks at Out, which must then be an *os.File to be a terminal
	Quiet bool              // no progress; lines given to Write still pass
	Watch *throughput.Watch // of the run; nil: nothing is known of it

	Size   func() (width, height int) // of the terminal, in columns and lines; nil: asked of Out. 0: unknown, 80 by 24
	Now    func() time.Time           // nil: time.Now
	Getenv func(string) string        // nil: os.Getenv
}

// Console shows one run, once. Methods are safe for concurrent use. Make one
// with New.
type Console struct {
	look    *throughput.Watch
	now     func() time.Time
	screen  *screen
	plain   bool
	quiet   bool
	restore func() // undoes what New did to the terminal

	mu     sync.Mutex
	began  bool
	cancel context.CancelFunc // nil: nothing runs
	done   chan struct{}
}

// New returns a console that shows nothing before Start.
func New(opt Options) *Console {
	if opt.Out == nil {
		opt.Out = io.Discard
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Watch == nil {
		opt.Watch = throughput.NewWatch(nil, nil)
	}
	if opt.Getenv == nil {
		opt.Getenv = os.Getenv
	}
	if opt.Size == nil {
		opt.Size = sizeOf(opt.Out)
	}
	c := &Console{
		look: opt.Watch, now: opt.Now, quiet: opt.Quiet,
		screen: &screen{out: opt.Out, size: opt.Size, now: opt.Now},
	}
	c.plain, c.restore = choose(opt)
	return c
}

// Start begins to show the run, until Stop or until ctx is done. Another call
// does nothing, nor does one after Stop.
func (c *Console) Start(ctx context.Context) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.quiet || c.began {
		return
	}
	c.began = true
	ctx, c.cancel = context.WithCancel(ctx)
	c.done = make(chan struct{})
	go c.run(ctx, c.done)
}

// Stop ends what Start began and returns when the last state stands on the
// screen and nothing more will be drawn. Lines given to Write pass as before.
// Without Start it only passes on the rest of an unended line.
func (c *Console) Stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.began = true
	if c.cancel != nil {
		c.cancel()
		<-c.done
		c.cancel, c.done = nil, nil
	}
	c.screen.flush()
	c.restore()
}

// run belongs to Start; Stop waits for it.
func (c *Console) run(ctx context.Context, done chan<- struct{}) {
	defer close(done)
	every := tick
	if c.plain {
		every = plainEvery
	}
	t := time.NewTicker(every)
	defer t.Stop()
	said := c.show(false)
	for {
		select {
		case <-ctx.Done():
			c.finish(said)
			return
		case <-t.C:
			said = c.show(true)
		}
	}
}

// show looks at the run and shows it; on a plain output only if due. It
// reports whether something was said.
func (c *Console) show(due bool) bool {
	f := c.look.At(c.now())
	if !c.plain {
		c.screen.draw(f)
		return true
	}
	if due {
		c.screen.line(plainLine(f))
	}
	return due
}

// finish leaves the last state: on a terminal the totals without the workers,
// elsewhere a last line if there was a first one.
func (c *Console) finish(said bool) {
	f := c.look.At(c.now())
	f.Busy, f.Bottleneck = nil, nil // the summary says it of the whole run
	switch {
	case !c.plain:
		c.screen.leave(f)
	case said:
		c.screen.line(plainLine(f))
	}
}

// Write takes log lines and puts them above the frame, if there is one. What
// is not ended by a line feed waits for its end. Control characters become
// blanks. The error is the output's.
func (c *Console) Write(p []byte) (int, error) { return c.screen.Write(p) }
