package account

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// header is what the first line of a list says about the lines below it.
type header struct {
	headed    bool
	delimiter string
	line      int      // of the header line; 0 without one
	columns   []string // the column of each field; empty: an unknown one, ignored
}

// findHeader looks at the first line of a list. It consumes that line when it
// is a header, and before it a "sep=;" line, with which spreadsheets name
// their delimiter. The errors are those of the header line; usable is false
// when no row below it can be understood.
func findHeader(l *lines) (h header, errs []*RowError, usable bool) {
	plain := header{delimiter: ";", columns: append(required(), columnExtra)}
	delimiters := []string{";", ",", "\t"}
	ahead := *l
	first, ok := ahead.next()
	if sep, found := sepLine(first); ok && found {
		plain.delimiter, delimiters = sep, []string{sep}
		*l = ahead
		first, ok = ahead.next()
	}
	if !ok {
		return plain, nil, true
	}
	names := newColumnNames()
	for _, d := range delimiters {
		cells, err := splitQuoted(first, d)
		if err != nil || !names.isHeader(cells) {
			continue
		}
		*l = ahead
		h = header{headed: true, delimiter: d, line: l.n}
		errs, usable = h.read(names, cells)
		return h, errs, usable
	}
	return plain, nil, true
}

// sepLine recognises a line like "sep=;".
func sepLine(line string) (delimiter string, ok bool) {
	line = strings.Trim(line, `"`)
	if len(line) == 5 && strings.EqualFold(line[:4], "sep=") {
		return line[4:], true
	}
	return "", false
}

// isHeader tells a header line, misspelt names and all, from a first account.
// The hosts decide: accounts named user1 with the password pass1 are common,
// hosts named host1 are not.
func (c *columnNames) isHeader(cells []string) bool {
	var filled, exact, hosts int
	var others []string
	for _, cell := range cells {
		if strings.TrimSpace(cell) == "" {
			continue
		}
		filled++
		switch column := c.find(cell); column {
		case "host1", "host2":
			hosts++
			exact++
		case "":
			others = append(others, cell)
		default:
			exact++
		}
	}
	if hosts == 0 || exact < 3 || len(others) > maxColumns {
		return false
	}
	near := 0
	for _, cell := range others {
		if _, edits := c.nearest(cell); edits <= 2 {
			near++
		}
	}
	return exact >= 4 && exact == filled || exact+near >= 5
}

// maxColumns is more unknown columns than any header has.
const maxColumns = 200

// known counts the cells that name a column.
func (c *columnNames) known(cells []string) (n int) {
	for _, cell := range cells {
		if c.find(cell) != "" {
			n++
		}
	}
	return n
}

// read takes the names out of the header's cells.
func (h *header) read(names *columnNames, cells []string) (errs []*RowError, usable bool) {
	for len(cells) > 0 && strings.TrimSpace(cells[len(cells)-1]) == "" {
		cells = cells[:len(cells)-1] // a trailing delimiter
	}
	fail := func(column, format string, args ...any) {
		errs = append(errs, &RowError{Line: h.line, Column: column, Err: fmt.Errorf(format, args...)})
	}
	usable = true
	sure := names.known(cells) >= len(required())-1
	var meant []string // columns that an unknown name may stand for
	for i, cell := range cells {
		column := names.find(cell)
		switch {
		case strings.TrimSpace(cell) == "":
			fail("", "field %d of the header has no name", i+1)
		case column == "":
			nearest, _ := names.nearest(cell)
			meant = append(meant, nearest)
			if sure {
				fail(printable(cell), "unknown column; the nearest known one is %s", nearest)
			} else { // it might be an account after all, and this its password
				fail("", "field %d of the header is no known column; the nearest one is %s", i+1, nearest)
			}
		case slices.Contains(h.columns, column):
			fail(printable(cell), "column %s is there twice", column)
			usable = false
		}
		h.columns = append(h.columns, column)
	}
	for _, column := range required() {
		if slices.Contains(h.columns, column) {
			continue
		}
		usable = false
		if !slices.Contains(meant, column) {
			errs = append(errs, &RowError{Line: h.line, Column: column, Err: errors.New("missing from the header")})
		}
	}
	return errs, usable
}

// printable is a header cell as it can be shown: quoted unless it is a plain
// word, and short.
func printable(cell string) string {
	short := shorten(strings.TrimSpace(cell))
	for _, r := range short {
		if r < '!' || r > '~' || r == '"' {
			return fmt.Sprintf("%q", short)
		}
	}
	return short
}
