package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// setting is a pair of servers for which the best number of lanes is looked
// for, by trying them all and by imapfleet itself.
type setting struct {
	name   string
	set    string // of accounts at the source
	delay  time.Duration
	upRate int64 // to the destination, octets a second; 0: no limit
	extra  string
}

// settings are those of the sweep.
func settings() []*setting {
	return []*setting{
		{name: "near", set: brief},
		{name: "far", set: brief, delay: 10 * time.Millisecond},
		{name: "slow destination", set: brief, delay: 10 * time.Millisecond, upRate: 12 << 20},
		{name: "few connections", set: brief, delay: 10 * time.Millisecond, extra: "service imap {\n  process_limit = 10\n}\n"},
		{name: "small messages", set: briefSmall, delay: 10 * time.Millisecond},
	}
}

// parseLanes reads the numbers of lanes that a sweep tries; auto is 0.
func parseLanes(text string) ([]int, error) {
	var out []int
	for word := range strings.SplitSeq(text, ",") {
		n, err := strconv.Atoi(word)
		if word != "auto" && (err != nil || n < 1) {
			return nil, fmt.Errorf("-lanes: %q is neither a number of lanes nor auto", word)
		}
		out = append(out, n)
	}
	return out, nil
}

// sweepRows is how many rows a list has: more than can be copied in the time.
const sweepRows = 10000

// sweepWindow is what is measured of a run, once it has had sweepWarm to begin,
// or has found its number of lanes. The time for that is limited.
const (
	sweepWarm   = 4 * time.Second
	sweepWindow = 12 * time.Second
	sweepClimb  = 10 * time.Minute
)

// point is a number of lanes as measured, run by run.
type point struct {
	Lanes []int  `json:"lanes"` // of auto what it had found
	Rate  sample `json:"mib_per_second"`
	Climb sample `json:"climb_seconds,omitempty"` // of auto, until it had settled
}

// swing is what a sweep of one setting has shown.
type swing struct {
	Setting string         `json:"setting"`
	Tried   []int          `json:"tried"`
	Points  map[int]*point `json:"points"` // by lanes; 0: auto
}

// best is the fixed number of lanes with the highest median rate, and the
// fewest lanes that come within 2 % of it.
func (s *swing) best() (lanes, fewest int, rate float64) {
	for _, n := range s.Tried {
		if p := s.Points[n]; n > 0 && p != nil && p.Rate.median() > rate {
			lanes, rate = n, p.Rate.median()
		}
	}
	for _, n := range s.Tried {
		if p := s.Points[n]; n > 0 && p != nil && p.Rate.median() >= 0.98*rate {
			return lanes, n, rate
		}
	}
	return lanes, lanes, rate
}

// sweep measures the settings whose name matches and prints what comes of it.
func (o *options) sweep(ctx context.Context, out, errw io.Writer) error {
	pattern, err := regexp.Compile(o.cases)
	if err != nil {
		return fmt.Errorf("-cases: %w", err)
	}
	var all []*swing
	fmt.Fprintf(out, "%s\nload before: %s; %d runs, medians (least..most)\n", thisMachine(o.dir), load(), o.runs)
	for _, s := range settings() {
		if !pattern.MatchString(s.name) {
			continue
		}
		w, err := o.sweepSetting(ctx, s, errw)
		if w != nil && len(w.Points) > 0 {
			all = append(all, w)
			w.print(out)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	if len(all) == 0 {
		return fmt.Errorf("-cases: no setting matches %q", o.cases)
	}
	fmt.Fprintln(out, "\nload after:", load())
	if o.json == "" {
		return nil
	}
	text, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(o.json, append(text, '\n'), 0o644)
}

// sweepSetting measures every number of lanes once, then all of them again.
func (o *options) sweepSetting(ctx context.Context, s *setting, errw io.Writer) (w *swing, err error) {
	tried, err := parseLanes(o.lanes)
	if err != nil {
		return nil, err
	}
	site, err := o.startSweep(ctx, s)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, site.close()) }()
	w = &swing{Setting: s.name, Tried: tried, Points: make(map[int]*point)}
	for run := range o.runs {
		for _, n := range tried {
			m, err := site.measure(ctx, o.program, n, errw)
			if err != nil {
				return w, err
			}
			fmt.Fprintf(errw, "%s, run %d, %s: %s MiB/s with %d lanes\n", s.name, run+1, lanesText(n), digits(m.rate), m.lanes)
			p := w.Points[n]
			if p == nil {
				p = &point{}
				w.Points[n] = p
			}
			p.Lanes, p.Rate = append(p.Lanes, m.lanes), append(p.Rate, m.rate)
			if n == 0 {
				p.Climb = append(p.Climb, m.climb)
			}
		}
	}
	return w, nil
}

func lanesText(n int) string {
	if n == 0 {
		return "auto"
	}
	return strconv.Itoa(n)
}

// print writes the table of a setting.
func (w *swing) print(out io.Writer) {
	fmt.Fprintf(out, "\n%-18s %26s\n", w.Setting, "MiB/s")
	for _, n := range w.Tried {
		if p := w.Points[n]; p != nil {
			fmt.Fprintf(out, "  %-16s %26s\n", lanesText(n), spreadOf(p.Rate))
		}
	}
	auto := w.Points[0]
	if auto == nil || len(w.Points) == 1 {
		return
	}
	lanes, fewest, rate := w.best()
	got := slices.Sorted(slices.Values(auto.Lanes))
	fmt.Fprintf(out, "  best: %d lanes (%d within 2 %%); auto: %.2f of its rate with %d lanes (%v), settled after %s s\n",
		lanes, fewest, auto.Rate.median()/rate, got[len(got)/2], got, spreadOf(auto.Climb))
}

// sweepSite is the servers of a setting.
type sweepSite struct {
	servers
	list  string
	users []string // of the destination
	lists int
}
