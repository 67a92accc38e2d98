package plan

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// Input is what a plan is made from.
type Input struct {
	Fleet   *Fleet // filled by Fill
	Sizes   Sizes
	Options Options
	Rates   Rates
	// Change is the part of an account's mail that is new within a day.
	Change float64
	Prices Prices
	// Who names an account, by its index.
	Who func(i int) string
}

// Prices are what a machine costs an hour, and 1 GB (10^9 octets) of copied mail;
// 0: nothing.
type Prices struct {
	Hour float64 `json:"hour"`
	GB   float64 `json:"gb"`
}

// Range is a figure with a low and a high.
type Range struct {
	Low    float64 `json:"low"`
	Likely float64 `json:"likely"`
	High   float64 `json:"high"`
}

// Phase is one pass over all accounts. Seconds is wall time, and Work what of it
// lies within the hours in which rows run.
type Phase struct {
	Seconds Range       `json:"seconds"`
	Work    Range       `json:"work_seconds"`
	Octets  int64       `json:"octets"`
	Start   time.Time   `json:"start"`
	Ends    time.Time   `json:"ends"`
	Between []time.Time `json:"ends_between"` // the earliest and the latest
	Cost    *Range      `json:"cost,omitempty"`
}

// Decider is an account that decides when the first pass ends, or would. Times are from its start.
type Decider struct {
	Line   int     `json:"line"`
	Who    string  `json:"account"`
	Octets int64   `json:"octets"`
	Begins float64 `json:"begins_seconds"`
	Ends   float64 `json:"ends_seconds"`
}

// WhatIf is the first pass with something changed.
type WhatIf struct {
	What     string `json:"what"`
	Lanes    int    `json:"lanes"` // of each machine
	Machines int    `json:"machines"`
	Seconds  Range  `json:"seconds"`
}

// Report is what a plan says. Its JSON is stable; fields are only ever added.
type Report struct {
	Sizes      Sizes       `json:"sizes"`
	Rates      RatesReport `json:"rates"`
	Lanes      int         `json:"lanes"` // of each machine
	Machines   int         `json:"machines"`
	PerAccount int         `json:"lanes_per_account"`
	Hours      string      `json:"hours,omitempty"`
	Limit      string      `json:"limit,omitempty"`
	Change     float64     `json:"change"`
	Prices     *Prices     `json:"prices,omitempty"`
	First      Phase       `json:"first_pass"`
	Tail       float64     `json:"tail_seconds"` // of First: after the last account has begun
	Delta      Phase       `json:"delta_pass"`
	Last       Phase       `json:"last_pass"`
	Deciding   []Decider   `json:"deciding"`
	// OneDecides: the first of Deciding takes so long that it decides the end, and
	// not how much there is in all.
	OneDecides  bool     `json:"one_decides"`
	WhatIf      []WhatIf `json:"what_if"`
	Assumptions []string `json:"assumptions"`
	// Raw is the likely work of First, before it was corrected by past outcomes.
	Raw float64 `json:"uncorrected_work_seconds"`
}

// RatesReport is what the rates were.
type RatesReport struct {
	Origin Origin  `json:"origin"`
	Curve  []Point `json:"both"`
	// Planned is the likely total at the planned number of lanes.
	Planned float64 `json:"octets_per_second"`
	Mean    float64 `json:"message_octets"`
	Share   float64 `json:"octet_share"`
	PerRow  float64 `json:"row_seconds"`
	Making  float64 `json:"mailboxes_seconds"` // of a row's first pass, beside PerRow
	Spread  float64 `json:"spread"`
	Slower  float64 `json:"correction"` // 1: none
	Past    int     `json:"outcomes"`
}

// deciding is how many accounts are named.
const deciding = 10

// planner makes a report.
type planner struct {
	in    Input
	order []int32
	after Rates // of the passes that follow the first
}

