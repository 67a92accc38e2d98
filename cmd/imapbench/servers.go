package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/imapfleet/imapfleet/pkg/imaptest"
)

// farWindow is how many octets may be under way to or from a far server: more
// than any rate reached here fills within the delay.
const farWindow = 4 << 20

// servers are the two that are measured, and what is before them.
type servers struct {
	dir      string // of lists and state directories; its parent is BENCH_DIR
	old, new *imaptest.Dovecot
	proxies  [2]*imaptest.Proxy // nil: no far cases
}

// site is the two servers, near and far.
type site struct {
	servers
	far    imaptest.ProxyOptions
	caFile string
	users  int // that were made at the new server
}

// startSite starts both servers below parent, "" for the directory of
// temporary files. With a round trip above 0 there are far ends too.
func startSite(parent string, roundTrip time.Duration) (s *site, err error) {
	s = &site{}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	if s.dir, err = os.MkdirTemp(parent, "imapbench"); err != nil {
		return s, err
	}
	opt := imaptest.DovecotOptions{Format: "maildir", Fsync: "optimized", Dir: parent}
	if s.old, err = imaptest.StartDovecot(opt); err != nil {
		return s, fmt.Errorf("source: %w", err)
	}
	if s.new, err = imaptest.StartDovecot(opt); err != nil {
		return s, fmt.Errorf("destination: %w", err)
	}
	s.caFile = filepath.Join(s.dir, "ca.pem")
	both := append(append([]byte(nil), s.old.Certificate().CertPEM...), s.new.Certificate().CertPEM...)
	if err := os.WriteFile(s.caFile, both, 0o600); err != nil {
		return s, err
	}
	if roundTrip > 0 {
		s.far = imaptest.ProxyOptions{Delay: roundTrip / 2, Window: farWindow}
		for i, d := range []*imaptest.Dovecot{s.old, s.new} {
			if s.proxies[i], err = imaptest.NewProxy(d.Addr(), s.far); err != nil {
				return s, err
			}
		}
	}
	return s, nil
}

func (s *servers) close() error {
	var errs []error
	for _, p := range s.proxies {
		if p != nil {
			errs = append(errs, p.Close())
		}
	}
	for _, d := range []*imaptest.Dovecot{s.old, s.new} {
		if d != nil {
			errs = append(errs, d.Close())
		}
	}
	if s.dir != "" {
		errs = append(errs, os.RemoveAll(s.dir))
	}
	return errors.Join(errs...)
}

// end is one server as a case reaches it.
type end struct {
	addr string
	tls  *tls.Config // nil: plaintext
}

func (e end) access(user string) imaptest.Access {
	return imaptest.Access{Addr: e.addr, User: user, Password: password, TLS: e.tls}
}

// host is the host field of a list.
func (e end) host() string {
	if e.tls != nil {
		return "imaps://" + e.addr
	}
	return "imap+insecure://" + e.addr
}

// ends are source and destination as c reaches them.
func (s *site) ends(c *benchCase) [2]end {
	var out [2]end
	for i, d := range []*imaptest.Dovecot{s.old, s.new} {
		switch {
		case c.tls:
			out[i] = end{d.TLSAddr(), d.Certificate().ClientConfig()}
		case c.far:
			out[i] = end{s.proxies[i].Addr(), nil}
		default:
			out[i] = end{d.Addr(), nil}
		}
	}
	return out
}

// fresh makes n empty accounts at the new server.
func (s *site) fresh(n int) ([]string, error) {
	var users []string
	for range n {
		s.users++
		user := fmt.Sprintf("dest%04d", s.users)
		if err := s.new.AddUser(user, password); err != nil {
			return nil, err
		}
		users = append(users, user)
	}
	return users, nil
}

// settle removes the mail of accounts at the new server and writes out what
// the system holds back, so that the next measurement does not pay for it.
func (s *site) settle(users []string) error {
	for _, u := range users {
		var err error
		for range 5 { // a session that has just ended may be writing its last
			if err = s.new.WipeUser(u); err == nil {
				break
			}
		}
		if err != nil {
			return err
		}
	}
	syncDisks()
	return nil
}

// roundTrip is how many seconds a NOOP to the far source takes, the best of
// some; 0: there is none.
func (s *site) roundTrip(ctx context.Context) (float64, error) {
	if s.proxies[0] == nil {
		return 0, nil
	}
	if err := s.old.AddUser("probe", password); err != nil {
		return 0, err
	}
	c, err := dial(ctx, s.proxies[0].Access(s.old.Access("probe", password)))
	if err != nil {
		return 0, err
	}
	var trips sample
	for range 5 {
		start := time.Now()
		if err := c.command("NOOP", nil); err != nil {
			c.close()
			return 0, err
		}
		trips = append(trips, time.Since(start).Seconds())
	}
	least, _ := trips.bounds()
	return least, c.logout()
}
