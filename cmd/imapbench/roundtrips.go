package main

import (
	"bytes"
	"context"
	"sync"

	"github.com/imapfleet/imapfleet/pkg/imaptest"
)

// dialog counts how often the client of a connection speaks again after it has
// heard something. Behind a delay each time is a round trip that it has waited
// for: what it says without waiting leaves before anything comes back.
type dialog struct {
	mu     sync.Mutex
	asked  bool // it has said LOGIN or AUTHENTICATE
	heard  bool // something since it spoke
	spoken int  // after login
}

// octets is told of what passes at the client's end.
func (d *dialog) octets(dir imaptest.Direction, b []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case dir == imaptest.Down:
		d.heard = true
	case d.asked && d.heard:
		d.spoken++
		d.heard = false
	default:
		d.heard = false
		d.asked = d.asked || bytes.Contains(b, []byte(" LOGIN ")) || bytes.Contains(b, []byte(" AUTHENTICATE "))
	}
}

// dialogs are those through one proxy.
type dialogs struct {
	mu sync.Mutex
	by map[int]*dialog // connection
}

func (ds *dialogs) octets(conn int, dir imaptest.Direction, b []byte) {
	ds.mu.Lock()
	if ds.by == nil {
		ds.by = make(map[int]*dialog)
	}
	if ds.by[conn] == nil {
		ds.by[conn] = new(dialog)
	}
	d := ds.by[conn]
	ds.mu.Unlock()
	d.octets(dir, b)
}

// most is the count of the connection with the most round trips.
func (ds *dialogs) most() int {
	ds.mu.Lock()
	defer ds.mu.Unlock()
	n := 0
	for _, d := range ds.by {
		d.mu.Lock()
		n = max(n, d.spoken)
		d.mu.Unlock()
	}
	return n
}

// countRoundTrips runs imapfleet once more and listens at the proxies.
func (t *trial) countRoundTrips(ctx context.Context) (map[string]int, error) {
	var heard [2]dialogs
	for i, p := range t.b.site.proxies {
		opt := t.b.site.far
		opt.Tap = heard[i].octets
		p.Set(opt)
		defer p.Set(t.b.site.far)
	}
	if _, err := t.fleet.run(ctx); err != nil {
		return nil, err
	}
	if _, err := t.fleet.check(t.accounts, again); err != nil {
		return nil, err
	}
	return map[string]int{"source": heard[0].most(), "destination": heard[1].most()}, nil
}
