package mxlookup

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/imapfleet/imapfleet/pkg/imaptest"
)

const zone = `
example.org.       86400 MX 20 mx2.old.example.net.
example.org.       86400 MX 10 MX1.Old.example.net.
example.org.       86400 NS ns.example.org.
ns.example.org.    300   A 127.0.0.1
mx1.old.example.net. 300 A 192.0.2.1
imap.example.net.  300   A 192.0.2.1
imap.example.net.  300   AAAA 2001:db8::1
alias.example.     60    CNAME example.org.
bare.example.      3600  A 192.0.2.9
bare6.example.     3600  AAAA 2001:db8::2
null.example.      300   MX 0 .
nothing.example.   300   NS ns.example.org.
xn--mller-kva.example. 300 MX 5 mx.example.
zero.example.      0     CNAME example.org.
broken.example.    0     SERVFAIL
refused.example.   0     REFUSED
`

// alone asks one server only.
func alone(t *testing.T, d *imaptest.DNS) *Resolver {
	t.Helper()
	r, err := New(d.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestLookup(t *testing.T) {
	tests := []struct {
		domain string
		want   string
	}{
		{"example.org", "1 mx1.old.example.net/10 mx2.old.example.net/20 24h0m0s"},
		{"Example.ORG.", "1 mx1.old.example.net/10 mx2.old.example.net/20 24h0m0s"},
		{"alias.example", "1 mx1.old.example.net/10 mx2.old.example.net/20 1m0s"},
		{"zero.example", "1 mx1.old.example.net/10 mx2.old.example.net/20 0s"},
		{"bare.example", "2 1h0m0s"},
		{"bare6.example", "2 1h0m0s"},
		{"null.example", "3 0s"},
		{"nothing.example", "4 0s"},
		{"none.example", "5 0s"},
		{"müller.example", "1 mx.example/5 5m0s"},
		{"broken.example", "0 0s: DNS server ADDR says ServerFailure"},
		{"refused.example", "0 0s: DNS server ADDR says Refused"},
		{"a b.example", `0 0s: "a b.example" is no domain: `},
		{strings.Repeat("x", 64) + ".example", `0 0s: "` + strings.Repeat("x", 64) + `.example" is no domain: `},
		{strings.Repeat("x.", 130) + "example", `0 0s: "` + strings.Repeat("x.", 130) + `example" is no domain: `},
		{"", `0 0s: "" is no domain: `},
	}
	for _, truncated := range []bool{false, true} {
		d := imaptest.NewDNS(t, imaptest.DNSOptions{Zone: zone, Truncated: truncated})
		r := alone(t, d)
		for _, tt := range tests {
			t.Run(fmt.Sprintf("%s, TCP %v", tt.domain[:min(len(tt.domain), 20)], truncated), func(t *testing.T) {
				got := r.Lookup(t.Context(), tt.domain)
				say := strings.ReplaceAll(described(got), d.Addr().String(), "ADDR")
				if !strings.HasPrefix(say, tt.want) || got.Name != tt.domain || got.AtLeast {
					t.Errorf("got %+v\n%s, want\n%s", got, say, tt.want)
				}
			})
		}
	}
}

func described(d Domain) string {
	out := fmt.Sprint(d.Status)
	for _, m := range d.MX {
		out += fmt.Sprintf(" %s/%d", m.Host, m.Preference)
	}
	out += " " + d.TTL.String()
	if d.Err != nil {
		out += ": " + d.Err.Error()
	}
	return out
}

// What a cache has left of a TTL says little: the domain's own servers are
// asked.
func TestOwnTTL(t *testing.T) {
	own := imaptest.NewDNS(t, imaptest.DNSOptions{Zone: "example.org. 86400 MX 10 mx.example.org.\nsub.example.org. 7200 MX 10 mx.example.org.\nlame.example. 5 NS x."})
	cache := imaptest.NewDNS(t, imaptest.DNSOptions{Cached: true, Zone: `
		example.org. 17 MX 10 mx.example.org.
		example.org. 17 NS ns.example.org.
		example.org. 17 SOA ns.example.org.
		sub.example.org. 12 MX 10 mx.example.org.
		ns.example.org. 17 A 127.0.0.1
		lame.example. 11 MX 10 mx.example.org.
		lame.example. 11 NS ns.example.org.
		orphan.example. 10 MX 10 mx.example.org.
		gone.example. 9 MX 10 mx.example.org.
		gone.example. 9 NS none.example.org.`})
	tests := []struct {
		domain, want string
		atLeast      bool
	}{
		{"example.org", "1 mx.example.org/10 24h0m0s", false},
		{"sub.example.org", "1 mx.example.org/10 2h0m0s", false}, // its zone is example.org
		{"lame.example", "1 mx.example.org/10 11s", true},        // they do not know it
		{"orphan.example", "1 mx.example.org/10 10s", true},      // it has none
		{"gone.example", "1 mx.example.org/10 9s", true},         // they have no address
	}
	for _, tt := range tests {
		r := alone(t, cache)
		r.alone, r.port = false, own.Addr().Port()
		if got := r.Lookup(t.Context(), tt.domain); described(got) != tt.want || got.AtLeast != tt.atLeast {
			t.Errorf("%s: %s, at least: %v", tt.domain, described(got), got.AtLeast)
		}
	}
	n := len(own.Asked())
	if got := alone(t, cache).Lookup(t.Context(), "example.org"); got.TTL != 17*time.Second || !got.AtLeast || len(own.Asked()) != n {
		t.Errorf("one server alone: %+v, others were asked %d times", got, len(own.Asked())-n)
	}
}

// The next server is asked where one is silent, gone or at a loss.
func TestServers(t *testing.T) {
	good := imaptest.NewDNS(t, imaptest.DNSOptions{Zone: zone})
	bad := imaptest.NewDNS(t, imaptest.DNSOptions{Zone: "example.org. 0 SERVFAIL"})
	closed := imaptest.NewDNS(t, imaptest.DNSOptions{})
	at := closed.Addr()
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	r := alone(t, good)
	r.servers = []netip.AddrPort{at, bad.Addr(), good.Addr()}
	if got := r.Lookup(t.Context(), "example.org"); got.Status != Found {
		t.Errorf("%+v", got)
	}
	r = alone(t, bad)
	r.servers = []netip.AddrPort{at}
	if got := r.Lookup(t.Context(), "example.org"); got.Status != Failed || got.Err == nil {
		t.Errorf("%+v", got)
	}
}

// An answer that never comes ends with the context.
func TestSilent(t *testing.T) {
	d := imaptest.NewDNS(t, imaptest.DNSOptions{Zone: "example.org. 0 SILENT"})
	ctx, cancel := context.WithCancel(t.Context())
	r := alone(t, d)
	var got Domain
	var wg sync.WaitGroup
	wg.Go(func() { got = r.Lookup(ctx, "example.org") })
	for len(d.Asked()) == 0 {
		runtime.Gosched()
	}
	cancel()
	wg.Wait()
	if got.Status != Failed || got.Err == nil {
		t.Errorf("%+v", got)
	}
	r.silent.Store(maxSilent)
	if got = r.Lookup(t.Context(), "example.net"); !errors.Is(got.Err, errSilent) {
		t.Errorf("after many questions in vain: %+v", got)
	}
}

// However many ask at once, a domain is looked up once.
func TestOnce(t *testing.T) {
	d := imaptest.NewDNS(t, imaptest.DNSOptions{Zone: zone})
	r := alone(t, d)
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() { r.Lookup(t.Context(), "example.org") })
	}
	wg.Wait()
	if asked := d.Asked(); len(asked) != 1 {
		t.Errorf("asked %q", asked)
	}
}

