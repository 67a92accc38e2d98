package rules

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"unicode"
)

// Group is a kind of options: a command offers those that mean something to
// it.
type Group uint8

// The groups, in the order in which help shows them.
const (
	Connections Group = iota // how to reach a side
	Mailboxes                // which mailboxes, and where they go
	Selection                // which messages
	Changes                  // what may be changed: repairs, what follows the source
	Modes                    // what is done at all
)

// Option is one thing that a user may say: the same as a flag, and in the
// list's extra column.
type Option struct {
	Name  string // without dashes
	Group Group
	// Arg is what help calls the value; empty for a switch.
	Arg   string
	Usage string
	// Negative says that help shows --no-NAME, since NAME is the default.
	Negative bool
	// Hidden options are other tools' words for what another option says.
	Hidden bool
	// Repeats says that each value is added to those before.
	Repeats bool

	also   []string                     // other spellings
	value  func(*Builder, string) error // of an option with a value
	toggle func(*Builder, bool) error   // of a switch
	reset  func(*Builder)               // of --no-NAME for a list
	inList error                        // why the list cannot have it; nil: it can
}

// Negatable reports whether there is a --no-NAME.
func (o *Option) Negatable() bool { return o.toggle != nil || o.reset != nil }

// Set says that an option has a value; a switch is on when it is "true".
func (b *Builder) Set(o *Option, value string) error { return b.apply(o, value, false) }

// Negate says --no-NAME.
func (b *Builder) Negate(o *Option) error { return b.apply(o, "true", true) }

func (b *Builder) apply(o *Option, value string, negated bool) error {
	switch {
	case b.row && o.inList != nil:
		return o.inList
	case o.toggle != nil:
		is, err := ParseBool(value)
		if err != nil {
			return err
		}
		return o.toggle(b, is != negated)
	case negated:
		o.reset(b)
		return nil
	}
	return o.value(b, value)
}

// ParseBool reads yes or no, and other words for them.
func ParseBool(s string) (bool, error) {
	switch strings.ToLower(s) {
	case "yes", "true", "on", "1":
		return true, nil
	case "no", "false", "off", "0":
		return false, nil
	}
	return false, errors.New("must be yes or no (also true, on, 1; false, off, 0)")
}

// known is what a name stands for.
type known struct {
	option  *Option
	negated bool
	refused string // why there is no option of this name
}

// table is every name that is known, squeezed.
type table struct {
	options []*Option
	byName  map[string]known
	names   []string // spelt as in help, for the nearest one
}

// tables is built once: it does not change.
var tables = sync.OnceValue(func() *table {
	t := &table{options: options(), byName: map[string]known{}}
	for _, o := range t.options {
		for _, name := range append([]string{o.Name}, o.also...) {
			t.add(name, known{option: o})
			if o.Negatable() {
				t.add("no-"+name, known{option: o, negated: true})
			}
		}
	}
	for _, r := range refused() {
		for _, name := range r.names {
			t.add(name, known{refused: r.why})
			t.add("no-"+name, known{refused: r.why})
		}
	}
	return t
})

func (t *table) add(name string, k known) {
	short := squeeze(name)
	if _, there := t.byName[short]; there {
		panic("rules: option " + name + " is there twice")
	}
	t.byName[short] = k
	if k.option != nil && !k.option.Hidden {
		t.names = append(t.names, name)
	}
}

// squeeze makes --max-size, --maxsize and --MaxSize one name.
func squeeze(name string) string {
	return strings.Map(func(r rune) rune {
		if r == '-' || r == '_' {
			return -1
		}
		return unicode.ToLower(r)
	}, name)
}

// Options returns all options, in the order of their groups. They are shared:
// do not change them.
func Options() []*Option { return tables().options }

// Lookup finds the option that a name stands for, in any spelling: imapsync's,
// with or without hyphens. negated says that the name says no.
func Lookup(name string) (o *Option, negated, ok bool) {
	k, ok := tables().byName[squeeze(name)]
	return k.option, k.negated, ok && k.option != nil
}

// Refusal says why an option of imapsync is not there, or not for a row, and
// what to do; "" for one that is there or is unknown.
func Refusal(name string) string { return tables().byName[squeeze(name)].refused }

// Suggest returns the name that an unknown one is nearest to, of options that
// help shows and of others; "" when none is near.
func Suggest(name string, others ...string) string {
	names := slices.Concat(tables().names, others)
	short := make([]string, len(names))
	for i, n := range names {
		short[i] = squeeze(n)
	}
	name = squeeze(name[:min(len(name), maxCompared)])
	if nearest, edits := Nearest(name, short); edits <= len(name)/2 {
		return names[slices.Index(short, nearest)]
	}
	return ""
}

// maxCompared bounds what is compared with known names, in octets.
const maxCompared = 40

// Parse takes the options of a list's row in their order. What is wrong with
// them is returned, one error per option; none of them repeats a word that is
// not a known name: it may be a password that a delimiter too many has put
// there.
func (b *Builder) Parse(words []string) (errs []error) {
	for i := 0; i < len(words); i++ {
		used, err := b.parseOne(words[i:], i+1)
		if err != nil {
			errs = append(errs, err)
		}
		i += used
	}
	return errs
}

// parseOne takes the option at the beginning of words; used counts the words
// after it that are its own. n is the word's number.
func (b *Builder) parseOne(words []string, n int) (used int, err error) {
	if !isOption(words[0]) {
		return 0, fmt.Errorf("word %d is no option: options begin with --", n)
	}
	name, value, given := strings.Cut(strings.TrimLeft(words[0], "-"), "=")
	k, ok := tables().byName[squeeze(name)]
	switch {
	case !ok:
		hint := "'imapfleet run --help' lists them"
		if nearest := Suggest(name); nearest != "" {
			hint = "the nearest one is --" + nearest
		}
		return skipped(words, given), fmt.Errorf("word %d is no known option; %s", n, hint)
	case k.refused != "":
		return skipped(words, given), fmt.Errorf("--%s: %s", name, k.refused)
	case k.option.toggle != nil && !given:
		value = "true"
	case k.option.toggle == nil && !k.negated && !given:
		if len(words) < 2 || isKnown(words[1]) {
			return 0, fmt.Errorf("--%s needs a value", name)
		}
		value, used = words[1], 1
	}
	if err := b.apply(k.option, value, k.negated); err != nil {
		return used, fmt.Errorf("--%s: %w", name, err)
	}
	return used, nil
}

func isOption(word string) bool { return len(word) > 1 && word[0] == '-' && word != "--" }

// isKnown reports whether a word names an option, so that it is not the value
// of the one before it.
func isKnown(word string) bool {
	name, _, _ := strings.Cut(strings.TrimLeft(word, "-"), "=")
	_, ok := tables().byName[squeeze(name)]
	return ok && strings.HasPrefix(word, "--")
}

// skipped is 1 where the word after an option that is not taken is likely its
// value, so that it is not an error of its own.
func skipped(words []string, given bool) int {
	if !given && len(words) > 1 && !isOption(words[1]) {
		return 1
	}
	return 0
}
