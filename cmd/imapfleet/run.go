package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/imapfleet/imapfleet/pkg/account"
	"github.com/imapfleet/imapfleet/pkg/batch"
	"github.com/imapfleet/imapfleet/pkg/imapconn"
	"github.com/imapfleet/imapfleet/pkg/mailsync"
	"github.com/imapfleet/imapfleet/pkg/mapping"
	"github.com/imapfleet/imapfleet/pkg/rules"
)

// runOptions are the flags of run.
type runOptions struct {
	list            string
	listFlags       listFlags
	net             netFlags
	limits          limitFlags
	daily           dailyFlags
	state           string
	pidfile         string
	adopt           bool
	failed          bool
	rows            string
	dryRun          bool // nothing is changed or remembered
	justLogin       bool
	memory          sizeValue
	maxPerHost      int
	lanesPerAccount int
	retries         int
	maxParked       time.Duration
	authFuse        int
	noWait          bool
	patience        time.Duration
	maxRejects      int
	accept          string
	accepted        []acceptance // what the file of accept says
	flags           switchValue
	json            bool
	quiet           bool
	logLevel        levelValue
	compress        compressValue
}

func newRun() *cobra.Command {
	o := runOptions{memory: 256 << 20, flags: true}
	cmd := &cobra.Command{
		Use:   "run FILE",
		Short: "Migrate every row of a list; rerunning is always safe",
		Long: `Migrate every row of a list, several at a time.

A lane is one connection to each side. --parallel says how many there are, or
has the number found that is fastest (auto, or within bounds, auto:4-64): each
row has one, and when no row is left to start, the free ones go to the accounts
with the most left to copy.

Messages that are at the destination already are found and not copied again,
whatever brought them there, so a run can be stopped and repeated at any time.
A rerun copies new mail, and carries changes of flags made at the source since.
What was done is remembered in a directory beside the list (accounts.csv ->
accounts.imapfleet), with the results as files:

  results.csv   each row of the list       failed.csv   the rows not done
  rejects.csv   each message refused       repairs.csv  each message changed
  run.log       what happened, when        summary.json totals and causes

The summary ends with what kept the run from being faster, as far as that is
clear, by what, and what to do: a server, the link to one, a limit, this
machine, too few lanes or the last account. While it goes on the screen,
'imapfleet status' and --json say it of the last half minute.

Exit codes: 0 all selected rows done, 1 the run itself failed, 2 usage or list,
3 some row is not done, 130 interrupted, 143 terminated. Ctrl-C stops at a
message border; a second one ends at once, and even then a rerun is exact.
SIGTERM and a terminal that is closed do the same; SIGUSR1 (not on Windows)
has it say on stderr how far it is.`,
		Example: `  imapfleet run accounts.csv --parallel 8
  imapfleet run accounts.csv --failed              only what is not done yet
  imapfleet run accounts.csv --rows 3,7-9          these lines of the list
  imapfleet run accounts.csv --dry-run             what would be copied
  imapfleet run accounts.csv --accept rejects.csv  these messages may stay behind
  imapfleet run accounts.csv --authuser2 admin     log in as admin for each user
  imapfleet run accounts.csv --json | jq .         events for a program
  imapfleet run accounts.csv --limit "08:00,2MiB 19:00,off"
                                                   2 MiB/s by day, no limit at night`,
		Args: oneList,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.list = args[0]
			return migrate(cmd.Context(), o, streamsOf(cmd))
		},
	}
	o.register(cmd.Flags())
	cmd.SetUsageFunc(usage)
	return cmd
}

