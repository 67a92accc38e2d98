package account

import (
	"errors"
	"fmt"
	"strings"
)

// twins finds rows that would write to one account, and rows that are there
// twice. The zero value has seen none.
type twins struct {
	pairs map[[2]string]int // source and destination id to the first line
	dests map[string]int    // destination id to the first line
	folds map[string]fold   // the same without regard to letter case
	alike []string          // warnings
}

type fold struct {
	id   string
	line int
}

// check compares p with the pairs before it.
func (t *twins) check(p Pair, allowMerge bool) []*RowError {
	if t.pairs == nil {
		t.pairs, t.dests, t.folds = make(map[[2]string]int), make(map[string]int), make(map[string]fold)
	}
	fail := func(column string, err error) []*RowError {
		return []*RowError{{Line: p.Line, Column: column, Err: err}}
	}
	source, dest := p.Source.ID(), p.Dest.ID()
	if source == dest {
		return fail("", errors.New("source and destination are the same account"))
	}
	pair := [2]string{source, dest}
	if first, ok := t.pairs[pair]; ok {
		return fail("", fmt.Errorf("the same row as line %d", first))
	}
	t.pairs[pair] = p.Line
	first, ok := t.dests[dest]
	switch {
	case !ok:
		t.dests[dest] = p.Line
		t.compareFolded(dest, p.Line)
	case !allowMerge:
		return fail("user2", fmt.Errorf("the same destination account as line %d (--allow-merge lets both write to it)", first))
	}
	return nil
}

// compareFolded warns of two destinations that differ in letter case only:
// most servers take them for one account.
func (t *twins) compareFolded(dest string, line int) {
	folded := strings.ToLower(dest)
	first, ok := t.folds[folded]
	if !ok {
		t.folds[folded] = fold{dest, line}
		return
	}
	t.alike = append(t.alike, fmt.Sprintf("line %d: user2 differs from that of line %d in letter case only; for most servers it is the same account",
		line, first.line))
}