func TestNearest(t *testing.T) {
	d := imaptest.NewDNS(t, imaptest.DNSOptions{Zone: zone})
	r := alone(t, d)
	mx := func(hosts ...string) Domain {
		d := Domain{Name: "example.org", Status: Found}
		for i, h := range hosts {
			d.MX = append(d.MX, MX{Host: h, Preference: uint16(10 * i)})
		}
		return d
	}
	tests := []struct {
		name     string
		domain   Domain
		src, dst string
		want     int
	}{
		{"the same name", mx("mail.new.example.com"), "mail.old.example.com", "Mail.New.example.com", 1},
		{"more of the name", mx("mx.old.example.com"), "imap.old.example.com", "imap.new.example.com", 0},
		{"the same organization only", mx("mx.example.com"), "imap.old.example.com", "imap.other.example.net", 0},
		{"both alike", mx("mx.example.com"), "imap.old.example.com", "imap.new.example.com", -1},
		{"neither", mx("mx.filter.example.net"), "imap.old.example.com", "imap.new.example.org", -1},
		{"a public suffix is nobody's", mx("mx.a.co.uk"), "imap.b.co.uk", "imap.new.example.org", -1},
		{"the same address", mx("mx1.old.example.net"), "imap.elsewhere.example", "imap.example.net", 1},
		{"an address in the list", mx("mx1.old.example.net"), "192.0.2.1", "imap.elsewhere.example", 0},
		{"Microsoft", mx("example-org.mail.protection.outlook.com"), "imap.old.example.com", "outlook.office365.com", 1},
		{"Google", mx("smtp.google.com"), "imap.gmail.com", "imap.new.example.com", 0},
		{"the preferred one counts", mx("mx.old.example.com", "mx.new.example.net"), "old.example.com", "new.example.net", 0},
		{"no MX", Domain{Name: "new.example.com", Status: AddressMX}, "old.example.com", "new.example.com", 1},
		{"nothing", Domain{Name: "new.example.com", Status: NoDomain}, "old.example.com", "new.example.com", -1},
	}
	for _, tt := range tests {
		if got := r.Nearest(t.Context(), tt.domain, tt.src, tt.dst); got != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, got, tt.want)
		}
	}
}