// Make plays all passes. The error is ErrNever.
func Make(in Input) (*Report, error) {
	p := &planner{in, Order(in.Fleet), in.Rates}
	p.after.Making = 0
	o := &in.Options
	rep := &Report{
		Sizes: in.Sizes, Lanes: max(1, o.Lanes), Machines: o.machines(), PerAccount: o.share(), Hours: o.Hours.String(),
		Change: in.Change, Rates: ratesReport(&in.Rates, o), Deciding: []Decider{}, WhatIf: []WhatIf{},
	}
	if o.Limit.Limits() {
		rep.Limit = o.Limit.String()
	}
	if in.Prices != (Prices{}) {
		rep.Prices = &in.Prices
	}
	first, err := p.phase(&rep.First, in.Options, &p.in.Rates, First, true)
	if err != nil {
		return nil, err
	}
	rep.Tail = milli(first.Wall - first.Tail)
	rep.Deciding, rep.OneDecides = p.deciders(first)
	if err := p.later(rep, first); err != nil {
		return nil, err
	}
	if rep.WhatIf, err = p.whatIf(); err != nil {
		return nil, err
	}
	if rep.Raw, err = p.raw(rep.First.Work.Likely); err != nil {
		return nil, err
	}
	rep.Assumptions = p.assumptions()
	return rep, nil
}

func ratesReport(r *Rates, o *Options) RatesReport {
	out := RatesReport{Origin: r.Origin, Curve: r.Curve, Planned: math.Round(r.Total(o.lanes(), o.machines(), Likely)),
		Mean: math.Round(r.Mean), Share: milli(r.Share), PerRow: milli(r.PerRow.Seconds()), Making: milli(r.Making.Seconds()), Spread: milli(r.Spread), Slower: 1, Past: r.Past}
	if r.Slower > 0 {
		out.Slower = milli(r.Slower)
	}
	return out
}

// milli rounds to 3 decimals, for JSON that a person may read too.
func milli(f float64) float64 { return math.Round(f*1000) / 1000 }

// play is one run with an outlook.
func (p *planner) play(opt Options, rates *Rates, load Load, o Outlook, ended bool) (Outcome, error) {
	scale := 1 + float64(o)*p.in.Sizes.Wrong()
	return Simulate(p.in.Fleet, opt, rates, p.order, load, scale, o, ended)
}

// phase plays a pass with all outlooks and returns the likely one.
func (p *planner) phase(into *Phase, opt Options, rates *Rates, load Load, ended bool) (likely Outcome, err error) {
	var all [3]Outcome
	for i, o := range []Outlook{Best, Likely, Worst} {
		if all[i], err = p.play(opt, rates, load, o, ended && o == Likely); err != nil {
			return likely, err
		}
	}
	likely = all[1]
	of := func(what func(*Outcome) float64) Range {
		return Range{milli(what(&all[0])), milli(what(&all[1])), milli(what(&all[2]))}
	}
	at := func(s float64) time.Time { return opt.Start.Add(seconds(s)).Round(time.Second) }
	*into = Phase{
		Seconds: of(func(o *Outcome) float64 { return o.Wall }), Work: of(func(o *Outcome) float64 { return o.Work }),
		Octets: int64(likely.Octets), Start: opt.Start, Ends: at(likely.Wall), Between: []time.Time{at(all[0].Wall), at(all[2].Wall)},
	}
	if prices := p.in.Prices; prices != (Prices{}) {
		cost := of(func(o *Outcome) float64 {
			return prices.Hour*o.Work/3600*float64(opt.machines()) + prices.GB*o.Octets/1e9
		})
		into.Cost = &cost
	}
	return likely, nil
}

// later plays the passes that follow the first one: one right after it, with the
// mail that has changed since each account's own, and the last one, with the mail
// of a day, which keeps to no hours.
func (p *planner) later(rep *Report, first Outcome) error {
	changed := func(i int, a *Account, days float64) (octets, messages float64) {
		part := min(1, p.in.Change*days)
		return part * float64(a.Octets), part * float64(a.Messages)
	}
	opt := p.in.Options
	opt.Start = rep.First.Ends
	_, err := p.phase(&rep.Delta, opt, &p.after, func(i int, a *Account) (float64, float64) {
		return changed(i, a, (first.Wall-first.Ended[i])/(24*3600))
	}, false)
	if err != nil {
		return err
	}
	opt.Start, opt.Hours = rep.Delta.Ends, Hours{}
	_, err = p.phase(&rep.Last, opt, &p.after, func(i int, a *Account) (float64, float64) { return changed(i, a, 1) }, false)
	return err
}

