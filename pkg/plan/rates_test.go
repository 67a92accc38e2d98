package plan

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/imapfleet/imapfleet/pkg/throughput"
)

func near(a, b float64) bool { return math.Abs(a-b) <= 1e-6*max(1, math.Abs(a), math.Abs(b)) }

func TestTotal(t *testing.T) {
	curve := []Point{{1, 10}, {2, 18}, {4, 30}, {8, 28}}
	given, err := GivenRates(100, 0, 10)
	if err != nil {
		t.Fatal(err)
	}
	both, err := GivenRates(100, 20, 10)
	if err != nil {
		t.Fatal(err)
	}
	each, err := GivenRates(0, 20, 10)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name            string
		rates           Rates
		lanes, machines int
		o               Outlook
		want            float64
	}{
		{"no lane", Rates{Curve: curve}, 0, 1, Likely, 0},
		{"a point", Rates{Curve: curve}, 2, 1, Likely, 18},
		{"between", Rates{Curve: curve}, 3, 1, Likely, 23.5},
		{"never falls", Rates{Curve: curve}, 8, 1, Likely, 29},
		{"before a fall", Rates{Curve: curve}, 4, 1, Likely, 29},
		{"before a fall, at best", Rates{Curve: curve}, 4, 1, Best, 30},
		{"falls all the way", Rates{Curve: []Point{{1, 30}, {2, 20}, {4, 10}}}, 1, 1, Likely, 20},
		{"beyond a fall", Rates{Curve: curve}, 16, 1, Likely, 29},
		{"beyond, at best", Rates{Curve: curve}, 16, 1, Best, 60},
		{"beyond, at worst", Rates{Curve: curve[:3]}, 16, 1, Worst, 30},
		// 2/18 and 4/30: 0.1111 and 0.1333 lanes a unit, 0.0111 more each: 16/(0.0889+0.1778).
		{"beyond", Rates{Curve: curve[:3]}, 16, 1, Likely, 60},
		{"of one point, fewer", Rates{Curve: []Point{{4, 40}}}, 1, 1, Likely, 16},
		{"of one point, more", Rates{Curve: []Point{{4, 40}}}, 12, 1, Likely, 60},
		{"of one point, more at worst", Rates{Curve: []Point{{4, 40}}}, 12, 1, Worst, 40},
		{"of one point, more at best", Rates{Curve: []Point{{4, 40}}}, 12, 1, Best, 120},
		{"below the first", Rates{Curve: []Point{{4, 40}, {8, 60}}}, 1, 1, Likely, 10},
		{"spread", Rates{Curve: curve, Spread: 0.5}, 2, 1, Best, 27},
		{"spread, at worst", Rates{Curve: curve, Spread: 0.5}, 2, 1, Worst, 12},
		{"corrected", Rates{Curve: curve, Slower: 2}, 2, 1, Likely, 9},
		{"two machines at best", Rates{Curve: curve[:3]}, 4, 2, Best, 36},
		{"two machines at worst", Rates{Curve: curve[:3]}, 4, 2, Worst, 30},
		{"two machines on a server that is full", Rates{Curve: curve[:3], Dest: []Point{{1, 20}, {4, 32}, {8, 32}}}, 8, 2, Best, 60},
		{"given", given, 10, 1, Likely, 100},
		{"given, one lane", given, 1, 1, Likely, 10},
		{"given, more lanes", given, 40, 1, Best, 100 * 1.2},
		{"given both", both, 3, 1, Likely, 60},
		{"given both, all", both, 10, 1, Likely, 100},
		{"given for each", each, 10, 1, Likely, 200},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.rates.Total(tt.lanes, tt.machines, tt.o); !near(got, tt.want) {
				t.Errorf("%v, want %v", got, tt.want)
			}
		})
	}
}

