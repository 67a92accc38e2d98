package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/imapfleet/imapfleet/pkg/throughput"
)

func newDemo() *cobra.Command {
	var keep, quiet bool
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "See it work: two embedded servers and a list, migrated",
		Long: `Start two small IMAP servers within this process, fill one of them with 25
accounts, write a list and migrate it with the very commands that you would
use: once with a wrong password in the list, then, after mending it, with
--failed, then all of it again to show that nothing is copied twice.

It needs no network and takes some seconds. The list and its results are in a
temporary directory that is removed at the end, unless --keep.`,
		Example: `  imapfleet demo
  imapfleet demo --keep`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			d := &demo{std: streamsOf(cmd), keep: keep, quiet: quiet}
			if err := d.run(cmd.Context()); err != nil {
				return runError(err)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&keep, "keep", false, "leave the list and its results where they are")
	cmd.Flags().BoolVar(&quiet, "quiet", false, "no progress and no warnings on stderr")
	return cmd
}

// demo is a story in steps; each checks that what it tells is true.
type demo struct {
	std     streams
	keep    bool
	quiet   bool
	dir     string
	servers *demoServers
	last    throughput.Summary // of the last run, from its summary.json
}

const (
	demoAccounts = 25
	demoWrong    = 7 // the account whose password is mistyped at first
)

func (d *demo) run(ctx context.Context) (err error) {
	start := time.Now()
	if d.dir, err = os.MkdirTemp("", "imapfleet-demo-"); err != nil {
		return err
	}
	if !d.keep {
		defer func() { err = errors.Join(err, os.RemoveAll(d.dir)) }()
	}
	if d.servers, err = startDemoServers(demoAccounts); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.servers.Close()) }()
	for _, step := range []func(context.Context) error{d.firstRun, d.mend, d.again, d.compare} {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := step(ctx); err != nil {
			return err
		}
	}
	d.say("\nDone in %s.", throughput.FormatDuration(time.Since(start)))
	if d.keep {
		d.say("The list and its results are in %s.", d.dir)
	}
	return nil
}

func (d *demo) say(format string, args ...any) { fmt.Fprintf(d.std.out, format+"\n", args...) }

func (d *demo) firstRun(ctx context.Context) error {
	d.say("Two IMAP servers listen on this machine. The old one holds %d accounts with\n"+
		"%s messages (%s); the new one has the same accounts, empty.\n"+
		"The list has one line per account, host1;user1;password1;host2;user2;password2:\n",
		demoAccounts, throughput.FormatNumber(d.servers.messages), throughput.FormatOctets(d.servers.octets))
	rows := d.servers.rows(demoWrong)
	for _, row := range rows[:2] {
		d.say("  %s", row)
	}
	d.say("  ... and %d more. Line %d has a mistyped password.", len(rows)-2, demoWrong)
	if err := d.write(rows); err != nil {
		return err
	}
	if err := d.migrate(ctx, false, exitNotDone); err != nil {
		return err
	}
	return d.expect(demoAccounts-1, true, "Each account went by itself: one that fails keeps no other from its mail.")
}

func (d *demo) mend(ctx context.Context) error {
	d.say("\nNow the password in line %d is mended, and only what is not done runs again.", demoWrong)
	if err := d.write(d.servers.rows(0)); err != nil {
		return err
	}
	if err := d.migrate(ctx, true, exitDone); err != nil {
		return err
	}
	return d.expect(1, true, "")
}

func (d *demo) again(ctx context.Context) error {
	d.say("\nThe whole list once more, as one would on the day of the move: only what is\nnew would be copied, and nothing is.")
	if err := d.migrate(ctx, false, exitDone); err != nil {
		return err
	}
	return d.expect(demoAccounts, false, "")
}

// compare reads both servers by another client than the one that copied.
func (d *demo) compare(ctx context.Context) error {
	n, err := d.servers.compare(ctx)
	if err != nil {
		return err
	}
	d.say("\nRead back from both servers: %s messages, each there once, with equal content,\nflags and date.", throughput.FormatNumber(n))
	return nil
}

// write puts the list and the servers' certificate into the directory.
func (d *demo) write(rows []string) error {
	var list []byte
	for _, row := range rows {
		list = append(append(list, row...), '\n')
	}
	return errors.Join(
		os.WriteFile(filepath.Join(d.dir, "accounts.csv"), list, 0o600),
		os.WriteFile(filepath.Join(d.dir, "ca.pem"), d.servers.authority(), 0o600),
	)
}

// migrate is the command run, with its exit code.
func (d *demo) migrate(ctx context.Context, failed bool, want int) error {
	shown := "imapfleet run accounts.csv --parallel 8 --ca-file ca.pem"
	args := []string{"run", filepath.Join(d.dir, "accounts.csv"), "--parallel", "8", "--ca-file", filepath.Join(d.dir, "ca.pem")}
	if failed {
		shown, args = shown+" --failed", append(args, "--failed")
	}
	d.say("\n$ %s\n", shown)
	if d.quiet {
		args = append(args, "--quiet")
	}
	code := run(ctx, args, nil, d.std.out, d.std.err)
	d.say("\nexit code %d", code)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if code != want {
		return fmt.Errorf("demo: exit code %d, expected %d", code, want)
	}
	raw, err := os.ReadFile(filepath.Join(d.dir, "accounts.imapfleet", "summary.json"))
	if err != nil {
		return err
	}
	var rep throughput.Report
	if err := json.Unmarshal(raw, &rep); err != nil {
		return fmt.Errorf("summary.json: %w", err)
	}
	d.last = rep.Run
	return nil
}

// expect holds the last run's summary against what the story says of it.
func (d *demo) expect(done int, copies bool, then string) error {
	s := d.last
	if s.Rows.Done != done || copies != (s.Total.Copied > 0) || !s.Total.Balanced() {
		return fmt.Errorf("demo: %d rows done, %d messages copied of %d listed: not as expected", s.Rows.Done, s.Total.Copied, s.Total.Listed)
	}
	if then != "" {
		d.say("%s", then)
	}
	return nil
}
