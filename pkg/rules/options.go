package rules

import (
	"errors"
	"fmt"
	"strings"
)

// options is the table of all that can be said.
func options() []*Option {
	var out []*Option
	for _, group := range [][]*Option{
		connectionOptions(), mappingOptions(), mailboxOptions(), messageOptions(), changeOptions(), modeOptions(), acceptedOptions(),
	} {
		out = append(out, group...)
	}
	return out
}

// connectionOptions are about one side each.
func connectionOptions() []*Option {
	var out []*Option
	for i, side := range []string{"source", "destination"} {
		n := fmt.Sprint(i + 1)
		end := func(b *Builder) *Endpoint { return &b.ends[i] }
		out = append(out,
			&Option{Name: "security" + n, Arg: "HOW", Usage: side + ": auto, tls, starttls or plain, where the row does not say",
				value: func(b *Builder, v string) error {
					b.ends[i].Security, b.tls[i] = v, tlsWords{}
					return nil
				}},
			&Option{Name: "port" + n, Arg: "N", Usage: side + ": port, where the row does not say (default 993, or 143 with STARTTLS)",
				value: func(b *Builder, v string) error { end(b).Port = v; return nil }},
			&Option{Name: "authuser" + n, Arg: "NAME", Usage: side + ": log in as `NAME` with the row's password and act as the row's user",
				value: func(b *Builder, v string) error { end(b).AuthUser = v; return nil }},
			&Option{Name: "insecure-skip-verify" + n, Usage: side + ": accept any TLS certificate (whoever is in between can read it all)",
				toggle: func(b *Builder, is bool) error {
					end(b).TLSVerify = map[bool]string{true: "no", false: "yes"}[is]
					return nil
				}},
			&Option{Name: "ssl" + n, Hidden: true, Usage: side + ": TLS from the start",
				toggle: func(b *Builder, is bool) error { b.tls[i].ssl = triOf(is); return nil }},
			&Option{Name: "tls" + n, Hidden: true, Usage: side + ": STARTTLS",
				toggle: func(b *Builder, is bool) error { b.tls[i].starttls = triOf(is); return nil }},
			&Option{Name: "authmech" + n, Hidden: true, Arg: "NAME", Usage: side + ": PLAIN or LOGIN; which of them is the server's choice",
				value: checkMechanism},
		)
	}
	return out
}

func checkMechanism(_ *Builder, v string) error {
	switch strings.ToUpper(strings.TrimSpace(v)) {
	case "PLAIN", "LOGIN":
		return nil
	case "XOAUTH2", "OAUTHBEARER":
		return errors.New("OAuth2 is not there yet: use an app password")
	}
	return errors.New("only PLAIN and LOGIN are there, over TLS; which of them is found out at the server")
}

// mappingOptions say where mailboxes go.
func mappingOptions() []*Option {
	name := func(set func(*Builder, string)) func(*Builder, string) error {
		return func(b *Builder, v string) error {
			err := checkName(v)
			if err == nil {
				set(b, v)
			}
			return err
		}
	}
	return []*Option{
		{Name: "map", also: []string{"f1f2"}, Group: Mailboxes, Arg: "A=B", Repeats: true,
			Usage: "the source's mailbox A goes to the destination's B (repeatable)",
			reset: func(b *Builder) { b.rules.Map = nil },
			value: func(b *Builder, v string) error {
				r, err := parseRename(v)
				if err == nil {
					b.rules.Map = add(b.rules.Map, r)
				}
				return err
			}},
		{Name: "map-file", Group: Mailboxes, Arg: "FILE", Usage: "one A=B per line; below a line [user1] only for the rows of that user",
			inList: errors.New("belongs on the command line; the list has a column map, and --map"),
			value:  (*Builder).openMapFile},
		{Name: "automap", Group: Mailboxes, Negative: true, Usage: "special mailboxes (Sent, Trash ...) keep their own names",
			toggle: func(b *Builder, is bool) error { b.rules.NoAutomap = !is; return nil }},
		{Name: "subfolder1", Group: Mailboxes, Arg: "NAME", Usage: "only what is below `NAME` at the source, as if it stood at the top",
			value: name(func(b *Builder, v string) { b.rules.Subfolder1 = v })},
		{Name: "subfolder2", Group: Mailboxes, Arg: "NAME", Usage: "everything goes below `NAME` at the destination",
			value: name(func(b *Builder, v string) { b.rules.Subfolder2 = v })},
		{Name: "regextrans2", Group: Mailboxes, Arg: "s/A/B/", Repeats: true,
			Usage: "rewrite names for the destination, in Perl's form, by RE2 expressions (repeatable)",
			reset: func(b *Builder) { b.rules.Transforms = nil },
			value: func(b *Builder, v string) error {
				t, err := parseTransform(v)
				if err == nil {
					b.rules.Transforms = append(b.rules.Transforms, t)
				}
				return err
			}},
		{Name: "folder", Group: Mailboxes, Arg: "NAME", Repeats: true, Usage: "only the mailbox `NAME` (repeatable)",
			reset: func(b *Builder) { b.rules.Folders = nil },
			value: name(func(b *Builder, v string) { b.rules.Folders = append(b.rules.Folders, v) })},
		{Name: "folderrec", Group: Mailboxes, Arg: "NAME", Repeats: true, Usage: "only `NAME` and what is below it (repeatable)",
			reset: func(b *Builder) { b.rules.FolderTrees = nil },
			value: name(func(b *Builder, v string) { b.rules.FolderTrees = append(b.rules.FolderTrees, v) })},
	}
}

