package ratelimit

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// limiters are one for each rate.
func limiters(rates ...Rate) (out []*Limiter) {
	for _, r := range rates {
		out = append(out, New(r.Always()))
	}
	return out
}

// wrapped is a pipe whose near end is under limiters, in a bubble.
func wrapped(t *testing.T, read, write []*Limiter) (near, far net.Conn) {
	t.Helper()
	inner, far := net.Pipe()
	near = Wrap(inner, read, write)
	t.Cleanup(func() {
		near.Close()
		far.Close()
	})
	return near, far
}

const tenMiB = 10 << 20

// send writes n octets in pieces as large as wire's.
func send(t *testing.T, nc net.Conn, n int) {
	t.Helper()
	b := make([]byte, 256<<10)
	for n > 0 {
		sent, err := nc.Write(b[:min(n, len(b))])
		if err != nil {
			t.Errorf("write: %v", err)
			return
		}
		n -= sent
	}
}

func receive(t *testing.T, nc net.Conn, n int64) {
	t.Helper()
	if got, err := io.CopyN(io.Discard, nc, n); err != nil {
		t.Errorf("read %d of %d octets: %v", got, n, err)
	}
}

// Ten MiB take the time that the lowest rate gives; what goes the other way is
// not held up.
func TestConnRate(t *testing.T) {
	tests := []struct {
		name        string
		read, write []Rate
		reads       bool
		want        Rate
	}{
		{"read", []Rate{mib}, []Rate{kib}, true, mib},
		{"write", []Rate{kib}, []Rate{mib}, false, mib},
		{"read by two", []Rate{2 * mib, mib}, nil, true, mib},
		{"write by two", nil, []Rate{mib, 20 * mib}, false, mib},
		{"write by two alike", nil, []Rate{mib, mib}, false, mib},
		{"one of them off", nil, []Rate{0, mib}, false, mib},
		{"no limit", nil, nil, false, 1 << 40},
		{"off", []Rate{0}, []Rate{0}, true, 1 << 40},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				near, far := wrapped(t, limiters(tt.read...), limiters(tt.write...))
				from, to := near, far
				if tt.reads {
					from, to = far, near
				}
				go send(t, from, tenMiB)
				between(t, took(func() { receive(t, to, tenMiB) }), tenMiB, tt.want)
			})
		})
	}
}

// A limit for the run is one for all its connections; limits of hosts are one
// for each.
func TestConnsShare(t *testing.T) {
	for _, one := range []bool{true, false} {
		bubble(t, func(t *testing.T) {
			hosts := NewHosts(mib.Always())
			var all sync.WaitGroup
			total := took(func() {
				for _, host := range []string{"a", "b", "c", "d"} {
					if one {
						host = "a"
					}
					near, far := wrapped(t, nil, []*Limiter{hosts.Of(host)})
					all.Go(func() { send(t, near, tenMiB) })
					all.Go(func() { receive(t, far, tenMiB) })
				}
				all.Wait()
			})
			if one {
				between(t, total, 4*tenMiB, mib)
			} else {
				between(t, total, tenMiB, mib)
			}
		})
	}
}

// Close ends the wait of a Read and of a Write at once.
func TestConnClose(t *testing.T) {
	for _, reads := range []bool{true, false} {
		bubble(t, func(t *testing.T) {
			near, far := wrapped(t, limiters(kib), limiters(kib))
			errs := make(chan error, 1)
			if reads {
				go far.Write(make([]byte, 1<<20))
				go func() {
					_, err := io.Copy(io.Discard, near)
					errs <- err
				}()
			} else {
				go io.Copy(io.Discard, far)
				go func() {
					_, err := near.Write(make([]byte, 1<<20))
					errs <- err
				}()
			}
			time.Sleep(70 * time.Second) // the burst is over
			var err error
			if d := took(func() { near.Close(); err = <-errs }); d != 0 {
				t.Errorf("reads %v: waited %v more", reads, d)
			}
			if !errors.Is(err, net.ErrClosed) {
				t.Errorf("reads %v: %v", reads, err)
			}
			if err := near.Close(); err != nil {
				t.Errorf("closed twice: %v", err)
			}
		})
	}
}

// Octets that came before the end are handed on.
func TestConnEnd(t *testing.T) {
	bubble(t, func(t *testing.T) {
		near, far := wrapped(t, limiters(kib), nil)
		go func() {
			send(t, far, 100<<10)
			far.Close()
		}()
		if n, err := io.Copy(io.Discard, near); n != 100<<10 || err != nil {
			t.Errorf("%d octets, %v", n, err)
		}
	})
}

