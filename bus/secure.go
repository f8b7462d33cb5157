package bus

import (
	"crypto/tls"
	"fmt"
	"strings"
	"sync/atomic"
)

// secured is how connections to an external server are made secure. A server that wants a certificate and gets none closes the
// connection when the handshake is over for this side, so that what fails then is any of several things: that it asked is noted.
type secured struct {
	config *tls.Config
	asked  atomic.Bool // for a certificate that is not there
}

// secure is nil where nothing is said of how.
func (cfg ConnectConfig) secure() *secured {
	config := cfg.TLS
	switch {
	case config != nil:
		config = config.Clone()
	case strings.Contains(cfg.URL, "tls://"):
		config = &tls.Config{MinVersion: tls.VersionTLS12}
	default:
		return nil
	}
	s := &secured{config: config}
	if len(config.Certificates) == 0 && config.GetClientCertificate == nil {
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			s.asked.Store(true)
			return &tls.Certificate{}, nil // it is for the server to say whether it can do without
		}
	}
	return s
}

// explain says why a connection could not be made, where that is known better than from its error.
func (s *secured) explain(err error) error {
	if s == nil || !s.asked.Load() {
		return err
	}
	return fmt.Errorf("the server asks for a tls certificate of who connects, and there is none to show: %w", err)
}
