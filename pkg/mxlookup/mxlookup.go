// Package mxlookup says where the mail of a domain goes, and how long the rest
// of the world remembers that: the MX records with their TTL as the domain's
// own servers have it. Its main type is Resolver. It sends no mail and knows no
// IMAP. (package net tells no TTL.)
package mxlookup

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/dns/dnsmessage"
	"golang.org/x/net/idna"
)

// Status says what there is for a domain.
type Status uint8

// The states of a domain.
const (
	Failed    Status = iota // no answer: see Err
	Found                   // MX records
	AddressMX               // no MX: mail goes to the domain's address (RFC 5321 section 5.1)
	NullMX                  // it takes no mail (RFC 7505)
	NoMail                  // neither MX nor address
	NoDomain                // NXDOMAIN
)

// MX is one record.
type MX struct {
	Host       string // in lower case, without the final dot
	Preference uint16 // the lowest is asked first
}

// Domain is what is known of one.
type Domain struct {
	Name   string
	Status Status
	MX     []MX // the preferred first; for Found
	// TTL is that of the MX records, for AddressMX that of the address, in
	// whole seconds.
	TTL time.Duration
	// AtLeast: TTL comes from a cache, and the domain's servers may say more.
	AtLeast bool
	Err     error // for Failed
}

// ErrNoServers says that this system names no DNS servers where they are
// looked for.
var ErrNoServers = errors.New("no DNS servers are known here (no /etc/resolv.conf)")

const (
	resolvConf = "/etc/resolv.conf"
	maxServers = 3 // as resolv.conf(5) has it
	dnsPort    = 53
	maxAsked   = 2 // of a domain's own servers
)

// Resolver looks domains up, each once. Its methods are safe for concurrent
// use.
type Resolver struct {
	servers []netip.AddrPort
	alone   bool         // no others are asked
	port    uint16       // of the domains' own servers
	silent  atomic.Int32 // questions that nobody answered in time, until one was; then far below 0

	mu      sync.Mutex
	domains map[string]func() Domain
	hosts   map[string]func() []netip.Addr
}

// New returns a Resolver that asks the system's servers, and for a TTL that
// they remember only in part the domain's own ones. With a server, an IP
// address with a port or without, that one is asked and no other.
func New(server string) (*Resolver, error) {
	r := &Resolver{port: dnsPort, domains: map[string]func() Domain{}, hosts: map[string]func() []netip.Addr{}}
	if server != "" {
		s, err := parseServer(server)
		r.servers, r.alone = []netip.AddrPort{s}, true
		return r, err
	}
	f, err := os.Open(resolvConf)
	if err != nil {
		return nil, ErrNoServers
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		r.addServer(lines.Text())
	}
	if len(r.servers) == 0 {
		return nil, ErrNoServers
	}
	return r, nil
}

// addServer reads one line of resolv.conf.
func (r *Resolver) addServer(line string) {
	f := strings.Fields(line)
	if len(f) < 2 || f[0] != "nameserver" || len(r.servers) == maxServers {
		return
	}
	if ip, err := netip.ParseAddr(f[1]); err == nil {
		r.servers = append(r.servers, netip.AddrPortFrom(ip, dnsPort))
	}
}

func parseServer(s string) (netip.AddrPort, error) {
	if a, err := netip.ParseAddrPort(s); err == nil {
		return a, nil
	}
	ip, err := netip.ParseAddr(strings.Trim(s, "[]"))
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("%q is no IP address, with a port or without", s)
	}
	return netip.AddrPortFrom(ip, dnsPort), nil
}

// once returns what makes a value for a key, which is called once.
func once[T any](mu *sync.Mutex, m map[string]func() T, key string, make func() T) T {
	mu.Lock()
	get, ok := m[key]
	if !ok {
		get = sync.OnceValue(make)
		m[key] = get
	}
	mu.Unlock()
	return get()
}

// Lookup says where mail for a domain goes. Whoever comes first asks, and
// others wait for what it finds: so all callers should have one ctx.
func (r *Resolver) Lookup(ctx context.Context, domain string) Domain {
	ascii, err := spelling.ToASCII(strings.TrimSuffix(domain, "."))
	if err != nil {
		return Domain{Name: domain, Err: fmt.Errorf("%q is no domain: %w", domain, err)}
	}
	d := once(&r.mu, r.domains, ascii, func() Domain { return r.lookup(ctx, ascii) })
	d.Name = domain
	return d
}

// spelling is how a domain is written for a question (RFC 5891 section 5).
var spelling = idna.New(idna.MapForLookup(), idna.Transitional(false), idna.StrictDomainName(true), idna.VerifyDNSLength(true))

