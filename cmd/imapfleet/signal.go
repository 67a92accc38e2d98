package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// stopSignal is the cause of a context that a signal has ended.
type stopSignal struct{ sig os.Signal }

func (s *stopSignal) Error() string { return "stopped by signal: " + s.sig.String() }

// notify returns a context that the first SIGINT or SIGTERM ends, with a
// *stopSignal as its cause. From then on a signal has its default effect
// again, so a second one ends the process at once. stop lets go of it all and
// waits for what was started.
func notify(parent context.Context) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer signal.Stop(signals)
		select {
		case s := <-signals:
			signal.Stop(signals)
			cancel(&stopSignal{s})
		case <-ctx.Done():
		}
	}()
	return ctx, func() {
		cancel(nil)
		<-ended
	}
}

// ignoreBrokenPipe makes a write to a reader that has gone an error like any
// other. By default it ends a Unix process at once, and so a migration whose
// output goes to head; elsewhere the signal does not occur.
func ignoreBrokenPipe() { signal.Ignore(syscall.SIGPIPE) }
