package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/ledger"
	"github.com/imapfleet/imapfleet/pkg/plan"
	"github.com/imapfleet/imapfleet/pkg/rules"
)

// planOptions are the flags of plan.
type planOptions struct {
	list            string // "": there is none, imagined stands for it
	listFlags       listFlags
	net             netFlags
	limit           scheduleValue
	daily           dailyFlags
	rows            string
	patience        time.Duration
	maxPerHost      int
	lanesPerAccount int
	machines        int
	probe           string
	rate            rateValue
	ratePerLane     rateValue
	hours           hoursValue
	start           startValue
	change          shareValue
	prices          plan.Prices
	imagined        imaginedFlags
	noLogin         bool
	noKeep          bool
	state           string
	json            bool
	quiet           bool
	logLevel        levelValue
}

func newPlan() *cobra.Command {
	o := planOptions{change: 0.01, logLevel: levelValue(slog.LevelWarn)}
	cmd := &cobra.Command{
		Use:   "plan FILE",
		Short: "Say how long a migration will take, and what decides that",
		Long: `Say how long a migration will take: when the first pass ends, with a low and a
high, how long a delta pass takes and the last one on the day of the cutover,
which accounts end last, what more lanes or machines would change, and the cost.

It plays the run on this machine: rows in the order of 'imapfleet run', lanes,
caps, day's budgets, limits and hours. For that it needs sizes and rates.

Sizes are those of earlier passes over the same mailboxes, where the source told
them. Of other rows it logs in to the source, as 'check' does, and keeps what it
finds: the next plan takes seconds. Nothing is written at the servers, and the
destination is left alone.

Rates are those of --rate, else of --probe, else of earlier runs of the list. A
run of a few rows is enough:

  imapfleet run accounts.csv --rows 2-6 && imapfleet plan accounts.csv

Where a list has several servers, all pairs of them are taken to be as fast as
those that were measured; plan them apart with --rows. Limits of single hosts
(--limit1 and --limit2 of run) are not played.

What a plan said is remembered. The run of the same rows says at its end how far
off it was, and later plans with rates of the same origin are corrected by that.

Without a list, --accounts and --mean stand for one.

Exit codes: 0 the plan is made, 1 it failed, 2 usage or list, 130 interrupted,
143 terminated.`,
		Example: `  imapfleet plan accounts.csv --parallel 16 --max-per-host 10
  imapfleet plan accounts.csv --probe probe.json --hours 20:00-06:00
  imapfleet plan accounts.csv --cost-hour 0.40 --cost-gb 0.05
  imapfleet plan --accounts 500000 --mean 800MB --rate 300MiB/s --parallel 64`,
		Args: o.takeList,
		RunE: func(cmd *cobra.Command, _ []string) error { return predict(cmd.Context(), o, streamsOf(cmd)) },
	}
	o.register(cmd.Flags())
	cmd.MarkFlagsMutuallyExclusive("probe", "rate")
	cmd.MarkFlagsMutuallyExclusive("probe", "rate-per-lane")
	cmd.SetUsageFunc(usage)
	return cmd
}

// takeList takes the list, or none where --accounts stands for one.
func (o *planOptions) takeList(cmd *cobra.Command, args []string) error {
	if !cmd.Flags().Changed("accounts") {
		for _, name := range []string{"mean", "median", "largest", "message"} {
			if cmd.Flags().Changed(name) {
				return fmt.Errorf("--%s goes with --accounts", name)
			}
		}
		if err := oneList(cmd, args); err != nil {
			return err
		}
		o.list = args[0]
		return nil
	}
	if len(args) > 0 {
		return errors.New("give a list, or --accounts, not both")
	}
	return o.imagined.of().Check()
}

