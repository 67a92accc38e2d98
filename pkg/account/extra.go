package account

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/imapfleet/imapfleet/pkg/rules"
)

// defaults are what a row does not say in columns of its own.
type defaults struct {
	sides [2]SideDefaults
	rules *rules.Rules
}

// Check judges what the options say of every row. Load does it too; the errors
// name the option, in the words of the command line.
func (o Options) Check() error {
	_, err := o.defaults()
	return err
}

func (o Options) defaults() (defaults, error) {
	d := defaults{sides: [2]SideDefaults{o.Source, o.Dest}}
	for i, side := range []string{"source", "destination"} {
		if p := d.sides[i].Port; p < 0 || p > 65535 {
			return d, fmt.Errorf("default port of the %s: %w", side, errPort)
		}
	}
	if o.Rules == nil {
		return d, nil
	}
	return d.with(o.Rules)
}

// with returns d with what options say put over it.
func (d defaults) with(b *rules.Builder) (defaults, error) {
	s, err := b.Build()
	if err != nil {
		return d, err
	}
	d.rules = s.Rules
	var errs []error
	for i, e := range []rules.Endpoint{s.Source, s.Dest} {
		if d.sides[i], err = d.sides[i].with(e, string("12"[i])); err != nil {
			errs = append(errs, err)
		}
	}
	return d, errors.Join(errs...)
}

func (d SideDefaults) with(e rules.Endpoint, n string) (SideDefaults, error) {
	var errs []error
	judge := func(option string, err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("--%s%s: %w", option, n, err))
		}
	}
	var err error
	if e.Port != "" {
		d.Port, err = parsePort(e.Port)
		judge("port", err)
	}
	if e.Security != "" {
		d.Security, err = ParseSecurity(e.Security)
		judge("security", err)
	}
	if e.AuthUser != "" {
		d.AuthUser, err = checkUser(e.AuthUser)
		judge("authuser", err)
	}
	if e.TLSVerify != "" {
		d.SkipVerify = e.TLSVerify == "no"
	}
	return d, errors.Join(errs...)
}

// own is what a row says in its columns extra and map, and what a map file
// says about its user; rows that say the same share one answer.
type own struct{ user, mapped, extra string }

type ownDefaults struct {
	defaults
	errs []*RowError // without their line
}

var errNoOption = errors.New("options begin with -- (if a password holds a ';', give the list a header line and quote the password)")

// defaultsOf returns what stands for a row where its columns do not say it
// themselves; what is wrong with that is noted.
func (c *rowChecker) defaultsOf(r row) defaults {
	key := own{mapped: strings.TrimSpace(r.Map), extra: strings.TrimSpace(r.Extra)}
	if user := strings.TrimSpace(r.User1); c.builder.RenamesOf(user) != nil {
		key.user = user
		c.mapped[user] = true
	}
	if key == (own{}) {
		return c.base
	}
	d, ok := c.own[key]
	if !ok {
		d = c.read(key)
		c.own[key] = d
	}
	for _, e := range d.errs {
		c.fail(r.Line, e.Column, e.Err)
	}
	return d.defaults
}

// read understands what rows say. What a row says last counts: its column
// extra over its column map, and that over the map file.
func (c *rowChecker) read(key own) (d ownDefaults) {
	d.defaults = c.base
	fail := func(column string, err error) { d.errs = append(d.errs, &RowError{Column: column, Err: err}) }
	b := c.builder.Clone()
	b.AddRenames(b.RenamesOf(key.user))
	if renames, err := rules.ParseRenames(key.mapped); err != nil {
		fail(columnMap, err)
	} else {
		b.AddRenames(renames)
	}
	if key.extra != "" && key.extra[0] != '-' {
		fail(columnExtra, errNoOption)
		return d
	}
	words, err := rules.Split(key.extra)
	if err != nil {
		fail(columnExtra, err)
	}
	for _, err := range b.Parse(words) {
		fail(columnExtra, err)
	}
	if len(d.errs) > 0 {
		return d
	}
	all, err := c.base.with(b)
	for _, err := range each(err) {
		fail(columnExtra, err)
	}
	d.defaults = all
	return d
}

// each returns the errors that err joins.
func each(err error) []error {
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		var out []error
		for _, e := range many.Unwrap() {
			out = append(out, each(e)...)
		}
		return out
	}
	if err == nil {
		return nil
	}
	return []error{err}
}

// newRowChecker judges the options of the run first.
func newRowChecker(opt Options) (*rowChecker, error) {
	base, err := opt.defaults()
	if err != nil {
		return nil, err
	}
	builder := opt.Rules
	if builder == nil {
		builder = rules.NewBuilder(time.Now())
	}
	return &rowChecker{allowMerge: opt.AllowMerge, base: base, builder: builder, own: map[own]ownDefaults{}, mapped: map[string]bool{}}, nil
}

// unmapped warns of users in a map file that no row has.
func (c *rowChecker) unmapped() (warnings []string) {
	var users []string
	for _, user := range c.builder.MappedUsers() {
		if !c.mapped[user] {
			users = append(users, fmt.Sprintf("%q", user))
		}
	}
	if len(users) == 0 {
		return nil
	}
	text := strings.Join(users[:min(len(users), shown)], ", ")
	if more := len(users) - shown; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return []string{"the map file has sections for users that no row has as user1: " + text}
}
