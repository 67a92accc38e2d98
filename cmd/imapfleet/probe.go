package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/imapfleet/imapfleet/pkg/account"
	"github.com/imapfleet/imapfleet/pkg/probe"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// probeOptions are the flags of probe.
type probeOptions struct {
	list      string
	listFlags listFlags
	net       netFlags
	rows      string
	span      time.Duration
	volume    sizeValue
	lanes     int
	readOnly  bool
	out       string
	json      bool
	quiet     bool
	logLevel  levelValue
}

func newProbe() *cobra.Command {
	o := probeOptions{volume: probe.DefaultVolume, logLevel: levelValue(slog.LevelError)}
	cmd := &cobra.Command{
		Use:   "probe FILE",
		Short: "Measure how fast the two servers are, and with how many lanes",
		Long: `Measure what the servers of a list can do. THIS WRITES TO THE DESTINATION: it
makes mailboxes there that are called imapfleet-probe-..., fills them, and
removes them at its end, also after Ctrl-C. --read-only leaves it alone.

The source alone is read into nothing; the destination alone is given made-up
messages of the source's sizes; then mail goes from the one to the other as in
a run, each with 1, 2, 4 and 8 lanes. With fewer lanes than rows these take
turns, and a rate is that for the mail of all rows together. The verdict says
which side is the slower one, from how many lanes on it does not get faster,
what --parallel to use and which rate to expect. The source is only read, and
nothing there is marked as read.

All of it takes 30 s (--for), and moves 2 GiB on each side at most (--volume),
and never more than half of what an account's quota leaves: so much room the
destination needs meanwhile. Messages may be read more than once. None over 8
MiB takes part. The rows used are the first with the servers of the first row,
up to 8 accounts; a row's mail goes to that row's account alone. A mailbox that
could not be removed is named; so is one that a probe left which was killed,
and it is removed: two probes of one account at a time disturb each other.
A server that keeps what is deleted (Cyrus may, for days) keeps these too.
Gmail does for good, so it is not written to.

Exit codes: 0 measured, 1 the probe itself failed, or a mailbox was left behind,
2 usage or list, 3 a measurement could not be made, 130 interrupted,
143 terminated.`,
		Example: `  imapfleet probe accounts.csv
  imapfleet probe accounts.csv --rows 3,7-9 --for 2m --volume 2GiB --lanes 32
  imapfleet probe accounts.csv --read-only
  imapfleet probe accounts.csv --out probe.json --quiet
  imapfleet probe accounts.csv --json | jq .parallel`,
		Args: oneList,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.list = args[0]
			return probeList(cmd.Context(), o, cmd.Flags().Changed("rows"), streamsOf(cmd))
		},
	}
	o.register(cmd.Flags())
	cmd.SetUsageFunc(usage)
	return cmd
}

func (o *probeOptions) register(fs *pflag.FlagSet) {
	section(fs, "How much is measured", func(fs *pflag.FlagSet) {
		fs.DurationVar(&o.span, "for", probe.DefaultFor, "how long to measure, all in all")
		fs.Var(&o.volume, "volume", "octets read from the source, and as many written to the destination, at most")
		fs.IntVar(&o.lanes, "lanes", probe.DefaultLanes, "try 1, 2, 4 ... lanes up to this number")
		fs.BoolVar(&o.readOnly, "read-only", false, "measure the source alone; nothing is written at the destination")
	})
	section(fs, sectionRows, func(fs *pflag.FlagSet) {
		fs.StringVar(&o.rows, "rows", "", "only these `LINES` of the list, such as 3,7-9, all with the same two servers")
	})
	o.net.registerServers(fs)
	o.listFlags.register(fs)
	section(fs, sectionOutput, func(fs *pflag.FlagSet) {
		fs.StringVar(&o.out, "out", "", "write what --json says to this `FILE` too, for 'imapfleet plan'")
		fs.BoolVar(&o.json, "json", false, "the report as one JSON object on stdout")
		fs.BoolVar(&o.quiet, "quiet", false, "no progress and no warnings on stderr")
		fs.Var(&o.logLevel, "log-level", "of what is logged to stderr: debug, info, warn or error")
	})
}

