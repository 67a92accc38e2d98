package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/imapfleet/imapfleet/pkg/account"
	"github.com/imapfleet/imapfleet/pkg/control"
	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/ledger"
	"github.com/imapfleet/imapfleet/pkg/lockfile"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// statusOptions are the flags of status.
type statusOptions struct {
	list      string
	listFlags listFlags
	rows      string
	state     string
	json      bool
}

func newStatus() *cobra.Command {
	var o statusOptions
	cmd := &cobra.Command{
		Use:   "status FILE",
		Short: "Where each row stands, also during a run",
		Long: `Say where the rows of a list stand, from what the runs have remembered beside
it. It connects to no server and writes nothing, and can be asked while a run
goes on: then it says too how fast that is, and when it ends.

Give it the flags about ports that the run was given: they are part of what
tells rows apart.

Exit codes: 0 all rows done, 1 the state cannot be read, 2 usage or list,
3 some row is not done.`,
		Example: `  imapfleet status accounts.csv
  imapfleet status accounts.csv --rows 3,7-9
  imapfleet status accounts.csv --json | jq 'select(.row.state=="failed")'`,
		Args: oneList,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.list = args[0]
			return status(cmd.Context(), o, streamsOf(cmd))
		},
	}
	fs := cmd.Flags()
	section(fs, sectionRows, func(fs *pflag.FlagSet) {
		fs.StringVar(&o.rows, "rows", "", "only these `LINES` of the list, such as 3,7-9")
	})
	fs.StringVar(&o.state, "state", "", "state `DIR`ectory (default beside the list)")
	fs.BoolVar(&o.json, "json", false, "one JSON object per row on stdout; the last line is the summary")
	o.listFlags.register(fs)
	cmd.SetUsageFunc(usage)
	return cmd
}

// status is the command status.
func status(ctx context.Context, o statusOptions, std streams) error {
	list, selected, err := o.listFlags.load(o.list, o.rows)
	if err != nil {
		return err
	}
	for _, w := range list.Warnings {
		fmt.Fprintf(std.err, "warning: %s\n", w)
	}
	dir := stateDir(o.list, o.state)
	h, held := readHolder(dir)
	held = held && h.Alive()
	results, parked, known, err := remembered(ctx, dir, list.Pairs)
	if err != nil {
		return runError(err)
	}
	if !known {
		fmt.Fprintf(std.err, "note: %s knows none of these rows: no run yet, or one with other --port flags\n", dir)
	}
	shown := make([]throughput.Result, len(selected))
	for i, at := range selected {
		if held {
			shown[i] = results[at].Parked(parked)
		} else {
			shown[i] = abandoned(results[at])
		}
	}
	sum := throughput.Summarize(shown, 0)
	var progress *throughput.Progress
	if held {
		progress = askProgress(ctx, dir)
	}
	if o.json {
		err = statusJSON(std.out, shown, sum, progress)
	} else {
		err = statusText(std.out, shown, sum, h, held, progress)
	}
	switch {
	case err != nil:
		return runError(err)
	case sum.Rows.Done < sum.Rows.Total():
		return errNotDone()
	}
	return nil
}

// askProgress asks the run itself how fast it is and when it ends, which the
// ledger does not know; nil: it cannot be asked.
func askProgress(ctx context.Context, dir string) *throughput.Progress {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	a, err := control.Ask(ctx, dir, control.Request{Verb: "status"})
	if err != nil || a.Kind != control.Done {
		return nil
	}
	var l live
	if json.Unmarshal(a.Body, &l) != nil {
		return nil
	}
	return &l.Progress
}

