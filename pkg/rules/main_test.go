package rules

import (
	"testing"
	"time"
)

// today is what ages count from in tests.
var today = time.Date(2026, 6, 30, 23, 59, 0, 0, time.FixedZone("", 2*3600))

// parse reads a line of options as those of a row.
func parse(t *testing.T, line string) (Settings, []error) {
	t.Helper()
	words, err := Split(line)
	if err != nil {
		t.Fatal(err)
	}
	b := NewBuilder(today).Clone()
	errs := b.Parse(words)
	s, err := b.Build()
	if err != nil {
		errs = append(errs, err)
	}
	return s, errs
}

func mustParse(t *testing.T, line string) Rules {
	t.Helper()
	s, errs := parse(t, line)
	if len(errs) > 0 {
		t.Fatalf("%s: %v", line, errs)
	}
	return *s.Rules
}

func date(y int, m time.Month, d int) time.Time { return time.Date(y, m, d, 0, 0, 0, 0, time.UTC) }
