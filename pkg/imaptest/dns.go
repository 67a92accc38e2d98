package imaptest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/net/dns/dnsmessage"
)

// DNSOptions says what a [DNS] is like.
type DNSOptions struct {
	// Zone holds one record per line, `name TTL type data`, names with their
	// final dot, of the types MX, A, AAAA, NS, CNAME and SOA (data: the name of
	// a server). The types SERVFAIL, REFUSED and SILENT answer every question
	// for the name so.
	Zone string
	// Cached takes off the mark of an authoritative answer.
	Cached bool
	// Truncated makes every answer by UDP ask for TCP.
	Truncated bool
}

// DNS is a DNS server on a free loopback port, by UDP and TCP. Make one with
// [NewDNS]; its methods are safe for concurrent use.
type DNS struct {
	opt     DNSOptions
	records map[dnsmessage.Name][]dnsmessage.Resource
	special map[dnsmessage.Name]string
	udp     net.PacketConn
	tcp     net.Listener
	serve   sync.WaitGroup

	mu    sync.Mutex
	asked []string
	conns map[net.Conn]bool // open ones by TCP; nil when closed
}

// NewDNS starts a server for a test, which closes it at its end.
func NewDNS(tb TB, opt DNSOptions) *DNS {
	tb.Helper()
	d, err := StartDNS(opt)
	if err != nil {
		tb.Fatalf("start DNS server: %v", err)
	}
	CloseAfter(tb, d)
	return d
}

// StartDNS starts a server.
func StartDNS(opt DNSOptions) (*DNS, error) {
	d := &DNS{opt: opt, records: map[dnsmessage.Name][]dnsmessage.Resource{}, special: map[dnsmessage.Name]string{}, conns: map[net.Conn]bool{}}
	for line := range strings.Lines(opt.Zone) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		if err := d.add(strings.Fields(line)); err != nil {
			return nil, fmt.Errorf("zone: %s: %w", line, err)
		}
	}
	// The same port by UDP and TCP: the system gives one, the other may be taken.
	for range 20 {
		tcp, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		udp, err := net.ListenPacket("udp", tcp.Addr().String())
		if err != nil {
			_ = tcp.Close()
			continue
		}
		d.tcp, d.udp = tcp, udp
		d.serve.Go(d.serveUDP)
		d.serve.Go(d.serveTCP)
		return d, nil
	}
	return nil, errors.New("no port that is free for UDP and TCP")
}

// Addr returns host:port.
func (d *DNS) Addr() netip.AddrPort { return netip.MustParseAddrPort(d.tcp.Addr().String()) }

// Asked returns the questions so far, as "MX example.org. udp".
func (d *DNS) Asked() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]string(nil), d.asked...)
}

// Close stops the server and waits for what serves it.
func (d *DNS) Close() error {
	d.mu.Lock()
	if d.conns == nil {
		d.mu.Unlock()
		return nil // a second time
	}
	err := errors.Join(d.tcp.Close(), d.udp.Close())
	for c := range d.conns {
		_ = c.Close()
	}
	d.conns = nil
	d.mu.Unlock()
	d.serve.Wait()
	return err
}

func (d *DNS) add(f []string) error {
	if len(f) < 3 {
		return errors.New("name TTL type data")
	}
	name, err := dnsmessage.NewName(f[0])
	ttl, err2 := strconv.ParseUint(f[1], 10, 32)
	if err := errors.Join(err, err2); err != nil {
		return err
	}
	switch f[2] {
	case "SERVFAIL", "REFUSED", "SILENT":
		d.special[name] = f[2]
		return nil
	}
	if len(f) < 4 {
		return errors.New("no data")
	}
	r := dnsmessage.Resource{Header: dnsmessage.ResourceHeader{Name: name, Class: dnsmessage.ClassINET, TTL: uint32(ttl)}}
	if r.Header.Type, r.Body, err = body(f[2], f[3:]); err != nil {
		return err
	}
	d.records[name] = append(d.records[name], r)
	return nil
}

