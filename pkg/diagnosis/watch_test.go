package diagnosis

import (
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/imapfleet/imapfleet/pkg/fault"
)

// loop returns both ends of a TCP connection.
func loop(t *testing.T) (client, server net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client, err = net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	server, err = l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close(); server.Close() })
	return client, server
}

// Octets count in the direction of mail only, and what TCP has said of a
// connection that has ended is kept.
func TestWatchCounts(t *testing.T) {
	var w Watch
	read, write := loop(t)
	src := w.Wrap(fault.Source, "old.example", read)
	to, sink := loop(t)
	dst := w.Wrap(fault.Dest, "new.example", to)
	if _, err := write.Write(make([]byte, 5000)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(src, make([]byte, 5000)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []net.Conn{src, dst} {
		if _, err := c.Write(make([]byte, 200_000)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := io.ReadFull(sink, make([]byte, 200_000)); err != nil {
		t.Fatal(err)
	}
	before := heldUp(t, &w, dst)
	if err := dst.Close(); err != nil {
		t.Fatal(err)
	}
	all := w.Totals()
	if got := all[hostKey{fault.Source, "old.example"}]; got.octets != 5000 {
		t.Errorf("source: %d octets", got.octets)
	}
	got := all[hostKey{fault.Dest, "new.example"}]
	if got.octets < 200_000 || got.sending.Busy < before.Busy || got.sending.NoRoom < before.NoRoom {
		t.Errorf("destination: %d octets, %+v, before its end %+v", got.octets, got.sending, before)
	}
	if n := len(w.at(fault.Dest, "new.example").conns); n != 0 {
		t.Errorf("%d connections are kept", n)
	}
}

// The least round trip counts, and the host that refuses most is named.
func TestWatchHears(t *testing.T) {
	var w Watch
	for _, d := range []time.Duration{30, 0, 20, 25} {
		w.RoundTrip(fault.Source, "a", d)
	}
	if got := w.Totals()[hostKey{fault.Source, "a"}].trip; got != 20 {
		t.Errorf("round trip %v", got)
	}
	if got := w.Refuser(); got != "" {
		t.Errorf("nobody has refused, not %q", got)
	}
	w.Refused(fault.Dest, "b")
	w.Refused(fault.Source, "c")
	w.Refused(fault.Source, "c")
	if got := w.Refuser(); got != "c" {
		t.Errorf("%q has refused most", got)
	}
}

// heldUp writes what nobody reads until TCP says so, where it says anything.
func heldUp(t *testing.T, w *Watch, c net.Conn) Sending {
	t.Helper()
	for {
		s := w.Totals()[hostKey{fault.Dest, "new.example"}].sending
		if s.NoRoom > 0 || runtime.GOOS != "linux" {
			return s
		}
		if err := c.SetWriteDeadline(time.Now().Add(10 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Write(make([]byte, 1<<20)); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatal(err)
		}
	}
}

// However fast it is, what comes packet by packet arrives evenly, and what comes
// in lumps, which the way passes on at once, does not.
func TestArrivals(t *testing.T) {
	const packet = 1448
	for _, rate := range []float64{200 << 10, 3 << 20, 100 << 20} {
		for _, lump := range []int{packet, max(64*packet, int(rate*0.004))} {
			var a arrivals
			now := time.Unix(1000, 0)
			for range int(rate*max(2, float64(10<<20)/rate)) / lump {
				a.add(now, lump)
				now = now.Add(time.Duration(float64(lump) / rate * float64(time.Second)))
				a.look(now)
			}
			l := a.so()
			if !l.known() || l.Rate < rate*0.9 || l.Rate > rate*1.1 || (lump == packet) != (l.Typical <= smooth) || (lump != packet) != (l.Typical >= lumpy) {
				t.Errorf("%.0f octets a second, %d at a time: %+v", rate, lump, l)
			}
		}
	}
}

// Octets that have piled up while nobody read say nothing of how they came.
func TestArrivalsOfWhatWasLeft(t *testing.T) {
	var w Watch
	read, write := loop(t)
	src := w.Wrap(fault.Source, "old.example", read)
	if _, err := write.Write(make([]byte, 100_000)); err != nil {
		t.Fatal(err)
	}
	for range 10 {
		if _, err := io.ReadFull(src, make([]byte, 10_000)); err != nil {
			t.Fatal(err)
		}
	}
	if n := w.at(fault.Source, "old.example").arrivals.octets; n != 0 {
		t.Errorf("%d octets count", n)
	}
}
