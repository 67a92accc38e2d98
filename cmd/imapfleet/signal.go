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

// notify returns a context that the first signal to stop ends (Ctrl-C, SIGTERM,
// and a terminal or window that is closed), with a *stopSignal as its cause.
// From then on a signal has its default effect again, so a second one ends the
// process at once; but for a hangup, of which the kernel and the shell each
// send one when a terminal is closed. stop lets go of it all and waits for what
// was started.
func notify(parent context.Context) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, stopSignals()...)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer signal.Stop(signals)
		select {
		case s := <-signals:
			ignoreHangup()
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

// onSignal calls say for each signal that comes through, one after the other,
// until the function that it returns is called, which waits for the last one.
// No signals: never.
func onSignal(say func(), which ...os.Signal) (end func()) {
	if len(which) == 0 {
		return func() {}
	}
	signals, stop, ended := make(chan os.Signal, 1), make(chan struct{}), make(chan struct{})
	signal.Notify(signals, which...)
	go func() {
		defer close(ended)
		for {
			select {
			case <-signals:
				say()
			case <-stop:
				return
			}
		}
	}()
	return func() {
		signal.Stop(signals)
		close(stop)
		<-ended
	}
}
