package remote

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"time"
)

// Certificate is a key pair in files that may be replaced while it is used.
type Certificate struct {
	certFile, keyFile string
	label             string // names it in logs
	log               *slog.Logger
	current           atomic.Pointer[tls.Certificate]
	seen              [2]stamp
}

// stamp is how a file looks from outside.
type stamp struct {
	changed time.Time
	size    int64
}

// LoadCertificate reads a key pair. The label names it in logs.
func LoadCertificate(certFile, keyFile, label string, log *slog.Logger) (*Certificate, error) {
	c := &Certificate{certFile: certFile, keyFile: keyFile, label: label, log: log}
	if _, err := c.reload(); err != nil {
		return nil, err
	}
	return c, nil
}

// Run looks at the files every CertificatePoll until ctx ends. A pair that cannot be read leaves the one before in use.
func (c *Certificate) Run(ctx context.Context) error { return c.run(ctx, CertificatePoll) }

func (c *Certificate) run(ctx context.Context, every time.Duration) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		switch changed, err := c.reload(); {
		case err != nil:
			c.log.Error("the new certificate cannot be used; the one before stays", "certificate", c.label, "error", err)
		case changed:
			c.log.Info("the certificate was renewed", "certificate", c.label)
		}
	}
}

// reload reads the pair when one of its files has changed since it was last tried.
func (c *Certificate) reload() (changed bool, err error) {
	var now [2]stamp
	for i, file := range []string{c.certFile, c.keyFile} {
		info, err := os.Stat(file)
		if err != nil {
			return false, fmt.Errorf("certificate: %w", err)
		}
		now[i] = stamp{changed: info.ModTime(), size: info.Size()}
	}
	if now == c.seen {
		return false, nil
	}
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		return false, fmt.Errorf("certificate %s with key %s: %w", c.certFile, c.keyFile, err)
	}
	c.seen = now
	c.current.Store(&pair)
	return true, nil
}

// Server is the TLS configuration of a server that shows this certificate. A clientCA that is not nil makes it ask its
// clients for a certificate of one of these authorities. Least is the lowest version of TLS, as tls.VersionTLS12.
func (c *Certificate) Server(clientCA *x509.CertPool, least uint16) *tls.Config {
	cfg := &tls.Config{
		MinVersion: max(least, tls.VersionTLS12),
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			return c.current.Load(), nil
		},
	}
	if clientCA != nil {
		cfg.ClientAuth, cfg.ClientCAs = tls.RequireAndVerifyClientCert, clientCA
	}
	return cfg
}

// ClientTLS is the TLS configuration of a client that trusts these authorities (nil: the system's) and shows this
// certificate (nil: none).
func ClientTLS(authorities *x509.CertPool, own *Certificate, least uint16) *tls.Config {
	cfg := &tls.Config{MinVersion: max(least, tls.VersionTLS12), RootCAs: authorities}
	if own != nil {
		cfg.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			return own.current.Load(), nil
		}
	}
	return cfg
}

// LoadAuthorities reads certificates of authorities from a PEM file.
func LoadAuthorities(file string) (*x509.CertPool, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("certificate authorities: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(raw) {
		return nil, errors.New("certificate authorities: " + file + " holds no certificate in PEM")
	}
	return pool, nil
}
