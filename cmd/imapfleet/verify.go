package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/sync/errgroup"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/imapconn"
	"github.com/imapfleet/imapfleet/pkg/ledger"
	"github.com/imapfleet/imapfleet/pkg/mailsync"
	"github.com/imapfleet/imapfleet/pkg/rules"
	"github.com/imapfleet/imapfleet/pkg/verify"
)

// verifyOptions are the flags of verify.
type verifyOptions struct {
	list            string
	listFlags       listFlags
	net             netFlags
	rows            string
	state           string
	deep            bool
	strict          bool
	subjects        bool
	memory          sizeValue
	lanesPerAccount int
	patience        time.Duration
	compress        compressValue
	json            bool
	quiet           bool
	logLevel        levelValue
}

func newVerify() *cobra.Command {
	o := verifyOptions{memory: 256 << 20, logLevel: levelValue(slog.LevelWarn)}
	cmd := &cobra.Command{
		Use:   "verify FILE",
		Short: "Prove it, message by message; changes nothing",
		Long: `Read both sides of each row of a list afresh and compare them, message by
message. Nothing is changed at any server.

By default the headers, octets, dates and flags of all messages are compared;
a body is read only where these leave a doubt. --deep reads every body on both
sides. Each row is then

  verified                every message is there, in its mailbox and as it was
  verified with N explained exceptions
                          as above, but for what is listed in exceptions.csv
                          with its reason: removed, moved or marked by its user
                          since, refused and accepted, new mail ...
  incomplete              something differs that nothing explains: it is listed
                          in differences.csv
  failed                  a login failed or a connection was lost: nobody knows
  not verified            nothing was compared: the row only logs in

What the runs remember beside the list explains what is found. Without it, as
after another program's migration, both sides are compared all the same. Rules
that were flags of the run (--map, --exclude, --max-size ...) must be given here
too. Subscriptions are not compared.

The files in the state directory: verify.csv, exceptions.csv, differences.csv.

Exit codes: 0 every row is verified, 1 verify itself failed, 2 usage or list,
3 some row is incomplete or failed, 130 interrupted, 143 terminated.`,
		Example: `  imapfleet verify accounts.csv --parallel 8
  imapfleet verify accounts.csv --deep          every body, on both sides
  imapfleet verify accounts.csv --rows 3,7-9 --subjects
  imapfleet verify accounts.csv --json | jq 'select(.state=="incomplete")'`,
		Args: oneList,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.list = args[0]
			return prove(cmd.Context(), o, streamsOf(cmd))
		},
	}
	o.register(cmd.Flags())
	cmd.SetUsageFunc(usage)
	return cmd
}

func (o *verifyOptions) register(fs *pflag.FlagSet) {
	section(fs, "How closely", func(fs *pflag.FlagSet) {
		fs.BoolVar(&o.deep, "deep", false, "read every body on both sides")
		fs.BoolVar(&o.strict, "strict", false, "what was changed at the destination since the run is a difference too")
	})
	section(fs, sectionRows, func(fs *pflag.FlagSet) {
		fs.StringVar(&o.rows, "rows", "", "only these `LINES` of the list, such as 3,7-9")
		fs.IntVar(&o.lanesPerAccount, "lanes-per-account", 4, "connections to each side at a time for one account, when no row waits")
	})
	o.net.register(fs, rowsAtATime)
	section(fs, sectionConnections, func(fs *pflag.FlagSet) {
		fs.DurationVar(&o.patience, "patience", 2*time.Minute, "how long to go on reconnecting without progress")
	})
	o.listFlags.register(fs, rules.Mailboxes, rules.Selection)
	section(fs, sectionSpeed, func(fs *pflag.FlagSet) {
		fs.Var(&o.compress, "compress", "compress connections: auto (where it makes them faster), on (where offered) or off")
		fs.Var(&o.memory, "memory", "octets held at most while messages are compared")
	})
	section(fs, sectionOutput, func(fs *pflag.FlagSet) {
		fs.BoolVar(&o.json, "json", false, "one JSON object per row on stdout, in the order they end; the last line is the summary")
		fs.BoolVar(&o.subjects, "subjects", false, "write the subjects of listed messages into the files too")
		fs.BoolVar(&o.quiet, "quiet", false, "no progress and no warnings on stderr")
		fs.Var(&o.logLevel, "log-level", "of what is logged to stderr: debug, info, warn or error")
		fs.StringVar(&o.state, "state", "", "state `DIR`ectory (default beside the list)")
	})
}

func (o *verifyOptions) check() error {
	switch {
	case o.patience <= 0:
		return errors.New("--patience: must be positive, such as 2m")
	case o.lanesPerAccount < 1:
		return errors.New("--lanes-per-account: must be at least 1")
	}
	if err := o.net.check(); err != nil {
		return err
	}
	return o.memory.atLeast(o.net.parallel.fixed())
}

// prove is the command verify.
func prove(ctx context.Context, o verifyOptions, std streams) error {
	if err := o.check(); err != nil {
		return usageError(err)
	}
	w, err := o.listFlags.begin(o.list, o.rows, &o.net)
	if err != nil {
		return err
	}
	w.tell(std.err, o.quiet)
	p := &prover{work: w, opt: o, std: std, dir: stateDir(o.list, o.state)}
	defer limitMemory(int64(o.memory))()
	if err := p.remember(ctx); err != nil {
		return runError(err)
	}
	if p.ledger != nil {
		return finish(p.prove(ctx), p.ledger.Close)
	}
	return p.prove(ctx)
}

