package audit

import (
	"context"
	"fmt"
	"net/url"
	"time"
)

// Sink takes records elsewhere, in order. It is used by one goroutine.
type Sink interface {
	// Send returns when the other side has taken all of them, as far as its protocol can tell. After an error some of them may
	// have been taken: sending them again is the caller's choice, and seq in each tells.
	Send(ctx context.Context, records []Record) error
	Close() error
}

// OpenSink makes the sink of an address: syslog+udp://, syslog+tcp:// and syslog+tls:// with HOST:PORT, http:// and https://.
// secret signs what a webhook gets; empty: it is not signed. It connects when the first records are sent.
func OpenSink(address, secret string) (Sink, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return nil, fmt.Errorf("audit: %.200q is no address; write syslog+tls://HOST:PORT or https://HOST/PATH", address)
	}
	switch u.Scheme {
	case "syslog+udp", "syslog+tcp", "syslog+tls":
		return newSyslog(u)
	case "http", "https":
		return newWebhook(u, secret)
	}
	return nil, fmt.Errorf("audit: nothing is sent by %q; known are syslog+udp, syslog+tcp, syslog+tls, http and https", u.Scheme)
}

// retry tries until it works, fails for good, or has been tried often enough.
func retry(ctx context.Context, try func() (again bool, err error)) error {
	pause := FirstPause
	for n := 1; ; n++ {
		again, err := try()
		if err == nil {
			return nil
		}
		if !again || n == SendTries {
			return fmt.Errorf("after %d tries: %w", n, err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
		pause = min(2*pause, LastPause)
	}
}
