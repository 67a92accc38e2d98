package throughput

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"
)

// Activity is what a lane does at one instant: exactly one thing.
type Activity uint8

// The activities. The zero value is the lane's own work: what is left when it
// waits for nobody. Waiting for a server includes the way to it: the two are
// told apart by round trips, not here.
const (
	Local         Activity = iota // this machine's processor, or waiting for it
	SourceWait                    // the source is to answer or to send
	DestWait                      // the destination is to take octets or to answer
	SourceBraked                  // the source has asked to go slower
	DestBraked                    // the destination has
	SourceLimited                 // the user's own limit on octets or logins, at the source
	DestLimited                   // ... at the destination
	LedgerWait                    // the ledger is to be read or made durable
	activities
)

// String is the activity's name in JSON and in the columns of results.csv.
func (a Activity) String() string {
	if a >= activities {
		return "unknown"
	}
	return [activities]string{
		"local", "source_wait", "destination_wait", "source_throttled", "destination_throttled",
		"source_limit", "destination_limit", "ledger",
	}[a]
}

// Activities are all of them, in the order of columns.
func Activities() []Activity {
	out := make([]Activity, activities)
	for i := range out {
		out[i] = Activity(i)
	}
	return out
}

// Spent is lane time by activity: two lanes that wait for a second have spent
// two. The zero value is no time.
type Spent [activities]time.Duration

// Add adds o to s.
func (s *Spent) Add(o Spent) {
	for a, d := range o {
		s[a] += d
	}
}

// Minus is s without o.
func (s Spent) Minus(o Spent) Spent {
	for a, d := range o {
		s[a] -= d
	}
	return s
}

// Total is all of it.
func (s Spent) Total() (sum time.Duration) {
	for _, d := range s {
		sum += d
	}
	return sum
}

// Share is the part of the total that some activities took, from 0 to 1; 0 of
// no time.
func (s Spent) Share(of ...Activity) float64 {
	total := s.Total()
	if total <= 0 {
		return 0
	}
	var part time.Duration
	for _, a := range of {
		part += s[a]
	}
	return float64(part) / float64(total)
}

// Text is s in nanoseconds by activity, with blanks between, for ParseSpent.
func (s Spent) Text() string {
	var out []byte
	for i, d := range s {
		if i > 0 {
			out = append(out, ' ')
		}
		out = strconv.AppendInt(out, int64(d), 10)
	}
	return string(out)
}

// ParseSpent reads what Text has written. Text of an activity that is not
// there, and what is no number, is no time.
func ParseSpent(text string) (s Spent) {
	for a, word := range strings.Fields(text) {
		if n, err := strconv.ParseInt(word, 10, 64); err == nil && a < len(s) {
			s[a] = time.Duration(n)
		}
	}
	return s
}

// MarshalJSON gives seconds with 3 decimals by the activities' names.
func (s Spent) MarshalJSON() ([]byte, error) {
	out := make(map[string]float64, activities)
	for _, a := range Activities() {
		out[a.String()] = milli(s[a].Seconds())
	}
	return json.Marshal(out)
}

// UnmarshalJSON reads what MarshalJSON writes; what it does not know it leaves
// out.
func (s *Spent) UnmarshalJSON(raw []byte) error {
	var in map[string]float64
	if err := json.Unmarshal(raw, &in); err != nil {
		return err
	}
	*s = Spent{}
	for _, a := range Activities() {
		s[a] = time.Duration(math.Round(in[a.String()]*1000)) * time.Millisecond
	}
	return nil
}