func (r *Resolver) lookup(ctx context.Context, name string) Domain {
	m, err := r.ask(ctx, r.servers, name, dnsmessage.TypeMX, true)
	switch {
	case errors.Is(err, errNoDomain):
		return Domain{Status: NoDomain}
	case err != nil:
		return Domain{Err: err}
	}
	d := Domain{Status: Found, AtLeast: !m.Authoritative}
	d.MX, d.TTL = mxOf(m)
	switch {
	case len(d.MX) == 0:
		return r.address(ctx, name)
	case len(d.MX) == 1 && d.MX[0].Host == "":
		return Domain{Status: NullMX}
	}
	if d.AtLeast && !r.alone {
		if ttl, ok := r.ownTTL(ctx, name); ok {
			d.TTL, d.AtLeast = ttl, false
		}
	}
	return d
}

// mxOf reads the MX records, and the lowest TTL of them and the aliases that
// lead to them.
func mxOf(m *dnsmessage.Message) (all []MX, ttl time.Duration) {
	lowest := uint32(math.MaxUint32)
	for _, a := range m.Answers {
		mx, isMX := a.Body.(*dnsmessage.MXResource)
		if !isMX && a.Header.Type != dnsmessage.TypeCNAME {
			continue
		}
		lowest = min(lowest, a.Header.TTL)
		if isMX {
			all = append(all, MX{Host: hostName(mx.MX), Preference: mx.Pref})
		}
	}
	slices.SortFunc(all, func(a, b MX) int {
		return cmp.Or(cmp.Compare(a.Preference, b.Preference), cmp.Compare(a.Host, b.Host))
	})
	return all, time.Duration(lowest) * time.Second
}

func hostName(n dnsmessage.Name) string {
	return strings.ToLower(strings.TrimSuffix(n.String(), "."))
}

// address looks for what mail goes to where there is no MX.
func (r *Resolver) address(ctx context.Context, name string) Domain {
	for _, kind := range []dnsmessage.Type{dnsmessage.TypeA, dnsmessage.TypeAAAA} {
		m, err := r.ask(ctx, r.servers, name, kind, true)
		if err != nil {
			return Domain{Err: err}
		}
		for _, a := range m.Answers {
			if a.Header.Type == kind {
				return Domain{Status: AddressMX, TTL: time.Duration(a.Header.TTL) * time.Second, AtLeast: !m.Authoritative}
			}
		}
	}
	return Domain{Status: NoMail}
}

// ownTTL asks the domain's own servers: a cache tells only what is left of a
// TTL.
func (r *Resolver) ownTTL(ctx context.Context, name string) (time.Duration, bool) {
	asked := 0
	for _, host := range r.nameServers(ctx, name) {
		for _, ip := range r.addresses(ctx, host) {
			if asked++; asked > maxAsked {
				return 0, false
			}
			m, err := r.ask(ctx, []netip.AddrPort{netip.AddrPortFrom(ip, r.port)}, name, dnsmessage.TypeMX, false)
			if err != nil || !m.Authoritative {
				continue
			}
			if all, ttl := mxOf(m); len(all) > 0 {
				return ttl, true
			}
		}
	}
	return 0, false
}

// nameServers returns those of the zone that a name is in.
func (r *Resolver) nameServers(ctx context.Context, name string) []string {
	for range 2 {
		m, err := r.ask(ctx, r.servers, name, dnsmessage.TypeNS, true)
		if err != nil {
			return nil
		}
		var hosts []string
		for _, a := range m.Answers {
			if ns, ok := a.Body.(*dnsmessage.NSResource); ok {
				hosts = append(hosts, hostName(ns.NS))
			}
		}
		if len(hosts) > 0 {
			return hosts
		}
		zone := ""
		for _, a := range m.Authorities {
			if a.Header.Type == dnsmessage.TypeSOA {
				zone = hostName(a.Header.Name)
			}
		}
		if zone == "" {
			return nil
		}
		name = zone
	}
	return nil
}

// addresses returns those of a host, itself when it is one, IPv4 first; none
// when it cannot be looked up.
func (r *Resolver) addresses(ctx context.Context, host string) []netip.Addr {
	if ip, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		return []netip.Addr{ip}
	}
	return once(&r.mu, r.hosts, strings.ToLower(host), func() []netip.Addr {
		var all []netip.Addr
		for _, kind := range []dnsmessage.Type{dnsmessage.TypeA, dnsmessage.TypeAAAA} {
			m, err := r.ask(ctx, r.servers, host, kind, true)
			if err != nil {
				break
			}
			for _, a := range m.Answers {
				switch b := a.Body.(type) {
				case *dnsmessage.AResource:
					all = append(all, netip.AddrFrom4(b.A))
				case *dnsmessage.AAAAResource:
					all = append(all, netip.AddrFrom16(b.AAAA))
				}
			}
		}
		return all
	})
}
