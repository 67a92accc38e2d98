package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/imapfleet/imapfleet/pkg/ratelimit"
)

// order is what ctl tells a run to do. Both sides read it: whoever asks is told
// at once what is wrong with it.
type order struct {
	verb     string
	host     string             // pause, resume, limit1, limit2: empty is all
	parallel parallelValue      // parallel
	line     int                // skip
	side     int                // limit: 0 is the whole run
	schedule ratelimit.Schedule // limit
}

// orders are the verbs with what they take, as help shows them.
var orders = []struct{ verb, args, what string }{
	{"status", "", "how far the run is"},
	{"parallel", "N|auto[:MIN-MAX]", "as many lanes from now on, or as many as make it fastest"},
	{"pause", "[HOST]", "no row starts (there); those at work stop at a message border and wait"},
	{"resume", "[HOST]", "what is paused goes on"},
	{"drain", "", "no row starts any more, the run ends when those at work have"},
	{"skip", "LINE", "take the row of this line of the list out of the run"},
	{"limit", "RATE", "octets per second from now on, as run --limit: a rate, a timetable or off"},
	{"limit1", "RATE [HOST]", "the same for each source host, or one"},
	{"limit2", "RATE [HOST]", "the same for each destination host, or one"},
}

// parseOrder reads a verb and its arguments.
func parseOrder(verb string, args []string) (order, error) {
	o := order{verb: verb}
	most := 0
	for _, known := range orders {
		if known.verb != verb {
			continue
		}
		if known.args != "" {
			most = 1
		}
		err := o.read(args, most)
		if err != nil {
			return order{}, fmt.Errorf("%s: %w: write %s", verb, err, strings.TrimSpace(verb+" "+known.args))
		}
		return o, nil
	}
	names := make([]string, len(orders))
	for i, known := range orders {
		names[i] = known.verb
	}
	return order{}, fmt.Errorf("%q is nothing that a run can be told; there is %s", verb, strings.Join(names, ", "))
}

func (o *order) read(args []string, most int) (err error) {
	if side, ok := strings.CutPrefix(o.verb, "limit"); ok {
		o.side, _ = strconv.Atoi(side) // none: the run's
		return o.readLimit(args)
	}
	switch {
	case len(args) > most:
		return fmt.Errorf("too many arguments (%q)", args[most])
	case len(args) == 1 && strings.TrimSpace(args[0]) == "":
		return errors.New("an empty argument")
	case len(args) == 0 && (o.verb == "parallel" || o.verb == "skip"):
		return errors.New("an argument is missing")
	case len(args) == 0:
		return nil
	}
	switch o.verb {
	case "parallel":
		return o.parallel.Set(args[0])
	case "skip":
		if o.line = lineNumber(args[0]); o.line < 1 {
			return fmt.Errorf("%q is no line of the list", args[0])
		}
	default:
		o.host = args[0]
	}
	return nil
}

// readLimit reads a rate or a timetable, in as many arguments as the shell has
// made of it, and behind it a host if it is for one.
func (o *order) readLimit(args []string) (err error) {
	if o.schedule, err = ratelimit.ParseSchedule(strings.Join(args, " ")); err == nil || o.side == 0 || len(args) < 2 {
		return err
	}
	last := len(args) - 1
	if s, rateErr := ratelimit.ParseSchedule(strings.Join(args[:last], " ")); rateErr == nil && !strings.Contains(args[last], ",") {
		o.schedule, o.host, err = s, args[last], nil
	}
	return err
}
