package ledger

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestPaces(t *testing.T) {
	dir := t.TempDir()
	l, _, _ := one(t, dir)
	ctx := t.Context()
	at := time.Date(2026, 11, 28, 4, 0, 0, 0, time.UTC)
	var want []Pace
	for i := range paces + 3 {
		p := Pace{Run: fmt.Sprintf("run%03d", i), Started: at.Add(time.Duration(i) * time.Hour), Seconds: 1.5, Parallel: 4, LaneSeconds: 6,
			Rows: 3, Messages: 1000, Octets: 1 << 30, Hosts: "a b", PerRow: 0.1, PerMessage: 0.001, PerOctet: 1e-8, Knee: "[]"}
		must(t, l.SavePace(ctx, p))
		want = append([]Pace{p}, want...)
	}
	got, err := l.Paces(ctx)
	must(t, err)
	if d := cmp.Diff(want[:paces], got); d != "" {
		t.Error(d)
	}
	must(t, l.Close())
	r, err := OpenReader(ctx, dir)
	must(t, err)
	got, err = r.Paces(ctx)
	must(t, err)
	if len(got) != paces {
		t.Errorf("a reader sees %d paces", len(got))
	}
	if err := r.SavePace(ctx, Pace{}); err != ErrReadOnly {
		t.Errorf("a reader saves: %v", err)
	}
	must(t, r.Close())
}

func TestPredictions(t *testing.T) {
	l, _, _ := one(t, t.TempDir())
	ctx := t.Context()
	at := time.Date(2026, 11, 28, 4, 0, 0, 0, time.UTC)
	of := func(rows string, likely float64) Prediction {
		return Prediction{Made: at, Rows: rows, Origin: "probe", Lanes: 8, Raw: 90, Low: 80, Likely: likely, High: 120}
	}
	for _, p := range []Prediction{of("a", 100), of("b", 200), of("a", 110)} {
		must(t, l.AddPrediction(ctx, p))
	}
	all, err := l.Predictions(ctx)
	must(t, err)
	if len(all) != 2 || all[0].Likely != 110 || all[1].Likely != 200 {
		t.Fatalf("an open prediction was not replaced: %+v", all)
	}
	must(t, l.SaveOutcome(ctx, all[0].ID, 105, at.Add(time.Hour)))
	must(t, l.AddPrediction(ctx, of("a", 50)))
	all, err = l.Predictions(ctx)
	must(t, err)
	if len(all) != 3 || all[0].Likely != 50 || all[1].Took != 105 || !all[1].Ended.Equal(at.Add(time.Hour)) || !all[2].Ended.IsZero() {
		t.Errorf("one with an outcome was replaced: %+v", all)
	}
	must(t, l.DropPrediction(ctx, all[0].ID))
	left, err := l.Predictions(ctx)
	must(t, err)
	if d := cmp.Diff(all[1:], left); d != "" {
		t.Errorf("one was dropped: %s", d)
	}
	must(t, l.Close())
}

func TestRowsDigest(t *testing.T) {
	if RowsDigest([]RowID{1, 2, 3}) != RowsDigest([]RowID{3, 1, 2, 2}) {
		t.Error("the order matters")
	}
	if RowsDigest([]RowID{1, 2}) == RowsDigest([]RowID{1, 3}) || RowsDigest(nil) == RowsDigest([]RowID{1}) {
		t.Error("other rows have the same digest")
	}
}

func TestSaveSize(t *testing.T) {
	l, id, _ := one(t, t.TempDir())
	ctx := t.Context()
	must(t, l.SaveSize(ctx, id, Size{Messages: 10, Octets: 2000, Error: 30, Rules: "inbox"}))
	rows, err := l.Rows(ctx, []RowID{id})
	must(t, err)
	if r := rows[0]; r.SourceMessages != 10 || r.SourceOctets != 2000 || r.SourceError != 30 || r.SourceRules != "inbox" || r.State != "" {
		t.Errorf("%+v", r)
	}
	must(t, l.Close())
}