// The best is never below the likely, nor that below the worst, and no lane more
// brings less.
func TestTotalOrder(t *testing.T) {
	for seed := range uint64(300) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		var points []Point
		for lanes := 1 + rnd.IntN(4); lanes < 30 && len(points) < 1+rnd.IntN(5); lanes += 1 + rnd.IntN(8) {
			points = append(points, Point{float64(lanes), 1 + 100*rnd.Float64()})
		}
		r := Rates{Curve: curveOf(points)}
		if rnd.IntN(3) == 0 {
			r.Dest = curveOf([]Point{{1, 1 + 100*rnd.Float64()}, {4, 1 + 100*rnd.Float64()}})
		}
		machines := 1 + rnd.IntN(3)
		before := [3]float64{}
		for lanes := 1; lanes < 80; lanes++ {
			var at [3]float64
			for i, o := range []Outlook{Worst, Likely, Best} {
				at[i] = r.Total(lanes, machines, o)
				if at[i] < before[i]*(1-1e-9) {
					t.Errorf("seed %d, outlook %d: %d lanes %v, one less %v", seed, o, lanes, at[i], before[i])
				}
			}
			if at[0] > at[1]*(1+1e-9) || at[1] > at[2]*(1+1e-9) {
				t.Errorf("seed %d, %d lanes on %d machines of %v: %v", seed, lanes, machines, r.Curve, at)
			}
			before = at
		}
	}
}

// What a lane spends is found again from what it spent.
func TestFit(t *testing.T) {
	tests := []struct {
		name string
		want Costs
	}{
		{"all", Costs{0.5, 0.002, 1e-8}},
		{"octets alone", Costs{0, 0, 3e-8}},
		{"messages alone", Costs{0, 0.01, 0}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(7, 7))
			var samples []Sample
			for range 200 {
				s := Sample{Messages: rnd.Int64N(20_000), Octets: rnd.Int64N(2e9)}
				s.Seconds = tt.want.PerRow + tt.want.PerMessage*float64(s.Messages) + tt.want.PerOctet*float64(s.Octets)
				samples = append(samples, s)
			}
			got := Fit(samples)
			var miss float64
			for _, s := range samples {
				told := got.PerRow + got.PerMessage*float64(s.Messages) + got.PerOctet*float64(s.Octets)
				miss = max(miss, math.Abs(told-s.Seconds)/s.Seconds)
			}
			if got.PerRow < 0 || got.PerMessage < 0 || got.PerOctet < 0 || miss > 0.25 {
				t.Errorf("%+v, want %+v; off by %v at most", got, tt.want, miss)
			}
		})
	}
}

// Accounts that are alike do not tell octets from messages: each counts half.
func TestFitAlike(t *testing.T) {
	var samples []Sample
	for i := range 5 {
		n := int64(1000 * (i + 1))
		samples = append(samples, Sample{Seconds: float64(n) / 100, Messages: n, Octets: n * 75 << 10})
	}
	c := Fit(samples)
	byOctet, byMessage := c.PerOctet*(75<<10), c.PerMessage
	if math.Abs(byOctet-byMessage) > 0.02*byOctet {
		t.Errorf("%+v: %v by octet, %v by message", c, byOctet, byMessage)
	}
	if got := Fit(nil); got != (Costs{}) {
		t.Errorf("nothing: %+v", got)
	}
	if got := Fit([]Sample{{Seconds: 3}, {Seconds: 1}}); got.PerRow < 1 || got.PerRow > 3 || got.PerMessage != 0 || got.PerOctet != 0 {
		t.Errorf("empty rows: %+v", got)
	}
}

