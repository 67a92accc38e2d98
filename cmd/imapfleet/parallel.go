package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/imapfleet/imapfleet/pkg/batch"
)

const (
	// usualLanes are those of commands that do not look for the best number.
	usualLanes = 4
	// autoLanes is up to where run looks, unless told otherwise.
	autoLanes = 32
	// laneMemory is what a lane makes use of: more lanes than have as much are
	// only tried when the user says so.
	laneMemory = 8 << 20
)

// rowsAtATime is what --parallel is for commands that do not look for the best
// number.
const rowsAtATime = "how many rows at a time (auto: 4)"

// parallelValue is the flag --parallel. It implements pflag.Value. The zero
// value is auto.
type parallelValue struct {
	n      int          // 0: auto
	bounds batch.Bounds // of auto; zero: none were given
}

func (v *parallelValue) String() string {
	switch {
	case v.n > 0:
		return strconv.Itoa(v.n)
	case v.bounds != batch.Bounds{}:
		return fmt.Sprintf("auto:%d-%d", v.bounds.Min, v.bounds.Max)
	}
	return "auto"
}

func (v *parallelValue) Type() string { return "N|auto" }

func (v *parallelValue) Set(text string) error {
	word, bounds, bounded := strings.Cut(text, ":")
	if word != "auto" {
		n, err := strconv.Atoi(text)
		if err != nil {
			return errors.New("must be a number of lanes, auto, or auto with bounds such as auto:4-64")
		}
		if n < 1 {
			return errors.New("must be at least 1")
		}
		*v = parallelValue{n: n}
		return nil
	}
	*v = parallelValue{}
	if !bounded {
		return nil
	}
	least, most, _ := strings.Cut(bounds, "-")
	from, err1 := strconv.Atoi(least)
	to, err2 := strconv.Atoi(most)
	switch {
	case err1 != nil || err2 != nil:
		return errors.New("bounds are two numbers, such as auto:4-64")
	case from < 1:
		return fmt.Errorf("auto:%s: must be at least 1", bounds)
	case to < from:
		return fmt.Errorf("auto:%s: the second bound is below the first", bounds)
	}
	v.bounds = batch.Bounds{Min: from, Max: to}
	return nil
}

// fixed is the number for a command that does not look for the best one.
func (v *parallelValue) fixed() int {
	switch {
	case v.n > 0:
		return v.n
	case v.bounds != batch.Bounds{}:
		return min(max(usualLanes, v.bounds.Min), v.bounds.Max)
	}
	return usualLanes
}

// within is n, where a number of lanes was found that is best, within what was
// given, else within what run tries; what is usual where n is 0.
func (v *parallelValue) within(n int) int {
	switch {
	case v.n > 0 || n == 0:
		return v.fixed()
	case v.bounds != batch.Bounds{}:
		return min(max(n, v.bounds.Min), v.bounds.Max)
	}
	return min(n, autoLanes)
}

// auto are the bounds within which run looks for the best number; zero: it does
// not.
func (v *parallelValue) auto(memory sizeValue) batch.Bounds {
	switch {
	case v.n > 0:
		return batch.Bounds{}
	case v.bounds != batch.Bounds{}:
		return v.bounds
	}
	fit := max(int64(memory)/laneMemory, min(usualLanes, int64(memory)/minMemory), 1)
	return batch.Bounds{Min: 1, Max: int(min(fit, autoLanes))}
}

// most is how many lanes run may have at a time.
func (v *parallelValue) most(memory sizeValue) int { return max(v.n, v.auto(memory).Max) }
