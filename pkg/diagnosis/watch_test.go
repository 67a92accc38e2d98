package diagnosis

import (
	"io"
	"net"
	"testing"
	"time"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/throughput"
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

// Octets count in the direction of mail only, and those of a connection that
// has ended are not lost to the next look.
func TestWatchCounts(t *testing.T) {
	var w Watch
	now := time.Unix(1000, 0)
	w.Look(now)
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
	if err := dst.Close(); err != nil {
		t.Fatal(err)
	}
	w.Look(now.Add(flowEvery))
	all := w.Totals()
	if got := all[hostKey{fault.Source, "old.example"}]; got.octets != 5000 || got.flow[0].Typical != 20_000 {
		t.Errorf("source: %d octets, flow %+v", got.octets, got.flow[0])
	}
	got := all[hostKey{fault.Dest, "new.example"}]
	if typical := got.flow[0].Typical; got.octets != 200_000 || typical <= 0 || typical > 800_010 { // the last may not be confirmed yet, and the beginning counts as one
		t.Errorf("destination: %d octets, flow %+v", got.octets, got.flow[0])
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

func TestFlow(t *testing.T) {
	var steady, bursts flow
	for i := range 400 {
		steady.add(1000, flowEvery)
		n := int64(400)
		if i%4 == 0 {
			n = 2800
		}
		bursts.add(n, flowEvery)
	}
	for i, f := range steady.so() {
		if f.Typical != 4000 || f.evenness() != 1 || f.Times > flowKept {
			t.Errorf("steady, scale %d: %+v", i, f)
		}
	}
	b := bursts.so()
	if b[0].evenness() < uneven || b[2].evenness() != 1 {
		t.Errorf("bursts a second apart: %+v", b)
	}
	if got := b.over(time.Second, 0); got != b[2] {
		t.Errorf("over a second: %+v", got)
	}
	if got := b.over(0, 1100); got != b[2] { // 0.3 of what passes in a second
		t.Errorf("over buffers of 1,100 octets: %+v", got)
	}
	if got := b.over(time.Minute, 0); got.known() {
		t.Errorf("over a minute: %+v", got)
	}
	steady.skip()
	if got := (&flow{}).so(); got[0].known() || got[0].evenness() == 1 {
		t.Errorf("nothing: %+v", got)
	}
}

func TestGaps(t *testing.T) {
	var g Gaps
	for _, d := range []time.Duration{0, time.Microsecond, 50 * time.Millisecond, 60 * time.Millisecond, time.Second, 240 * time.Hour} {
		g[gapOf(d)] += d
	}
	g[len(g)-1] = 0
	if p := g.around(40*time.Millisecond, 80*time.Millisecond); p < 0.09 || p > 0.11 {
		t.Errorf("%v of the waiting is around 55 ms", p)
	}
	var none Gaps
	if p := none.around(0, time.Hour); p != 0 {
		t.Errorf("nothing: %v", p)
	}
}

// What a lane spent is its two hosts', and idle lanes have a reason.
func TestBetween(t *testing.T) {
	at := time.Unix(1000, 0)
	var from, to Totals
	from.At, to.At = at, at.Add(10*time.Second)
	pair := Pair{"old.example", "new.example"}
	from.Pairs = map[Pair]throughput.Spent{pair: {throughput.SourceWait: time.Second}}
	to.Pairs = map[Pair]throughput.Spent{
		pair:                     {throughput.SourceWait: 8 * time.Second, throughput.DestBraked: time.Second},
		{"old.example", "other"}: {throughput.DestWait: 2 * time.Second},
	}
	to.Lanes.Add(10*time.Second, 4, 2, HostCap, "new.example")
	to.Lanes.Add(time.Second, 4, 4, Unknown, "")
	kept := to.Lanes.Clone()
	to.Lanes.Add(time.Second, 4, 3, HostCap, "new.example")
	e := Between(from, to)
	if len(e.Hosts) != 3 || e.Wall != 10*time.Second {
		t.Fatalf("%+v", e)
	}
	src := e.worst(fault.Source, func(h Host) time.Duration { return h.Wait })
	if src == nil || src.Wait != 7*time.Second || src.LaneTime != 10*time.Second {
		t.Errorf("source %+v", src)
	}
	if dst := e.worst(fault.Dest, func(h Host) time.Duration { return h.Braked }); dst == nil || dst.Name != "new.example" {
		t.Errorf("destination %+v", dst)
	}
	if e.Lanes.Allowed != 48*time.Second || e.Lanes.Full["new.example"] != 21*time.Second || kept.Full["new.example"] != 20*time.Second {
		t.Errorf("lanes %+v, kept %+v", e.Lanes, kept)
	}
}

// Whatever a system tells, readings add up to something that can be judged.
func TestReadMachine(t *testing.T) {
	before := ReadMachine()
	sum := 0
	for i := range 20_000_000 {
		sum += i
	}
	m := ReadMachine().since(before)
	if m.Processors < 1 || m.Used < 0 || m.Queued < 0 || m.Idle > 1 || m.Stalled > 1.1 || m.wanted(time.Hour) > 1 || sum == 0 {
		t.Errorf("%+v", m)
	}
}
