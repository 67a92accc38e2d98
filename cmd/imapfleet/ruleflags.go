package main

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/imapfleet/imapfleet/pkg/rules"
)

// ruleFlags are the options of package rules as flags, for every row that does
// not say it itself. The zero value has none of them.
type ruleFlags struct {
	builder *rules.Builder
	own     []string // options that are flags of the command itself
}

// register offers the options of some groups, in all spellings.
func (f *ruleFlags) register(fs *pflag.FlagSet, groups ...rules.Group) {
	f.builder = rules.NewBuilder(time.Now())
	offered := func(o *rules.Option) bool { return slices.Contains(groups, o.Group) }
	fs.SetNormalizeFunc(func(_ *pflag.FlagSet, name string) pflag.NormalizedName {
		if o, negated, ok := rules.Lookup(name); ok && offered(o) {
			return pflag.NormalizedName(flagName(o, negated))
		}
		return pflag.NormalizedName(name)
	})
	for _, o := range rules.Options() {
		if !offered(o) || slices.Contains(f.own, o.Name) {
			continue
		}
		f.add(fs, o, false)
		if o.Negatable() {
			f.add(fs, o, true)
		}
	}
}

func flagName(o *rules.Option, negated bool) string {
	if negated {
		return "no-" + o.Name
	}
	return o.Name
}

func (f *ruleFlags) add(fs *pflag.FlagSet, o *rules.Option, negated bool) {
	v := &ruleValue{builder: f.builder, option: o, negated: negated}
	flag := fs.VarPF(v, flagName(o, negated), "", o.Usage)
	if v.Type() == "bool" {
		flag.NoOptDefVal = "true"
	}
	flag.Hidden = o.Hidden || negated != o.Negative
	title(flag, sectionOf(o.Group))
}

// settings are what the flags say.
func (f *ruleFlags) settings() (rules.Settings, error) {
	if f.builder == nil {
		return rules.Settings{Rules: &rules.Rules{}}, nil
	}
	return f.builder.Build()
}

// ruleValue is one option, or its negation. It implements pflag.Value.
type ruleValue struct {
	builder *rules.Builder
	option  *rules.Option
	negated bool
}

func (v *ruleValue) String() string { return "" }

func (v *ruleValue) Type() string {
	if v == nil || v.option == nil || v.negated || v.option.Arg == "" {
		return "bool"
	}
	return v.option.Arg
}

func (v *ruleValue) Set(text string) error {
	if !v.negated {
		return v.builder.Set(v.option, text)
	}
	is, err := rules.ParseBool(text)
	switch {
	case err != nil:
		return err
	case is:
		return v.builder.Negate(v.option)
	case v.option.Arg == "":
		return v.builder.Set(v.option, "true")
	}
	return nil
}

// flagError says of an option of imapsync that is not there what to do
// instead, and of an unknown one which may be meant.
func flagError(cmd *cobra.Command, err error) error {
	var invalid *pflag.InvalidValueError
	if errors.As(err, &invalid) && invalid.GetFlag().NoOptDefVal != "" && invalid.GetValue() == "true" {
		return fmt.Errorf("--%s: %w", invalid.GetFlag().Name, invalid.Unwrap()) // it is a switch: nobody has written "true"
	}
	var unknown *pflag.NotExistError
	if !errors.As(err, &unknown) {
		return err
	}
	name := unknown.GetSpecifiedName()
	if short := unknown.GetSpecifiedShortnames(); short != "" {
		if len(short) == 1 {
			return err
		}
		return fmt.Errorf("%w: an option of several letters begins with two hyphens, --%s", err, short)
	}
	if why := rules.Refusal(name); why != "" {
		return fmt.Errorf("--%s: %s", name, why)
	}
	if _, _, ok := rules.Lookup(name); ok {
		return fmt.Errorf("--%s means nothing to %s", name, cmd.CommandPath())
	}
	var others []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			others = append(others, f.Name)
		}
	})
	if nearest := rules.Suggest(name, others...); nearest != "" {
		return fmt.Errorf("%w; the nearest one is --%s", err, nearest)
	}
	return err
}
