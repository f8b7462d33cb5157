package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"

	"cordum.dev/cordum/bus"
)

// natsSettings are where the bus is, when it is no part of this process.
type natsSettings struct {
	URL                   string // of one or several servers; default none: built in
	User, Password, Token string // what this process shows there; default none
	Creds                 string // a NATS credentials file; default none
	NKey                  string // a file with an nkey's seed; default none

	CA, Cert, Key string // files; default none
	ServerName    string
	Insecure      bool
}

func natsRows() []setting {
	return []setting{
		str("nats-url", "NATS_URL", "use these NATS servers, with commas between them, in place of the built-in one: nats://HOST:4222 or tls://HOST:4222", func(c *serveConfig) *string { return &c.NATS.URL }),
		str("nats-user", "NATS_USER", "who this process is on them", func(c *serveConfig) *string { return &c.NATS.User }),
		secret("nats_password", "NATS_PASSWORD", func(c *serveConfig) *string { return &c.NATS.Password }),
		secret("nats_token", "NATS_TOKEN", func(c *serveConfig) *string { return &c.NATS.Token }),
		str("nats-creds", "NATS_CREDS", "a file with NATS credentials (JWT and key)", func(c *serveConfig) *string { return &c.NATS.Creds }),
		str("nats-nkey", "NATS_NKEY", "a file with the seed of an nkey", func(c *serveConfig) *string { return &c.NATS.NKey }),
		str("nats-tls-ca", "NATS_TLS_CA", "a PEM file with who may have signed the certificates of the NATS servers (default: whom the system trusts)", func(c *serveConfig) *string { return &c.NATS.CA }),
		str("nats-tls-cert", "NATS_TLS_CERT", "a PEM file with the certificate shown to them", func(c *serveConfig) *string { return &c.NATS.Cert }),
		str("nats-tls-key", "NATS_TLS_KEY", "the PEM file with its key", func(c *serveConfig) *string { return &c.NATS.Key }),
		str("nats-tls-server-name", "NATS_TLS_SERVER_NAME", "the name in their certificates, where it is not the address", func(c *serveConfig) *string { return &c.NATS.ServerName }),
		boolean("nats-tls-insecure", "NATS_TLS_INSECURE", "do not check their certificates; refused in production", func(c *serveConfig) *bool { return &c.NATS.Insecure }),
	}
}

// external tells whether the bus is no part of this process.
func (n *natsSettings) external() bool { return n.URL != "" }

// refuseNATS says why the bus could not be reached like this.
func (c *serveConfig) refuseNATS(say func(string, ...any)) {
	n := &c.NATS
	if !n.external() {
		return
	}
	for at := range strings.SplitSeq(n.URL, ",") {
		u, err := url.Parse(strings.TrimSpace(at))
		switch {
		case err != nil || u.Host == "" || (u.Scheme != "nats" && u.Scheme != "tls"):
			say("--nats-url (NATS_URL) is no list of addresses: write them like nats://HOST:4222 or tls://HOST:4222, with commas between them")
			return
		case u.User != nil && c.Production:
			say("--nats-url (NATS_URL) holds a password, which the list of processes shows: set NATS_USER and NATS_PASSWORD, NATS_TOKEN, NATS_CREDS or NATS_NKEY")
		}
	}
	shown := 0
	for _, one := range []string{n.User, n.Token, n.Creds, n.NKey} {
		if one != "" {
			shown++
		}
	}
	if shown > 1 {
		say("NATS_USER, NATS_TOKEN, NATS_CREDS and NATS_NKEY: set one of them")
	}
	if n.Insecure && c.Production {
		say("NATS_TLS_INSECURE is refused in production: name who signed the servers' certificates with NATS_TLS_CA")
	}
	if c.Trust.ownSubjectsOnly() {
		say("WORKER_ATTESTATION=enforce needs the built-in NATS, which sees who comes in: leave --nats-url out, or take warn")
	}
	if _, err := n.tls(); err != nil {
		say("%v", err)
	}
}

// connect is how the bus is reached.
func (n *natsSettings) connect() (bus.ConnectConfig, error) {
	secure, err := n.tls()
	return bus.ConnectConfig{
		URL: n.URL, Credentials: bus.Credentials{User: n.User, Password: n.Password, Token: n.Token}, CredsFile: n.Creds, NKeyFile: n.NKey, TLS: secure,
	}, err
}

// tls is how a connection is made secure beyond what the address says; nil: as that says.
func (n *natsSettings) tls() (*tls.Config, error) {
	if n.CA == "" && n.Cert == "" && n.Key == "" && n.ServerName == "" && !n.Insecure {
		return nil, nil
	}
	out := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: n.ServerName, InsecureSkipVerify: n.Insecure} //nolint:gosec // asked for
	if n.CA != "" {
		pem, err := os.ReadFile(n.CA)
		if err != nil {
			return nil, fmt.Errorf("NATS_TLS_CA: %w", err)
		}
		out.RootCAs = x509.NewCertPool()
		if !out.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("NATS_TLS_CA: %s holds no certificate in PEM", n.CA)
		}
	}
	if (n.Cert == "") != (n.Key == "") {
		return nil, errors.New("NATS_TLS_CERT and NATS_TLS_KEY go together: set both")
	}
	if n.Cert != "" {
		pair, err := tls.LoadX509KeyPair(n.Cert, n.Key)
		if err != nil {
			return nil, fmt.Errorf("NATS_TLS_CERT: %w", err)
		}
		out.Certificates = []tls.Certificate{pair}
	}
	return out, nil
}
