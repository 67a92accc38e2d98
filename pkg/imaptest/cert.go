package imaptest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// Certificate is a self-signed server certificate for localhost, 127.0.0.1
// and ::1 that serves as its own authority. Make one with [NewCertificate].
type Certificate struct {
	CertPEM []byte // also what a client has to trust (--ca-file)
	KeyPEM  []byte

	pair tls.Certificate
	pool *x509.CertPool
}

// NewCertificate makes a certificate in memory. It is valid from 1990 to 2100,
// so also at the clock that testing/synctest starts with.
func NewCertificate() (*Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("certificate key: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 100))
	if err != nil {
		return nil, fmt.Errorf("certificate serial: %w", err)
	}
	tmpl := &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{CommonName: "localhost"},
		NotBefore:             time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC),
		NotAfter:              time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC),
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
		IsCA:                  true,
		DNSNames:              []string{"localhost"},
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		return nil, fmt.Errorf("certificate: %w", err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("certificate key: %w", err)
	}
	c := &Certificate{
		CertPEM: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		KeyPEM:  pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}),
		pair:    tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key},
		pool:    x509.NewCertPool(),
	}
	if !c.pool.AppendCertsFromPEM(c.CertPEM) {
		return nil, errors.New("certificate: not readable by its own maker")
	}
	return c, nil
}

// ServerConfig returns a configuration that serves c.
func (c *Certificate) ServerConfig() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{c.pair}}
}

// ClientConfig returns a configuration that trusts c, and nothing else, as
// localhost.
func (c *Certificate) ClientConfig() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: c.pool, ServerName: "localhost"}
}

// Pool returns the authorities that a client has to trust.
func (c *Certificate) Pool() *x509.CertPool { return c.pool }

// WriteFiles writes cert.pem and key.pem (0600) into dir and returns their
// paths.
func (c *Certificate) WriteFiles(dir string) (cert, key string, err error) {
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	if err := os.WriteFile(cert, c.CertPEM, 0o644); err != nil {
		return "", "", fmt.Errorf("write certificate: %w", err)
	}
	if err := os.WriteFile(key, c.KeyPEM, 0o600); err != nil {
		return "", "", fmt.Errorf("write certificate key: %w", err)
	}
	return cert, key, nil
}
