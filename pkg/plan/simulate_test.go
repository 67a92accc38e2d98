package plan

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"
	_ "time/tzdata" // Windows has none

	"github.com/imapfleet/imapfleet/pkg/ratelimit"
)

// fleet makes accounts of so many octets each, from host 0 to host 1.
func fleet(octets ...int64) *Fleet {
	f := &Fleet{Hosts: []Host{{Name: "old"}, {Name: "new"}}}
	for i, n := range octets {
		f.Accounts = append(f.Accounts, Account{Line: i + 1, Octets: n, Left: n, Dest: 1})
	}
	return f
}

// linear is a rate of so many octets a second of each lane.
func linear(perLane float64) *Rates {
	return &Rates{Curve: []Point{{1, perLane}}, Linear: true, Share: 1}
}

// flat is a rate that all lanes share.
func flat(total float64) *Rates {
	return &Rates{Curve: []Point{{1, total}, {2, total}}, Share: 1}
}

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

func schedule(t *testing.T, text string) ratelimit.Schedule {
	t.Helper()
	s, err := ratelimit.ParseSchedule(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func hours(t *testing.T, text string) Hours {
	t.Helper()
	h, err := ParseHours(text)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func wall(t *testing.T, f *Fleet, opt Options, r *Rates) Outcome {
	t.Helper()
	if opt.Start.IsZero() {
		opt.Start = noon
	}
	o, err := Simulate(f, opt, r, Order(f), First, 1, Likely, true)
	if err != nil {
		t.Fatal(err)
	}
	var want float64
	for _, a := range f.Accounts {
		want += float64(a.Left)
	}
	if math.Abs(o.Octets-want) > 1e-6*want+1e-6 {
		t.Errorf("copied %v octets of %v", o.Octets, want)
	}
	return o
}

func TestSimulate(t *testing.T) {
	const h = 3600.0
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	at := func(month time.Month, day, hour int) time.Time {
		return time.Date(2026, month, day, hour, 0, 0, 0, berlin)
	}
	twoHosts := func() *Fleet { // two sources, one destination
		f := fleet(100, 100, 100, 100)
		f.Hosts = append(f.Hosts, Host{Name: "older"})
		f.Accounts[2].Source, f.Accounts[3].Source = 2, 2
		return f
	}
	daily := func(source, dest int64, octets ...int64) *Fleet {
		f := fleet(octets...)
		f.Hosts[0].Daily[0], f.Hosts[1].Daily[1] = source, dest
		return f
	}
	tests := []struct {
		name  string
		fleet *Fleet
		opt   Options
		rates *Rates
		want  float64
	}{
		{"nothing", fleet(), Options{Lanes: 4}, linear(1), 0},
		{"empty accounts", fleet(0, 0), Options{Lanes: 1}, linear(1), 0},
		{"empty accounts take their logins", fleet(0, 0, 0), Options{Lanes: 1}, &Rates{Curve: []Point{{1, 1}}, Linear: true, Share: 1, PerRow: 2 * time.Second}, 6},
		{"one lane", fleet(100, 200, 300), Options{Lanes: 1}, linear(10), 60},
		{"one lane with logins", fleet(100, 200), Options{Lanes: 1}, &Rates{Curve: []Point{{1, 10}}, Linear: true, Share: 1, PerRow: 5 * time.Second}, 40},
		{"largest first", fleet(10, 10, 10, 30), Options{Lanes: 2}, linear(1), 30},
		{"a giant decides", fleet(10, 1000, 10), Options{Lanes: 2}, linear(1), 1000},
		// 20 s together, then the giant alone, on two lanes.
		{"a giant gets the free lanes", fleet(20, 1020), Options{Lanes: 2, LanesPerAccount: 2}, linear(1), 20 + 500},
		{"no more than its share", fleet(1020), Options{Lanes: 8, LanesPerAccount: 3}, linear(1), 340},
		{"lanes share the rate", fleet(100, 100), Options{Lanes: 2}, flat(10), 20},
		{"a lane alone has it all", fleet(100, 300), Options{Lanes: 2}, flat(10), 40},
		{"four rows on a host that takes one", fleet(10, 10, 10, 10), Options{Lanes: 4, MaxPerHost: 1}, linear(1), 40},
		{"two machines, so two rows on it", fleet(10, 10, 10, 10), Options{Lanes: 4, MaxPerHost: 1, Machines: 2}, linear(1), 20},
		{"the destination takes three", twoHosts(), Options{Lanes: 4, MaxPerHost: 3}, linear(1), 200},
		{"logins are spaced", fleet(1, 1, 1, 1), Options{Lanes: 4, LoginsPerSecond: 0.5}, linear(1), 6 + 1},
		// 250 of 100 a day: two days and then 50 octets.
		{"a day's budget", daily(100, 0, 250), Options{Lanes: 1}, linear(10), 2*24*h + 5},
		{"the smaller budget", daily(200, 100, 250), Options{Lanes: 1}, linear(10), 2*24*h + 5},
		{"a budget that lasts", daily(0, 300, 250), Options{Lanes: 1}, linear(10), 25},
		{"a budget that takes longer than a day", daily(10*86400*2, 0, 10*86400*3), Options{Lanes: 1}, linear(10), 3 * 86400},
		{"a parked row leaves its lane", daily(100, 0, 200, 100), Options{Lanes: 1}, linear(10), 24*h + 10},
		// An hour at 10 from noon on, then the rest at 5.
		{"a limit by the clock", fleet(10<<10*3600 + 5<<10*1800), Options{Lanes: 1, Limit: schedule(t, "12:00,off 13:00,5KiB")}, linear(10 << 10), 5400},
		{"a limit that limits", fleet(2000 * 1024), Options{Lanes: 2, LanesPerAccount: 1, Limit: schedule(t, "12:00,10KiB 12:01,20KiB")}, linear(1 << 20), 60 + 70},
		{"within the hours", fleet(3600), Options{Lanes: 1, Hours: hours(t, "11:00-14:00")}, linear(1), h},
		{"begins with the hours", fleet(3600), Options{Lanes: 1, Hours: hours(t, "20:00-06:00")}, linear(1), 9 * h},
		{"over midnight", fleet(9 * 3600), Options{Lanes: 1, Hours: hours(t, "20:00-06:00")}, linear(1), 17 * h},
		{"goes on the next night", fleet(11 * 3600), Options{Lanes: 1, Hours: hours(t, "20:00-06:00")}, linear(1), (8 + 10 + 14 + 1) * h},
		{"logs in again the next night", fleet(3600 + 100), Options{Lanes: 1, Hours: hours(t, "11:00-13:00")},
			&Rates{Curve: []Point{{1, 1}}, Linear: true, Share: 1, PerRow: 10 * time.Second}, 23*h + 10 + 110},
		// The night in which clocks go from 2 to 3: 20 to 6 is 9 hours.
		{"clocks go forward", fleet(9*3600 + 60), Options{Lanes: 1, Start: at(3, 28, 20), Hours: hours(t, "20:00-06:00")}, linear(1), (9+14)*h + 60},
		{"clocks go back", fleet(11 * 3600), Options{Lanes: 1, Start: at(10, 24, 20), Hours: hours(t, "20:00-06:00")}, linear(1), 11 * h},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := wall(t, tt.fleet, tt.opt, tt.rates)
			if math.Abs(o.Wall-tt.want) > 1e-3*max(1, tt.want*1e-3) {
				t.Errorf("%v s, want %v", o.Wall, tt.want)
			}
			for i, ended := range o.Ended {
				if ended < o.Began[i] || ended > o.Wall || o.Began[i] < 0 {
					t.Errorf("account %d from %v to %v of %v", i, o.Began[i], ended, o.Wall)
				}
			}
		})
	}
}

// Messages count as the rates say.
func TestSimulateMessages(t *testing.T) {
	r := &Rates{Curve: []Point{{1, 1000}}, Linear: true, Mean: 100, Share: 0.5}
	f := fleet(1000, 1000)
	f.Accounts[0].LeftMessages = 10 // as those measured
	f.Accounts[1].LeftMessages = 50 // small ones
	if o := wall(t, f, Options{Lanes: 1}, r); math.Abs(o.Wall-(1+3)) > 1e-9 {
		t.Errorf("%v s, want 4", o.Wall)
	}
}

func TestSimulateNever(t *testing.T) {
	f := fleet(1 << 40)
	f.Hosts[0].Daily[0] = 1 << 20
	if _, err := Simulate(f, Options{Lanes: 1, Start: noon}, linear(1<<20), Order(f), First, 1, Likely, false); !errors.Is(err, ErrNever) {
		t.Errorf("error %v", err)
	}
	if _, err := Simulate(f, Options{Lanes: 1, Start: noon}, &Rates{}, Order(f), First, 1, Likely, false); !errors.Is(err, ErrNever) {
		t.Errorf("no rate: error %v", err)
	}
}

// TestSimulateYears: after months seconds are no longer exact to the nanosecond,
// in which a clock stands that is that of now: time goes on all the same.
func TestSimulateYears(t *testing.T) {
	const years = 20 * 365 * 24 * 3600
	for ns := range 5 {
		start := noon.Add(time.Duration(123456789 + ns))
		for what, opt := range map[string]Options{
			"hours": {Lanes: 1, Start: start, Hours: hours(t, "20:00-06:00")},
			"limit": {Lanes: 1, Start: start, Limit: schedule(t, "08:00,1KiB 19:00,off")},
		} {
			if o := wall(t, fleet(years/2<<10), opt, linear(1<<10)); o.Wall < years/2 || o.Wall > 2*years {
				t.Errorf("%s, %d ns: %v s", what, ns, o.Wall)
			}
		}
	}
}

// some makes a fleet at random.
func some(rnd *rand.Rand) *Fleet {
	f := &Fleet{}
	for i := range 2 + rnd.IntN(4) {
		f.Hosts = append(f.Hosts, Host{Name: fmt.Sprint(i)})
		if rnd.IntN(4) == 0 {
			f.Hosts[i].Daily[rnd.IntN(2)] = 100_000 + rnd.Int64N(5_000_000)
		}
	}
	for i := range rnd.IntN(200) {
		n := int64(math.Exp(rnd.Float64() * 16))
		f.Accounts = append(f.Accounts, Account{Line: i, Octets: n, Left: n, Messages: n / 1000, LeftMessages: n / 1000,
			Source: int32(rnd.IntN(len(f.Hosts))), Dest: int32(rnd.IntN(len(f.Hosts)))})
	}
	return f
}

// More lanes are never later where each brings the same; more mail is never
// sooner; the best is never later than the likely, nor that than the worst; all
// is copied; lanes and hosts are never overbooked.
func TestSimulateProperties(t *testing.T) {
	for seed := range uint64(200) {
		rnd := rand.New(rand.NewPCG(seed, 6))
		f := some(rnd)
		opt := Options{Start: noon.Add(time.Duration(rnd.IntN(86400)) * time.Second), Lanes: 1 + rnd.IntN(20), LanesPerAccount: 1 + rnd.IntN(4)}
		r := linear(1000)
		r.PerRow = time.Duration(rnd.IntN(3000)) * time.Millisecond
		if rnd.IntN(2) == 0 {
			opt.Hours = hours(t, "20:00-06:00 12:00-12:30")
		}
		if rnd.IntN(2) == 0 {
			r.Mean, r.Share = 1000, rnd.Float64()
		}
		r.Spread = rnd.Float64()
		if seed%4 == 0 { // without what makes more lanes no gain
			plain := opt
			plain.Hours = Hours{}
			for i := range f.Hosts {
				f.Hosts[i].Daily = [2]int64{}
			}
			plain.LanesPerAccount = 1
			few := wall(t, f, plain, r).Wall
			plain.Lanes++
			if more := wall(t, f, plain, r).Wall; more > few*(1+1e-9) {
				t.Errorf("seed %d: %d lanes take %v, one less %v", seed, plain.Lanes, more, few)
			}
		}
		if rnd.IntN(2) == 0 {
			opt.MaxPerHost = 1 + rnd.IntN(5)
		}
		if rnd.IntN(2) == 0 {
			opt.LoginsPerSecond = 0.1 + rnd.Float64()
		}
		order := Order(f)
		play := func(scale float64, o Outlook) float64 {
			out, err := Simulate(f, opt, r, order, First, scale, o, false)
			if err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			return out.Wall
		}
		wall(t, f, opt, r)
		if opt.MaxPerHost == 0 && opt.LoginsPerSecond == 0 && opt.LanesPerAccount == 1 && opt.Hours.String() == "" {
			if small, large := play(1, Likely), play(1.3, Likely); large < small*(1-1e-9) {
				t.Errorf("seed %d: more mail takes %v, less %v", seed, large, small)
			}
			if best, likely, worst := play(1, Best), play(1, Likely), play(1, Worst); best > likely*(1+1e-9) || likely > worst*(1+1e-9) {
				t.Errorf("seed %d: %v, %v, %v", seed, best, likely, worst)
			}
		}
	}
}

// half a million accounts take some ten octets of memory each, beside what the
// caller holds, and a few steps.
func TestSimulateHalfAMillion(t *testing.T) {
	n := 500_000
	if testing.Short() {
		n = 50_000
	}
	f := Imagined{Accounts: n, Mean: 800e6}.Fleet()
	opt := Options{Start: noon, Lanes: 64, LanesPerAccount: 4, MaxPerHost: 60, LoginsPerSecond: 50}
	order := Order(f)
	r := &Rates{Curve: []Point{{1, 10 << 20}, {8, 60 << 20}, {64, 300 << 20}}, Share: 0.5, Mean: 75 << 10, PerRow: time.Second}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	o, err := Simulate(f, opt, r, order, First, 1, Likely, false)
	runtime.ReadMemStats(&after)
	if err != nil {
		t.Fatal(err)
	}
	if o.Events > 4*n {
		t.Errorf("%d steps for %d accounts", o.Events, n)
	}
	if grown := float64(after.TotalAlloc-before.TotalAlloc) / float64(n); grown > 100 {
		t.Errorf("%.0f octets of memory an account", grown)
	}
}

func BenchmarkSimulate500k(b *testing.B) {
	f := Imagined{Accounts: 500_000, Mean: 800e6}.Fleet()
	opt := Options{Start: noon, Lanes: 64, LanesPerAccount: 4, MaxPerHost: 60, LoginsPerSecond: 50}
	order := Order(f)
	r := &Rates{Curve: []Point{{1, 10 << 20}, {64, 300 << 20}}, Share: 0.5, Mean: 75 << 10, PerRow: time.Second}
	for b.Loop() {
		if _, err := Simulate(f, opt, r, order, First, 1, Likely, false); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMake500k(b *testing.B) {
	f := Imagined{Accounts: 500_000, Mean: 800e6}.Fleet()
	sizes, err := Fill(f, 0)
	if err != nil {
		b.Fatal(err)
	}
	h, _ := ParseHours("20:00-06:00")
	in := Input{Fleet: f, Sizes: sizes, Change: 0.01, Who: func(int) string { return "x" },
		Options: Options{Start: noon, Lanes: 64, LanesPerAccount: 4, LoginsPerSecond: 50, Hours: h},
		Rates:   Rates{Curve: []Point{{1, 10 << 20}, {64, 300 << 20}}, Share: 0.5, Mean: 75 << 10, PerRow: time.Second}}
	for b.Loop() {
		if _, err := Make(in); err != nil {
			b.Fatal(err)
		}
	}
}