// remembered is what the ledger of dir knows of pairs, and whether it knows any
// of them; a row that it does not know is pending. parked are the hosts that
// the run leaves alone, if one goes on.
func remembered(ctx context.Context, dir string, pairs []account.Pair) (out []throughput.Result, parked map[string]*throughput.HostPause, known bool, err error) {
	out = make([]throughput.Result, len(pairs))
	for i, p := range pairs {
		out[i] = pendingResult(p)
	}
	l, err := ledger.OpenReader(ctx, dir)
	if errors.Is(err, fs.ErrNotExist) {
		return out, nil, false, nil
	}
	if err != nil {
		return nil, nil, false, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	found, err := l.Find(ctx, entries(pairs))
	if err != nil {
		return nil, nil, false, err
	}
	var at []int
	var ids []ledger.RowID
	for i, id := range found {
		if id != 0 {
			at, ids = append(at, i), append(ids, id)
		}
	}
	rows, err := l.Rows(ctx, ids)
	if err != nil {
		return nil, nil, false, err
	}
	for k, i := range at {
		out[i] = resultOf(pairs[i], rows[k])
	}
	hosts, err := l.Hosts(ctx)
	return out, parkedHosts(hosts), len(at) > 0, err
}

// eventRow is a row that status tells of.
const eventRow throughput.EventType = "row"

func statusJSON(out io.Writer, rows []throughput.Result, sum throughput.Summary, p *throughput.Progress) error {
	buf := bufio.NewWriter(out)
	enc := throughput.NewEncoder(buf)
	now := time.Now().UTC()
	for i := range rows {
		if err := enc.Encode(throughput.Event{Type: eventRow, Time: now, Row: &rows[i]}); err != nil {
			return err
		}
	}
	if p != nil {
		if err := enc.Encode(throughput.Event{Type: throughput.EventProgress, Time: now, Progress: p}); err != nil {
			return err
		}
	}
	if err := enc.Encode(throughput.Event{Type: throughput.EventSummary, Time: now, Summary: &throughput.Report{
		Run: throughput.Summarize(nil, 0), List: sum,
	}}); err != nil {
		return err
	}
	return buf.Flush()
}

func statusText(out io.Writer, rows []throughput.Result, sum throughput.Summary, h lockfile.Owner, held bool, p *throughput.Progress) error {
	buf := bufio.NewWriter(out)
	if held {
		fmt.Fprintf(buf, "A run goes on: process %d on %s since %s.\n", h.PID, fault.Clean(h.Host), h.Since.Local().Format(time.DateTime))
	}
	if p != nil {
		fmt.Fprint(buf, "So far: ")
		writeProgress(buf, *p, time.Now())
		fmt.Fprintln(buf)
	}
	writeCounts(buf, sum.Rows)
	if err := sum.WriteTime(buf); err != nil {
		return err
	}
	if sum.Rows.Done < sum.Rows.Total() {
		fmt.Fprintln(buf)
		if err := writeNotDone(buf, rows); err != nil {
			return err
		}
	}
	return buf.Flush()
}

func writeCounts(out io.Writer, n throughput.RowCounts) {
	fmt.Fprintf(out, "%d rows: %d done, %d incomplete, %d failed, %d parked, %d running, %d pending\n",
		n.Total(), n.Done, n.Incomplete, n.Failed, n.Parked, n.Running, n.Pending)
}

// writeProgress says what a run has copied, how fast it is, when it ends and
// what a person has stopped.
func writeProgress(out io.Writer, p throughput.Progress, now time.Time) {
	fmt.Fprintf(out, "%s messages, %s copied; %s MiB/s, %s messages/s\n",
		throughput.FormatNumber(p.Messages), throughput.FormatOctets(p.Octets),
		throughput.FormatRate(p.MiBPerSecond), throughput.FormatRate(p.MessagesPerSecond))
	if p.End != nil {
		if text := p.End.Text(now); text != "" {
			fmt.Fprintln(out, fault.Clean(text))
		}
	}
	if p.Bottleneck != nil {
		fmt.Fprintln(out, fault.Clean(p.Bottleneck.Line()))
	}
	if text := p.Holds.Text(); text != "" {
		fmt.Fprintln(out, fault.Clean(text))
	}
}

// tellStatus says on out where the rows of the run stand, as status does for
// the list, and how much it has copied. Rows that were not begun are only
// counted.
func (j *job) tellStatus(out io.Writer) {
	run, _, _ := j.tracker.view()
	sum := throughput.Summarize(run, 0)
	begun := slices.DeleteFunc(run, func(r throughput.Result) bool {
		return r.State == throughput.Done || r.State == throughput.Pending && r.Fault == nil
	})
	view := j.watch.At(time.Now())
	var buf bytes.Buffer
	fmt.Fprintf(&buf, "status after %s: ", throughput.FormatDuration(time.Since(j.tracker.start)))
	writeProgress(&buf, view.Progress(), view.Now)
	writeCounts(&buf, sum.Rows)
	spent := j.meter.Snapshot().Spent
	fmt.Fprintln(&buf, throughput.TimeText(spent.Total(), spent))
	if len(begun) > 0 {
		_ = writeNotDone(&buf, begun) // a buffer takes everything
	}
	_, _ = out.Write(buf.Bytes()) // whoever has asked has gone: nothing to be done
}

// writeNotDone is the table of the rows that are not done.
func writeNotDone(out io.Writer, rows []throughput.Result) error {
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "line\tstate\taccount\tlisted\tat destination\trejected\tnot tried\tcause")
	for _, r := range rows {
		if r.State == throughput.Done {
			continue
		}
		c := r.Count
		fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.Line, r.State, fault.Clean(r.User1+" at "+r.Host1),
			throughput.FormatNumber(c.Listed), throughput.FormatNumber(c.Copied+c.AlreadyThere),
			rejectedOf(c), throughput.FormatNumber(c.NotTried), causeOf(r))
	}
	return w.Flush()
}

// rejectedOf is how many messages were rejected, and how many of them accepted.
func rejectedOf(c throughput.Count) string {
	n := throughput.FormatNumber(c.Rejected)
	if c.Accepted > 0 {
		n += " (" + throughput.FormatNumber(c.Accepted) + " accepted)"
	}
	return n
}

// causeOf is why a row is not done, in one line.
func causeOf(r throughput.Result) string {
	if r.State == throughput.Parked {
		return fault.Clean(throughput.ParkedText(r.FaultHost(), r.ParkedUntil, time.Now(), r.Fault))
	}
	var out string
	if f := r.Fault; f != nil {
		out += f.Side + " " + f.Code
		if f.Text != "" {
			out += ": " + f.Text
		}
	}
	return fault.Clean(out)
}
