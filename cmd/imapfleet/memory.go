package main

import (
	"os"
	"runtime/debug"
)

// memoryAllowance is what a run needs beside the messages of --memory, in
// octets: the ledger's cache, the list, goroutines. Garbage has to fit into it.
const memoryAllowance = 40 << 20

// limitMemory tells the Go runtime to collect garbage ever harder as the
// process nears what --memory allows, instead of letting it grow to twice what
// is in use. It is a wish, not a wall: nothing fails beyond it. A GOMEMLIMIT of
// the user's own stays. The function returned undoes it.
func limitMemory(memory int64) (undo func()) {
	if os.Getenv("GOMEMLIMIT") != "" {
		return func() {}
	}
	before := debug.SetMemoryLimit(memory + memoryAllowance)
	return func() { debug.SetMemoryLimit(before) }
}
