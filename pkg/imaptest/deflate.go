package imaptest

import (
	"bufio"
	"compress/flate"
	"fmt"
	"io"
	"net"
)

// deflatedConn is a connection after the OK to COMPRESS DEFLATE (RFC 4978). It
// uses the standard library's code on purpose: clients here use another.
type deflatedConn struct {
	net.Conn
	r io.Reader
	z *flate.Writer
}

// deflated goes on with what br has read ahead.
func deflated(nc net.Conn, br *bufio.Reader) (*deflatedConn, error) {
	z, err := flate.NewWriter(nc, flate.DefaultCompression)
	if err != nil {
		return nil, fmt.Errorf("deflate: %w", err)
	}
	return &deflatedConn{Conn: nc, r: flate.NewReader(br), z: z}, nil
}

func (c *deflatedConn) Read(p []byte) (int, error) { return c.r.Read(p) }

// Write sends at once, as the servers do at the end of each answer.
func (c *deflatedConn) Write(p []byte) (int, error) {
	n, err := c.z.Write(p)
	if err != nil {
		return n, err
	}
	return n, c.z.Flush()
}

// NetConn returns the connection underneath.
func (c *deflatedConn) NetConn() net.Conn { return c.Conn }

// Deflate speaks deflated from here on, in both directions, as after the OK to
// COMPRESS DEFLATE (RFC 4978).
func Deflate() Step {
	return Step{func(c *scriptConn) error {
		d, err := deflated(c.nc, c.br)
		if err != nil {
			return err
		}
		c.nc, c.br = d, bufio.NewReader(d)
		return nil
	}}
}

// compress does COMPRESS where it is offered.
func (c *fakeConn) compress(cmd FakeCommand) error {
	if c.zipped || cmd.Args != "DEFLATE" {
		return c.no(cmd, "NO [COMPRESSIONACTIVE] not again")
	}
	_ = c.ok(cmd)
	if err := c.bw.Flush(); err != nil {
		return err
	}
	d, err := deflated(c.nc, c.br)
	if err != nil {
		return err
	}
	c.zipped = true
	c.br, c.bw = bufio.NewReaderSize(d, 32<<10), bufio.NewWriterSize(d, 32<<10)
	return nil
}
