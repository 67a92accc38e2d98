package plan

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"
)

// input is a plan of four accounts on two lanes of 10 octets a second each.
func input(t *testing.T) Input {
	t.Helper()
	f := fleet(8640, 4320, 2160, 2160)
	s, err := Fill(f, 0)
	if err != nil {
		t.Fatal(err)
	}
	return Input{Fleet: f, Sizes: s, Rates: *linear(10), Change: 0.1, Who: func(i int) string { return "user" + string(rune('a'+i)) },
		Options: Options{Start: noon, Lanes: 2}}
}

func TestMake(t *testing.T) {
	in := input(t)
	in.Prices = Prices{Hour: 10, GB: 1e6}
	rep, err := Make(in)
	if err != nil {
		t.Fatal(err)
	}
	if rep.First.Seconds != (Range{864, 864, 864}) || !rep.First.Ends.Equal(noon.Add(864*time.Second)) || rep.First.Octets != 17280 || rep.Raw != 864 {
		t.Errorf("first pass %+v, raw %v", rep.First, rep.Raw)
	}
	if c := rep.First.Cost; c == nil || !near(c.Likely, 2.4+17.28) {
		t.Errorf("cost %+v", c)
	}
	// 432 s before its end 4320 octets had been copied, 216 s before it 2160, then
	// none: 0.1 a day of that is 2.16 and 0.54 octets, on two lanes.
	if d := rep.Delta; d.Octets != 2 || !near(d.Seconds.Likely, 0.216) || !d.Start.Equal(rep.First.Ends) {
		t.Errorf("delta %+v", d)
	}
	// A tenth of all.
	if l := rep.Last; l.Octets != 1728 || !near(l.Seconds.Likely, 86.4) {
		t.Errorf("last %+v", l)
	}
	if d := rep.Deciding; len(d) != 4 || d[0] != (Decider{1, "usera", 8640, 0, 864}) || !rep.OneDecides {
		t.Errorf("deciding %+v", d)
	}
	got := map[string]float64{}
	for _, w := range rep.WhatIf {
		got[w.What] = w.Seconds.Likely
	}
	for what, want := range map[string]float64{"half the lanes": 1728, "2 times the lanes": 864, "2 times the lanes per account": 864} {
		if !near(got[what], want) {
			t.Errorf("%s: %v, want %v", what, got[what], want)
		}
	}
}

// Low and high come from the error of sizes and the spread of rates.
func TestMakeRange(t *testing.T) {
	in := input(t)
	in.Sizes.Error = in.Sizes.Octets / 10
	in.Rates.Spread = 0.25
	in.Rates.Slower = 2
	rep, err := Make(in)
	if err != nil {
		t.Fatal(err)
	}
	if r := rep.First.Seconds; !near(r.Likely, 1728) || !near(r.Low, 1728*0.9/1.25) || !near(r.High, 1728*1.1*1.25) || !near(rep.Raw, 864) {
		t.Errorf("%+v, raw %v", r, rep.Raw)
	}
}

// Hours and the machine that waits for them: work is what is paid for.
func TestMakeHours(t *testing.T) {
	in := input(t)
	in.Prices.Hour = 3600
	in.Options.Hours = hours(t, "20:00-20:10")
	rep, err := Make(in)
	if err != nil {
		t.Fatal(err)
	}
	if f := rep.First; !near(f.Work.Likely, 864) || !near(f.Seconds.Likely, 8*3600+24*3600+264) || !near(f.Cost.Likely, 864) {
		t.Errorf("%+v, cost %+v", f, f.Cost)
	}
	if rep.Last.Seconds.Likely > 100 {
		t.Errorf("the last pass keeps to the hours: %+v", rep.Last)
	}
}

func TestMakeNothing(t *testing.T) {
	rep, err := Make(Input{Fleet: &Fleet{}, Rates: *linear(1), Options: Options{Start: noon}})
	if err != nil {
		t.Fatal(err)
	}
	if rep.First.Seconds.Likely != 0 || rep.Last.Seconds.Likely != 0 {
		t.Errorf("%+v", rep)
	}
	var b bytes.Buffer
	if err := rep.WriteText(&b); err != nil || !strings.Contains(b.String(), "accounts    0\n") {
		t.Errorf("%v\n%s", err, &b)
	}
}