func (o *planOptions) register(fs *pflag.FlagSet) {
	section(fs, sectionRows, func(fs *pflag.FlagSet) {
		fs.StringVar(&o.rows, "rows", "", "only these `LINES` of the list, such as 3,7-9")
		fs.IntVar(&o.maxPerHost, "max-per-host", 0, "lanes at a time that touch one host (default no limit)")
		fs.IntVar(&o.lanesPerAccount, "lanes-per-account", 4, "lanes at a time for one account, when no row waits for them")
		fs.IntVar(&o.machines, "machines", 1, "how many machines run, each with a part of the list")
	})
	section(fs, "How fast it is", func(fs *pflag.FlagSet) {
		fs.StringVar(&o.probe, "probe", "", "take the rates of this `FILE`, the output of 'imapfleet probe --json'")
		fs.Var(&o.rate, "rate", "octets per second of all lanes of a machine together, such as 30MiB/s")
		fs.Var(&o.ratePerLane, "rate-per-lane", "octets per second of each lane; with --rate, up to that in all")
	})
	section(fs, "When, and what it costs", func(fs *pflag.FlagSet) {
		fs.Var(&o.start, "start", "when the first pass begins, such as \"2026-12-01 20:00\" (default now)")
		fs.Var(&o.hours, "hours", "rows run only then, such as 20:00-06:00, by the clock of this machine")
		fs.Var(&o.change, "change", "part of an account's mail that is new each day, such as 2%")
		fs.Float64Var(&o.prices.Hour, "cost-hour", 0, "what an hour of a machine costs")
		fs.Float64Var(&o.prices.GB, "cost-gb", 0, "what 1 GB (10^9 octets) of copied mail costs")
	})
	section(fs, "Without a list", func(fs *pflag.FlagSet) { o.imagined.register(fs) })
	o.net.register(fs, "how many lanes the run will have (auto: as many as were found best, at most 32, else 4)")
	section(fs, sectionConnections, func(fs *pflag.FlagSet) {
		fs.DurationVar(&o.patience, "patience", 10*time.Second, "how long to go on reconnecting to a server that does not answer")
		fs.BoolVar(&o.noLogin, "no-login", false, "connect to no server: rows of unknown size are taken to be like the others")
	})
	o.listFlags.register(fs, rules.Mailboxes, rules.Selection)
	section(fs, sectionSpeed, func(fs *pflag.FlagSet) {
		fs.Var(&o.limit, "limit", "octets per second that the run will be held to, also as a timetable")
		o.daily.register(fs)
	})
	section(fs, sectionOutput, func(fs *pflag.FlagSet) {
		fs.StringVar(&o.state, "state", "", "state `DIR`ectory (default beside the list)")
		fs.BoolVar(&o.noKeep, "no-keep", false, "remember neither sizes nor the plan")
		fs.BoolVar(&o.json, "json", false, "one JSON object on stdout")
		fs.BoolVar(&o.quiet, "quiet", false, "no progress and no warnings on stderr")
		fs.Var(&o.logLevel, "log-level", "of what is logged to stderr: debug, info, warn or error")
	})
}

// check refuses what the flags' types let through.
func (o *planOptions) check() error {
	switch {
	case o.maxPerHost < 0:
		return errors.New("--max-per-host: must not be negative")
	case o.lanesPerAccount < 1:
		return errors.New("--lanes-per-account: must be at least 1")
	case o.machines < 1:
		return errors.New("--machines: must be at least 1")
	case o.net.parallel.fixed() > maxPlanLanes || o.machines > maxPlanLanes/o.net.parallel.fixed():
		return fmt.Errorf("--parallel, --machines: more than %d lanes in all", maxPlanLanes)
	case o.patience <= 0:
		return errors.New("--patience: must be positive, such as 10s")
	case !(o.prices.Hour >= 0 && o.prices.Hour < 1e12):
		return errors.New("--cost-hour: must not be negative")
	case !(o.prices.GB >= 0 && o.prices.GB < 1e12):
		return errors.New("--cost-gb: must not be negative")
	case o.list == "" && o.rate == 0 && o.ratePerLane == 0 && o.probe == "":
		return errors.New("without a list there are no earlier runs: give --rate 30MiB/s, --rate-per-lane or --probe FILE")
	}
	return o.net.check()
}

// maxPlanLanes is how many lanes a plan may have.
const maxPlanLanes = 100_000

// planning is a plan that is being made.
type planning struct {
	work
	opt   planOptions
	std   streams
	dir   string
	rates plan.Rates // of --rate or --probe
	given bool

	fleet       *plan.Fleet
	sizes       plan.Sizes
	ledger      *ledger.Ledger // nil: there is none
	keeps       bool           // ledger may be written
	ids         []ledger.RowID // of selected; 0 where the ledger does not know a row
	known       []ledger.Row   // as ids
	asked       []bool         // as ids: its source has said how much it holds, if only nothing
	paces       []ledger.Pace
	predictions []ledger.Prediction
}

