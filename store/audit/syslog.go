package audit

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode"
)

const (
	// syslogPriority is facility 13 (log audit) and severity 6 (informational), RFC 5424 §6.2.1.
	syslogPriority = 13*8 + 6
	// syslogID names our structured data. 32473 is the number that RFC 5612 keeps for those who have none of their own.
	syslogID = "cordum@32473"
	// maxSyslogHost is the longest HOSTNAME, RFC 5424 §6.
	maxSyslogHost = 255
)

// AppendSyslog writes a record as one message of RFC 5424. Everything is in its structured data, and in words behind it.
// Control characters are written as \uXXXX, so that no text begins another message.
func AppendSyslog(b []byte, r *Record, host string) []byte {
	b = fmt.Appendf(b, "<%d>1 %s %s cordum - %s [%s", syslogPriority, r.At.UTC().Format("2006-01-02T15:04:05.000000Z"),
		syslogName(host, maxSyslogHost), syslogName(string(r.Act), 32), syslogID)
	for _, p := range [...]struct{ name, value string }{
		{"tenant", r.Tenant},
		{"partition", strconv.Itoa(int(r.Partition))},
		{"seq", strconv.FormatUint(r.Seq, 10)},
		{"act", string(r.Act)},
		{"actor", r.Actor},
		{"run", r.Run},
		{"subject", r.Subject},
		{"detail", r.Detail},
		{"fact_seq", strconv.FormatUint(r.FactSeq, 10)},
		{"fact_hash", r.FactHash.text()},
		{"prev", r.Prev.text()},
		{"hash", r.Hash.text()},
	} {
		if p.value != "" && p.value != "0" || p.name == "partition" {
			b = fmt.Appendf(b, ` %s="%s"`, p.name, syslogValue(p.value))
		}
	}
	words := strings.Join(strings.Fields(fmt.Sprintf("%s by %s %s %s", r.Act, r.Actor, r.Subject, r.Detail)), " ")
	return fmt.Appendf(b, "] %s", plainText(words))
}

func (h Hash) text() string {
	if h.IsZero() {
		return ""
	}
	return h.String()
}

// syslogName is a field of the header: printable ASCII without spaces.
func syslogName(s string, longest int) string {
	s = strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' {
			return '_'
		}
		return r
	}, s)
	if s == "" {
		return "-"
	}
	return s[:min(len(s), longest)]
}

// syslogValue is a parameter's value: ", \ and ] have a \ before them, RFC 5424 §6.3.3.
func syslogValue(s string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`, `]`, `\]`).Replace(plainText(s))
}

// plainText writes what is not printable in letters.
func plainText(s string) string {
	var b strings.Builder
	for _, r := range s {
		if !unicode.IsPrint(r) {
			fmt.Fprintf(&b, `\u%04x`, r)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// syslog sends to one address: over TCP and TLS each message with its length before it (RFC 6587 §3.4.1), over UDP one a
// datagram.
type syslog struct {
	network, address, host string
	conn                   net.Conn
	buf                    []byte
}

func newSyslog(u *url.URL) (*syslog, error) {
	if u.Port() == "" || u.Path != "" && u.Path != "/" {
		return nil, fmt.Errorf("audit: %q has no port; write %s://HOST:PORT", u.Redacted(), u.Scheme)
	}
	host, err := os.Hostname()
	if err != nil {
		host = "-"
	}
	return &syslog{network: strings.TrimPrefix(u.Scheme, "syslog+"), address: u.Host, host: host}, nil
}

// Send implements Sink. Over UDP nobody can tell whether a message came.
func (s *syslog) Send(ctx context.Context, records []Record) error {
	next := 0
	return retry(ctx, func() (bool, error) {
		for ; next < len(records); next++ {
			if err := s.send(ctx, &records[next]); err != nil {
				_ = s.Close() // the next try connects anew
				return true, err
			}
		}
		return false, nil
	})
}

func (s *syslog) send(ctx context.Context, r *Record) error {
	if s.conn == nil {
		conn, err := s.dial(ctx)
		if err != nil {
			return fmt.Errorf("connect to syslog at %s: %w", s.address, err)
		}
		s.conn = conn
	}
	s.buf = AppendSyslog(s.buf[:0], r, s.host)
	message := s.buf
	if s.network == "udp" {
		message = message[:min(len(message), maxDatagram)]
	} else {
		message = append(fmt.Appendf(nil, "%d ", len(message)), message...)
	}
	if err := s.conn.SetWriteDeadline(time.Now().Add(SendTimeout)); err != nil {
		return err
	}
	if _, err := s.conn.Write(message); err != nil {
		return fmt.Errorf("send to syslog at %s: %w", s.address, err)
	}
	return nil
}

func (s *syslog) dial(ctx context.Context) (net.Conn, error) {
	d := &net.Dialer{Timeout: SendTimeout}
	if s.network == "tls" {
		ctx, cancel := context.WithTimeout(ctx, SendTimeout)
		defer cancel()
		return (&tls.Dialer{NetDialer: d}).DialContext(ctx, "tcp", s.address)
	}
	return d.DialContext(ctx, s.network, s.address)
}

// Close implements Sink.
func (s *syslog) Close() error {
	if s.conn == nil {
		return nil
	}
	err := s.conn.Close()
	s.conn = nil
	return err
}
