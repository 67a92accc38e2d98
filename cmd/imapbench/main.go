// Command imapbench measures how close imapfleet comes to what two servers can
// do at most. It starts two Dovecots, fills accounts at one of them, and
// copies them to the other in turns: by a raw pipe of FETCH into MULTIAPPEND,
// which does as little as a client can, and by the imapfleet binary. It checks
// after every run that everything has arrived, and judges nothing.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"regexp"
	"syscall"
	"time"
)

func main() {
	ctx, stop := interruptible(context.Background())
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "imapbench:", err)
		os.Exit(1)
	}
}

// interruptible is a context that ends when the user says so.
func interruptible(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // from here the next signal has its default effect
	return ctx, stop
}

// options are the flags.
type options struct {
	program string
	dir     string
	cases   string
	list    bool
	runs    int
	scale   float64
	far     time.Duration
	json    string
	sweeps  bool
	lanes   string // of a sweep
}

func parse(args []string, errw io.Writer) (*options, error) {
	o := &options{}
	fs := flag.NewFlagSet("imapbench", flag.ContinueOnError)
	fs.SetOutput(errw)
	fs.StringVar(&o.program, "imapfleet", "./imapfleet", "the binary to measure")
	fs.StringVar(&o.dir, "dir", os.Getenv("BENCH_DIR"), "directory for mail and state, on a RAM disk to leave fsync out; by default $BENCH_DIR, else that of temporary files")
	fs.StringVar(&o.cases, "cases", "", "only cases whose name matches this regular expression")
	fs.BoolVar(&o.list, "list", false, "list the cases")
	fs.BoolVar(&o.sweeps, "sweep", false, "instead of the cases: how fast each of some numbers of lanes is, and which one --parallel auto finds, with several pairs of servers")
	fs.StringVar(&o.lanes, "lanes", "1,2,4,8,12,16,24,32,auto", "what a sweep tries")
	fs.IntVar(&o.runs, "runs", 3, "how often each case is measured")
	fs.Float64Var(&o.scale, "scale", 1, "share of the messages, such as 0.1 for a quick look")
	fs.DurationVar(&o.far, "far", 20*time.Millisecond, "round trip of the far cases; 0 leaves them out")
	fs.StringVar(&o.json, "json", "", "write the figures of each run to this file")
	if err := fs.Parse(args); err != nil {
		return nil, err
	}
	switch {
	case fs.NArg() > 0:
		return nil, fmt.Errorf("unexpected argument %q", fs.Arg(0))
	case o.runs < 1:
		return nil, errors.New("-runs: must be at least 1")
	case o.scale <= 0:
		return nil, errors.New("-scale: must be above 0")
	case o.far < 0:
		return nil, errors.New("-far: must not be negative")
	}
	return o, nil
}

func run(ctx context.Context, args []string, out, errw io.Writer) error {
	if len(args) > 0 && args[0] == launchCommand {
		return launch(ctx, args[1:], out, errw)
	}
	o, err := parse(args, errw)
	if err != nil {
		return err
	}
	if o.sweeps {
		return o.sweep(ctx, out, errw)
	}
	pattern, err := regexp.Compile(o.cases)
	if err != nil {
		return fmt.Errorf("-cases: %w", err)
	}
	groups := choose(allCases(o.far > 0), pattern)
	if len(groups) == 0 {
		return fmt.Errorf("-cases: no case matches %q; -list lists them", o.cases)
	}
	if o.list {
		for _, g := range groups {
			for _, c := range g {
				fmt.Fprintln(out, c.name)
			}
		}
		return nil
	}
	return o.bench(ctx, groups, out, errw)
}

// report is the file of -json.
type report struct {
	Machine    machine   `json:"machine"`
	Started    time.Time `json:"started"`
	LoadBefore string    `json:"load_before"`
	LoadAfter  string    `json:"load_after"`
	Runs       int       `json:"runs"`
	Scale      float64   `json:"scale"`
	RoundTrip  float64   `json:"far_round_trip_seconds"` // as measured; 0: no far cases
	Cases      []*result `json:"cases"`
}

// bench measures the cases and prints what comes of it.
func (o *options) bench(ctx context.Context, groups [][]*benchCase, out, errw io.Writer) (err error) {
	s, err := startSite(o.dir, o.far)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	rep := &report{Machine: thisMachine(s.dir), Started: time.Now(), LoadBefore: load(), Runs: o.runs, Scale: o.scale}
	if rep.RoundTrip, err = s.roundTrip(ctx); err != nil {
		return err
	}
	fmt.Fprintln(out, rep.Machine)
	fmt.Fprintf(out, "load before: %s; %d runs, medians (least..most)", rep.LoadBefore, o.runs)
	if o.scale != 1 {
		fmt.Fprintf(out, "; %g of the messages", o.scale)
	}
	if o.far > 0 {
		fmt.Fprintf(out, "; far: a NOOP takes %.1f ms", 1000*rep.RoundTrip)
	}
	fmt.Fprint(out, "\n\n")

	b := &bench{
		site: s, program: o.program, runs: o.runs, scale: o.scale,
		log: log.New(errw, "", log.Ltime), sets: make(map[string][]*account),
	}
	t := newTable(out, groups)
	if err := t.header(); err != nil {
		return err
	}
	for _, g := range groups {
		results, err := b.group(ctx, g)
		if err != nil {
			return err
		}
		rep.Cases = append(rep.Cases, results...)
		for _, r := range results {
			if err := t.result(r); err != nil {
				return err
			}
		}
	}
	return o.finish(rep, out)
}

// finish prints what follows from all cases, and writes the file of -json.
func (o *options) finish(rep *report, out io.Writer) error {
	fmt.Fprintln(out)
	if err := compare(out, rep.Cases, rep.RoundTrip); err != nil {
		return err
	}
	rep.LoadAfter = load()
	fmt.Fprintln(out, "load after:", rep.LoadAfter)
	if o.json == "" {
		return nil
	}
	text, err := json.MarshalIndent(rep, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(o.json, append(text, '\n'), 0o644)
}
