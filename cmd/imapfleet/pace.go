package main

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/imapfleet/imapfleet/pkg/batch"
	"github.com/imapfleet/imapfleet/pkg/ledger"
	"github.com/imapfleet/imapfleet/pkg/plan"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// runsOf are the paces of the ledger as a plan takes them.
func runsOf(paces []ledger.Pace) []plan.Run {
	var out []plan.Run
	for _, p := range paces {
		r := plan.Run{Seconds: p.Seconds, Parallel: p.Parallel, LaneSeconds: p.LaneSeconds, Rows: p.Rows, Messages: p.Messages, Octets: p.Octets,
			Costs: plan.Costs{PerRow: p.PerRow, PerMessage: p.PerMessage, PerOctet: p.PerOctet}}
		if p.Knee != "" {
			_ = json.Unmarshal([]byte(p.Knee), &r.Knee) // one of a later form says nothing
		}
		out = append(out, r)
	}
	return out
}

// past is what came of earlier plans with rates as those of this one.
func (p *planning) past() (out []plan.Past) {
	for _, was := range p.predictions {
		if was.Origin == string(p.rates.Origin) && !was.Ended.IsZero() {
			out = append(out, plan.Past{Raw: was.Raw, Took: was.Took})
		}
	}
	return out
}

// keep has the ledger remember what the plan says, for the run of its rows.
func (p *planning) keep(rep *plan.Report, now time.Time) error {
	if !p.keeps || len(p.ids) == 0 || p.opt.machines > 1 {
		return nil
	}
	ctx := context.Background()
	err := p.ledger.AddPrediction(ctx, ledger.Prediction{
		Made: now, Rows: ledger.RowsDigest(p.ids), Origin: string(p.rates.Origin), Lanes: p.lanes(),
		Raw: rep.Raw, Low: rep.First.Work.Low, Likely: rep.First.Work.Likely, High: rep.First.Work.High,
	})
	if err == nil {
		err = p.ledger.Flush(ctx)
	}
	if err != nil {
		return runError(err)
	}
	return nil
}

// goneThrough is which part of the rows must have come through for a run to be
// what was planned.
const goneThrough = 0.9

// remember keeps what the run reached, for later plans, and what came of the plan
// of its rows, if there is one. ended: the run came to its end by itself.
func (j *job) remember(ctx context.Context, o runOptions, ended bool) (*throughput.Planned, error) {
	if o.dryRun || !slices.ContainsFunc(j.selected, j.copies) {
		return nil, nil
	}
	results, _, _ := j.tracker.view()
	wall, times := time.Since(j.tracker.start), batch.Times{}
	if r := j.runner.Load(); r != nil {
		times = r.Times()
	}
	lanes, knee := j.lanes()
	if p := paceOf(results, times.Working); p.LaneSeconds > 0 && !j.limits.limited() {
		p.Run, p.Started, p.Parallel, p.Knee = j.runID, j.tracker.start, lanes, knee
		if err := j.bound.ledger.SavePace(ctx, p); err != nil {
			return nil, err
		}
	}
	p, err := j.prediction(ctx)
	if p == nil || err != nil {
		return nil, err
	}
	p.Took += (wall - times.Stopped).Seconds() // a person's hours are no work
	if ended && j.wentThrough(results) {
		p.Ended = time.Now()
	}
	out := &throughput.Planned{Made: p.Made, Low: p.Low, Likely: p.Likely, High: p.High, Took: p.Took,
		Lanes: p.Lanes, RunLanes: lanes, Ended: !p.Ended.IsZero()}
	if out.Lanes != out.RunLanes || j.limits.limited() {
		// It says nothing of how good the plan was; neither can a later run, to
		// which only a part of the mail was left.
		return out, j.bound.ledger.DropPrediction(ctx, p.ID)
	}
	return out, j.bound.ledger.SaveOutcome(ctx, p.ID, p.Took, p.Ended)
}

// prediction is the plan of the run's rows that waits for its outcome; nil
// without one.
func (j *job) prediction(ctx context.Context) (*ledger.Prediction, error) {
	all, err := j.bound.ledger.Predictions(ctx)
	if err != nil {
		return nil, err
	}
	ids := make([]ledger.RowID, len(j.selected))
	for i, at := range j.selected {
		ids[i] = j.bound.ids[at]
	}
	rows := ledger.RowsDigest(ids)
	at := slices.IndexFunc(all, func(p ledger.Prediction) bool { return p.Rows == rows && p.Ended.IsZero() })
	if at < 0 {
		return nil, nil
	}
	return &all[at], nil
}

// copies reports whether mail of a row of the list is copied, and not only logged
// in, looked or mailboxes made: that is what plans are about.
func (j *job) copies(at int) bool {
	r := j.pairs[at].Rules
	return r.Only() == "" && !r.Value().Dry
}

// wentThrough reports whether the mail of enough of the rows was gone through.
func (j *job) wentThrough(results []throughput.Result) bool {
	through := 0
	for i, at := range j.selected {
		if s := results[i].State; j.copies(at) && (s == throughput.Done || s == throughput.Incomplete) {
			through++
		}
	}
	return float64(through) >= goneThrough*float64(len(j.selected))
}

// lanes is how many the run had, for the longest time where it looked for the best
// number itself; knee is what it reached with how many then, as JSON.
func (j *job) lanes() (n int, knee string) {
	steps := j.knee()
	if len(steps) == 0 {
		if r := j.runner.Load(); r != nil {
			n, _ = r.Parallel()
		}
		return max(1, n), ""
	}
	longest := slices.MaxFunc(steps, func(a, b throughput.Step) int { return cmp.Compare(a.Seconds, b.Seconds) })
	text, err := json.Marshal(steps)
	if err != nil {
		return longest.Lanes, "" // numbers always have a form
	}
	return longest.Lanes, string(text)
}

// paceOf is what the rows of a run reached together, in the time in which it had
// lanes at work.
func paceOf(results []throughput.Result, working time.Duration) ledger.Pace {
	p := ledger.Pace{Seconds: working.Seconds()}
	var samples []plan.Sample
	hosts := make(map[string]bool)
	for _, r := range results {
		spent := r.LaneTime.Seconds()
		if spent == 0 {
			spent = r.Elapsed.Seconds()
		}
		if spent == 0 {
			continue // not tried
		}
		p.Rows++
		p.LaneSeconds += spent
		p.Messages += r.Count.Copied
		p.Octets += r.Count.Octets
		hosts[r.Host1], hosts[r.Host2] = true, true
		if r.State == throughput.Done || r.State == throughput.Incomplete {
			samples = append(samples, plan.Sample{Seconds: spent, Messages: r.Count.Copied, Octets: r.Count.Octets})
		}
	}
	names := make([]string, 0, len(hosts))
	for name := range hosts {
		names = append(names, name)
	}
	slices.Sort(names)
	p.Hosts = strings.Join(names, " ")
	c := plan.Fit(samples)
	p.PerRow, p.PerMessage, p.PerOctet = c.PerRow, c.PerMessage, c.PerOctet
	return p
}
