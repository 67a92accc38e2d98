//go:build !unix

package main

import (
	"os"
	"syscall"
	"time"
)

// stopSignals end the program in good order. On Windows a console that is
// closed, a logoff and a shutdown come as SIGTERM.
func stopSignals() []os.Signal { return []os.Signal{os.Interrupt, syscall.SIGTERM} }

func ignoreHangup() {}

// statusSignals: there are none; 'imapfleet status' says it.
func statusSignals() []os.Signal { return nil }

func surviveStatusSignal() {}

// stopGrace is how long a run that is being stopped waits for a destination's
// answer. Windows gives a program about 5 seconds to end when its console is
// closed, and the ledger and the result files are to be written after this.
const stopGrace = 3 * time.Second