// The text has all parts, and the JSON the same figures.
func TestReportText(t *testing.T) {
	in := input(t)
	in.Prices = Prices{Hour: 10}
	in.Options.Hours = hours(t, "20:00-06:00")
	in.Options.Limit = schedule(t, "1KiB")
	in.Fleet.Accounts[3].Unknown = true
	in.Sizes.Unknown, in.Sizes.Done, in.Sizes.Error = 1, 1, 1000
	in.Rates.Past, in.Rates.Slower, in.Rates.Origin = 1, 1.5, Runs
	rep, err := Make(in)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := rep.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"accounts    4, 1 of them done, 1 of unknown size\n", "mail        16.9 KiB in ", "give or take 1000 B", "rates       of earlier runs: 1 lane ",
		"corrected by what came of 1 earlier plan: times 1.50\n", "hours       20:00-06:00\n", "limit       1KiB\n", "first pass  8h 2", "ends Mon 2026-03-02 20:",
		"costs 3.60 (", "delta pass  ", "last pass   ", "usera\n", "no --hours ", "no --limit ", "10 % of an account's mail is new each day", "1 account of unknown size: like the others",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, &b)
		}
	}
	raw, err := json.Marshal(rep)
	if err != nil {
		t.Fatal(err)
	}
	var again Report
	if err := json.Unmarshal(raw, &again); err != nil || again.First.Seconds != rep.First.Seconds {
		t.Errorf("%v: %s", err, raw)
	}
	for _, want := range []string{`"first_pass":{"seconds":{"low":`, `"work_seconds":`, `"ends":"2026-03-02T20:`, `"deciding":[{"line":1,"account":"usera"`, `"what_if":[`, `"assumptions":[`, `"octets_error":1000`} {
		if !strings.Contains(string(raw), want) {
			t.Errorf("no %s in %s", want, raw)
		}
	}
}

func TestMoney(t *testing.T) {
	for f, want := range map[float64]string{0: "0.00", 0.29: "0.29", 0.2949: "0.29", 1.999: "2.00", 4.35: "4.35", 1234567.891: "1,234,567.89"} {
		if got := money(f); got != want {
			t.Errorf("%v is %s, want %s", f, got, want)
		}
	}
}

// A row's mailboxes are made once: by its first pass.
func TestMaking(t *testing.T) {
	f := &Fleet{Hosts: []Host{{Name: "a"}, {Name: "b"}}}
	for range 8 {
		f.Accounts = append(f.Accounts, Account{Octets: 10 * mebi, Left: 10 * mebi, Dest: 1})
	}
	made := func(making time.Duration) *Report {
		sizes, err := Fill(f, 0)
		if err != nil {
			t.Fatal(err)
		}
		rep, err := Make(Input{Fleet: f, Sizes: sizes, Change: 0.01, Who: func(int) string { return "" }, Options: Options{Start: time.Unix(0, 0), Lanes: 2},
			Rates: Rates{Origin: Probe, Share: 1, Curve: []Point{{1, mebi}}, Linear: true, PerRow: time.Second, Making: making}})
		if err != nil {
			t.Fatal(err)
		}
		return rep
	}
	was, is := made(0), made(3*time.Second)
	if d := is.First.Seconds.Likely - was.First.Seconds.Likely; math.Abs(d-12) > 0.01 { // eight rows, two lanes
		t.Errorf("mailboxes take %v s", d)
	}
	if was.Last.Seconds != is.Last.Seconds || is.Rates.Making != 3 {
		t.Errorf("the last pass takes %v, without mailboxes %v", is.Last.Seconds, was.Last.Seconds)
	}
	var out strings.Builder
	if err := is.WriteText(&out); err != nil || !strings.Contains(out.String(), "1.0s a row for logins and lists, and in the first pass 3.0s to make mailboxes") {
		t.Errorf("%v\n%s", err, &out)
	}
}
