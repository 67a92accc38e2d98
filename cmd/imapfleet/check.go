package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/sync/errgroup"

	"github.com/imapfleet/imapfleet/pkg/mailsync"
	"github.com/imapfleet/imapfleet/pkg/mxlookup"
	"github.com/imapfleet/imapfleet/pkg/rules"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// checkOptions are the flags of check.
type checkOptions struct {
	list      string
	listFlags listFlags
	net       netFlags
	rows      string
	patience  time.Duration
	state     string
	noFiles   bool
	noDNS     bool
	dnsServer string
	json      bool
	quiet     bool
	logLevel  levelValue
}

func newCheck() *cobra.Command {
	o := checkOptions{logLevel: levelValue(slog.LevelWarn)}
	cmd := &cobra.Command{
		Use:   "check FILE",
		Short: "Log in on both sides of each row and say what would go wrong",
		Long: `Log in on both sides of each row of a list and say what is there (the servers'
software, mailboxes, messages, octets) and what would go wrong later: mail that
does not fit into the destination's quota, messages that are too large for it,
flags that it does not keep, mailboxes that get other names. Where users' names
hold a domain, it says where the domain's mail goes (MX), and for how long the
world remembers that (TTL): what to change before the day of the move.

The verdict of a row: go; go with warnings (something will not arrive as it is);
no-go (a login fails, or the mail does not fit).

Nothing is written at the servers. check.csv, with a line per row, is written
beside the list, where a run keeps its results too; --no-files writes nothing.
A check may be made while a run goes on.

Exit codes: 0 every row is a go, with or without warnings, 1 the check itself
failed, 2 usage or list, 3 some row is a no-go, 130 interrupted, 143 terminated.`,
		Example: `  imapfleet check accounts.csv --parallel 16
  imapfleet check accounts.csv --rows 3,7-9
  imapfleet check accounts.csv --json | jq 'select(.verdict == "no-go")'`,
		Args: oneList,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.list = args[0]
			return check(cmd.Context(), o, streamsOf(cmd))
		},
	}
	o.register(cmd.Flags())
	cmd.MarkFlagsMutuallyExclusive("no-dns", "dns-server")
	cmd.SetUsageFunc(usage)
	return cmd
}

func (o *checkOptions) register(fs *pflag.FlagSet) {
	section(fs, sectionRows, func(fs *pflag.FlagSet) {
		fs.StringVar(&o.rows, "rows", "", "only these `LINES` of the list, such as 3,7-9")
	})
	o.net.register(fs, rowsAtATime)
	section(fs, sectionConnections, func(fs *pflag.FlagSet) {
		fs.DurationVar(&o.patience, "patience", 10*time.Second, "how long to go on reconnecting to a server that does not answer")
	})
	o.listFlags.register(fs, rules.Mailboxes, rules.Selection)
	section(fs, "Where the users' mail arrives", func(fs *pflag.FlagSet) {
		fs.BoolVar(&o.noDNS, "no-dns", false, "do not look up the MX of the users' domains")
		fs.StringVar(&o.dnsServer, "dns-server", "", "`ADDRESS` of the DNS server to ask, such as 192.0.2.53 or [2001:db8::53]:53 (default: those of /etc/resolv.conf, and the domain's own)")
	})
	section(fs, sectionOutput, func(fs *pflag.FlagSet) {
		fs.StringVar(&o.state, "state", "", "`DIR` where check.csv is written (default: beside the list, accounts.csv in accounts.imapfleet)")
		fs.BoolVar(&o.noFiles, "no-files", false, "write no check.csv")
		fs.BoolVar(&o.json, "json", false, "one JSON object per row on stdout, in the order they end; the last line is the summary")
		fs.BoolVar(&o.quiet, "quiet", false, "no progress and no warnings on stderr")
		fs.Var(&o.logLevel, "log-level", "of what is logged to stderr: debug, info, warn or error")
	})
}

// check is the command check.
func check(ctx context.Context, o checkOptions, std streams) error {
	if o.patience <= 0 {
		return usageError(errors.New("--patience: must be positive, such as 10s"))
	}
	if err := o.net.check(); err != nil {
		return usageError(err)
	}
	w, err := o.listFlags.begin(o.list, o.rows, &o.net)
	if err != nil {
		return err
	}
	w.tell(std.err, o.quiet)
	var warn io.Writer = std.err
	if o.quiet {
		warn = io.Discard
	}
	resolver, err := o.newResolver(w.pairs, w.selected, warn)
	if err != nil {
		return err
	}
	dir := stateDir(o.list, o.state)
	if !o.noFiles {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return runError(fmt.Errorf("%w; --state DIR writes elsewhere, --no-files nothing", err))
		}
	}
	c := &checker{opt: o, work: w, dir: dir, resolver: resolver, std: std, reports: make([]*throughput.CheckRow, len(w.selected))}
	c.run(ctx)
	return c.end(ctx)
}

