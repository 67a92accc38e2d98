package imapconn

import (
	"context"
	"crypto/tls"
	"net"

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
func (r route) secure(ctx context.Context, cfg Config, nc net.Conn) (net.Conn, error) {
	switch r.security {
	case account.SecurityPlain:
		return nc, nil
	case account.SecuritySTARTTLS:
		return wire.StartTLS(ctx, nc, cfg.tlsConfig(), cfg.Timeout)
	}
	hctx, cancel := context.WithTimeout(ctx, cfg.DialTimeout)
	defer cancel()
	t := tls.Client(nc, cfg.tlsConfig())
	if err := t.HandshakeContext(hctx); err != nil {
		nc.Close()
		return nil, err
	}
	return t, nil
}
