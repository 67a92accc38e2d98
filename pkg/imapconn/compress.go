package imapconn

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"time"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/wire"
)

// pressing is what a connection measures for its Compressor.
type pressing struct {
	mark     mark
	reported int64   // octets told to the Compressor
	before   float64 // octets for each second of waiting as the trial began; 0: none is on
	ratio    float64 // that was promised then
}

// mark is where a span begins.
type mark struct {
	at      time.Time
	traffic wire.Traffic
	cpu     time.Duration
	host    int64
}

// Compressible reports whether compression could be turned on: it is offered,
// not on yet, and Config.Compress does not rule it out.
func (c *Conn) Compressible() bool {
	k := c.cfg.Compress
	return k.mode != CompressOff && c.caps.Compress && !c.w.Compressed() && k.verdict(c.cfg) != no
}

// Compress turns COMPRESS=DEFLATE on (RFC 4978). While commands are in flight,
// and where it is on, it does nothing. A refusal is no error: the connection
// goes on without, and so does the host from then on.
func (c *Conn) Compress(ctx context.Context) error {
	if c.w.Compressed() {
		return nil
	}
	stop := c.guard(ctx)
	defer stop()
	r, err := c.w.Compress(ctx)
	if errors.Is(err, wire.ErrBusy) {
		return nil
	}
	if err != nil {
		return c.lost(ctx, "compress", err)
	}
	if r.Status != "OK" {
		c.cfg.Compress.decide(c.cfg, no, "the server refuses compression: going on without",
			"answer", fault.Clean(r.Status+" "+r.Text))
		return nil
	}
	return c.prove(ctx)
}

// prove sees a first answer through a host's compression. A server, or a box
// before it, that says OK and then does something else shows here: without
// this the trouble would look like that of a later command, and come again
// with each connection.
func (c *Conn) prove(ctx context.Context) error {
	k := c.cfg.Compress
	proved := false
	k.at(c.cfg.Side, c.cfg.Endpoint, func(s *standing) { proved = s.proved })
	if proved {
		return nil
	}
	_, err := c.do(ctx, "compress", wire.Request{Line: "NOOP"})
	if err == nil {
		k.at(c.cfg.Side, c.cfg.Endpoint, func(s *standing) { s.proved = true })
		return nil
	}
	if ctx.Err() != nil {
		return err
	}
	k.decide(c.cfg, no, "compression does not work: going on without", "err", err)
	return &fault.Error{Side: c.cfg.Side, Host: c.cfg.Endpoint.Host, Op: "compress", Code: fault.ConnectionLost, Temporary: true,
		Err: err, Hint: "the server agreed to compress and then did not: the connection is opened again without"}
}

// beginCompressed compresses a new connection where that is decided.
func (c *Conn) beginCompressed(ctx context.Context) error {
	k := c.cfg.Compress
	switch {
	case k.mode == CompressOff:
	case !c.caps.Compress && k.mode == CompressOn:
		k.absent(c.cfg)
	case c.caps.Compress && k.verdict(c.cfg) == yes:
		return c.Compress(ctx)
	}
	return nil
}

// watch begins to measure where there is something to find out.
func (c *Conn) watch() {
	k := c.cfg.Compress
	if k.mode != CompressAuto || !c.caps.Compress || k.verdict(c.cfg) != open {
		return
	}
	c.w.Taste()
	c.setMark(k.report(c.cfg, 0))
}

// MaybeCompress turns compression on where measuring says that it helps, and
// measures. It is to be called where no command is in flight; mostly it does
// next to nothing, and at times it sends NOOPs or COMPRESS. Its errors are
// those of a connection that broke.
//
// Over spans of some megabytes Judge is asked. If it holds compression worth a
// try, one connection of the host tries; whether that Helped is the verdict
// for the host, which others then follow. A connection that is compressed
// stays so.
func (c *Conn) MaybeCompress(ctx context.Context) error {
	k := c.cfg.Compress
	if k.mode != CompressAuto || !c.caps.Compress {
		return nil
	}
	t := c.w.Traffic()
	if c.w.Compressed() {
		if c.pressing.before > 0 {
			c.weigh(t)
		}
		return nil
	}
	host := k.report(c.cfg, plain(t)-c.pressing.reported)
	c.pressing.reported = plain(t)
	switch k.verdict(c.cfg) {
	case yes:
		return c.Compress(ctx)
	case no:
		return nil
	}
	s := c.span(t, host)
	if s.Octets < spanOctets || s.Wall < spanWall {
		return nil
	}
	var err error
	switch Judge(s) {
	case Useless:
		k.decide(c.cfg, no, "compression would not help", s.attrs()...)
	case WorthTry:
		if k.claim(c.cfg, c.w.Dead()) {
			err = c.try(ctx, s)
		}
	}
	c.setMark(host)
	return err
}