// predict is the command plan: everything that can be wrong with flags, list and
// probe is found before anything is written or asked.
func predict(ctx context.Context, o planOptions, std streams) error {
	if err := o.check(); err != nil {
		return usageError(err)
	}
	p := &planning{opt: o, std: std}
	if err := p.givenRates(); err != nil {
		return usageError(err)
	}
	if o.list == "" {
		p.fleet = o.imagined.of().Fleet()
		return p.make(time.Now())
	}
	var err error
	if p.work, err = o.listFlags.begin(o.list, o.rows, &o.net); err != nil {
		return err
	}
	p.tell(std.err, o.quiet)
	p.dir = stateDir(o.list, o.state)
	if _, err := os.Stat(filepath.Join(p.dir, ledger.Name)); errors.Is(err, fs.ErrNotExist) {
		if !p.given {
			return p.noRates()
		}
		p.opt.noKeep = p.opt.noKeep || o.noLogin // a plan of nothing known is not worth a directory
	}
	if err := p.open(ctx); err != nil {
		return runError(err)
	}
	err = p.ofList(ctx)
	if p.ledger != nil {
		return finish(err, p.ledger.Close)
	}
	return err
}

// noRates says that nothing is known of how fast mail moves.
func (p *planning) noRates() error {
	return usageError(errors.New("no rates: no earlier run of this list copied enough; make one of a few rows (imapfleet run " + fault.Clean(p.opt.list) +
		" --rows 2-6), or give --probe FILE or --rate 30MiB/s"))
}

// givenRates reads --rate and --probe.
func (p *planning) givenRates() (err error) {
	o := &p.opt
	switch {
	case o.probe != "":
		file, err := os.Open(o.probe)
		if err != nil {
			return fmt.Errorf("--probe: %w", err)
		}
		defer file.Close()
		if p.rates, err = plan.ReadProbe(file); err != nil {
			return fmt.Errorf("--probe %s: %w", o.probe, err)
		}
	case o.rate > 0 || o.ratePerLane > 0:
		if p.rates, err = plan.GivenRates(float64(o.rate), float64(o.ratePerLane), o.net.parallel.fixed()); err != nil {
			return err
		}
	default:
		return nil
	}
	p.given = true
	return nil
}

// ofList makes the plan of a list whose ledger is open.
func (p *planning) ofList(ctx context.Context) error {
	if !p.given {
		var ok bool
		if p.rates, ok = plan.RunRates(runsOf(p.paces)); !ok {
			return p.noRates()
		}
	}
	if err := p.size(ctx); err != nil {
		return err
	}
	p.rates.Learn(p.past())
	return p.make(time.Now())
}

// lanes is how many the run will have.
func (p *planning) lanes() int {
	best := p.rates.BestLanes()
	if len(p.rates.Curve) == 1 { // of no other number anything is known
		best = max(best, usualLanes)
	}
	return p.opt.net.parallel.within(best)
}

// make plays the runs and says what comes of it.
func (p *planning) make(now time.Time) error {
	o := &p.opt
	var err error
	if p.sizes, err = plan.Fill(p.fleet, p.rates.Mean); err != nil {
		return runError(fmt.Errorf("%w: no source could be asked, and no earlier pass was told one", err))
	}
	for i := range p.fleet.Accounts {
		if i < len(p.known) && doneRow(&p.known[i]) {
			p.sizes.Done++
		}
	}
	start := time.Time(o.start)
	if start.IsZero() {
		start = now
	}
	rep, err := plan.Make(plan.Input{
		Fleet: p.fleet, Sizes: p.sizes, Rates: p.rates, Change: float64(o.change), Prices: o.prices, Who: p.who,
		Options: plan.Options{
			Start: start, Lanes: p.lanes(), Machines: o.machines, MaxPerHost: o.maxPerHost, LanesPerAccount: o.lanesPerAccount,
			LoginsPerSecond: o.net.loginsPerSecond(), Limit: o.limit.Schedule, Hours: plan.Hours(o.hours),
		},
	})
	if err != nil {
		return runError(err)
	}
	if o.json {
		err = json.NewEncoder(p.std.out).Encode(rep)
	} else {
		err = rep.WriteText(p.std.out)
	}
	if err != nil {
		return runError(err)
	}
	return p.keep(rep, now)
}

// who names an account of the fleet.
func (p *planning) who(i int) string {
	if i >= len(p.selected) {
		return fmt.Sprintf("account %d", i+1)
	}
	pair := p.pairs[p.selected[i]]
	names := []string{pair.Source.User}
	if pair.Dest.User != pair.Source.User {
		names = append(names, pair.Dest.User)
	}
	return fault.Clean(strings.Join(names, " -> "))
}