func (o *runOptions) register(fs *pflag.FlagSet) {
	section(fs, sectionRows, func(fs *pflag.FlagSet) {
		fs.StringVar(&o.rows, "rows", "", "only these `LINES` of the list, such as 3,7-9")
		fs.BoolVar(&o.failed, "failed", false, "only rows that are not done")
		fs.IntVar(&o.maxPerHost, "max-per-host", 0, "lanes at a time that touch one host (default no limit)")
		fs.IntVar(&o.lanesPerAccount, "lanes-per-account", 4, "lanes at a time for one account, when no row waits for them")
	})
	o.net.register(fs, "how many lanes: a number, auto (the best number is found), or auto with bounds such as auto:4-64")
	o.listFlags.rules.own = []string{"pidfile"}
	o.listFlags.register(fs, rules.Mailboxes, rules.Selection, rules.Changes, rules.Modes)
	section(fs, sectionOf(rules.Changes), func(fs *pflag.FlagSet) {
		fs.StringVar(&o.accept, "accept", "", "a rejects.csv that you have read: the messages in this `FILE` may stay behind")
		fs.Var(&o.flags, "flags", "carry changes of flags made at the source since the last run")
	})
	section(fs, "When to give up", func(fs *pflag.FlagSet) {
		fs.IntVar(&o.retries, "retries", 3, "attempts more for a row whose trouble is temporary")
		fs.DurationVar(&o.maxParked, "max-parked", 48*time.Hour, "how long a row waits, without progress, for a server that says \"later\"")
		fs.BoolVar(&o.noWait, "no-wait", false, "end when only rows are left that a server lets wait for longer than a retry does")
		fs.IntVar(&o.authFuse, "auth-fuse", 5, "pause a host after so many refused logins in a row (0: never)")
		fs.DurationVar(&o.patience, "patience", 2*time.Minute, "how long an attempt goes on reconnecting without progress")
		fs.IntVar(&o.maxRejects, "max-rejects", 50, "give up a row after so many refused messages in a row")
	})
	section(fs, sectionSpeed, func(fs *pflag.FlagSet) {
		o.limits.register(fs)
		o.daily.register(fs)
		fs.Var(&o.compress, "compress", "compress connections: auto (where it makes them faster), on (where offered) or off")
		fs.Var(&o.memory, "memory", "octets of messages held at most; the process has about 60 MiB more (a GOMEMLIMIT in the environment stays)")
	})
	section(fs, sectionOutput, func(fs *pflag.FlagSet) {
		fs.BoolVar(&o.json, "json", false, "events as JSON, one per line, on stdout; the last one is the summary")
		fs.BoolVar(&o.quiet, "quiet", false, "no progress and no warnings on stderr")
		fs.Var(&o.logLevel, "log-level", "of run.log: debug, info, warn or error")
		fs.StringVar(&o.state, "state", "", "state `DIR`ectory (default beside the list)")
		fs.StringVar(&o.pidfile, "pidfile", "", "write the number of the process to this `FILE`, and refuse to run while another run has it")
		fs.BoolVar(&o.adopt, "adopt", false, "go on with a state directory that belongs to another list")
	})
}

// check refuses what the flags' types let through.
func (o *runOptions) check() error {
	switch {
	case o.maxPerHost < 0:
		return errors.New("--max-per-host: must not be negative")
	case o.lanesPerAccount < 1:
		return errors.New("--lanes-per-account: must be at least 1")
	case o.retries < 0:
		return errors.New("--retries: must not be negative")
	case o.maxParked <= 0:
		return errors.New("--max-parked: must be positive, such as 48h")
	case o.authFuse < 0:
		return errors.New("--auth-fuse: must not be negative")
	case o.patience <= 0:
		return errors.New("--patience: must be positive, such as 2m")
	case o.maxRejects < 1:
		return errors.New("--max-rejects: must be at least 1")
	}
	if err := o.net.check(); err != nil {
		return err
	}
	return o.memory.atLeast(o.net.parallel.most(o.memory))
}

// migrate is the command run: everything that can be wrong with flags and list
// is found before anything is written.
func migrate(ctx context.Context, o runOptions, std streams) error {
	if err := o.check(); err != nil {
		return usageError(err)
	}
	w, err := o.listFlags.begin(o.list, o.rows, &o.net)
	if err != nil {
		return err
	}
	if err := o.modes(); err != nil {
		return usageError(err)
	}
	if o.accept != "" {
		if o.accepted, err = loadAccepted(o.accept); err != nil {
			return usageError(err)
		}
	}
	pid, err := takePIDFile(o.pidfile, o.list, time.Now())
	if err != nil {
		return runError(err)
	}
	return finish(migrateList(ctx, o, &job{work: w, dir: stateDir(o.list, o.state), std: std}), pid.remove)
}

// migrateList is migrate for a list and flags that are right.
func migrateList(ctx context.Context, o runOptions, j *job) error {
	j.tell(j.std.err, o.quiet)
	if kind := networkDisk(j.dir); kind != "" && !o.dryRun && !o.quiet {
		fmt.Fprintf(j.std.err, "warning: %s\n", diskWarning(j.dir, kind))
	}
	defer limitMemory(int64(o.memory))()
	if !o.dryRun {
		return migrateLocked(ctx, o, j)
	}
	temp, remove, err := borrow(ctx, j.dir)
	if err != nil {
		return runError(err)
	}
	j.dir = temp
	return finish(migrateBound(ctx, o, j, ""), remove)
}

// migrateLocked runs while no other run has a state directory of that path.
func migrateLocked(ctx context.Context, o runOptions, j *job) error {
	j.locks = newCacheLocks(o.list, time.Now(), func(err error) {
		j.warn(o.quiet, "destination accounts are not locked against runs of other lists", err)
	})
	lock, err := j.locks.takeState(j.dir)
	if err != nil {
		return runError(err)
	}
	return finish(migrateIn(ctx, o, j), func() error { return release(lock) })
}

