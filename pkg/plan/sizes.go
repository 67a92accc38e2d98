package plan

import (
	"errors"
	"fmt"
	"math"
)

// Sizes is what is known of how much mail there is.
type Sizes struct {
	Accounts int   `json:"accounts"`
	Done     int   `json:"done"` // nothing is left of a first pass
	Octets   int64 `json:"octets"`
	Left     int64 `json:"octets_left"`
	Messages int64 `json:"messages"`
	// Error is how far Octets may be off, with a confidence of 95 %.
	Error    int64 `json:"octets_error"`
	Sampled  int   `json:"sampled"` // accounts whose size was estimated from some messages
	Unknown  int   `json:"unknown"` // accounts that are thought to be like the others
	Largest  int64 `json:"largest_octets"`
	Smallest int64 `json:"smallest_octets"`
}

// ErrNoSizes says that nothing is known of any account.
var ErrNoSizes = errors.New("the size of no account is known")

// Fill gives accounts of unknown size what the others have on average, or what was
// seen of them where that is more, and the same part of it left; and those
// without a number of messages as many as mean octets make, and adds up. mean 0
// stands for 75 KiB.
func Fill(f *Fleet, mean float64) (Sizes, error) {
	var known, octets, square, messages, counted float64
	for i := range f.Accounts {
		if a := &f.Accounts[i]; !a.Unknown {
			x := float64(a.Octets)
			known, octets, square = known+1, octets+x, square+x*x
			if a.Messages > 0 {
				messages, counted = messages+float64(a.Messages), counted+x
			}
		}
	}
	s := Sizes{Accounts: len(f.Accounts), Unknown: len(f.Accounts) - int(known)}
	if known == 0 && s.Unknown > 0 {
		return s, ErrNoSizes
	}
	if messages > 0 && counted > 0 {
		mean = counted / messages
	}
	if mean <= 0 {
		mean = typicalMessage
	}
	var variance float64
	for i := range f.Accounts {
		a := &f.Accounts[i]
		if a.Unknown {
			part := a.left()
			a.Octets = max(a.Octets, int64(octets/known))
			a.Left, a.Error = int64(part*float64(a.Octets)), 0
		}
		fillMessages(a, mean)
		s.add(a, i)
		variance += float64(a.Error) * float64(a.Error)
	}
	if u := float64(s.Unknown); u > 0 {
		// Each may differ from the mean, and the mean is one of so many.
		spread := octets / known // of one account nothing is known
		if known > 1 {
			spread = math.Sqrt(max(0, square-octets*octets/known) / (known - 1))
		}
		variance += 1.96 * 1.96 * spread * spread * (u + u*u/known)
	}
	s.Error = int64(math.Sqrt(variance))
	return s, nil
}

// typicalMessage is what a message has where nothing tells.
const typicalMessage = 75 << 10

func fillMessages(a *Account, mean float64) {
	if a.Messages == 0 {
		a.Messages = int64(math.Round(float64(a.Octets) / mean))
	}
	if a.LeftMessages == 0 && a.Left > 0 {
		a.LeftMessages = int64(math.Ceil(a.left() * float64(a.Messages)))
	}
}

// left is Left as a part of Octets; 1 where there are none.
func (a *Account) left() float64 {
	if a.Octets <= 0 {
		return 1
	}
	return float64(a.Left) / float64(a.Octets)
}

func (s *Sizes) add(a *Account, i int) {
	s.Octets += a.Octets
	s.Left += a.Left
	s.Messages += a.Messages
	s.Largest = max(s.Largest, a.Octets)
	if i == 0 || a.Octets < s.Smallest {
		s.Smallest = a.Octets
	}
	if a.Error > 0 {
		s.Sampled++
	}
}

// Wrong is Error as a part of Octets, at most 0.9.
func (s Sizes) Wrong() float64 {
	if s.Octets <= 0 {
		return 0
	}
	return min(0.9, float64(s.Error)/float64(s.Octets))
}

// Imagined says what accounts look like that no list names. Median 0: half of
// Mean; Largest 0: no bound.
type Imagined struct {
	Accounts              int
	Mean, Median, Largest int64 // octets of an account
	Message               int64 // octets of a message; 0: 75 KiB
}

// maxImagined is how many accounts may be imagined.
const maxImagined = 20_000_000

// Check refuses what makes no sense.
func (m Imagined) Check() error {
	switch {
	case m.Accounts < 1 || m.Accounts > maxImagined:
		return fmt.Errorf("--accounts: must be from 1 to %d", maxImagined)
	case m.Mean <= 0:
		return errors.New("--mean: say how large an account is on average, such as 800MB")
	case m.Median < 0 || m.Median > m.Mean:
		return errors.New("--median: must not be above --mean: a few large accounts make the mean the larger one")
	case m.Largest < 0 || m.Largest > 0 && m.Largest < m.Mean:
		return errors.New("--largest: must not be below --mean")
	case m.Message < 0:
		return errors.New("--message: must not be negative")
	}
	return nil
}

// Fleet makes the accounts, between two hosts: their sizes are the quantiles of a
// log-normal distribution with that mean and median, so they are always the same;
// what is above Largest is cut, and the others grow until the mean is kept.
func (m Imagined) Fleet() *Fleet {
	median, mean := float64(m.Median), float64(m.Mean)
	if median == 0 {
		median = mean / 2
	}
	sigma := math.Sqrt(2 * math.Log(mean/median))
	f := &Fleet{Accounts: make([]Account, m.Accounts), Hosts: []Host{{Name: "source"}, {Name: "destination"}}}
	sizes := make([]float64, m.Accounts)
	for i := range sizes {
		q := (float64(i) + 0.5) / float64(m.Accounts)
		sizes[i] = median * math.Exp(sigma*math.Sqrt2*math.Erfinv(2*q-1))
	}
	m.rescale(sizes)
	message := float64(m.Message)
	if message == 0 {
		message = typicalMessage
	}
	for i := range sizes {
		octets := int64(sizes[i])
		messages := int64(math.Ceil(sizes[i] / message))
		f.Accounts[i] = Account{Line: i + 1, Octets: octets, Left: octets, Messages: messages, LeftMessages: messages, Source: 0, Dest: 1}
	}
	return f
}

// rescale cuts what is too large and gives the sizes their mean. They rise.
func (m Imagined) rescale(sizes []float64) {
	most := math.Inf(1)
	if m.Largest > 0 {
		most = float64(m.Largest)
	}
	want := float64(m.Mean) * float64(len(sizes))
	for range 20 {
		var sum, free float64
		for i := range sizes {
			sizes[i] = min(sizes[i], most)
			sum += sizes[i]
			if sizes[i] < most {
				free += sizes[i]
			}
		}
		if free == 0 || math.Abs(want-sum) < want*1e-9 {
			return
		}
		grow := max(0, (want-(sum-free))/free)
		for i := range sizes {
			if sizes[i] < most {
				sizes[i] *= grow
			}
		}
	}
}
