package main

import (
	"errors"
	"fmt"

	"github.com/imapfleet/imapfleet/pkg/ratelimit"
)

// sizeValue is a flag for a number of octets. It implements pflag.Value.
type sizeValue int64

func (s *sizeValue) String() string { return ratelimit.PrintOctets(int64(*s)) }

func (s *sizeValue) Type() string { return "size" }

func (s *sizeValue) Set(text string) error {
	n, err := ratelimit.ParseOctets(text)
	if err != nil {
		return err
	}
	*s = sizeValue(n)
	return nil
}

// minMemory is what a lane cannot do without: the buffers of its two
// connections, and as much again for messages.
const minMemory = 1 << 20

// atLeast refuses a memory limit that no lane could work with.
func (s sizeValue) atLeast(lanes int) error {
	switch {
	case int64(s) < minMemory:
		return errors.New("--memory: a lane needs 1 MiB")
	case int64(lanes) > int64(s)/minMemory:
		// A lane needs 1 MiB: their number is the memory's.
		return fmt.Errorf("--parallel %d needs --memory of at least %dMiB (1 MiB for each)", lanes, lanes)
	}
	return nil
}