func TestParseServer(t *testing.T) {
	for in, want := range map[string]string{
		"192.0.2.1": "192.0.2.1:53", "192.0.2.1:5353": "192.0.2.1:5353", "::1": "[::1]:53", "[::1]": "[::1]:53", "[::1]:5": "[::1]:5",
		"dns.example.org": "", "": "", "192.0.2.1:x": "",
	} {
		got, err := parseServer(in)
		if err == nil != (want != "") || err == nil && got.String() != want {
			t.Errorf("%q: %v, %v", in, got, err)
		}
	}
	if _, err := New("dns.example.org"); err == nil {
		t.Error("a name is no address")
	}
	var r Resolver
	for line := range strings.Lines("# x\nnameserver 192.0.2.1\n\nnameserver fe80::1%eth0 trailing\nsearch a\nnameserver bad\nnameserver ::1\nnameserver 192.0.2.4\n") {
		r.addServer(line)
	}
	if got := fmt.Sprint(r.servers); got != "[192.0.2.1:53 [fe80::1%eth0]:53 [::1]:53]" {
		t.Errorf("%s", got)
	}
}

// An answer counts only when it answers what was asked.
func TestAnswerTo(t *testing.T) {
	question, id, err := packed("example.org", dnsmessage.TypeMX, true)
	if err != nil {
		t.Fatal(err)
	}
	alter := func(change func(m *dnsmessage.Message)) []byte {
		var m dnsmessage.Message
		if err := m.Unpack(question); err != nil {
			t.Fatal(err)
		}
		m.Response = true
		change(&m)
		b, err := m.Pack()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	if _, err := answerTo(question, id, alter(func(m *dnsmessage.Message) { m.Questions[0].Name = dnsmessage.MustNewName("EXAMPLE.org.") })); err != nil {
		t.Error(err)
	}
	for name, answer := range map[string][]byte{
		"another ID":   alter(func(m *dnsmessage.Message) { m.ID++ }),
		"a question":   alter(func(m *dnsmessage.Message) { m.Response = false }),
		"another type": alter(func(m *dnsmessage.Message) { m.Questions[0].Type = dnsmessage.TypeA }),
		"another name": alter(func(m *dnsmessage.Message) { m.Questions[0].Name = dnsmessage.MustNewName("example.com.") }),
		"no question":  alter(func(m *dnsmessage.Message) { m.Questions = nil }),
		"cut off":      slices.Clone(question[:5]),
	} {
		if m, err := answerTo(question, id, answer); err == nil {
			t.Errorf("%s: taken: %+v", name, m)
		}
	}
}