// prover verifies many rows at once.
type prover struct {
	work
	opt    verifyOptions
	std    streams
	dir    string
	ledger *ledger.Ledger // nil: there is none
	ids    []ledger.RowID // of pairs; 0: not known

	mu      sync.Mutex // guards what follows
	rows    []verifiedRow
	files   *verifyFiles
	ended   int
	outErr  error
	fileErr error
}

// remember opens what the runs have left, if they have; a run may go on.
func (p *prover) remember(ctx context.Context) error {
	p.ids = make([]ledger.RowID, len(p.pairs))
	l, err := ledger.OpenReader(ctx, p.dir)
	var schema *ledger.SchemaError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		p.note("%s holds nothing of a run: what differs can be explained less", p.dir)
		return nil
	case errors.As(err, &schema) && schema.Have < schema.Want:
		return fmt.Errorf("%w; 'imapfleet run' with this version brings it up to date", err)
	case err != nil:
		return err
	}
	if p.ids, err = l.Find(ctx, entries(p.pairs)); err != nil {
		return errors.Join(err, l.Close())
	}
	p.ledger = l
	unknown := 0
	for _, at := range p.selected {
		if p.ids[at] == 0 {
			unknown++
		}
	}
	if unknown > 0 {
		p.note("%s does not know %d of these rows: no run yet, or one with other --port flags", p.dir, unknown)
	}
	return nil
}

func (p *prover) note(format string, args ...any) {
	if !p.opt.quiet {
		fmt.Fprintf(p.std.err, "note: "+format+"\n", args...)
	}
}

func (p *prover) prove(ctx context.Context) error {
	p.rows = make([]verifiedRow, len(p.selected))
	for i, at := range p.selected {
		p.rows[i] = newVerifiedRow(p.pairs[at], p.opt.deep)
	}
	var err error
	if p.files, err = newVerifyFiles(p.dir); err != nil {
		return runError(err)
	}
	return p.end(ctx, p.all(ctx))
}

// all verifies every row, as many at a time as there are lanes. The error is
// what ended all of them.
func (p *prover) all(ctx context.Context) error {
	log := screenLogger(p.std.err, slog.Level(p.opt.logLevel), p.opt.quiet)
	v := verify.New(verify.Options{
		Engine: mailsync.New(mailsync.Options{
			RootCAs: p.roots, Faults: p.opt.net.faults, Logger: log, Version: programVersion(), Patience: p.opt.patience,
			Lanes: p.opt.net.parallel.fixed(), Compress: imapconn.CompressMode(p.opt.compress), AwaitLogin: p.opt.net.awaitLogin(),
		}),
		Logger: log, Ledger: p.ledger, Deep: p.opt.deep, Strict: p.opt.strict, Subjects: p.opt.subjects,
		Memory: int64(p.opt.memory), Lanes: p.opt.net.parallel.fixed(), LanesPerAccount: p.opt.lanesPerAccount,
	})
	again, err := p.sweep(ctx, v, indexes(len(p.selected)), false)
	if err != nil {
		return err
	}
	_, err = p.sweep(ctx, v, again, true)
	return err
}

// sweep verifies rows, by their place in selected, and returns those whose
// trouble may have passed when the others are done. The last sweep returns
// none. The error stopped the others: it is of no row.
func (p *prover) sweep(ctx context.Context, v *verify.Verifier, rows []int, last bool) (again []int, err error) {
	g, ctx := errgroup.WithContext(ctx)
	var mu sync.Mutex
	for _, i := range rows {
		if v.Wait(ctx) != nil {
			break
		}
		g.Go(func() error {
			at := p.selected[i]
			rep, err := v.Row(ctx, p.pairs[at], p.ids[at])
			switch {
			case err != nil && fault.Of(err) != nil:
				return err
			case err != nil: // the command was stopped: it says nothing of the accounts
			case !last && rep.Fault != nil && rep.Fault.Temporary:
				mu.Lock()
				defer mu.Unlock()
				again = append(again, i)
			default:
				p.took(i, rep)
			}
			return nil
		})
	}
	err = g.Wait()
	slices.Sort(again)
	return again, err
}

func indexes(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

// took keeps the report of a row.
func (p *prover) took(i int, rep verify.Report) {
	p.mu.Lock()
	defer p.mu.Unlock()
	row := &p.rows[i]
	row.report(rep)
	p.ended++
	if err := p.files.findings(row.Line, rep.Findings); p.fileErr == nil {
		p.fileErr = err
	}
	switch {
	case p.opt.json:
		if err := json.NewEncoder(p.std.out).Encode(row); p.outErr == nil {
			p.outErr = err
		}
	case !p.opt.quiet:
		fmt.Fprintf(p.std.err, "%d/%d line %d, %s: %s\n", p.ended, len(p.selected), row.Line, row.Source.User, fault.Clean(row.verdict()))
	}
}

// end closes the books and judges. cause is what ended verify before its time.
func (p *prover) end(ctx context.Context, cause error) error {
	sum := summarizeVerified(p.rows, p.opt.deep)
	p.fileErr = errors.Join(p.fileErr, tellHeld(p.files.end(p.rows), p.std.err))
	var err error
	if p.opt.json {
		err = json.NewEncoder(p.std.out).Encode(sum)
	} else {
		err = writeVerified(p.std.out, p.rows, sum, p.dir)
	}
	if p.outErr == nil {
		p.outErr = err
	}
	switch err := errors.Join(cause, p.outErr, p.fileErr); {
	case err != nil:
		return runError(err)
	case ctx.Err() != nil:
		return runError(ctx.Err())
	case sum.Verified < sum.Rows:
		return errNotDone()
	}
	return nil
}
