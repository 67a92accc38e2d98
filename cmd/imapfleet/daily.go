package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/pflag"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/ratelimit"
)

// provider is a server whose operator says how much an account may move in a
// day.
type provider struct {
	hosts []string
	daily [2]int64 // octets read from an account, octets written to one
}

// providers are the known ones: https://support.google.com/a/answer/1071518.
var providers = []provider{
	{[]string{"imap.gmail.com", "imap.googlemail.com"}, [2]int64{2500 * 1000 * 1000, 500 * 1000 * 1000}},
}

// dailyValue is a flag for a budget of octets a day. It implements pflag.Value.
type dailyValue struct {
	set    bool
	octets int64 // 0: no limit
}

func (v *dailyValue) String() string {
	switch {
	case !v.set:
		return ""
	case v.octets == 0:
		return "off"
	}
	return ratelimit.PrintOctets(v.octets)
}

func (v *dailyValue) Type() string { return "size" }

func (v *dailyValue) Set(text string) error {
	if strings.EqualFold(text, "off") {
		*v = dailyValue{set: true}
		return nil
	}
	n, err := ratelimit.ParseOctets(text)
	if err == nil && n <= 0 {
		err = errors.New("must be more than nothing; off is no limit")
	}
	if err == nil {
		*v = dailyValue{set: true, octets: n}
	}
	return err
}

// dailyFlags are the day's budgets of each account, source and destination.
type dailyFlags [2]dailyValue

func (f *dailyFlags) register(fs *pflag.FlagSet) {
	for i, what := range []string{"read from each source account", "written to each destination account"} {
		fs.Var(&f[i], fmt.Sprintf("daily%d", i+1), "octets of messages "+what+
			" in 24 hours, over all runs; off for no limit (default Gmail's at Gmail)")
	}
}

// of returns the budget of an account of host in octets a day; 0: none.
func (f *dailyFlags) of(side fault.Side, host string) int64 {
	i := 0
	if side == fault.Dest {
		i = 1
	}
	if f[i].set {
		return f[i].octets
	}
	for _, p := range providers {
		for _, h := range p.hosts {
			if strings.EqualFold(strings.TrimSuffix(host, "."), h) {
				return p.daily[i]
			}
		}
	}
	return 0
}
