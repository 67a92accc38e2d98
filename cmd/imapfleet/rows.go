package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/imapfleet/imapfleet/pkg/account"
)

// lineRange is one part of --rows: lines of the list, both ends included.
type lineRange struct{ first, last int }

// parseLines reads "3,7-9".
func parseLines(text string) ([]lineRange, error) {
	var out []lineRange
	for part := range strings.SplitSeq(text, ",") {
		from, to, isRange := strings.Cut(strings.TrimSpace(part), "-")
		if !isRange {
			to = from
		}
		r := lineRange{lineNumber(from), lineNumber(to)}
		if r.first < 1 || r.last < r.first {
			return nil, fmt.Errorf("--rows: %q is no line number or range; write for example 3,7-9", part)
		}
		out = append(out, r)
	}
	return out, nil
}

// lineNumber is 0 for what is no number of a line.
func lineNumber(s string) int {
	s = strings.TrimSpace(s)
	if s == "" || strings.Trim(s, "0123456789") != "" {
		return 0
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0
	}
	return n
}

// selectRows returns which of pairs the flag --rows names, by index and in the
// list's order; all when it is empty. A line that is named, by itself or as
// the end of a range, must be a row; blank lines and comments within a range
// are not asked for.
func selectRows(pairs []account.Pair, flag string) ([]int, error) {
	wanted := make([]bool, len(pairs))
	byLine := make(map[int]int, len(pairs))
	for i, p := range pairs {
		byLine[p.Line] = i
		wanted[i] = flag == ""
	}
	if flag != "" {
		ranges, err := parseLines(flag)
		if err != nil {
			return nil, err
		}
		for _, r := range ranges {
			for _, line := range []int{r.first, r.last} {
				if _, ok := byLine[line]; !ok {
					return nil, fmt.Errorf("--rows: line %d of the list is no row", line)
				}
			}
			for i := byLine[r.first]; i <= byLine[r.last]; i++ {
				wanted[i] = true
			}
		}
	}
	var out []int
	for i, w := range wanted {
		if w {
			out = append(out, i)
		}
	}
	return out, nil
}
