package wire

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/flate"

	"github.com/imapfleet/imapfleet/pkg/fault"
)

// The buffers of a compressed connection, in octets: of what was inflated (the
// one of what was received stays) and of what was deflated.
const (
	inflateBuffer = 16 << 10
	deflateBuffer = 16 << 10
)

var (
	// ErrBusy: COMPRESS was to be sent while commands are in flight.
	ErrBusy = errors.New("wire: COMPRESS while commands are in flight")
	// ErrDeflate is in the chain of the reason why a connection is dead whose
	// server sent what is no deflate stream.
	ErrDeflate = errors.New("the server's compressed data is damaged")

	errCompressed = errors.New("wire: the connection is compressed already")
)

// Compress sends COMPRESS DEFLATE (RFC 4978) and waits for the answer. After
// an OK everything is deflated, in both directions; a refusal leaves the
// connection as it was. With commands in flight it is ErrBusy and nothing is
// sent. Other writers wait meanwhile; when ctx ends the connection is aborted.
//
// A compressed connection holds some 70 KiB more: buffers, and the window for
// reading. Writing has no window: each write is deflated by itself.
func (c *Conn) Compress(ctx context.Context) (Reply, error) {
	if err := c.acquire(ctx); err != nil {
		return Reply{}, err
	}
	defer c.release()
	switch {
	case c.zipped.Load():
		return Reply{}, errCompressed
	case c.busy():
		return Reply{}, ErrBusy
	}
	stop := context.AfterFunc(ctx, func() { c.Abort(ctx.Err()) })
	defer stop()
	p := &Pending{owed: true, onOK: c.inflate}
	if err := c.issue(p, "COMPRESS DEFLATE"); err != nil {
		return Reply{}, err
	}
	<-p.done // not Wait: nobody may write before it is known how
	return p.reply, p.err
}

// Compressed reports whether the connection is deflated.
func (c *Conn) Compressed() bool { return c.zipped.Load() }

// busy reports whether commands are in flight.
func (c *Conn) busy() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.cmds) > 0
}

// inflate changes the reader, and with it the writer, which Compress holds. It
// runs on the reading goroutine, right after the OK: what the buffer holds by
// then is the beginning of the stream.
func (c *Conn) inflate() {
	c.plainIn.Add(-int64(c.br.Buffered())) // counted as read, not knowing better
	c.zw = bufio.NewWriterSize((*transmitter)(c), deflateBuffer)
	c.zipped.Store(true)
	// A server may flush with Z_PARTIAL_FLUSH (RFC 4978 section 4), after which
	// the next block's first bits may be long in coming: each block is handed
	// on when it is whole.
	c.br = bufio.NewReaderSize(&inflated{c, flate.NewReaderOpts(c.br, flate.WithPartialBlock())}, inflateBuffer)
}

// inflated is the io.Reader under the buffer of a compressed connection.
type inflated struct {
	c *Conn
	r io.Reader
}

func (z *inflated) Read(p []byte) (int, error) {
	for {
		n, err := z.r.Read(p)
		if n > 0 {
			z.c.plainIn.Add(int64(n))
			return n, nil // an error comes again
		}
		if err != nil {
			return 0, z.c.inflateFailed(err)
		}
	}
}

// inflateFailed is the reason why no more octets come. Deflate has no
// checksum, so what is damaged ends the connection at the first sign.
func (c *Conn) inflateFailed(err error) error {
	if dead := c.Err(); dead != nil {
		return dead // the socket's own
	}
	if errors.Is(err, io.EOF) { // a last block: the server has no more to say
		return c.lost(io.ErrUnexpectedEOF)
	}
	e := fault.Lost(fault.Answer{Bye: c.Bye()}, fmt.Errorf("%w: %w", ErrDeflate, err))
	if c.Bye() == "" {
		e.Hint = "the connection is opened again without compression; --compress off goes without from the start"
	}
	c.Abort(e)
	return c.Err()
}

// send writes p, deflated where that was agreed on. The caller holds the
// writer. Each write can be inflated on its own, so there is nothing to flush
// and no state to keep; a message's octets come in writes of 64 KiB.
func (c *Conn) send(p []byte) error {
	if len(p) == 0 {
		return nil
	}
	c.plainOut.Add(int64(len(p)))
	if c.zw == nil {
		c.taster.pass(p)
		return c.transmit(p)
	}
	if err := flate.StatelessDeflate(c.zw, p, false, nil); err != nil {
		return err // transmit's
	}
	return c.zw.Flush()
}

// transmitter is the Conn seen as what deflated octets are written to.
type transmitter Conn

func (t *transmitter) Write(p []byte) (int, error) {
	if err := (*Conn)(t).transmit(p); err != nil {
		return 0, err
	}
	return len(p), nil
}
