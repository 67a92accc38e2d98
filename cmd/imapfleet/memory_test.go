package main

import (
	"runtime/debug"
	"testing"
)

func TestLimitMemory(t *testing.T) {
	before := debug.SetMemoryLimit(-1)
	t.Setenv("GOMEMLIMIT", "")
	undo := limitMemory(100 << 20)
	if got, want := debug.SetMemoryLimit(-1), int64(140<<20); got != want {
		t.Errorf("limit %d, want %d", got, want)
	}
	undo()
	if got := debug.SetMemoryLimit(-1); got != before {
		t.Errorf("limit %d afterwards, was %d", got, before)
	}
	t.Setenv("GOMEMLIMIT", "1GiB") // the runtime has read it at its start
	limitMemory(100 << 20)()
	if got := debug.SetMemoryLimit(-1); got != before {
		t.Errorf("limit %d although the user has set one", got)
	}
}
