package account

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// required are the columns that a header must have, in the order in which a
// list without a header has them; columnExtra may follow.
func required() []string {
	return []string{"host1", "user1", "password1", "host2", "user2", "password2"}
}

const columnExtra = "extra"

// alias is one way to write a column's name, squeezed.
type alias struct{ name, column string }

// columnNames knows every way to write every column.
type columnNames struct {
	list  []alias
	exact map[string]string // alias to column
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
	return c
}

func (c *columnNames) add(name, column string) {
	c.list = append(c.list, alias{name, column})
	c.exact[name] = column
}

// find returns the column that a header cell names; empty for an unknown one.
func (c *columnNames) find(cell string) string { return c.exact[squeeze(cell)] }

// nearest returns the column whose name takes the fewest edits to get from
// cell, and their number.
func (c *columnNames) nearest(cell string) (column string, edits int) {
	name := squeeze(cell)
	edits = len(name) + maxName
	for _, a := range c.list {
		if d := distance(name, a.name); d < edits {
			column, edits = a.column, d
		}
	}
	return column, edits
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

// distance is the number of octets to insert, remove or replace to get from a
// to b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