// plain is what was moved, before compression.
func plain(t wire.Traffic) int64 { return t.PlainIn + t.PlainOut }

// setMark begins a span.
func (c *Conn) setMark(host int64) {
	c.pressing.mark = mark{at: time.Now(), traffic: c.w.Traffic(), cpu: processorTime(), host: host}
}

// span is what was seen since the mark.
func (c *Conn) span(t wire.Traffic, host int64) Span {
	m := c.pressing.mark
	s := Span{Octets: plain(t) - plain(m.traffic), Wall: time.Since(m.at), Waited: t.Waited - m.traffic.Waited}
	if s.Wall > 0 {
		s.HostRate = float64(host-m.host) / s.Wall.Seconds()
		s.CPU = (processorTime() - m.cpu).Seconds() / s.Wall.Seconds() / float64(runtime.GOMAXPROCS(0))
	}
	if t.Taste.Deflated > 0 {
		s.Ratio = float64(t.Taste.Plain) / float64(t.Taste.Deflated)
	}
	if t.Taste.Took > 0 {
		s.PressRate = float64(t.Taste.Plain) / t.Taste.Took.Seconds()
	}
	return s
}

// attrs are for the log.
func (s Span) attrs() []any {
	return []any{slog.String("ratio", fmt.Sprintf("%.2f", s.Ratio)), slog.Duration("round_trip", s.RoundTrip),
		slog.Int64("octets_per_second", int64(float64(s.Octets)/s.Wall.Seconds()))}
}

// try measures the round trip and turns compression on if that, too, speaks
// for it. The caller holds the claim.
func (c *Conn) try(ctx context.Context, s Span) error {
	for range 3 {
		began := time.Now()
		if _, err := c.do(ctx, "compress", wire.Request{Line: "NOOP"}); err != nil {
			return err
		}
		if took := max(time.Since(began), 1); s.RoundTrip == 0 || took < s.RoundTrip {
			s.RoundTrip = took
		}
	}
	if Judge(s) == Useless {
		c.cfg.Compress.decide(c.cfg, no, "compression would not help", s.attrs()...)
		return nil
	}
	c.cfg.Logger.Debug("compression is tried", append(s.attrs(), "side", c.cfg.Side.String(), "host", c.cfg.Endpoint.Host)...)
	c.pressing.before, c.pressing.ratio = float64(s.Octets)/s.Waited.Seconds(), s.Ratio
	if err := c.Compress(ctx); err != nil || c.w.Compressed() {
		return err
	}
	c.cfg.Compress.waive(c.cfg)
	return nil
}

// weigh ends a trial once enough has passed.
func (c *Conn) weigh(t wire.Traffic) {
	m := c.pressing.mark
	octets := plain(t) - plain(m.traffic)
	if octets < spanOctets {
		return
	}
	after := float64(octets) / max(t.Waited-m.traffic.Waited, time.Millisecond).Seconds()
	gain := slog.String("gain", fmt.Sprintf("%.2f", after/c.pressing.before))
	if Helped(c.pressing.before, after, c.pressing.ratio) {
		c.cfg.Compress.decide(c.cfg, yes, "compression helps: new connections use it", gain)
	} else {
		c.cfg.Compress.decide(c.cfg, no, "compression does not help: new connections go without", gain)
	}
	c.pressing.before = 0
}

// damaged notes a connection that ended in the middle of its compression.
func (c *Conn) damaged(err error) {
	if errors.Is(err, wire.ErrDeflate) {
		c.cfg.Compress.decide(c.cfg, no, "the server's compressed data is damaged: going on without", "err", err)
	}
}