func body(kind string, data []string) (dnsmessage.Type, dnsmessage.ResourceBody, error) {
	last := data[len(data)-1]
	switch kind {
	case "A", "AAAA":
		ip, err := netip.ParseAddr(last)
		if kind == "A" {
			return dnsmessage.TypeA, &dnsmessage.AResource{A: ip.As4()}, err
		}
		return dnsmessage.TypeAAAA, &dnsmessage.AAAAResource{AAAA: ip.As16()}, err
	}
	name, err := dnsmessage.NewName(last)
	switch kind {
	case "MX":
		preference, err2 := strconv.ParseUint(data[0], 10, 16)
		return dnsmessage.TypeMX, &dnsmessage.MXResource{Pref: uint16(preference), MX: name}, errors.Join(err, err2)
	case "NS":
		return dnsmessage.TypeNS, &dnsmessage.NSResource{NS: name}, err
	case "CNAME":
		return dnsmessage.TypeCNAME, &dnsmessage.CNAMEResource{CNAME: name}, err
	case "SOA":
		return dnsmessage.TypeSOA, &dnsmessage.SOAResource{NS: name, MBox: name}, err
	}
	return 0, nil, errors.New("unknown type")
}

func (d *DNS) serveUDP() {
	buf := make([]byte, 4096)
	for {
		n, from, err := d.udp.ReadFrom(buf)
		if err != nil {
			return // closed
		}
		if answer := d.answer(buf[:n], "udp"); answer != nil {
			_, _ = d.udp.WriteTo(answer, from)
		}
	}
}

func (d *DNS) serveTCP() {
	for {
		c, err := d.tcp.Accept()
		if err != nil {
			return // closed
		}
		d.mu.Lock()
		if d.conns == nil {
			d.mu.Unlock()
			_ = c.Close()
			return
		}
		d.conns[c] = true
		d.mu.Unlock()
		d.serve.Go(func() {
			d.serveConn(c)
			d.mu.Lock()
			delete(d.conns, c)
			d.mu.Unlock()
		})
	}
}

func (d *DNS) serveConn(c net.Conn) {
	defer c.Close()
	for {
		var size [2]byte
		if _, err := io.ReadFull(c, size[:]); err != nil {
			return
		}
		buf := make([]byte, binary.BigEndian.Uint16(size[:]))
		if _, err := io.ReadFull(c, buf); err != nil {
			return
		}
		answer := d.answer(buf, "tcp")
		if answer == nil {
			return
		}
		if _, err := c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(answer))), answer...)); err != nil {
			return
		}
	}
}

// answer makes the answer to one question, nil for none.
func (d *DNS) answer(question []byte, network string) []byte {
	var m dnsmessage.Message
	if m.Unpack(question) != nil || len(m.Questions) != 1 {
		return nil
	}
	q := m.Questions[0]
	d.mu.Lock()
	d.asked = append(d.asked, fmt.Sprintf("%s %s %s", strings.TrimPrefix(q.Type.String(), "Type"), q.Name, network))
	d.mu.Unlock()
	m.Response, m.Authoritative, m.RecursionAvailable = true, !d.opt.Cached, true
	m.Additionals = nil
	switch d.special[q.Name] {
	case "SILENT":
		return nil
	case "SERVFAIL":
		m.RCode = dnsmessage.RCodeServerFailure
	case "REFUSED":
		m.RCode = dnsmessage.RCodeRefused
	default:
		d.lookUp(&m, q)
	}
	if d.opt.Truncated && network == "udp" {
		m.Truncated, m.Answers, m.Authorities = true, nil, nil
	}
	out, err := m.Pack()
	if err != nil {
		return nil
	}
	return out
}

// lookUp finds the records for a question, through an alias too.
func (d *DNS) lookUp(m *dnsmessage.Message, q dnsmessage.Question) {
	name := q.Name
	for range 5 {
		all, known := d.records[name]
		if !known {
			m.RCode = dnsmessage.RCodeNameError
			break
		}
		alias := false
		for _, r := range all {
			c, ok := r.Body.(*dnsmessage.CNAMEResource)
			switch {
			case r.Header.Type == q.Type:
				m.Answers = append(m.Answers, r)
			case ok:
				m.Answers = append(m.Answers, r)
				name, alias = c.CNAME, true
			}
		}
		if !alias {
			break
		}
	}
	if len(m.Answers) > 0 {
		return
	}
	// The zone's SOA stands in an answer without records (RFC 2308 section 2).
	for zone := q.Name.String(); zone != ""; _, zone, _ = strings.Cut(zone, ".") {
		for _, r := range d.records[dnsmessage.MustNewName(zone)] {
			if r.Header.Type == dnsmessage.TypeSOA {
				m.Authorities = []dnsmessage.Resource{r}
				return
			}
		}
	}
}