// mailboxOptions say which mailboxes are migrated.
func mailboxOptions() []*Option {
	pattern := func(list func(*Rules) *[]Pattern) (func(*Builder), func(*Builder, string) error) {
		reset := func(b *Builder) { *list(&b.rules) = nil }
		return reset, func(b *Builder, v string) error {
			p, err := parsePattern(v, b.row)
			if err == nil {
				at := list(&b.rules)
				*at = append(*at, p)
			}
			return err
		}
	}
	noInclude, include := pattern(func(r *Rules) *[]Pattern { return &r.Include })
	noExclude, exclude := pattern(func(r *Rules) *[]Pattern { return &r.Exclude })
	flag := func(at func(*Rules) *bool) func(*Builder, bool) error {
		return func(b *Builder, is bool) error { *at(&b.rules) = is; return nil }
	}
	return []*Option{
		{Name: "include", Group: Mailboxes, Arg: "NAMES", Repeats: true, Usage: "only mailboxes that a glob matches, or a /regexp/ (repeatable)",
			reset: noInclude, value: include},
		{Name: "exclude", Group: Mailboxes, Arg: "NAMES", Repeats: true, Usage: "leave out mailboxes that a glob matches, or a /regexp/ (repeatable)",
			reset: noExclude, value: exclude},
		{Name: "skip-empty", also: []string{"skipemptyfolders"}, Group: Mailboxes, Usage: "leave out mailboxes without a message",
			toggle: flag(func(r *Rules) *bool { return &r.SkipEmpty })},
		{Name: "subscribed", Group: Mailboxes, Usage: "leave out mailboxes that the user has not subscribed to",
			toggle: flag(func(r *Rules) *bool { return &r.Subscribed })},
		{Name: "subscribe", Group: Mailboxes, Negative: true, Usage: "do not carry subscriptions",
			toggle: func(b *Builder, is bool) error { b.rules.NoSubscribe = !is; return nil }},
		{Name: "subscribe-all", Group: Mailboxes, Usage: "subscribe to every mailbox at the destination",
			toggle: flag(func(r *Rules) *bool { return &r.Subscribe })},
		{Name: "views", Group: Mailboxes, Usage: `also mailboxes that only show the mail of others (\All, \Flagged, \Important)`,
			toggle: flag(func(r *Rules) *bool { return &r.Views })},
	}
}