// deciders are the accounts that the end waits for, and whether the first of them
// decides it. Where none does they are those with the most left: they would, with
// lanes enough.
func (p *planner) deciders(first Outcome) (out []Decider, one bool) {
	accounts := p.in.Fleet.Accounts
	if len(accounts) == 0 {
		return []Decider{}, false
	}
	takes := func(i int) float64 { return first.Ended[i] - first.Began[i] }
	// Of those that end at about the same time the one that takes longest comes
	// first: the others could begin earlier.
	about := func(i int) float64 { return math.Floor((first.Wall - first.Ended[i]) / max(1e-9, first.Wall) * 100) }
	last := p.foremost(func(a, b int) int { return cmp.Or(cmp.Compare(about(a), about(b)), cmp.Compare(takes(b), takes(a))) })
	if one = takes(last[0]) >= (first.Wall-slices.Min(first.Began))/2; !one {
		last = p.foremost(func(a, b int) int { return cmp.Compare(accounts[b].Left, accounts[a].Left) })
	}
	for _, i := range last {
		a := &accounts[i]
		out = append(out, Decider{Line: a.Line, Who: p.in.Who(i), Octets: a.Left, Begins: milli(first.Began[i]), Ends: milli(first.Ended[i])})
	}
	return out, one
}

// foremost are the first few accounts in some order, the list's where that ties.
func (p *planner) foremost(order func(a, b int) int) []int {
	few := make([]int, 0, deciding+1)
	by := func(a, b int) int { return cmp.Or(order(a, b), cmp.Compare(a, b)) }
	for i := range p.in.Fleet.Accounts {
		if len(few) == deciding && by(i, few[deciding-1]) > 0 {
			continue
		}
		at, _ := slices.BinarySearchFunc(few, i, by)
		few = slices.Insert(few, at, i)
		few = few[:min(len(few), deciding)]
	}
	return few
}

// whatIf plays the first pass with more of what could be had.
func (p *planner) whatIf() ([]WhatIf, error) {
	o := p.in.Options
	type change struct {
		what string
		to   func(*Options)
	}
	changes := []change{
		{"half the lanes", func(o *Options) { o.Lanes = max(1, o.Lanes/2) }},
		{"2 times the lanes", func(o *Options) { o.Lanes *= 2 }},
		{"4 times the lanes", func(o *Options) { o.Lanes *= 4 }},
		{"2 times the machines", func(o *Options) { o.Machines = 2 * o.machines() }},
		{"4 times the machines", func(o *Options) { o.Machines = 4 * o.machines() }},
		{"2 times the lanes per account", func(o *Options) { o.LanesPerAccount = 2 * o.share() }},
	}
	if o.Lanes < 2 {
		changes = changes[1:]
	}
	if o.Hours.String() != "" {
		changes = append(changes, change{"no --hours", func(o *Options) { o.Hours = Hours{} }})
	}
	if o.Limit.Limits() {
		changes = append(changes, change{"no --limit", func(o *Options) { o.Limit = Options{}.Limit }})
	}
	if o.MaxPerHost > 0 {
		changes = append(changes, change{"no --max-per-host", func(o *Options) { o.MaxPerHost = 0 }})
	}
	out := []WhatIf{}
	for _, c := range changes {
		opt := o
		c.to(&opt)
		w := WhatIf{What: c.what, Lanes: max(1, opt.Lanes), Machines: opt.machines()}
		for outlook, into := range map[Outlook]*float64{Best: &w.Seconds.Low, Likely: &w.Seconds.Likely, Worst: &w.Seconds.High} {
			outcome, err := p.play(opt, &p.in.Rates, First, outlook, false)
			if err != nil {
				return nil, err
			}
			*into = milli(outcome.Wall)
		}
		out = append(out, w)
	}
	return out, nil
}

// raw is the likely work of the first pass without the correction.
func (p *planner) raw(corrected float64) (float64, error) {
	if p.in.Rates.Slower == 0 || p.in.Rates.Slower == 1 {
		return corrected, nil
	}
	r := p.in.Rates
	r.Slower = 0
	outcome, err := Simulate(p.in.Fleet, p.in.Options, &r, p.order, First, 1, Likely, false)
	return milli(outcome.Work), err
}
