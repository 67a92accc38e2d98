package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// launchCommand is the first argument with which this program starts another
// and reports what that one used.
const launchCommand = "launch"

// usage is what a process took.
type usage struct {
	Seconds float64 `json:"seconds"`        // wall time
	User    float64 `json:"user_seconds"`   // of CPU
	System  float64 `json:"system_seconds"` // of CPU
	PeakRSS int64   `json:"peak_rss"`       // octets; 0: unknown
}

// launch runs a program to its end and writes its usage to out. It is a
// process of its own because Linux books the peak of the memory that a process
// was forked from on the process: from the bench that would be the bench's.
func launch(ctx context.Context, args []string, out, errw io.Writer) error {
	if len(args) == 0 {
		return errors.New("launch: what?")
	}
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Stderr = errw
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	start := time.Now()
	err := cmd.Run()
	if cmd.ProcessState == nil {
		return err
	}
	u := usage{
		Seconds: time.Since(start).Seconds(),
		User:    cmd.ProcessState.UserTime().Seconds(),
		System:  cmd.ProcessState.SystemTime().Seconds(),
		PeakRSS: peakRSS(cmd.ProcessState),
	}
	return errors.Join(err, json.NewEncoder(out).Encode(u))
}

// fleet is a list and the state directory beside it.
type fleet struct {
	program string // imapfleet
	dir     string
	args    []string
}

// newFleet writes the list of a case: accounts to users.
func newFleet(program, dir, caFile string, c *benchCase, ends [2]end, accounts []*account, users []string) (*fleet, error) {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	var list strings.Builder
	for i, a := range accounts {
		fmt.Fprintf(&list, "%s;%s;%s;%s;%s;%s;\n", ends[0].host(), a.user, password, ends[1].host(), users[i], password)
	}
	f := &fleet{program: program, dir: dir, args: []string{"--parallel", strconv.Itoa(c.lanes), "--login-rate", "off"}}
	if c.tls {
		f.args = append(f.args, "--ca-file", caFile)
	}
	return f, os.WriteFile(f.path("list.csv"), []byte(list.String()), 0o600)
}

func (f *fleet) path(name string) string { return filepath.Join(f.dir, name) }

func (f *fleet) state(name string) string { return filepath.Join(f.dir, "list.imapfleet", name) }

// run runs the list once.
func (f *fleet) run(ctx context.Context) (usage, error) {
	self, err := os.Executable()
	if err != nil {
		return usage{}, err
	}
	args := append([]string{launchCommand, f.program, "run", f.path("list.csv"), "--quiet"}, f.args...)
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(ctx, self, args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 20 * time.Second
	if err := cmd.Run(); err != nil {
		log, _ := os.ReadFile(f.state("run.log")) // without it there is the error still
		return usage{}, fmt.Errorf("imapfleet: %w\n%s%s", err, errs.Bytes(), log[max(0, len(log)-4000):])
	}
	var u usage
	return u, json.Unmarshal(out.Bytes(), &u)
}

// row is a line of results.csv.
type row struct {
	state                        string
	listed, copied, alreadyThere int
	seconds                      float64
}

// rows reads results.csv, in the order of the list.
func (f *fleet) rows() ([]row, error) {
	file, err := os.Open(f.state("results.csv"))
	if err != nil {
		return nil, err
	}
	defer file.Close()
	r := csv.NewReader(file)
	r.Comma = ';'
	records, err := r.ReadAll()
	if err != nil || len(records) == 0 {
		return nil, fmt.Errorf("results.csv: %d records: %w", len(records), err)
	}
	at := make(map[string]int)
	for i, name := range records[0] {
		at[name] = i
	}
	var rows []row
	for _, rec := range records[1:] {
		out := row{state: rec[at["state"]]}
		for name, n := range map[string]*int{"listed": &out.listed, "copied": &out.copied, "already_there": &out.alreadyThere} {
			if *n, err = strconv.Atoi(rec[at[name]]); err != nil {
				return nil, fmt.Errorf("results.csv: %s: %w", name, err)
			}
		}
		if out.seconds, err = strconv.ParseFloat(rec[at["seconds"]], 64); err != nil {
			return nil, fmt.Errorf("results.csv: seconds: %w", err)
		}
		rows = append(rows, out)
	}
	return rows, nil
}

// check holds results.csv against what was there to do.
func (f *fleet) check(accounts []*account, w work) ([]row, error) {
	rows, err := f.rows()
	if err != nil {
		return nil, err
	}
	if len(rows) != len(accounts) {
		return nil, fmt.Errorf("results.csv has %d rows, not %d", len(rows), len(accounts))
	}
	for i, a := range accounts {
		want := row{state: "done", listed: a.messages, copied: a.messages, seconds: rows[i].seconds}
		if w == again {
			want.copied, want.alreadyThere = 0, a.messages
		}
		if rows[i] != want {
			return nil, fmt.Errorf("%s: results.csv says %+v, not %+v", a.user, rows[i], want)
		}
	}
	return rows, nil
}