// modes takes from the options what is about the run as a whole. Where every
// row only logs in nothing is worth remembering.
func (o *runOptions) modes() error {
	s, err := o.listFlags.rules.settings()
	if err != nil {
		return err
	}
	o.justLogin = s.Rules.JustLogin
	o.dryRun = o.dryRun || s.Rules.Dry || s.Rules.JustLogin
	return nil
}

// finish adds the failure of a last step to err, which may be nil.
func finish(err error, last func() error) error {
	if lastErr := last(); lastErr != nil {
		return runError(errors.Join(err, lastErr))
	}
	return err
}

// migrateIn lends a copy of the state to rows that are only looked at.
func migrateIn(ctx context.Context, o runOptions, j *job) error {
	if !j.someOnlyLook() {
		return migrateBound(ctx, o, j, "")
	}
	temp, remove, err := borrow(ctx, j.dir)
	if err != nil {
		return runError(err)
	}
	return finish(migrateBound(ctx, o, j, temp), remove)
}

// migrateBound runs with an open ledger, and with that of temp, if any.
func migrateBound(ctx context.Context, o runOptions, j *job, temp string) error {
	b, err := bind(ctx, j.dir, j.pairs, o.adopt)
	if err != nil {
		return runError(err)
	}
	j.bound = b
	if d := b.ledger.Damage(); d != nil && !o.dryRun {
		fmt.Fprint(j.std.err, damageText(d))
	}
	if temp == "" {
		return finish(migrateChosen(ctx, o, j), b.ledger.Close)
	}
	return finish(migrateBeside(ctx, o, j, temp), b.ledger.Close)
}

// migrateBeside runs with the ledger of temp open too: a copy of the other, so
// that binding the same rows gives them the same numbers.
func migrateBeside(ctx context.Context, o runOptions, j *job, temp string) error {
	b, err := bind(ctx, temp, j.pairs, o.adopt)
	if err != nil {
		return runError(err)
	}
	j.scratch = b.ledger
	if !slices.Equal(b.ids, j.bound.ids) {
		err := errors.New("the copy of the state for rows with --dry-run is not like the state itself: run again")
		return finish(runError(err), b.ledger.Close)
	}
	return finish(migrateChosen(ctx, o, j), b.ledger.Close)
}

// migrateChosen picks the rows.
func migrateChosen(ctx context.Context, o runOptions, j *job) error {
	if err := j.acceptAll(ctx, o); err != nil {
		return runError(err)
	}
	if o.failed {
		j.selectNotDone()
	}
	return migrateLogged(ctx, o, j)
}

// migrateLogged runs with an open log; a dry run has none.
func migrateLogged(ctx context.Context, o runOptions, j *job) error {
	if o.dryRun {
		return j.run(ctx, o, nil)
	}
	file, err := openLog(j.dir)
	if err != nil {
		return runError(err)
	}
	return finish(j.run(ctx, o, file), file.Close)
}

// runID names this process in the ledger's attempts.
func runID(now time.Time) string {
	return fmt.Sprintf("%s-%d-%04x", now.UTC().Format("20060102T150405Z"), os.Getpid(), rand.IntN(1<<16))
}

// engineOptions are what the flags say to the engine.
func (o *runOptions) engineOptions(j *job) mailsync.Options {
	opt := mailsync.Options{
		Ledger: j.bound.ledger, Scratch: j.scratch, RootCAs: j.roots, Faults: o.net.faults, Logger: j.log, Version: programVersion(),
		Memory: int64(o.memory), Lanes: o.net.parallel.most(o.memory), Patience: o.patience, MaxRejects: o.maxRejects, DryRun: o.dryRun,
		FlagsOff: !bool(o.flags), Daily: o.daily.of, Compress: imapconn.CompressMode(o.compress), WrapConn: j.limits.wrap, WatchConn: j.sampler.watch.Wrap,
		Grace:      stopGrace,
		AwaitLogin: o.net.awaitLogin(),
	}
	opt.OnRoundTrip, opt.OnRefused = j.sampler.watch.RoundTrip, j.sampler.watch.Refused
	opt.OnMapping = func(pair account.Pair, m *mapping.Map) {
		if o.dryRun || pair.Rules != nil && pair.Rules.Dry {
			j.mappings.note(pair, m)
		}
	}
	return opt
}

// runnerOptions are what the flags say to the runner.
func (o *runOptions) runnerOptions(j *job, engine batch.Syncer) batch.Options {
	opt := batch.Options{
		Syncer: engine, Meter: j.meter, Logger: j.log, RunID: j.runID,
		Parallel: o.net.parallel.n, Auto: o.net.parallel.auto(o.memory), MaxPerHost: o.maxPerHost, LanesPerAccount: o.lanesPerAccount, Retries: o.retries,
		MaxParked: o.maxParked, AuthFuse: o.authFuse, NoWait: o.noWait,
	}
	if !o.dryRun {
		opt.Recorder = j.bound.ledger
	}
	return opt
}
