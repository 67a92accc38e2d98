package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// sizeValue is a flag for a number of octets. It implements pflag.Value.
type sizeValue int64

func (s *sizeValue) String() string {
	n := int64(*s)
	for _, u := range units() {
		if n >= u.octets && n%u.octets == 0 {
			return strconv.FormatInt(n/u.octets, 10) + u.name
		}
	}
	return strconv.FormatInt(n, 10)
}

func (s *sizeValue) Type() string { return "size" }

func (s *sizeValue) Set(text string) error {
	n, err := parseSize(text)
	if err != nil {
		return err
	}
	*s = sizeValue(n)
	return nil
}

type unit struct {
	name   string
	octets int64
}

// units are the binary ones first: those are what String prints.
func units() []unit {
	return []unit{
		{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10},
		{"TB", 1e12}, {"GB", 1e9}, {"MB", 1e6}, {"KB", 1e3},
		{"T", 1 << 40}, {"G", 1 << 30}, {"M", 1 << 20}, {"K", 1 << 10}, {"B", 1},
	}
}

var errSize = errors.New("must be a number of octets, such as 256MiB, 20MB or 1048576")

// parseSize reads 256MiB, 1.5 GiB, 20MB, 64k or a plain number of octets.
func parseSize(text string) (int64, error) {
	text = strings.TrimSpace(text)
	factor := int64(1)
	for _, u := range units() {
		if n := len(text) - len(u.name); n > 0 && strings.EqualFold(text[n:], u.name) {
			text, factor = strings.TrimSpace(text[:n]), u.octets
			break
		}
	}
	if text == "" || strings.Trim(text, "0123456789.") != "" {
		return 0, errSize
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || f*float64(factor) >= 1<<62 {
		return 0, errSize
	}
	return int64(f * float64(factor)), nil
}

// minMemory is what a lane cannot do without, and a bit.
const minMemory = 1 << 20

// atLeast refuses a memory limit that no lane could work with.
func (s sizeValue) atLeast(lanes int) error {
	if int64(lanes) > int64(s)/minMemory {
		// A lane needs 1 MiB: their number is the memory's.
		return fmt.Errorf("--parallel %d needs --memory of at least %dMiB (1 MiB for each)", lanes, lanes)
	}
	return nil
}
