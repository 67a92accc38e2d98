package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"
	"time"

	"github.com/spf13/pflag"

	"github.com/imapfleet/imapfleet/pkg/account"
	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/ratelimit"
	"github.com/imapfleet/imapfleet/pkg/rules"
)

// listFlags say how to read the list, how to reach what it names, and what is
// migrated. They stand for every row that does not say it itself.
type listFlags struct {
	rules      ruleFlags
	allowMerge bool
}

// register offers the flags about connections, and those of more groups.
func (f *listFlags) register(fs *pflag.FlagSet, more ...rules.Group) {
	f.rules.register(fs, append([]rules.Group{rules.Connections}, more...)...)
	section(fs, sectionRows, func(fs *pflag.FlagSet) {
		fs.BoolVar(&f.allowMerge, "allow-merge", false, "let several rows go to one destination account, one after the other")
	})
}

// options checks the flags.
func (f *listFlags) options() (account.Options, error) {
	opt := account.Options{AllowMerge: f.allowMerge, Rules: f.rules.builder}
	return opt, opt.Check()
}

// load reads the list and picks the rows of --rows, by index. All that is
// wrong with either is an error of usage.
func (f *listFlags) load(name, rows string) (list *account.List, selected []int, err error) {
	opt, err := f.options()
	if err != nil {
		return nil, nil, usageError(err)
	}
	list, err = account.LoadFile(name, opt)
	if err != nil {
		return nil, nil, usageError(listError(name, err))
	}
	selected, err = selectRows(list.Pairs, rows)
	if err != nil {
		return nil, nil, usageError(err)
	}
	return list, selected, nil
}

// work is what the commands that connect begin with.
type work struct {
	pairs    []account.Pair // the list
	selected []int          // of pairs: the rows that --rows picks
	roots    *x509.CertPool // nil: the system's
	warnings []string
}

// begin reads the list as load does, and the authorities of --ca-file, so that
// all that is wrong with either is known before anything is written.
func (f *listFlags) begin(name, rows string, net *netFlags) (work, error) {
	list, selected, err := f.load(name, rows)
	if err != nil {
		return work{}, err
	}
	roots, err := net.roots()
	if err != nil {
		return work{}, usageError(err)
	}
	return work{pairs: list.Pairs, selected: selected, roots: roots, warnings: warnings(list, selected)}, nil
}

// tell says unless quiet what the user should know before it begins.
func (w *work) tell(out io.Writer, quiet bool) {
	if quiet {
		return
	}
	for _, text := range w.warnings {
		fmt.Fprintf(out, "warning: %s\n", text)
	}
}

// warnings are the list's own, and one for whatever leaves the connections of
// the selected rows open to others.
func warnings(list *account.List, selected []int) []string {
	out := list.Warnings
	var plain, unverified [2]int
	for _, at := range selected {
		p := list.Pairs[at]
		for i, e := range []account.Endpoint{p.Source, p.Dest} {
			switch {
			case e.Security == account.SecurityPlain:
				plain[i]++
			case e.SkipVerify:
				unverified[i]++
			}
		}
	}
	for i, side := range []string{"source", "destination"} {
		if plain[i] > 0 {
			out = append(out, fmt.Sprintf("passwords and mail of %d rows go unencrypted to the %s (security%d plain)", plain[i], side, i+1))
		}
		if unverified[i] > 0 {
			out = append(out, fmt.Sprintf("%d rows do not verify the certificate of the %s (insecure-skip-verify%d)", unverified[i], side, i+1))
		}
	}
	return out
}

// netFlags are those of the commands that connect.
type netFlags struct {
	caFile     string
	parallel   parallelValue
	loginRate  loginRateValue
	faultRules string

	faults *fault.Rules // what the file of faultRules says, once it was checked; nil without one
}

// loginRateValue is the flag --login-rate. It implements pflag.Value.
type loginRateValue struct{ ratelimit.LoginRate }

func (v *loginRateValue) Type() string { return "rate" }

func (v *loginRateValue) Set(text string) (err error) {
	v.LoginRate, err = ratelimit.ParseLoginRate(text)
	return err
}

// awaitLogin spaces the logins of a command; nil: they are not spaced.
func (f *netFlags) awaitLogin() func(ctx context.Context, host string) error {
	if f.loginRate.N == 0 {
		return nil
	}
	return ratelimit.NewLogins(f.loginRate.LoginRate).Wait
}

// register offers them; auto says what --parallel auto is.
func (f *netFlags) register(fs *pflag.FlagSet, auto string) {
	section(fs, sectionRows, func(fs *pflag.FlagSet) {
		fs.Var(&f.parallel, "parallel", auto)
	})
	f.registerServers(fs)
}

// registerServers offers the flags that are not about how many at a time.
func (f *netFlags) registerServers(fs *pflag.FlagSet) {
	section(fs, sectionConnections, func(fs *pflag.FlagSet) {
		fs.StringVar(&f.caFile, "ca-file", "", "trust the certificates in this PEM `FILE` too")
		fs.StringVar(&f.faultRules, "fault-rules", "", "a `FILE` that says what a server's own refusals mean (see examples/fault-rules)")
		f.loginRate.LoginRate = ratelimit.LoginRate{N: 50, Per: time.Second}
		fs.Var(&f.loginRate, "login-rate", "logins on one host at most, evenly spaced: a number per s, m or h, or off")
	})
}

// check refuses what is wrong, and reads --fault-rules.
func (f *netFlags) check() error {
	if f.faultRules == "" {
		return nil
	}
	file, err := os.Open(f.faultRules)
	if err != nil {
		return fmt.Errorf("--fault-rules: %w", err)
	}
	defer file.Close()
	if f.faults, err = fault.ParseRules(file); err != nil {
		return eachError(f.faultRules, err, func(err error) error { return fmt.Errorf("%s: %w", f.faultRules, err) })
	}
	return nil
}

// roots returns the system's authorities and those of --ca-file; nil without
// one, which means the system's.
func (f *netFlags) roots() (*x509.CertPool, error) {
	if f.caFile == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(f.caFile)
	if err != nil {
		return nil, fmt.Errorf("--ca-file: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		if runtime.GOOS != "windows" {
			return nil, fmt.Errorf("the system's certificates: %w", err)
		}
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("--ca-file %s: no certificate in it", f.caFile)
	}
	return pool, nil
}

// levelValue is the flag --log-level. It implements pflag.Value.
type levelValue slog.Level

func (l *levelValue) String() string {
	switch slog.Level(*l) {
	case slog.LevelDebug:
		return "debug"
	case slog.LevelWarn:
		return "warn"
	case slog.LevelError:
		return "error"
	}
	return "info"
}

func (l *levelValue) Type() string { return "level" }

func (l *levelValue) Set(s string) error {
	for _, level := range []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError} {
		v := levelValue(level)
		if v.String() == s {
			*l = v
			return nil
		}
	}
	return errors.New("must be debug, info, warn or error")
}

// switchValue is a flag that is on or off by those words, so that a script can
// say both. It implements pflag.Value.
type switchValue bool

func (v *switchValue) String() string {
	if *v {
		return "on"
	}
	return "off"
}

func (v *switchValue) Type() string { return "on|off" }

func (v *switchValue) Set(s string) error {
	if s != "on" && s != "off" {
		return errors.New("must be on or off")
	}
	*v = s == "on"
	return nil
}
