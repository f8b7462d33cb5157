package remote

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"cordum.dev/cordum/safety"
)

// authority signs certificates for a test.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{key: newKey(t), file: filepath.Join(t.TempDir(), "ca.pem")}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotAfter: time.Now().Add(time.Hour), IsCA: true,
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, a.key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	writePEM(t, a.file, "CERTIFICATE", der)
	return a
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// sign writes a certificate with this serial number, and its key, into a folder.
func (a *authority) sign(t *testing.T, dir string, serial int64) (certFile, keyFile string) {
	t.Helper()
	key := newKey(t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "kernel"}, NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	writePEM(t, certFile, "CERTIFICATE", der)
	writePEM(t, keyFile, "PRIVATE KEY", raw)
	return certFile, keyFile
}

func writePEM(t *testing.T, file, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (a *authority) pool(t *testing.T) *x509.CertPool {
	t.Helper()
	pool, err := LoadAuthorities(a.file)
	if err != nil {
		t.Fatal(err)
	}
	return pool
}

func load(t *testing.T, a *authority, serial int64) *Certificate {
	t.Helper()
	certFile, keyFile := a.sign(t, t.TempDir(), serial)
	c, err := LoadCertificate(certFile, keyFile, "test", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Only who trusts the kernel, and is trusted by it, gets an answer.
func TestTLS(t *testing.T) {
	ours, theirs := newAuthority(t), newAuthority(t)
	s := policy(t, "default: ALLOW")
	own, client, stranger := load(t, ours, 2), load(t, ours, 3), load(t, theirs, 4)
	addr, _ := serve(t, ServerConfig{Snapshot: force(s).Load, TLS: own.Server(ours.pool(t), tls.VersionTLS13)}, "")

	c := ask(t, ClientConfig{Addr: addr, TLS: ClientTLS(ours.pool(t), client, tls.VersionTLS13)})
	known(t, c, s)
	if d, err := c.Evaluate(t.Context(), safety.Request{}); err != nil || d.Verdict != safety.Allow {
		t.Errorf("%+v, %v", d, err)
	}
	for name, cfg := range map[string]*tls.Config{
		"no TLS":                 nil,
		"no certificate":         ClientTLS(ours.pool(t), nil, tls.VersionTLS13),
		"a strange certificate":  ClientTLS(ours.pool(t), stranger, tls.VersionTLS13),
		"it does not trust it":   ClientTLS(theirs.pool(t), client, tls.VersionTLS13),
		"an older version alone": {RootCAs: ours.pool(t), MaxVersion: tls.VersionTLS12, MinVersion: tls.VersionTLS12},
	} {
		c := ask(t, ClientConfig{Addr: addr, TLS: cfg})
		eventually(t, "the client has tried", func() bool { return c.known.Load().why != nil })
		if _, err := c.Evaluate(t.Context(), safety.Request{}); !errors.Is(err, ErrUnavailable) || c.Active() != "" {
			t.Errorf("%s: %v, %q", name, err, c.Active())
		}
	}
}

// A certificate is renewed while it is used; one that cannot be read leaves the one before.
func TestCertificateIsRenewed(t *testing.T) {
	ca, dir := newAuthority(t), t.TempDir()
	certFile, keyFile := ca.sign(t, dir, 10)
	c, err := LoadCertificate(certFile, keyFile, "test", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- c.run(ctx, 5*time.Millisecond) }()
	serial := func() int64 {
		leaf, err := x509.ParseCertificate(c.current.Load().Certificate[0])
		if err != nil {
			t.Fatal(err)
		}
		return leaf.SerialNumber.Int64()
	}
	if err := os.WriteFile(certFile, []byte("half a file"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := serial(); got != 10 {
		t.Errorf("serial %d", got)
	}
	ca.sign(t, dir, 11)
	eventually(t, "the new certificate is in use", func() bool { return serial() == 11 })
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if _, err := LoadCertificate(filepath.Join(dir, "none"), keyFile, "test", nil); err == nil {
		t.Error("a certificate that is not there is loaded")
	}
	if _, err := LoadAuthorities(keyFile); err == nil {
		t.Error("a key is taken for an authority")
	}
}
