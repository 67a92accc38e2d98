package imapconn

import (
	"context"
	"errors"
	"net"
	"strconv"
	"time"

	"github.com/emersion/go-imap/v2/imapclient"

	"github.com/imapfleet/imapfleet/pkg/account"
	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/wire"
)

// route is one way to reach a server.
type route struct {
	port     int
	security account.Security
}

// routes lists the ways to try in order. Only a bare host has two, and the
// second is only for a first port that refuses.
func routes(ep account.Endpoint) []route {
	switch ep.Security {
	case account.SecurityTLS:
		return []route{{portOr(ep.Port, 993), account.SecurityTLS}}
	case account.SecuritySTARTTLS:
		return []route{{portOr(ep.Port, 143), account.SecuritySTARTTLS}}
	case account.SecurityPlain:
		return []route{{portOr(ep.Port, 143), account.SecurityPlain}}
	}
	switch ep.Port {
	case 0:
		return []route{{993, account.SecurityTLS}, {143, account.SecuritySTARTTLS}}
	case 143:
		return []route{{143, account.SecuritySTARTTLS}}
	}
	return []route{{ep.Port, account.SecurityTLS}}
}

func portOr(port, usual int) int {
	if port != 0 {
		return port
	}
	return usual
}

// Dial connects, secures, logs in and learns what the server can do:
// capabilities, ID, namespaces. A refused login is not repeated, with another
// mechanism neither. Errors are *fault.Error with Side set; when ctx ends,
// ctx.Err(). Whatever the error, nothing is left open.
func Dial(ctx context.Context, cfg Config) (*Conn, error) {
	cfg = cfg.withDefaults()
	nc, took, err := reach(ctx, cfg)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, cfg.dialFault(err)
	}
	c := &Conn{cfg: cfg, filter: new(loginFilter), took: took}
	c.w = wire.New(nc, wire.Options{
		Timeout: cfg.Timeout, FinalTimeout: cfg.FinalTimeout,
		Linger0: cfg.Side == fault.Dest, Filter: c.filter.line, Tagged: c.brake.hear, Asked: &cfg.Waits.Asked,
	})
	c.client = imapclient.New(c.w, nil)
	if err := c.open(ctx); err != nil {
		c.Abort()
		<-c.Done()
		return nil, err
	}
	c.watch()
	in, out := c.Octets()
	cfg.Logger.Debug("session opened", "side", cfg.Side.String(), "host", cfg.Endpoint.Host,
		"user", cfg.Endpoint.User, "server", c.serverID, "octets_in", in, "octets_out", out)
	return c, nil
}

// reach returns a connection whose next octets are an IMAP greeting, secured
// as the endpoint demands.
func reach(ctx context.Context, cfg Config) (net.Conn, Took, error) {
	all := routes(cfg.Endpoint)
	for i, r := range all {
		var took Took
		began := time.Now()
		nc, err := r.connect(ctx, cfg)
		took.Connect = time.Since(began)
		if err == nil {
			nc, err = r.secure(ctx, cfg, nc, &took)
		}
		if err == nil || i == len(all)-1 || !refused(err) {
			return nc, took, err
		}
	}
	return nil, Took{}, errors.New("no way to reach the server") // routes is never empty
}

func (r route) connect(ctx context.Context, cfg Config) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, cfg.DialTimeout)
	defer cancel()
	return cfg.DialContext(ctx, "tcp", net.JoinHostPort(cfg.Endpoint.Host, strconv.Itoa(r.port)))
}

// dialFault classifies an error from before there was a session.
func (cfg Config) dialFault(err error) *fault.Error {
	if e := fault.Of(err); e != nil {
		return cfg.Faults.Reread(e, fault.Answer{Side: cfg.Side, Host: cfg.Endpoint.Host, Op: e.Op})
	}
	return fault.Dial(cfg.Side, cfg.Endpoint.Host, err)
}

// open does everything between the greeting and the first real command.
func (c *Conn) open(ctx context.Context) error {
	if err := c.greet(ctx); err != nil {
		return err
	}
	began := time.Now()
	if err := c.login(ctx); err != nil {
		return err
	}
	c.took.Login = time.Since(began)
	if err := c.beginCompressed(ctx); err != nil {
		return err
	}
	// Both are asked before the first answer: one round trip.
	identified, err := c.identify(ctx)
	if err != nil {
		return err
	}
	learned, err := c.learnNamespaces(ctx)
	if err != nil {
		return err
	}
	if err := identified(ctx); err != nil {
		return err
	}
	return learned(ctx)
}