// checkName is the file that a check writes into the state directory.
const checkName = "check.csv"

// checker looks at many rows at once.
type checker struct {
	work
	opt      checkOptions
	dir      string // the state directory
	std      streams
	resolver *mxlookup.Resolver // nil: domains are not looked up

	mu      sync.Mutex // guards what follows
	reports []*throughput.CheckRow
	ended   int
	err     error
}

// checkSummary is the last line of --json.
type checkSummary struct {
	Type   string `json:"type"` // "summary"
	Rows   int    `json:"rows"`
	Fine   int    `json:"fine"`   // both logins work
	Failed int    `json:"failed"` // some login does not
	// NotChecked rows were left out because the check was stopped.
	NotChecked int `json:"not_checked"`
	// Go, Warnings and NoGo are the verdicts of those that were checked.
	Go       int `json:"go"`
	Warnings int `json:"go_with_warnings"`
	NoGo     int `json:"no_go"`
}

func (c *checker) run(ctx context.Context) {
	engine := mailsync.New(mailsync.Options{
		RootCAs: c.roots, Faults: c.opt.net.faults, Logger: screenLogger(c.std.err, slog.Level(c.opt.logLevel), c.opt.quiet), Version: programVersion(), Patience: c.opt.patience, Lanes: c.opt.net.parallel.fixed(),
		AwaitLogin: c.opt.net.awaitLogin(),
	})
	var g errgroup.Group
	g.SetLimit(c.opt.net.parallel.fixed())
	for i := range c.selected {
		if ctx.Err() != nil {
			break
		}
		g.Go(func() error {
			p := c.pairs[c.selected[i]]
			var domains domainReport
			var looking sync.WaitGroup
			looking.Go(func() { domains = lookUpDomains(ctx, c.resolver, p) })
			row := checkRowOf(p, engine.Check(ctx, p))
			looking.Wait()
			row.Domains = domains.domains
			addFindings(row, domains.findings)
			if ctx.Err() == nil { // else it says nothing of the servers
				c.note(i, row)
			}
			return nil
		})
	}
	_ = g.Wait() // no row returns an error
}

// note judges a row, keeps its report and says that it has ended.
func (c *checker) note(i int, row *throughput.CheckRow) {
	row.Verdict = verdictOf(row)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reports[i] = row
	c.ended++
	switch {
	case c.opt.json:
		c.keep(json.NewEncoder(c.std.out).Encode(row))
	case !c.opt.quiet:
		fmt.Fprintf(c.std.err, "%d/%d line %d, %s: %s\n", c.ended, len(c.selected), row.Line, row.Source.User, row.Verdict)
	}
}

func (c *checker) keep(err error) {
	if c.err == nil {
		c.err = err
	}
}

// summary adds the rows up.
func (c *checker) summary() checkSummary {
	sum := checkSummary{Type: "summary", Rows: len(c.selected)}
	for _, r := range c.reports {
		if r == nil {
			sum.NotChecked++
			continue
		}
		switch r.Verdict {
		case throughput.Go:
			sum.Go++
		case throughput.Warnings:
			sum.Warnings++
		default:
			sum.NoGo++
		}
		if r.Fine() {
			sum.Fine++
		} else {
			sum.Failed++
		}
	}
	return sum
}

// end writes check.csv, prints the table and judges.
func (c *checker) end(ctx context.Context) error {
	sum := c.summary()
	var fileErr error
	if !c.opt.noFiles {
		fileErr = newResultFiles(c.dir).replace(checkName, func(w io.Writer) error { return throughput.WriteChecks(w, c.reports) })
		fileErr = tellHeld(fileErr, c.std.err)
	}
	if c.opt.json {
		c.keep(json.NewEncoder(c.std.out).Encode(sum))
	} else {
		written, rest := !c.opt.noFiles && fileErr == nil, inJSON
		if written {
			rest = "see the rows of " + checkName + ", or --json"
		}
		c.keep(writeCheck(c.std.out, c.reports, sum, rest))
		if written {
			_, err := fmt.Fprintf(c.std.out, "\nresults in %s\n", filepath.Join(c.dir, checkName))
			c.keep(err)
		}
	}
	switch {
	case c.err != nil || fileErr != nil:
		return runError(errors.Join(c.err, fileErr))
	case ctx.Err() != nil:
		return runError(ctx.Err())
	case sum.NoGo > 0:
		return errNotDone()
	}
	return nil
}
