package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	mib = 1 << 20
	gib = 1 << 30
)

// someResults are a copy near and far, a limit alone, and a pass over an
// unchanged account near and far.
func someResults() []*result {
	at := func(seconds ...float64) (out []usage) {
		for _, s := range seconds {
			out = append(out, usage{Seconds: s, User: 0.1, System: 0.05, PeakRSS: 80 * mib})
		}
		return out
	}
	return []*result{
		{Name: "drained", Lanes: 1, Messages: 2000, Octets: 150 * mib, Limit: sample{1, 1.5, 2}, work: rests},
		{Name: "mix", Lanes: 1, Messages: 2000, Octets: 150 * mib, Limit: sample{2.5, 2, 3}, LimitCPU: sample{0.2, 0.12, 0.15}, Fleet: at(3, 2.5, 10)},
		{Name: "same", Lanes: 1, Messages: 20000, Limit: sample{0.02}, Fleet: at(0.05), Rows: [][]float64{{0.03}}, work: again},
		{Name: "far: mix", Lanes: 1, Messages: 2000, Octets: 150 * mib, Limit: sample{5}, Fleet: at(4), far: true},
		{Name: "far: same", Lanes: 1, Messages: 20000, Limit: sample{0.1}, Fleet: at(0.25), Rows: [][]float64{{0.2}},
			RoundTrips: map[string]int{"source": 5, "destination": 4}, work: again, far: true},
	}
}

const tableWant = `case                  limit MiB/s  messages/s  CPU s/GiB         imapfleet MiB/s  messages/s  ratio  CPU s/GiB  RSS MiB
drained           100 (75.0..150)       1,333
mix             60.0 (50.0..75.0)         800       1.02       50.0 (15.0..60.0)         667   0.83       1.02       80
same       0.020 (0.020..0.020) s                         0.050 (0.050..0.050) s               0.40                  80
  the row alone 0.030 (0.030..0.030) s
far: mix        30.0 (30.0..30.0)         400                  37.5 (37.5..37.5)         500   1.25       1.02       80
far: same  0.100 (0.100..0.100) s                         0.250 (0.250..0.250) s               0.40                  80
  the row alone 0.200 (0.200..0.200) s, round trips after login: 5 at the source, 4 at the destination
`

func TestTable(t *testing.T) {
	var b strings.Builder
	tab := newTable(&b, [][]*benchCase{{{name: "far: same"}}, {{name: "mix"}}})
	if err := tab.header(); err != nil {
		t.Fatal(err)
	}
	for _, r := range someResults() {
		if err := tab.result(r); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(tableWant, b.String()); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestCompare(t *testing.T) {
	results := append(someResults(),
		&result{Name: caseRealistic, Octets: gib / 8, LimitCPU: sample{0.11}, Fleet: []usage{{User: 0.2, System: 0.05}}},
		&result{Name: caseLarge, Octets: gib, LimitCPU: sample{0.81}, Fleet: []usage{{User: 0.7, System: 0.6}}},
		&result{Name: caseSkewed, Limit: sample{8}, Fleet: []usage{{Seconds: 13}}},
		&result{Name: caseEven, Limit: sample{4}, Fleet: []usage{{Seconds: 10}}})
	var b strings.Builder
	if err := compare(&b, results, 0.02); err != nil {
		t.Fatal(err)
	}
	want := `80 % of octets in one account, 8 lanes: 1.30 times the wall time of the same octets spread evenly (the limit: 2.00)
CPU of imapfleet, by the two sizes of accounts: 0.10 s and 1.20 s/GiB
CPU of the limit: 0.01 s and 0.80 s/GiB
far: mix: 0.75 of imapfleet's rate near (the limit: 0.50)
far: same: takes 10.0 round trips longer than near, login and all (the limit: 4.0)
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestCompareAlone(t *testing.T) {
	var b strings.Builder
	for _, r := range someResults() {
		if err := compare(&b, []*result{r}, 0.02); err != nil {
			t.Fatal(err)
		}
	}
	if b.Len() > 0 {
		t.Errorf("a case is compared with nothing:\n%s", b.String())
	}
}

func TestWhole(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 999.4: "999", 1000: "1,000", 123456: "123,456", 1234567: "1,234,567"} {
		if got := whole(v); got != want {
			t.Errorf("%v: %s, want %s", v, got, want)
		}
	}
}
