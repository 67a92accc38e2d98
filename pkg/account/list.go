package account

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/imapfleet/imapfleet/pkg/rules"
)

// Options are what the command line says about every row of a list. The zero
// value is usable.
type Options struct {
	AllowMerge   bool         // several rows may have one destination account
	Source, Dest SideDefaults // for rows that do not say it themselves
	// Rules are the options of the command line: for rows that do not say it
	// themselves, as a Builder reads both. They beat Source and Dest. nil: none.
	Rules *rules.Builder
}

// SideDefaults fills in what a row leaves open on one side. The zero value
// fills in nothing.
type SideDefaults struct {
	Port       int // 0: none
	Security   Security
	AuthUser   string
	SkipVerify bool
}

// List is a list that was read without an error.
type List struct {
	Pairs    []Pair   // in the order of their lines; at least one
	Warnings []string // for the operator, without passwords; one line each
}

// ErrNoAccounts is what Load returns for a list without a single row.
var ErrNoAccounts = errors.New("the list holds no accounts")

// Load reads a whole list: UTF-8 or UTF-16, by position or with a header
// line. When rows are wrong it returns no List and all their errors at once,
// each a *RowError, joined by errors.Join in the order of their lines. Any
// other error (ErrNoAccounts, that of r) stands alone. Memory is a small
// multiple of the list's octets. What it starts has ended when it returns.
func Load(r io.Reader, opt Options) (*List, error) {
	rows, err := newRowChecker(opt)
	if err != nil {
		return nil, err
	}
	text, err := readText(r, maxList)
	if err != nil {
		return nil, err
	}
	rd := &reader{lines: lines{rest: text}}
	h, errs, usable := findHeader(&rd.lines)
	if !usable {
		return nil, joinRows(errs)
	}
	rd.header = h
	if err := rd.each(rows.add); err != nil {
		return nil, err
	}
	errs = append(append(errs, rd.errs...), rows.errs...)
	if len(errs) > 0 {
		return nil, joinRows(errs)
	}
	if len(rows.pairs) == 0 {
		return nil, ErrNoAccounts
	}
	return &List{Pairs: rows.pairs, Warnings: rows.warnings()}, nil
}

// LoadFile is Load for a file. It also warns when others can read the file.
func LoadFile(path string, opt Options) (*List, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() // only read from
	list, err := Load(f, opt)
	if err != nil {
		return nil, err
	}
	if info, err := f.Stat(); err == nil && othersRead(info.Mode()) {
		list.Warnings = append(list.Warnings, fmt.Sprintf(
			"%q can be read by other users of this machine (mode %04o) and holds passwords: chmod 600 it", path, info.Mode().Perm()))
	}
	return list, nil
}

// shown is how many lines a warning names.
const shown = 5

func (c *rowChecker) warnings() []string {
	w := slices.Clone(c.seen.alike[:min(len(c.seen.alike), shown)])
	if more := len(c.seen.alike) - len(w); more > 0 {
		w = append(w, fmt.Sprintf("user2 differs from that of another line in letter case only: %d more of this kind", more))
	}
	if len(c.blanks) > 0 {
		w = append(w, lineNumbers(c.blanks)+": a password begins or ends with a blank; it is taken as it is")
	}
	return append(w, c.unmapped()...)
}

// lineNumbers names the first few lines.
func lineNumbers(numbers []int) string {
	word := "line "
	if len(numbers) > 1 {
		word = "lines "
	}
	var some []string
	for _, n := range numbers[:min(len(numbers), shown)] {
		some = append(some, strconv.Itoa(n))
	}
	s := word + strings.Join(some, ", ")
	if more := len(numbers) - shown; more > 0 {
		s += fmt.Sprintf(" and %d more", more)
	}
	return s
}