func (o *probeOptions) check() error {
	switch {
	case o.span < time.Second:
		return errors.New("--for: must be at least 1s, such as 30s")
	case o.volume < 1<<20:
		return errors.New("--volume: must be at least 1MiB")
	case o.lanes < 1 || o.lanes > probe.MaxLanes:
		return fmt.Errorf("--lanes: must be 1 to %d", probe.MaxLanes)
	}
	return o.net.check()
}

// probeList is the command probe.
func probeList(ctx context.Context, o probeOptions, asked bool, std streams) error {
	o.net.parallel = parallelValue{n: 1} // it has no such flag
	if err := o.check(); err != nil {
		return usageError(err)
	}
	w, err := o.listFlags.begin(o.list, o.rows, &o.net)
	if err != nil {
		return err
	}
	std.err = &lockedWriter{to: std.err}
	w.tell(std.err, o.quiet)
	var rows []account.Pair
	for _, i := range w.selected {
		rows = append(rows, w.pairs[i])
	}
	chosen, left, err := probe.Choose(rows, o.lanes, asked, o.readOnly)
	if err != nil {
		return usageError(fmt.Errorf("list %s: %w", o.list, err))
	}
	var warn io.Writer = std.err
	if o.quiet {
		warn = io.Discard
	}
	out, err := o.create()
	if err != nil {
		return runError(err)
	}
	tellProbe(warn, chosen, left, o)
	told := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(told)
		fmt.Fprintln(warn, "stopping: the mailboxes of the probe are removed; a second signal ends at once, and leaves them")
	})
	rep, err := probe.Run(ctx, o.options(w, chosen, warn, std))
	if !stop() {
		<-told
	}
	return o.end(rep, err, out, std)
}

// lockedWriter has several goroutines write, one after the other.
type lockedWriter struct {
	mu sync.Mutex
	to io.Writer
}

func (w *lockedWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.to.Write(p)
}

// create opens the file of --out before anything is measured; nil without one.
func (o *probeOptions) create() (*os.File, error) {
	if o.out == "" {
		return nil, nil
	}
	f, err := os.OpenFile(o.out, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("--out: %w", err)
	}
	return f, nil
}

func (o *probeOptions) options(w work, chosen []account.Pair, warn io.Writer, std streams) probe.Options {
	return probe.Options{
		Pairs: chosen, For: o.span, Volume: int64(o.volume), Lanes: o.lanes, ReadOnly: o.readOnly,
		RootCAs: w.roots, Faults: o.net.faults, Version: programVersion(), AwaitLogin: o.net.awaitLogin(),
		Logger: screenLogger(std.err, slog.Level(o.logLevel), o.quiet),
		OnStep: func(phase probe.Phase, s throughput.Step) {
			fmt.Fprintf(warn, "%s, %s: %s MiB/s, %s messages/s\n", phase, plural(int64(s.Lanes), "lane"),
				throughput.FormatRate(s.MiBPerSecond), throughput.FormatRate(s.MessagesPerSecond))
		},
		OnNote: func(text string) { fmt.Fprintln(warn, text) },
	}
}

// end prints the report and judges. err is that of the probe's context.
func (o *probeOptions) end(rep *probe.Report, err error, out *os.File, std streams) error {
	var failed []error
	if out != nil {
		failed = append(failed, writeJSON(out, rep), out.Close())
	}
	if o.json {
		failed = append(failed, writeJSON(std.out, rep))
	} else {
		failed = append(failed, writeProbe(std.out, rep))
	}
	for _, l := range rep.Mailboxes.Left {
		failed = append(failed, fmt.Errorf("mailbox %s of %s (line %d) was left at %s: %s; remove it with a mail program, or probe this row again",
			l.Mailbox, l.User, l.Line, rep.Server2.Host, l.Why))
	}
	switch joined := errors.Join(failed...); {
	case joined != nil:
		return runError(joined)
	case err != nil:
		return runError(err)
	case len(rep.Source) == 0 || !o.readOnly && (len(rep.Dest) == 0 || len(rep.Both) == 0):
		return errNotDone()
	}
	return nil
}

func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}
