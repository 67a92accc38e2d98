package main

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/imapfleet/imapfleet/pkg/plan"
	"github.com/imapfleet/imapfleet/pkg/ratelimit"
)

// rateValue is a flag for octets per second, always the same. It implements
// pflag.Value.
type rateValue int64

func (v *rateValue) String() string {
	if *v == 0 {
		return ""
	}
	return ratelimit.Rate(*v).String()
}

func (v *rateValue) Type() string { return "rate" }

func (v *rateValue) Set(text string) error {
	s, err := ratelimit.ParseSchedule(text)
	if err != nil {
		return err
	}
	now := time.Now()
	if _, changes := s.Next(now); changes || s.At(now) <= 0 {
		return errors.New("must be one rate, such as 30MiB/s")
	}
	*v = rateValue(s.At(now))
	return nil
}

// hoursValue is the flag --hours. It implements pflag.Value.
type hoursValue plan.Hours

func (v *hoursValue) String() string { return plan.Hours(*v).String() }

func (v *hoursValue) Type() string { return "hours" }

func (v *hoursValue) Set(text string) error {
	h, err := plan.ParseHours(text)
	if err == nil {
		*v = hoursValue(h)
	}
	return err
}

// startValue is the flag --start; zero: now. It implements pflag.Value.
type startValue time.Time

const startLayout = "2006-01-02 15:04"

func (v *startValue) String() string {
	if time.Time(*v).IsZero() {
		return ""
	}
	return time.Time(*v).Format(startLayout)
}

func (v *startValue) Type() string { return "time" }

func (v *startValue) Set(text string) error {
	for _, layout := range []string{startLayout, "2006-01-02T15:04", time.DateOnly, time.RFC3339} {
		t, err := time.ParseInLocation(layout, strings.TrimSpace(text), time.Local)
		if err == nil && t.Year() >= 1970 && t.Year() < 3000 {
			*v = startValue(t.In(time.Local)) // hours and timetables are of this machine's days
			return nil
		}
	}
	return errors.New(`must be a day and a time, such as "2026-12-01 20:00"`)
}

// shareValue is a flag for a part of something: 2% or 0.02. It implements
// pflag.Value.
type shareValue float64

func (v *shareValue) String() string {
	return strconv.FormatFloat(math.Round(float64(*v)*1e6)/1e4, 'f', -1, 64) + "%"
}

func (v *shareValue) Type() string { return "percent" }

func (v *shareValue) Set(text string) error {
	number, percent := strings.CutSuffix(strings.TrimSpace(text), "%")
	f, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if percent {
		f /= 100
	}
	if err != nil || !(f >= 0 && f <= 1) {
		return errors.New("must be from 0% to 100%, such as 2%")
	}
	*v = shareValue(f)
	return nil
}

// imaginedFlags describe accounts that no list names.
type imaginedFlags struct {
	accounts                       int
	mean, median, largest, message sizeValue
}

func (f *imaginedFlags) register(fs *pflag.FlagSet) {
	f.message = 75 << 10
	fs.IntVar(&f.accounts, "accounts", 0, "plan for so many accounts, instead of those of a list; their sizes are spread log-normally")
	for _, s := range []struct {
		value       *sizeValue
		name, usage string
	}{
		{&f.mean, "mean", "octets of an account on average"},
		{&f.median, "median", "half of the accounts are smaller (0: half of --mean)"},
		{&f.largest, "largest", "octets of the largest account (0: as it comes)"},
		{&f.message, "message", "octets of a message on average"},
	} {
		fs.Var(s.value, s.name, s.usage)
	}
}

func (f *imaginedFlags) of() plan.Imagined {
	return plan.Imagined{Accounts: f.accounts, Mean: int64(f.mean), Median: int64(f.median), Largest: int64(f.largest), Message: int64(f.message)}
}

// loginsPerSecond is --login-rate as a number; 0: they are not spaced.
func (f *netFlags) loginsPerSecond() float64 {
	if f.loginRate.N == 0 {
		return 0
	}
	return float64(f.loginRate.N) / f.loginRate.Per.Seconds()
}
