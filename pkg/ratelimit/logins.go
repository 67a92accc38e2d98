package ratelimit

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// LoginRate is how many logins there may be in a time. The zero value is no
// limit.
type LoginRate struct {
	N   int
	Per time.Duration // a second, a minute or an hour
}

var errLoginRate = errors.New("must be a number of logins per second, minute or hour, such as 20/s or 30/m, or off")

// ParseLoginRate reads 20/s, 30/m, 100/h or off.
func ParseLoginRate(text string) (LoginRate, error) {
	if text == "off" {
		return LoginRate{}, nil
	}
	number, unit, _ := strings.Cut(text, "/")
	n, err := strconv.Atoi(number)
	per := map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour}[unit]
	if err != nil || n < 1 || n > 1e6 || per == 0 {
		return LoginRate{}, errLoginRate
	}
	return LoginRate{n, per}, nil
}

// String is what ParseLoginRate reads.
func (r LoginRate) String() string {
	switch r.Per {
	case time.Second:
		return strconv.Itoa(r.N) + "/s"
	case time.Minute:
		return strconv.Itoa(r.N) + "/m"
	case time.Hour:
		return strconv.Itoa(r.N) + "/h"
	}
	return "off"
}

// Logins spaces the logins on each host: never two nearer to each other than
// the rate says. Its methods are safe for concurrent use.
type Logins struct {
	rate LoginRate

	mu    sync.Mutex // guards what follows
	hosts map[string]*rate.Limiter
}

// NewLogins returns Logins at rate r for each host.
func NewLogins(r LoginRate) *Logins {
	return &Logins{rate: r, hosts: make(map[string]*rate.Limiter)}
}

// Wait returns when the next login on host may begin, in the order of the
// calls. The error is ctx's, and then the place is given back. Upper and lower
// case are one.
func (l *Logins) Wait(ctx context.Context, host string) error {
	if l.rate.N <= 0 {
		return ctx.Err()
	}
	place := l.of(host).Reserve()
	t := time.NewTimer(place.Delay())
	defer t.Stop()
	select {
	case <-t.C:
		return ctx.Err()
	case <-ctx.Done():
		place.Cancel()
		return ctx.Err()
	}
}

func (l *Logins) of(host string) *rate.Limiter {
	host = strings.ToLower(host)
	l.mu.Lock()
	defer l.mu.Unlock()
	h := l.hosts[host]
	if h == nil {
		h = rate.NewLimiter(rate.Every(l.rate.Per/time.Duration(l.rate.N)), 1)
		l.hosts[host] = h
	}
	return h
}
