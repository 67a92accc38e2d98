package account

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/imapfleet/imapfleet/pkg/rules"
)

// required are the columns that a header must have, in the order in which a
// list without a header has them; columnExtra may follow.
func required() []string {
	return []string{"host1", "user1", "password1", "host2", "user2", "password2"}
}

const (
	columnExtra = "extra"
	columnMap   = "map"
)

// columnNames knows every way to write every column.
type columnNames struct {
	names []string          // squeezed
	exact map[string]string // name to column
}

func newColumnNames() *columnNames {
	c := &columnNames{exact: make(map[string]string)}
	words := []struct {
		column string
		also   []string
	}{
		{"host", []string{"server", "hostname"}},
		{"user", []string{"username", "login"}},
		{"password", []string{"pass", "passwd"}},
		{"port", nil}, {"security", nil}, {"tlsverify", nil}, {"authuser", nil},
	}
	sides := []struct {
		suffix   string
		prefixes []string
	}{
		{"1", []string{"source", "src"}},
		{"2", []string{"dest", "destination", "dst", "target"}},
	}
	for _, w := range words {
		for _, s := range sides {
			for _, word := range append([]string{w.column}, w.also...) {
				c.add(word+s.suffix, w.column+s.suffix)
				for _, prefix := range s.prefixes {
					c.add(prefix+word, w.column+s.suffix)
				}
			}
		}
	}
	for _, name := range []string{columnExtra, "extraoptions", "options"} {
		c.add(name, columnExtra)
	}
	for _, name := range []string{columnMap, "mapping", "f1f2"} {
		c.add(name, columnMap)
	}
	return c
}

func (c *columnNames) add(name, column string) {
	c.names = append(c.names, name)
	c.exact[name] = column
}

// find returns the column that a header cell names; empty for an unknown one.
func (c *columnNames) find(cell string) string { return c.exact[squeeze(cell)] }

// nearest returns the column whose name takes the fewest edits to get from
// cell, and their number.
func (c *columnNames) nearest(cell string) (column string, edits int) {
	name, edits := rules.Nearest(squeeze(cell), c.names)
	return c.exact[name], edits
}

// maxName bounds the part of a header cell that is compared and shown, in
// octets.
const maxName = 40

// squeeze makes "Source Host", "source_host" and "source-host" one name.
func squeeze(cell string) string {
	name := strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || r == '_' || r == '-' || r == '.' || r == '\ufeff' {
			return -1
		}
		return unicode.ToLower(r)
	}, cell)
	return shorten(name)
}

// shorten cuts name to maxName octets at the border of a character.
func shorten(name string) string {
	if len(name) <= maxName {
		return name
	}
	n := maxName
	for n > 0 && !utf8.RuneStart(name[n]) {
		n--
	}
	return name[:n]
}
