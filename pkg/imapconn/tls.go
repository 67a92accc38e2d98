package imapconn

import (
	"context"
	"crypto/tls"
	"net"
	"time"

	"github.com/imapfleet/imapfleet/pkg/account"
	"github.com/imapfleet/imapfleet/pkg/wire"
)

// tlsConfig demands TLS 1.2 and a certificate for the endpoint's host, unless
// the row or a flag says otherwise by name.
func (cfg Config) tlsConfig() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		RootCAs:    cfg.RootCAs,
		ServerName: cfg.Endpoint.Host,
		// Only what the user asked for by name (DESIGN section 4, invariant 13).
		InsecureSkipVerify: cfg.Endpoint.SkipVerify,
	}
}

// secure turns a TCP connection into one that is about to say its greeting.
// It closes nc on error; there is no way back to plain text.
func (r route) secure(ctx context.Context, cfg Config, nc net.Conn, took *Took) (net.Conn, error) {
	if r.security == account.SecurityPlain {
		return nc, nil
	}
	began, conf := time.Now(), cfg.tlsConfig()
	defer func() { took.Secure = time.Since(began) }()
	conf.VerifyConnection = func(s tls.ConnectionState) error {
		took.Security = tls.VersionName(s.Version)
		return nil
	}
	if r.security == account.SecuritySTARTTLS {
		return wire.StartTLS(ctx, nc, conf, cfg.Timeout)
	}
	hctx, cancel := context.WithTimeout(ctx, cfg.DialTimeout)
	defer cancel()
	t := tls.Client(nc, conf)
	if err := t.HandshakeContext(hctx); err != nil {
		nc.Close()
		return nil, err
	}
	return t, nil
}
