package mxlookup

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net"
	"net/netip"
	"strings"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

const (
	tryTime = 2 * time.Second // for one server to answer
	askTime = 5 * time.Second // for one question, whoever answers it
	rounds  = 2               // a datagram may be lost
	maxUDP  = 512             // octets of an answer by UDP (RFC 1035 section 2.3.4)
)

var (
	// errNoDomain is the answer that there is no such name.
	errNoDomain = errors.New("no such domain")
	// errSilent is given in the place of an answer when none ever came.
	errSilent = errors.New("no DNS server answers here")
)

// maxSilent is how many questions in vain it takes, before any answer, to
// believe that none will ever come: behind a firewall a thousand domains would
// take hours.
const maxSilent = 3

// ask asks the servers, one after the other, until one answers. NXDOMAIN is
// errNoDomain; m is never nil when err is nil or errNoDomain.
func (r *Resolver) ask(ctx context.Context, servers []netip.AddrPort, name string, kind dnsmessage.Type, recursive bool) (m *dnsmessage.Message, err error) {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	question, id, err := packed(name, kind, recursive)
	if err != nil {
		return nil, err
	}
	if r.silent.Load() >= maxSilent {
		return nil, errSilent
	}
	for range rounds {
		for _, s := range servers {
			m, err = exchange(ctx, s, question, id)
			if err == nil || errors.Is(err, errNoDomain) {
				r.silent.Store(math.MinInt32)
				return m, err
			}
		}
	}
	if ctx.Err() != nil {
		r.silent.Add(1)
	}
	return nil, err
}

func packed(name string, kind dnsmessage.Type, recursive bool) (question []byte, id uint16, err error) {
	n, err := dnsmessage.NewName(strings.TrimSuffix(name, ".") + ".")
	if err != nil {
		return nil, 0, fmt.Errorf("%q is no domain: %w", name, err)
	}
	m := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: uint16(rand.Uint32()), RecursionDesired: recursive},
		Questions: []dnsmessage.Question{{Name: n, Type: kind, Class: dnsmessage.ClassINET}},
	}
	question, err = m.Pack()
	return question, m.ID, err
}

// exchange asks one server by UDP, and by TCP when the answer is too long.
func exchange(ctx context.Context, server netip.AddrPort, question []byte, id uint16) (*dnsmessage.Message, error) {
	ctx, cancel := context.WithTimeout(ctx, tryTime)
	defer cancel()
	m, err := overUDP(ctx, server, question, id)
	if err == nil && m.Truncated {
		m, err = overTCP(ctx, server, question, id)
	}
	if err != nil {
		return nil, fmt.Errorf("DNS server %s: %w", server, err)
	}
	switch m.RCode {
	case dnsmessage.RCodeSuccess:
		return m, nil
	case dnsmessage.RCodeNameError:
		return m, errNoDomain
	}
	return nil, fmt.Errorf("DNS server %s says %s", server, strings.TrimPrefix(m.RCode.String(), "RCode"))
}

// connect dials a server; the connection ends with ctx.
func connect(ctx context.Context, network string, server netip.AddrPort) (net.Conn, func(), error) {
	c, err := new(net.Dialer).DialContext(ctx, network, server.String())
	if err != nil {
		return nil, nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })
	return c, func() { stop(); _ = c.Close() }, nil
}

func overUDP(ctx context.Context, server netip.AddrPort, question []byte, id uint16) (*dnsmessage.Message, error) {
	c, closing, err := connect(ctx, "udp", server)
	if err != nil {
		return nil, err
	}
	defer closing()
	if _, err := c.Write(question); err != nil {
		return nil, err
	}
	buf := make([]byte, maxUDP)
	for { // what answers another question is a late or a forged one
		n, err := c.Read(buf)
		if err != nil {
			return nil, err
		}
		if m, err := answerTo(question, id, buf[:n]); err == nil {
			return m, nil
		}
	}
}

func overTCP(ctx context.Context, server netip.AddrPort, question []byte, id uint16) (*dnsmessage.Message, error) {
	c, closing, err := connect(ctx, "tcp", server)
	if err != nil {
		return nil, err
	}
	defer closing()
	if _, err := c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(question))), question...)); err != nil {
		return nil, err
	}
	var size [2]byte
	if _, err := io.ReadFull(c, size[:]); err != nil {
		return nil, err
	}
	buf := make([]byte, binary.BigEndian.Uint16(size[:]))
	if _, err := io.ReadFull(c, buf); err != nil {
		return nil, err
	}
	return answerTo(question, id, buf)
}

var errNotOurs = errors.New("the answer is to another question")

// answerTo reads an answer, which repeats the question.
func answerTo(question []byte, id uint16, answer []byte) (*dnsmessage.Message, error) {
	var asked, m dnsmessage.Message
	if err := errors.Join(asked.Unpack(question), m.Unpack(answer)); err != nil {
		return nil, err
	}
	if !m.Response || m.ID != id || len(m.Questions) != 1 || m.Questions[0].Type != asked.Questions[0].Type ||
		!strings.EqualFold(m.Questions[0].Name.String(), asked.Questions[0].Name.String()) {
		return nil, errNotOurs
	}
	return &m, nil
}