func TestReadProbe(t *testing.T) {
	const good = `{"source":[{"lanes":1,"seconds":5,"mib_per_second":20,"messages_per_second":300,"latency_seconds":0.01}],
		"destination":[{"lanes":1,"seconds":5,"mib_per_second":10,"messages_per_second":150}],
		"both":[{"lanes":4,"seconds":5,"mib_per_second":30,"messages_per_second":480},{"lanes":1,"seconds":5,"mib_per_second":10,"messages_per_second":160}],
		"round_trip_seconds1":0.02,"round_trip_seconds2":0.05,"logins_per_second1":4,"logins_per_second2":0,"verdict":"x"}`
	r, err := ReadProbe(strings.NewReader(good))
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Curve) != 2 || r.Curve[0] != (Point{1, 10 << 20}) || len(r.Source) != 1 || len(r.Dest) != 1 || !near(r.Mean, 65536) || r.PerRow.Seconds() != 0.6 {
		t.Errorf("%+v", r)
	}
	r, err = ReadProbe(strings.NewReader(strings.Replace(good, `"verdict"`, `"server1":{"connect_seconds":0.1,"tls_seconds":0.2,"login_seconds":0.3},"verdict"`, 1)))
	if err != nil || math.Abs(r.PerRow.Seconds()-0.9) > 1e-6 {
		t.Errorf("%v: a row takes %v", err, r.PerRow)
	}
	r, err = ReadProbe(strings.NewReader(strings.Replace(good, `"verdict"`, `"mailboxes_per_account":8,"mailbox_seconds":0.05,"octet_share":0.3,"verdict"`, 1)))
	if err != nil || r.Making.Seconds() != 0.4 || r.PerRow.Seconds() != 0.6 || r.Share != 0.3 {
		t.Errorf("%v: %+v", err, r)
	}
	r, err = ReadProbe(strings.NewReader(strings.Replace(good, `"verdict"`, `"octet_share":1.5,"verdict"`, 1)))
	if err != nil || r.Share != evenShare {
		t.Errorf("%v: octets have %v of the time", err, r.Share)
	}
	for name, text := range map[string]string{
		"many mailboxes":  `{"both":[{"lanes":1,"mib_per_second":3}],"mailboxes_per_account":1e9,"mailbox_seconds":1e9}`,
		"fewer than none": `{"both":[{"lanes":1,"mib_per_second":3}],"mailboxes_per_account":-1,"mailbox_seconds":1}`,
		"empty":           "", "no JSON": "lanes 1", "nothing copied": `{"both":[]}`, "no rate": `{"both":[{"lanes":1,"mib_per_second":0}]}`,
		"negative": `{"both":[{"lanes":1,"mib_per_second":-3}]}`, "no lanes": `{"both":[{"lanes":0,"mib_per_second":3}]}`,
		"slow logins": `{"both":[{"lanes":1,"mib_per_second":3}],"logins_per_second1":1e-9}`, "a list": `[1]`,
		"another type": `{"both":"x"}`,
	} {
		if _, err := ReadProbe(strings.NewReader(text)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func FuzzReadProbe(f *testing.F) {
	f.Add(`{"both":[{"lanes":4,"seconds":5,"mib_per_second":30,"messages_per_second":480}],"round_trip_seconds1":0.02}`)
	f.Add(`{"both":[{"lanes":9223372036854775807,"mib_per_second":1e300},{"lanes":1,"mib_per_second":1e-300}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		r, err := ReadProbe(strings.NewReader(text))
		if err != nil {
			return
		}
		for _, lanes := range []int{1, 7, 1000} {
			for _, o := range []Outlook{Worst, Likely, Best} {
				if got := r.Total(lanes, 2, o); !(got > 0) || r.work(1000, 3) < 0 {
					t.Errorf("%d lanes: %v", lanes, got)
				}
			}
		}
	})
}

// The rates of runs are found again from what they took.
func TestRunRates(t *testing.T) {
	c := Costs{PerRow: 0.5, PerMessage: 0.0005, PerOctet: 1e-8}
	run := func(lanes int, slow float64) Run {
		r := Run{Parallel: lanes, Rows: 10, Messages: 20_000, Octets: 1e9, Costs: Costs{c.PerRow, c.PerMessage * slow, c.PerOctet * slow}}
		r.LaneSeconds = 5 + slow*(10+10)
		r.Seconds = r.LaneSeconds / float64(lanes)
		return r
	}
	r, ok := RunRates([]Run{run(1, 1), run(4, 2)})
	if !ok || len(r.Curve) != 2 || !near(r.Share, 0.5) || !near(r.Mean, 50_000) || r.PerRow.Seconds() != 0.5 {
		t.Fatalf("%+v", r)
	}
	if !near(r.Curve[0].Octets, 1e9/20) || !near(r.Curve[1].Octets, 4*1e9/40) {
		t.Errorf("curve %v", r.Curve)
	}
	knee := run(8, 2)
	knee.Knee = []throughput.Step{{Lanes: 2, Seconds: 3, MiBPerSecond: 50, MessagesPerSecond: 50 * mebi / 50_000.0}, {Lanes: 8, Seconds: 3, MiBPerSecond: 100, MessagesPerSecond: 100 * mebi / 50_000.0}}
	if r, _ := RunRates([]Run{knee}); len(r.Curve) != 2 || !near(r.Curve[1].Octets, 100*mebi) {
		t.Errorf("knee %v", r.Curve)
	}
	for name, small := range map[string]Run{"none": {}, "short": {Seconds: 0.1, Parallel: 4, LaneSeconds: 0.3, Rows: 3, Octets: 1 << 30},
		"little": {Seconds: 10, Parallel: 4, LaneSeconds: 30, Rows: 300, Octets: 1000, Messages: 2}} {
		if _, ok := RunRates([]Run{small}); ok {
			t.Errorf("%s: a run that says nothing counts", name)
		}
	}
	if _, ok := RunRates(nil); ok {
		t.Error("no run has rates")
	}
}

// How far rates may be off is what runs of all numbers of lanes say together, and
// the same each time.
func TestRunRatesSpread(t *testing.T) {
	var runs []Run
	for lanes, seconds := range map[int][]float64{1: {10, 10, 10}, 2: {10, 12, 14}, 4: {10}, 8: {9, 10, 11}} {
		for _, s := range seconds {
			runs = append(runs, Run{Parallel: lanes, Rows: 1, Octets: 1e9, Seconds: s, LaneSeconds: s * float64(lanes)})
		}
	}
	square := func(seconds ...float64) (sum float64) {
		var mean float64
		for _, s := range seconds {
			mean += math.Log(s) / float64(len(seconds))
		}
		for _, s := range seconds {
			sum += (math.Log(s) - mean) * (math.Log(s) - mean)
		}
		return sum
	}
	want := 1.96 * math.Sqrt((square(10, 12, 14)+square(9, 10, 11))/(2+2+2))
	first, ok := RunRates(runs)
	if !ok || !near(first.Spread, want) {
		t.Errorf("%v: spread %v, want %v", ok, first.Spread, want)
	}
	for range 100 {
		if r, _ := RunRates(runs); r.Spread != first.Spread {
			t.Fatalf("another spread: %v, was %v", r.Spread, first.Spread)
		}
	}
	if r, _ := RunRates(runs[:1]); r.Spread != plainSpread {
		t.Errorf("of one run: %v", r.Spread)
	}
}

func TestLearn(t *testing.T) {
	r := Rates{Spread: 0.2}
	r.Learn(nil)
	if r.Slower != 0 || r.Past != 0 {
		t.Errorf("from nothing: %+v", r)
	}
	r.Learn([]Past{{100, 400}, {0, 5}, {5, 0}})
	if !near(r.Slower, 2) || r.Past != 1 || r.Spread != 0.2 {
		t.Errorf("one outcome: %+v", r)
	}
	r.Learn([]Past{{100, 800}, {100, 800}, {100, 800}, {100, 800}, {100, 800}, {100, 1e-9}})
	if !near(r.Slower, math.Pow(8, 5.0/6)) || r.Past != 5 || r.Spread != leastSpread {
		t.Errorf("five outcomes that agree: %+v", r)
	}
}