// messageOptions select messages.
func messageOptions() []*Option {
	return []*Option{
		{Name: "since", Group: Selection, Arg: "DAY", Usage: "only messages that came in on that day, such as 2024-01-31, or later",
			value: func(b *Builder, v string) (err error) {
				b.age.hasMost = false
				b.rules.Since, err = parseDay(v)
				return err
			}},
		{Name: "before", Group: Selection, Arg: "DAY", Usage: "only messages that came in before that day",
			value: func(b *Builder, v string) (err error) {
				b.age.hasLeast = false
				b.rules.Before, err = parseDay(v)
				return err
			}},
		{Name: "maxage", Group: Selection, Arg: "DAYS", Usage: "only messages that came in not longer ago",
			value: func(b *Builder, v string) (err error) {
				b.age.most, err = parseAge(v)
				b.age.hasMost, b.rules.Since = true, daysAgo(b.now, b.age.most)
				return err
			}},
		{Name: "minage", Group: Selection, Arg: "DAYS", Usage: "only messages that came in longer ago; more than --maxage: what lies between is left out",
			value: func(b *Builder, v string) (err error) {
				b.age.least, err = parseAge(v)
				b.age.hasLeast, b.rules.Before = true, daysAgo(b.now, b.age.least)
				return err
			}},
		{Name: "by-date-header", also: []string{"abletosearch", "abletosearch1", "abletosearch2"}, Group: Selection,
			Usage:  "these four go by the Date header field, not by when a message came in",
			toggle: func(b *Builder, is bool) error { b.rules.ByDateHeader = is; return nil }},
		{Name: "max-size", Group: Selection, Arg: "SIZE", Usage: "only messages of at most so many octets, or 25MiB",
			value: func(b *Builder, v string) (err error) { b.rules.MaxSize, err = parseSize(v); return err }},
		{Name: "min-size", Group: Selection, Arg: "SIZE", Usage: "only messages of at least so many octets",
			value: func(b *Builder, v string) (err error) { b.rules.MinSize, err = parseSize(v); return err }},
		{Name: "search", also: []string{"search1"}, Group: Selection, Arg: "KEYS", Usage: "only messages that these keys of IMAP's SEARCH find",
			value: func(b *Builder, v string) (err error) { b.rules.Search, err = parseSearch(v); return err }},
		{Name: "skip-duplicates", Group: Selection, Usage: "of equal messages in a mailbox copy one only",
			toggle: func(b *Builder, is bool) error { b.rules.SkipDuplicates = is; return nil }},
		{Name: "syncduplicates", Group: Selection, Hidden: true, Usage: "copy equal messages all (the default)",
			toggle: func(b *Builder, is bool) error { b.rules.SkipDuplicates = !is; return nil }},
	}
}

// changeOptions say what may be changed.
func changeOptions() []*Option {
	var on, all []string
	does := ""
	for _, k := range RepairKinds() {
		all = append(all, k.Name)
		does += "\n  " + k.Name + ": " + k.Does
		if !k.Octets {
			on = append(on, k.Name)
		}
	}
	return []*Option{
		{Name: "repair", Group: Changes, Arg: "KINDS",
			Usage: "what may be changed of a message that is refused as it is: none, or some of " + strings.Join(all, ",") + " (default " + strings.Join(on, ",") + ")" + does,
			value: func(b *Builder, v string) (err error) { b.rules.Repairs, err = parseRepairs(v); return err }},
		{Name: "follow-moves", Group: Changes, Usage: "move at the destination what its user has moved at the source since it was copied",
			toggle: func(b *Builder, is bool) error { b.rules.Moves = is; return nil }},
		{Name: "follow-deletes", Group: Changes, Usage: "delete at the destination what its user has deleted at the source since it was copied; not while rules leave out mailboxes or messages",
			toggle: func(b *Builder, is bool) error { b.rules.Deletes = is; return nil }},
		{Name: "max-delete", Group: Changes, Arg: "PERCENT", Usage: "take away at most so much of a mailbox (default 10%)",
			value: func(b *Builder, v string) (err error) { b.rules.MaxDelete, err = parsePercent(v); return err }},
	}
}

// modeOptions say what is done at all.
func modeOptions() []*Option {
	return []*Option{
		{Name: "dry-run", also: []string{"dry"}, Group: Modes, Usage: "only look: copy nothing, remember nothing",
			toggle: func(b *Builder, is bool) error { b.rules.Dry = is; return nil }},
		{Name: "justfolders", Group: Modes, Usage: "make mailboxes and subscriptions, and copy no message",
			toggle: func(b *Builder, is bool) error { b.rules.JustFolders = is; return nil }},
		{Name: "justlogin", Group: Modes, Usage: "log in on both sides and do nothing else",
			toggle: func(b *Builder, is bool) error { b.rules.JustLogin = is; return nil }},
	}
}
