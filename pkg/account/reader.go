package account

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/gocarina/gocsv"
)

// row is one row of a list as gocsv fills it in. All its fields are strings,
// so that no field can end the reading; rowChecker judges them.
type row struct {
	Line       int    `csv:"_line"`
	Host1      string `csv:"host1"`
	User1      string `csv:"user1"`
	Password1  string `csv:"password1"`
	Port1      string `csv:"port1"`
	Security1  string `csv:"security1"`
	TLSVerify1 string `csv:"tlsverify1"`
	AuthUser1  string `csv:"authuser1"`
	Host2      string `csv:"host2"`
	User2      string `csv:"user2"`
	Password2  string `csv:"password2"`
	Port2      string `csv:"port2"`
	Security2  string `csv:"security2"`
	TLSVerify2 string `csv:"tlsverify2"`
	AuthUser2  string `csv:"authuser2"`
	Map        string `csv:"map"`
	Extra      string `csv:"extra"`
}

// reader gives gocsv both forms of a list in one: first a header, then rows
// of as many fields, with the physical line ahead of them. Rows that cannot
// be split are kept as errors and left out.
type reader struct {
	header
	lines lines
	begun bool
	errs  []*RowError
}

// Read returns the header, then row after row, then io.EOF.
func (r *reader) Read() ([]string, error) {
	if !r.begun {
		r.begun = true
		return append([]string{"_line"}, r.columns...), nil
	}
	for {
		line, ok := r.lines.next()
		if !ok {
			return nil, io.EOF
		}
		fields, err := r.split(line)
		if err != nil {
			r.errs = append(r.errs, err)
			continue
		}
		if fields != nil {
			return append([]string{strconv.Itoa(r.lines.n)}, fields...), nil
		}
	}
}

// ReadAll is there for gocsv.CSVReader only.
func (r *reader) ReadAll() ([][]string, error) { return nil, errors.ErrUnsupported }

// split returns the fields of a line; none for a line of delimiters, which
// spreadsheets leave behind the last row.
func (r *reader) split(line string) ([]string, *RowError) {
	fail := func(column string, err error) *RowError {
		return &RowError{Line: r.lines.n, Column: column, Err: err}
	}
	if !utf8.ValidString(line) {
		return nil, fail("", errors.New("not UTF-8: save the list as UTF-8"))
	}
	var fields []string
	if r.headed {
		var err error
		if fields, err = splitQuoted(line, r.delimiter); err != nil {
			return nil, fail(r.columnOf(len(fields)), err)
		}
	} else {
		fields = splitPlain(line, r.delimiter)
	}
	if !slices.ContainsFunc(fields, filled) {
		return nil, nil
	}
	if r.headed {
		return r.fitHeader(fields, fail)
	}
	return r.fitPlain(fields, line, fail)
}

func filled(field string) bool { return strings.TrimSpace(field) != "" }

func (r *reader) columnOf(i int) string {
	if i < len(r.columns) {
		return r.columns[i]
	}
	return ""
}

// fitHeader takes trailing delimiters off and counts.
func (r *reader) fitHeader(fields []string, fail func(string, error) *RowError) ([]string, *RowError) {
	n, want := len(fields), len(r.columns)
	for len(fields) > want && !filled(fields[len(fields)-1]) {
		fields = fields[:len(fields)-1]
	}
	if len(fields) != want {
		return nil, fail("", fmt.Errorf("%s, the header has %d", count(n), want))
	}
	return fields, nil
}

// fitPlain counts the fields of a line without header: with or without the
// last one.
func (r *reader) fitPlain(fields []string, line string, fail func(string, error) *RowError) ([]string, *RowError) {
	switch n, want := len(fields), len(required()); {
	case n == want || n == want+1:
		return fields, nil
	case n > want:
		return nil, fail("", fmt.Errorf("%s, not %d or %d: a password with a %s in it needs a list with a header line and quotes",
			count(n), want, want+1, strconv.Quote(r.delimiter)))
	case n == 1 && strings.ContainsAny(line, ",\t"):
		return nil, fail("", fmt.Errorf("%s, not %d or %d: without a header line they are separated by %s",
			count(n), want, want+1, strconv.Quote(r.delimiter)))
	default:
		return nil, fail("", fmt.Errorf("%s, not %d or %d", count(n), want, want+1))
	}
}

func count(fields int) string {
	if fields == 1 {
		return "1 field"
	}
	return strconv.Itoa(fields) + " fields"
}

// each calls f with every row that could be split. The goroutine that it
// starts has ended when it returns.
func (r *reader) each(f func(row)) error {
	rows := make(chan row, 64)
	done := make(chan error, 1)
	go func() {
		done <- gocsv.UnmarshalDecoderToChan(gocsv.NewSimpleDecoderFromCSVReader(r), rows)
	}()
	for v := range rows { // to its end, or the goroutine would wait for ever
		f(v)
	}
	if err := <-done; err != nil {
		return fmt.Errorf("read list: %w", err)
	}
	return nil
}
