package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/imapfleet/imapfleet/pkg/account"
	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/ledger"
	"github.com/imapfleet/imapfleet/pkg/lockfile"
)

// stateDir is where the state of a list is kept: beside it, accounts.csv in
// accounts.imapfleet, any other name with the suffix added.
func stateDir(list, flag string) string {
	if flag != "" {
		return flag
	}
	dir, name := filepath.Split(list)
	if base := strings.TrimSuffix(name, ".csv"); base != "" {
		name = base
	}
	return filepath.Join(dir, name+".imapfleet")
}

// entries are the rows of a list as the ledger knows them.
func entries(pairs []account.Pair) []ledger.Entry {
	out := make([]ledger.Entry, len(pairs))
	for i, p := range pairs {
		k := p.Key()
		out[i] = ledger.Entry{Line: p.Line, Key: ledger.Key{
			Host1: k.Host1, Port1: k.Port1, User1: k.User1,
			Host2: k.Host2, Port2: k.Port2, User2: k.User2, Dest: p.DestID(),
		}}
	}
	return out
}

// bound is a list with its rows in an open ledger, by the list's index.
type bound struct {
	ledger *ledger.Ledger
	ids    []ledger.RowID
	rows   []ledger.Row
}

// bind opens the ledger of dir and finds or makes the list's rows in it.
func bind(ctx context.Context, dir string, pairs []account.Pair, adopt bool) (_ *bound, err error) {
	l, err := ledger.Open(ctx, dir)
	if err != nil {
		return nil, explain(err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, l.Close())
		}
	}()
	b := &bound{ledger: l}
	if b.ids, err = l.Bind(ctx, entries(pairs), adopt); err != nil {
		if errors.Is(err, ledger.ErrOtherList) {
			return nil, fmt.Errorf("%s: %w; give another --state directory, or --adopt to go on with this one", dir, err)
		}
		return nil, explain(err)
	}
	if b.rows, err = l.Rows(ctx, b.ids); err != nil {
		return nil, explain(err)
	}
	return b, nil
}

// readHolder returns who runs with dir, or did; false when nobody says so.
func readHolder(dir string) (lockfile.Owner, bool) {
	return lockfile.ReadFile(filepath.Join(dir, ledger.HolderName))
}

// explain adds what to do to the errors of opening a ledger.
func explain(err error) error {
	if errors.Is(err, ledger.ErrDamaged) {
		return &fault.Error{Scope: fault.Run, Code: fault.State, Op: "ledger", Err: err, Hint: ledger.Advice(err)}
	}
	var locked *ledger.LockedError
	if errors.As(err, &locked) {
		return fmt.Errorf("%w; 'imapfleet status' shows how far it is", err)
	}
	return err
}

// damageText says what follows from a ledger that was set aside. It is said
// with --quiet too: what users have deleted comes back.
func damageText(d *ledger.Damage) string {
	return fmt.Sprintf(`warning: the ledger was damaged (%s)
  it is kept as %s, and a new one is made
  all mail is compared with the destination once more, which takes longer; nothing is copied twice
  what an earlier run knew is lost: messages that users have deleted or moved at the destination are copied again,
  messages accepted with --accept must be accepted again, flags changed at the source since the last run stay as they are
`, fault.Clean(d.Reason), d.Aside)
}

// borrow copies the ledger of dir, if there is one, to a new temporary
// directory, so that a dry run can work on it and change nothing. remove
// deletes the copy.
func borrow(ctx context.Context, dir string) (temp string, remove func() error, err error) {
	if h, ok := readHolder(dir); ok && h.Alive() {
		return "", nil, fmt.Errorf("%s is in use by process %d on %s: try the dry run when that run has ended", dir, h.PID, h.Host)
	}
	temp, err = os.MkdirTemp("", "imapfleet-dry-run-")
	if err != nil {
		return "", nil, err
	}
	remove = func() error { return os.RemoveAll(temp) }
	if err := copyLedger(ctx, dir, temp); err != nil {
		return "", nil, errors.Join(err, remove())
	}
	return temp, remove, nil
}

func copyLedger(ctx context.Context, from, to string) error {
	l, err := ledger.OpenReader(ctx, from) // says what is wrong with it, in its own name
	var schema *ledger.SchemaError
	var damaged *ledger.DamagedError
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.As(err, &damaged): // a run sets that one aside
		return nil
	case errors.As(err, &schema) && schema.Have < schema.Want: // the copy is upgraded
	case err != nil:
		return err
	default:
		if err := l.Close(); err != nil {
			return err
		}
	}
	for _, suffix := range []string{"", "-wal"} {
		b, err := os.ReadFile(filepath.Join(from, ledger.Name+suffix))
		if errors.Is(err, fs.ErrNotExist) && suffix != "" {
			continue
		}
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(to, ledger.Name+suffix), b, 0o600); err != nil {
			return err
		}
	}
	return nil
}