// The time of a deadline is the other end's: waiting for the limiter does not
// count, and then a silent end has exactly the rest.
func TestConnDeadline(t *testing.T) {
	const patience = 5 * time.Second
	tests := []struct {
		name string
		arm  func(nc net.Conn, at time.Time) error
		move func(nc net.Conn) (int, error)
		far  func(far net.Conn)
	}{
		{"write", net.Conn.SetWriteDeadline, writeAll, func(far net.Conn) { _, _ = io.CopyN(io.Discard, far, 192<<10) }},
		{"write, both", net.Conn.SetDeadline, writeAll, func(far net.Conn) { _, _ = io.CopyN(io.Discard, far, 192<<10) }},
		{"read", net.Conn.SetReadDeadline, readAll, func(far net.Conn) { _, _ = far.Write(make([]byte, 192<<10)) }},
		{"read, both", net.Conn.SetDeadline, readAll, func(far net.Conn) { _, _ = far.Write(make([]byte, 192<<10)) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				near, far := wrapped(t, limiters(kib), limiters(kib))
				if err := tt.arm(near, time.Now().Add(patience)); err != nil {
					t.Fatal(err)
				}
				go func() {
					time.Sleep(4 * time.Second)
					tt.far(far)
				}()
				var n int
				var err error
				d := took(func() { n, err = tt.move(near) })
				if n != 192<<10 || !errors.Is(err, os.ErrDeadlineExceeded) {
					t.Errorf("%d octets, %v", n, err)
				}
				// 192 KiB at 1 KiB/s less the burst of 64, and the other end's 5 s. A
				// Write has waited for the next turn of 8 KiB before the end.
				if d < 128*time.Second+patience || d > 136*time.Second+patience {
					t.Errorf("took %v", d)
				}
			})
		})
	}
}

func writeAll(nc net.Conn) (int, error) { return nc.Write(make([]byte, 256<<10)) }

// readAll reads as TLS does: much, under one deadline.
func readAll(nc net.Conn) (int, error) { return io.ReadFull(nc, make([]byte, 256<<10)) }

// A deadline that is set while octets wait runs from the end of the wait, and
// one that has passed already is passed then too; none stays none.
func TestConnDeadlineSetMeanwhile(t *testing.T) {
	tests := []struct {
		name string
		left time.Duration // of the deadline when it is set; 0: none is
		want time.Duration // that the Read after the wait takes
	}{
		{"ahead", 3 * time.Second, 3 * time.Second},
		{"passed", -time.Second, 0},
		{"none", 0, time.Hour},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				l := limiters(kib)
				l[0].Wait(nil, 64<<10) // the burst
				near, far := wrapped(t, l, nil)
				go func() { _, _ = far.Write(make([]byte, 8<<10)) }()
				time.AfterFunc(time.Hour+8*time.Second, func() { far.Close() })
				if err := near.SetReadDeadline(time.Now().Add(time.Second)); err != nil {
					t.Fatal(err)
				}
				go func() {
					time.Sleep(4 * time.Second)
					at := time.Time{}
					if tt.left != 0 {
						at = time.Now().Add(tt.left)
					}
					if err := near.SetReadDeadline(at); err != nil {
						t.Error(err)
					}
				}()
				b := make([]byte, 8<<10)
				if n, err := near.Read(b); n != len(b) || err != nil {
					t.Fatalf("%d octets, %v", n, err)
				}
				synctest.Wait()
				if d := took(func() { _, _ = near.Read(b) }); d != tt.want {
					t.Errorf("the next Read took %v, want %v", d, tt.want)
				}
			})
		})
	}
}

// lingering is a connection with SO_LINGER, as TCP's.
type lingering struct {
	net.Conn
	seconds int
}

func (l *lingering) SetLinger(seconds int) error {
	l.seconds = seconds
	return nil
}

func TestConnLinger(t *testing.T) {
	near, far := net.Pipe()
	defer far.Close()
	defer near.Close()
	l := &lingering{Conn: near, seconds: -1}
	linger := func(nc net.Conn) error { return nc.(interface{ SetLinger(int) error }).SetLinger(7) }
	if err := linger(Wrap(Wrap(l, nil, nil), nil, nil)); err != nil || l.seconds != 7 {
		t.Errorf("%d seconds, %v", l.seconds, err)
	}
	if err := linger(Wrap(near, nil, nil)); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("on a pipe: %v", err)
	}
}
