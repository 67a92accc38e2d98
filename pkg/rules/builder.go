package rules

import (
	"errors"
	"maps"
	"slices"
	"time"
)

// Endpoint is what options say about how to reach one side: texts as the
// list's columns of these names have them, "" where nothing is said. They are
// judged by who reads the list.
type Endpoint struct {
	Port, Security, TLSVerify, AuthUser string
}

// Settings are what the words given to a Builder mean.
type Settings struct {
	Rules        *Rules
	Source, Dest Endpoint
}

// Builder gathers options, for a run and then, in a Clone, for a row. It works
// as if all had been said on one command line: what is said later is added to
// lists (--map, --exclude ...) and replaces anything else. Of its methods only
// Clone, Build and RenamesOf are safe for concurrent use, and only together
// with each other.
type Builder struct {
	now   time.Time
	rules Rules
	ends  [2]Endpoint
	tls   [2]tlsWords
	age   ages
	users map[string][]Rename // of --map-file, by user1
	row   bool                // options of the list, not of the command line
}

// tlsWords are imapsync's --ssl1, --tls1 and their negations, which together
// say how a side is protected.
type tlsWords struct{ ssl, starttls tri }

// tri is a switch that may be left alone.
type tri uint8

const (
	unsaid tri = iota
	on
	off
)

func triOf(is bool) tri {
	if is {
		return on
	}
	return off
}

// ages are --maxage and --minage in days; they are kept for what they mean
// together.
type ages struct {
	most, least       float64
	hasMost, hasLeast bool
}

// NewBuilder returns a Builder without an option. now is what --maxage and
// --minage count from.
func NewBuilder(now time.Time) *Builder { return &Builder{now: now.UTC()} }

// Clone returns a Builder for the options of a row, that begins with what b
// has. b must not be changed any more.
func (b *Builder) Clone() *Builder {
	c := *b
	c.row = true
	for i := range c.ends {
		if s, err := c.security(i); err == nil { // else b.Build says it
			c.ends[i].Security, c.tls[i] = s, tlsWords{}
		}
	}
	r := &c.rules
	r.Map, r.Transforms = slices.Clip(r.Map), slices.Clip(r.Transforms)
	r.Folders, r.FolderTrees = slices.Clip(r.Folders), slices.Clip(r.FolderTrees)
	r.Include, r.Exclude = slices.Clip(r.Include), slices.Clip(r.Exclude)
	return &c
}

// AddRenames adds what a map column says.
func (b *Builder) AddRenames(renames []Rename) {
	for _, r := range renames {
		b.rules.Map = add(b.rules.Map, r)
	}
}

// RenamesOf returns what --map-file says about the rows of one user1 alone.
func (b *Builder) RenamesOf(user1 string) []Rename { return b.users[user1] }

// MappedUsers are the users that --map-file has sections for, sorted.
func (b *Builder) MappedUsers() []string { return slices.Sorted(maps.Keys(b.users)) }

// Build returns what all the words mean, or in which of them they contradict
// each other.
func (b *Builder) Build() (Settings, error) {
	r := b.rules
	s := Settings{Rules: &r, Source: b.ends[0], Dest: b.ends[1]}
	var errs []error
	for i, e := range []*Endpoint{&s.Source, &s.Dest} {
		var err error
		e.Security, err = b.security(i)
		errs = append(errs, err)
	}
	r.Outside = b.age.hasMost && b.age.hasLeast && b.age.least > b.age.most
	if !r.Outside && !r.Since.IsZero() && !r.Before.IsZero() && !r.Since.Before(r.Before) {
		errs = append(errs, errors.New("--since, --before, --maxage and --minage leave no day between them"))
	}
	if r.MaxSize > 0 && r.MinSize > r.MaxSize {
		errs = append(errs, errors.New("--min-size is more than --max-size"))
	}
	return s, errors.Join(errs...)
}

// security says in the words of the column securityN what a side's options
// mean.
func (b *Builder) security(i int) (string, error) {
	n := string("12"[i])
	switch b.tls[i] {
	case tlsWords{}:
		return b.ends[i].Security, nil
	case tlsWords{on, on}:
		return "", errors.New("--ssl" + n + " and --tls" + n + " exclude each other: --ssl" + n + " is TLS from the start, --tls" + n + " is STARTTLS")
	case tlsWords{off, off}:
		return "plain", nil
	case tlsWords{on, unsaid}, tlsWords{on, off}, tlsWords{unsaid, off}:
		return "tls", nil
	}
	return "starttls", nil
}
