package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

// streams are the process's, or a test's.
type streams struct {
	out, err io.Writer
}

func streamsOf(cmd *cobra.Command) streams {
	return streams{output{cmd.OutOrStdout()}, cmd.ErrOrStderr()}
}

// output is stdout; its errors say so.
type output struct{ to io.Writer }

func (o output) Write(p []byte) (int, error) {
	n, err := o.to.Write(p)
	if err != nil {
		err = fmt.Errorf("stdout could not be written: %w", err)
	}
	return n, err
}

// run is the program: it parses args, does what they say and returns the exit
// code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	cmd, err := root.ExecuteContextC(ctx)
	return report(ctx, err, cmd.CommandPath(), stderr)
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "imapfleet",
		Short: "Migrate a list of IMAP mailboxes, in parallel",
		Long: `imapfleet migrates hundreds of mailboxes from one set of IMAP servers to
another. The accounts stand in a list, one per line:

  host1;user1;password1;host2;user2;password2

It only reads from the source, copies every message with its flags and date,
remembers what it has done beside the list, and can be run again at any time:
a rerun copies only what is missing.

Exit codes: 0 all rows done, 1 the run itself failed, 2 usage or list,
3 some row is not done, 130 interrupted, 143 terminated.`,
		Example: `  imapfleet demo                              see it work, without any server
  imapfleet check accounts.csv                try every login
  imapfleet probe accounts.csv                how fast it can go
  imapfleet plan accounts.csv                 how long it will take
  imapfleet run accounts.csv --parallel 8     migrate
  imapfleet status accounts.csv               where each row stands
  imapfleet ctl accounts.csv pause            change a run while it goes on
  imapfleet run accounts.csv --failed         once more what is not done
  imapfleet verify accounts.csv               prove that every message is there`,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetFlagErrorFunc(flagError)
	root.AddCommand(newRun(), newCheck(), newProbe(), newPlan(), newStatus(), newCtl(), newVerify(), newDemo(), newVersion())
	return root
}

// oneList is the argument of the commands that work on a list. A flag that
// picks rows or a state and is given empty is a variable that was never set:
// it does not mean what leaving the flag out means.
func oneList(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("give one list: %s", cmd.UseLine())
	}
	for _, name := range []string{"rows", "state"} {
		if f := cmd.Flags().Lookup(name); f != nil && f.Changed && f.Value.String() == "" {
			return fmt.Errorf("--%s is empty: give it a value or leave it out", name)
		}
	}
	return nil
}
