package main

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/imapfleet/imapfleet/pkg/account"
	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/mailsync"
)

// checkOptions are the flags of check.
type checkOptions struct {
	list      string
	listFlags listFlags
	net       netFlags
	rows      string
	patience  time.Duration
	json      bool
	quiet     bool
	logLevel  levelValue
}

func newCheck() *cobra.Command {
	o := checkOptions{logLevel: levelValue(slog.LevelWarn)}
	cmd := &cobra.Command{
		Use:   "check FILE",
		Short: "Log in on both sides of each row; writes nothing",
		Long: `Log in on both sides of each row of a list and say what is there: the servers'
software, mailboxes, messages, octets, and what would go wrong.

Nothing is written, neither at the servers nor beside the list.

Exit codes: 0 every login works, 1 the check itself failed, 2 usage or list,
3 some login fails, 130 interrupted, 143 terminated.`,
		Example: `  imapfleet check accounts.csv --parallel 16
  imapfleet check accounts.csv --rows 3,7-9
  imapfleet check accounts.csv --json | jq 'select(.source.fault or .destination.fault)'`,
		Args: oneList,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.list = args[0]
			return check(cmd.Context(), o, streamsOf(cmd))
		},
	}
	fs := cmd.Flags()
	o.net.register(fs)
	fs.StringVar(&o.rows, "rows", "", "only these `LINES` of the list, such as 3,7-9")
	fs.DurationVar(&o.patience, "patience", 10*time.Second, "how long to go on reconnecting to a server that does not answer")
	fs.BoolVar(&o.json, "json", false, "one JSON object per row on stdout, in the order they end; the last line is the summary")
	fs.BoolVar(&o.quiet, "quiet", false, "no progress and no warnings on stderr")
	fs.Var(&o.logLevel, "log-level", "of what is logged to stderr: debug, info, warn or error")
	o.listFlags.register(fs)
	return cmd
}

// check is the command check.
func check(ctx context.Context, o checkOptions, std streams) error {
	if o.patience <= 0 {
		return usageError(errors.New("--patience: must be positive, such as 10s"))
	}
	if err := o.net.check(); err != nil {
		return usageError(err)
	}
	list, selected, err := o.listFlags.load(o.list, o.rows)
	if err != nil {
		return err
	}
	roots, err := o.net.roots()
	if err != nil {
		return usageError(err)
	}
	if !o.quiet {
		for _, w := range warnings(list, selected) {
			fmt.Fprintf(std.err, "warning: %s\n", w)
		}
	}
	c := &checker{opt: o, std: std, pairs: list.Pairs, selected: selected, reports: make([]*checkRow, len(selected))}
	c.run(ctx, roots)
	return c.end(ctx)
}

// checker looks at many rows at once.
type checker struct {
	opt      checkOptions
	std      streams
	pairs    []account.Pair
	selected []int

	mu      sync.Mutex // guards what follows
	reports []*checkRow
	ended   int
	err     error
}

// checkRow is one row of check's output; its JSON is only ever added to.
type checkRow struct {
	Type   string    `json:"type"` // "row-checked"
	Line   int       `json:"line"`
	Source checkSide `json:"source"`
	Dest   checkSide `json:"destination"`
	Notes  []string  `json:"notes"`
}

// checkSide is what one login showed. Octets is absent when unknown.
type checkSide struct {
	Host      string      `json:"host"`
	User      string      `json:"user"`
	Software  string      `json:"software,omitempty"`
	Mailboxes int64       `json:"mailboxes"`
	Messages  int64       `json:"messages"`
	Octets    *int64      `json:"octets,omitempty"`
	Fault     *checkFault `json:"fault,omitempty"`
}

type checkFault struct {
	Code string `json:"code"`
	Text string `json:"text"`
	Hint string `json:"hint,omitempty"`
}

// checkSummary is the last line of --json.
type checkSummary struct {
	Type   string `json:"type"` // "summary"
	Rows   int    `json:"rows"`
	Fine   int    `json:"fine"`
	Failed int    `json:"failed"`
	// NotChecked rows were left out because the check was stopped.
	NotChecked int `json:"not_checked"`
}

func (c *checker) run(ctx context.Context, roots *x509.CertPool) {
	level := slog.Level(c.opt.logLevel)
	log := slog.New(slog.DiscardHandler)
	if !c.opt.quiet {
		log = slog.New(screenHandler(c.std.err, level))
	}
	engine := mailsync.New(mailsync.Options{
		RootCAs: roots, Logger: log, Version: programVersion(), Patience: c.opt.patience, Lanes: c.opt.net.parallel,
	})
	var g errgroup.Group
	g.SetLimit(c.opt.net.parallel)
	for i := range c.selected {
		if ctx.Err() != nil {
			break
		}
		g.Go(func() error {
			p := c.pairs[c.selected[i]]
			rep := engine.Check(ctx, p)
			if ctx.Err() == nil { // else it says nothing of the servers
				c.note(i, checkRowOf(p, rep))
			}
			return nil
		})
	}
	_ = g.Wait() // no row returns an error
}

func checkRowOf(p account.Pair, rep mailsync.CheckReport) *checkRow {
	row := &checkRow{
		Type: "row-checked", Line: p.Line,
		Source: checkSideOf(p.Source, rep.Source), Dest: checkSideOf(p.Dest, rep.Dest),
		Notes: make([]string, len(rep.Notes)),
	}
	for i, n := range rep.Notes {
		row.Notes[i] = fault.Clean(n)
	}
	return row
}

func checkSideOf(e account.Endpoint, rep mailsync.SideReport) checkSide {
	s := checkSide{
		Host: fault.Clean(e.Host), User: fault.Clean(e.User), Software: fault.Clean(rep.Software),
		Mailboxes: rep.Mailboxes, Messages: rep.Messages,
	}
	if rep.Octets >= 0 && rep.Fault == nil {
		s.Octets = &rep.Octets
	}
	if f := rep.Fault; f != nil {
		s.Fault = &checkFault{Code: string(f.Code), Text: f.Error(), Hint: f.Hint}
	}
	return s
}

// note keeps the report of a row and says that it has ended.
func (c *checker) note(i int, row *checkRow) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reports[i] = row
	c.ended++
	switch {
	case c.opt.json:
		c.keep(json.NewEncoder(c.std.out).Encode(row))
	case !c.opt.quiet:
		verdict := "fine"
		if !row.fine() {
			verdict = "FAILS"
		}
		fmt.Fprintf(c.std.err, "%d/%d line %d, %s: %s\n", c.ended, len(c.selected), row.Line, row.Source.User, verdict)
	}
}

func (c *checker) keep(err error) {
	if c.err == nil {
		c.err = err
	}
}

func (r *checkRow) fine() bool { return r.Source.Fault == nil && r.Dest.Fault == nil }

// end prints the table and judges.
func (c *checker) end(ctx context.Context) error {
	sum := checkSummary{Type: "summary", Rows: len(c.selected)}
	for _, r := range c.reports {
		switch {
		case r == nil:
			sum.NotChecked++
		case r.fine():
			sum.Fine++
		default:
			sum.Failed++
		}
	}
	if c.opt.json {
		c.keep(json.NewEncoder(c.std.out).Encode(sum))
	} else {
		c.keep(writeCheck(c.std.out, c.reports, sum))
	}
	switch {
	case c.err != nil:
		return runError(c.err)
	case ctx.Err() != nil:
		return runError(ctx.Err())
	case sum.Failed > 0:
		return errNotDone()
	}
	return nil
}
