package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/imapfleet/imapfleet/pkg/account"
	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// The exit codes, judged over the rows selected.
const (
	exitDone        = 0   // all done
	exitRun         = 1   // the run itself failed
	exitUsage       = 2   // the command line or the list
	exitNotDone     = 3   // some row is not done
	exitInterrupted = 130 // SIGINT
	exitTerminated  = 143 // SIGTERM, SIGHUP
)

// exitError is an error that knows its exit code. An error of another type
// comes from cobra and is one of usage.
type exitError struct {
	code int
	err  error // nil: everything has been said
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

func usageError(err error) error { return &exitError{exitUsage, err} }
func runError(err error) error   { return &exitError{exitRun, err} }

// errNotDone ends a command whose output has said which rows are not done.
func errNotDone() error { return &exitError{code: exitNotDone} }

// report says what err is on stderr, unless that has been said, and returns
// the exit code. command is the one that was called, for the hint.
func report(ctx context.Context, err error, command string, stderr io.Writer) int {
	var coded *exitError
	isCoded := errors.As(err, &coded)
	if code, ok := signalCode(ctx); ok && (err == nil || isCoded && coded.code == exitNotDone || errors.Is(err, context.Canceled)) {
		return code
	}
	switch {
	case err == nil:
		return exitDone
	case !isCoded:
		fmt.Fprintf(stderr, "imapfleet: %s\nSee '%s --help'.\n", fault.Clean(err.Error()), command)
		return exitUsage
	case coded.err != nil:
		say(stderr, coded.err)
	}
	return coded.code
}

// say prints an error, one line per error that it joins, and the hint of each.
// What several steps met alike is said once.
func say(stderr io.Writer, err error) {
	said := make(map[string]bool)
	for _, e := range parts(err) {
		text := fault.Clean(e.Error())
		if said[text] {
			continue
		}
		said[text] = true
		fmt.Fprintf(stderr, "imapfleet: %s\n", text)
		f := fault.Of(e)
		if f == nil {
			continue
		}
		if f.Err != nil {
			said[fault.Clean(f.Err.Error())] = true
		}
		if f.Hint != "" {
			fmt.Fprintf(stderr, "  to do: %s\n", f.Hint)
		}
	}
}

// parts are the errors that err joins, at any depth.
func parts(err error) (out []error) {
	if coded, ok := err.(*exitError); ok && coded.err != nil {
		return parts(coded.err)
	}
	many, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	for _, e := range many.Unwrap() {
		out = append(out, parts(e)...)
	}
	return out
}

// mostListErrors are said of one list: who has taken a wrong file, or a wrong
// column, knows by then.
const mostListErrors = 50

// listError is err, or the first of the errors that it joins, with the list's
// name in front.
func listError(name string, err error) error {
	return eachError(name, err, func(err error) error {
		var row *account.RowError
		if errors.As(err, &row) {
			return fmt.Errorf("%s: %w", name, err)
		}
		return fmt.Errorf("list %s: %w", name, err)
	})
}

// eachError puts what wrap adds before each of the errors about a file that err
// joins, the first of them if they are many.
func eachError(name string, err error, wrap func(error) error) error {
	many, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return wrap(err)
	}
	var all []error
	errs := many.Unwrap()
	for _, e := range errs[:min(len(errs), mostListErrors)] {
		all = append(all, eachError(name, e, wrap))
	}
	if more := len(errs) - len(all); more > 0 {
		all = append(all, fmt.Errorf("%s: and %s more", name, throughput.FormatNumber(int64(more))))
	}
	return errors.Join(all...)
}

// signalCode returns the exit code of the signal that has ended ctx, if one
// has.
func signalCode(ctx context.Context) (int, bool) {
	var s *stopSignal
	if !errors.As(context.Cause(ctx), &s) {
		return 0, false
	}
	if s.sig == os.Interrupt {
		return exitInterrupted, true
	}
	return exitTerminated, true
}
