package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/imapfleet/imapfleet/pkg/account"
	"github.com/imapfleet/imapfleet/pkg/batch"
	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/ledger"
	"github.com/imapfleet/imapfleet/pkg/rules"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// syncFunc is a batch.Syncer.
type syncFunc func(pair account.Pair)

func (f syncFunc) Sync(_ context.Context, pair account.Pair, _ ledger.RowID, _ batch.Lanes, _ *throughput.Meter) (throughput.Count, error) {
	f(pair)
	return throughput.Count{Listed: 1}, nil
}

// cacheIn gives the test a cache directory of its own.
func cacheIn(t *testing.T, dir string) {
	t.Helper()
	for _, name := range cacheVariables {
		t.Setenv(name, dir)
	}
}

func toDest(host string, port int, user string) account.Pair {
	return account.Pair{Dest: account.Endpoint{Host: host, Port: port, User: user}}
}

// While a row syncs no other run's row syncs to its account; when it has ended
// nothing is left.
func TestAccountLocks(t *testing.T) {
	cache := t.TempDir()
	cacheIn(t, cache)
	locks := func(list string) *cacheLocks {
		return newCacheLocks(list, time.Now(), func(err error) { t.Errorf("warned: %v", err) })
	}
	one, other := locks("one.csv"), locks("other.csv")
	try := func(c *cacheLocks, pair account.Pair, inside func()) (synced bool, err error) {
		l := &accountLocker{locks: c, next: syncFunc(func(account.Pair) {
			synced = true
			inside()
		})}
		_, err = l.Sync(t.Context(), pair, 1, nil, nil)
		return synced, err
	}
	nothing := func() {}
	synced, err := try(one, toDest("New.example", 993, "anna"), func() {
		for what, tt := range map[string]struct {
			pair account.Pair
			free bool
		}{
			"the same account":             {toDest("new.example", 0, "anna"), false},
			"another user":                 {toDest("new.example", 0, "bernd"), true},
			"another server":               {toDest("new.example", 1143, "anna"), true},
			"a row that is only looked at": {account.Pair{Dest: account.Endpoint{Host: "new.example", User: "anna"}, Rules: &rules.Rules{Dry: true}}, true},
		} {
			synced, err := try(other, tt.pair, nothing)
			if synced != tt.free || (err == nil) != tt.free {
				t.Errorf("%s: synced %v, %v", what, synced, err)
			}
			if tt.free {
				continue
			}
			f := fault.Of(err)
			if f == nil || f.Code != fault.InUse || f.Scope != fault.Account || f.Side != fault.Dest || !f.Temporary ||
				!strings.Contains(f.Text, "in use by process ") || !strings.Contains(f.Text, "one.csv") {
				t.Errorf("%s: %#v", what, f)
			}
		}
		files, _ := filepath.Glob(filepath.Join(cache, "*", "*", "*"))
		for _, f := range files {
			if strings.Contains(f, "anna") {
				t.Errorf("%s names the account", f)
			}
		}
		if len(files) == 0 {
			t.Error("no lock file where it is looked for")
		}
	})
	if !synced || err != nil {
		t.Fatalf("synced %v, %v", synced, err)
	}
	if synced, err := try(other, toDest("new.example", 143, "anna"), nothing); !synced || err != nil {
		t.Errorf("afterwards: synced %v, %v", synced, err)
	}
	if files, _ := filepath.Glob(filepath.Join(cache, "*", "*", "*.lock")); len(files) > 0 {
		t.Errorf("left: %q", files)
	}
}

// Without a cache directory nothing is locked, which is said once, and the run
// goes on.
func TestAccountLocksWithoutCache(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for what, dir := range map[string]string{"none": "", "not to be written": file} {
		cacheIn(t, dir)
		var warned []error
		c := newCacheLocks("one.csv", time.Now(), func(err error) { warned = append(warned, err) })
		rows := 0
		l := &accountLocker{locks: c, next: syncFunc(func(account.Pair) { rows++ })}
		if lock, err := c.takeState(t.TempDir()); lock != nil || err != nil || release(lock) != nil {
			t.Errorf("%s: state lock %v, %v", what, lock, err)
		}
		for range 3 {
			if _, err := l.Sync(t.Context(), toDest("new.example", 0, "anna"), 1, nil, nil); err != nil {
				t.Errorf("%s: %v", what, err)
			}
		}
		if rows != 3 || len(warned) != 1 {
			t.Errorf("%s: %d rows, warnings %v", what, rows, warned)
		}
	}
}

// A state directory's path is locked although the directory is gone.
func TestStateLock(t *testing.T) {
	cacheIn(t, t.TempDir())
	locks := func() *cacheLocks {
		return newCacheLocks("one.csv", time.Now(), func(err error) { t.Errorf("warned: %v", err) })
	}
	t.Chdir(t.TempDir())
	lock, err := locks().takeState("accounts.imapfleet")
	if err != nil || lock == nil {
		t.Fatal(lock, err)
	}
	var held *ledger.LockedError
	if _, err := locks().takeState(absolute("accounts.imapfleet")); !errors.As(err, &held) || held.PID != os.Getpid() {
		t.Errorf("a second one: %v", err)
	}
	if err := release(lock); err != nil {
		t.Fatal(err)
	}
	lock, err = locks().takeState("accounts.imapfleet")
	if err != nil || lock == nil {
		t.Fatal(lock, err)
	}
	if err := release(lock); err != nil {
		t.Fatal(err)
	}
}
