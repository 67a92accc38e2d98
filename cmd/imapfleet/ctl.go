package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/imapfleet/imapfleet/pkg/control"
	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// ctlOptions are the flags of ctl.
type ctlOptions struct {
	list  string
	state string
	json  bool
}

func newCtl() *cobra.Command {
	var o ctlOptions
	cmd := &cobra.Command{
		Use:   "ctl FILE VERB [ARGUMENT]",
		Short: "Ask and change a run while it goes on",
		Long:  ctlLong(),
		Example: `  imapfleet ctl accounts.csv status
  imapfleet ctl accounts.csv parallel 12
  imapfleet ctl accounts.csv pause old.example.org    its administrator asks for quiet
  imapfleet ctl accounts.csv resume
  imapfleet ctl accounts.csv skip 17
  imapfleet ctl accounts.csv limit "08:00,2MiB 19:00,off"
  imapfleet ctl accounts.csv limit1 512KiB old.example.org
  imapfleet ctl accounts.csv drain`,
		Args: ctlArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.list = args[0]
			return ctl(cmd.Context(), o, args[1], args[2:], streamsOf(cmd))
		},
	}
	fs := cmd.Flags()
	fs.StringVar(&o.state, "state", "", "state `DIR`ectory (default beside the list)")
	fs.BoolVar(&o.json, "json", false, "the answer as one JSON object on stdout")
	cmd.SetUsageFunc(usage)
	return cmd
}

// ctlLong is the help, with the verbs.
func ctlLong() string {
	var b bytes.Buffer
	b.WriteString("Ask a run that goes on how far it is, or change it, from another terminal of the\nsame user on the same machine. Nothing is asked of a server.\n\n")
	w := tabwriter.NewWriter(&b, 0, 8, 2, ' ', 0)
	for _, o := range orders {
		fmt.Fprintf(w, "  %s\t%s\n", strings.TrimSpace(o.verb+" "+o.args), o.what)
	}
	_ = w.Flush() // a buffer takes everything
	b.WriteString(`
What was done is said in one sentence, and stands in run.log, on the screen of
the run and in its --json. It holds for this run alone. A row that is stopped
uses no retry up; what it has copied stays.

Exit codes: 0 done, 1 no run is going on or it refuses, 2 usage: a wrong verb or
argument, a host or line that the run does not have.`)
	return b.String()
}

func ctlArgs(cmd *cobra.Command, args []string) error {
	if len(args) < 2 {
		return fmt.Errorf("give a list and a verb: %s", cmd.UseLine())
	}
	if err := oneList(cmd, args[:1]); err != nil {
		return err
	}
	_, err := parseOrder(args[1], args[2:])
	return err
}

// ctl is the command ctl.
func ctl(ctx context.Context, o ctlOptions, verb string, args []string, std streams) error {
	if _, err := os.Stat(o.list); err != nil {
		return usageError(fmt.Errorf("list %w", err))
	}
	dir := stateDir(o.list, o.state)
	a, err := control.Ask(ctx, dir, control.Request{Verb: verb, Args: args})
	if err != nil {
		return runError(noAnswer(o.list, dir, err))
	}
	switch a.Kind {
	case control.Usage:
		return usageError(errors.New(fault.Clean(a.Said)))
	case control.Refused:
		return runError(errors.New(fault.Clean(a.Said)))
	}
	if err := ctlSay(std.out, o, a); err != nil {
		return runError(err)
	}
	return nil
}

// noAnswer says why nobody has answered.
func noAnswer(list, dir string, err error) error {
	if !errors.Is(err, control.ErrNoRun) {
		return err
	}
	if h, ok := readHolder(dir); ok && h.Alive() {
		return fmt.Errorf("%s is in use by process %d on %s, which takes no orders from here: its run.log says why", dir, h.PID, fault.Clean(h.Host))
	}
	return fmt.Errorf("%w for %s (state directory %s)", control.ErrNoRun, list, dir)
}

func ctlSay(out io.Writer, o ctlOptions, a control.Answer) error {
	if len(a.Body) == 0 && o.json {
		b, err := json.Marshal(a)
		if err != nil {
			return err
		}
		a.Body = b
	}
	if o.json {
		_, err := fmt.Fprintf(out, "%s\n", a.Body)
		return err
	}
	if len(a.Body) == 0 {
		_, err := fmt.Fprintln(out, fault.Clean(a.Said))
		return err
	}
	var l live
	if err := json.Unmarshal(a.Body, &l); err != nil {
		return fmt.Errorf("the run's answer makes no sense: %w", err)
	}
	return l.write(out, time.Now())
}

// write tells a person how a run stands.
func (l live) write(out io.Writer, now time.Time) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "process %d, for %s: ", l.PID, throughput.FormatDuration(now.Sub(l.Started)))
	writeProgress(&b, l.Progress, now)
	writeCounts(&b, l.Progress.Rows)
	fmt.Fprintf(&b, "parallel %d", l.Parallel)
	if l.Auto {
		b.WriteString(" (auto)")
	}
	for _, name := range slices.Sorted(maps.Keys(l.Limits)) {
		fmt.Fprintf(&b, ", %s %s", fault.Clean(name), fault.Clean(l.Limits[name]))
	}
	fmt.Fprintln(&b)
	for _, s := range l.Parked {
		fmt.Fprintln(&b, fault.Clean(s))
	}
	if len(l.Running) > 0 {
		fmt.Fprintln(&b)
		l.writeRunning(&b)
	}
	_, err := out.Write(b.Bytes())
	return err
}

func (l live) writeRunning(b *bytes.Buffer) {
	w := tabwriter.NewWriter(b, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "line\taccount\tmailbox\tmessages\tleft\tlanes\tMiB/s")
	for _, r := range l.Running {
		fmt.Fprintf(w, "%d\t%s\t%s\t%s of %s\t%s\t%d\t%s\n", r.Line, fault.Clean(r.Account), fault.Clean(r.Mailbox),
			throughput.FormatNumber(r.Messages), throughput.FormatNumber(max(r.Expected, r.Messages)),
			throughput.FormatOctets(r.OctetsLeft), r.Lanes, throughput.FormatRate(r.MiB))
	}
	_ = w.Flush() // a buffer takes everything
}
