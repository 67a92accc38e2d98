//go:build unix

package main

import (
	"os"
	"os/signal"
	"syscall"
	"time"
)

// stopSignals end the program in good order. Under nohup a hangup is ignored
// already, and stays so.
func stopSignals() []os.Signal {
	out := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		out = append(out, syscall.SIGHUP)
	}
	return out
}

// ignoreHangup takes hangups and does nothing about them. (A signal that is
// ignored by name stays so in every program that this one starts.)
func ignoreHangup() { signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP) }

// statusSignals ask a run to say how far it is.
func statusSignals() []os.Signal { return []os.Signal{syscall.SIGUSR1} }

// surviveStatusSignal keeps a command that has nothing to say, or not yet, from
// being ended by a status signal.
func surviveStatusSignal() { signal.Notify(make(chan os.Signal, 1), statusSignals()...) }

// stopGrace is how long a run that is being stopped waits for a destination's
// answer: the engine's own time.
const stopGrace time.Duration = 0
