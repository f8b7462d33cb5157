package builtin

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"net/smtp"
	"net/textproto"
	"net/url"
	"strings"
	"time"

	"cordum.dev/cordum/sdk/go"
)

// mailer sends a message as an e-mail of plain text.
type mailer struct {
	guard    *guard
	address  string // HOST:PORT
	host     string
	tls      bool // from the start; else STARTTLS where it is offered
	user     string
	password string
	from     string
	to       []string
	now      func() time.Time
}

func newMail(cfg Channels, g *guard, now func() time.Time) (*mailer, error) {
	u, err := url.Parse(cfg.SMTP)
	if err != nil || (u.Scheme != "smtp" && u.Scheme != "smtps") || u.Hostname() == "" {
		return nil, errors.New("the address of the channel email is not written as smtp://host:port or smtps://host:port") // it may hold a password
	}
	m := &mailer{host: u.Hostname(), tls: u.Scheme == "smtps", now: now}
	port := u.Port()
	if port == "" {
		if port = "587"; m.tls { // RFC 6409, RFC 8314
			port = "465"
		}
		u.Host = net.JoinHostPort(m.host, port)
	}
	m.address, m.guard = net.JoinHostPort(m.host, port), g.trusting(m.host, portOf(u))
	if u.User != nil {
		m.user = u.User.Username()
		m.password, _ = u.User.Password()
	}
	if m.from, err = bareAddress(cfg.MailFrom); err != nil {
		return nil, fmt.Errorf("the sender of the channel email: %w", err)
	}
	if len(cfg.MailTo) == 0 {
		return nil, errors.New("the channel email has no recipients")
	}
	for _, text := range cfg.MailTo {
		to, err := bareAddress(text)
		if err != nil {
			return nil, fmt.Errorf("a recipient of the channel email: %w", err)
		}
		m.to = append(m.to, to)
	}
	return m, nil
}

func bareAddress(text string) (string, error) {
	a, err := mail.ParseAddress(text)
	if err != nil || strings.ContainsAny(a.Address, "\r\n") {
		return "", fmt.Errorf("%q is no e-mail address", text)
	}
	return a.Address, nil
}

// deliver implements channel.
func (m *mailer) deliver(ctx context.Context, msg message) error {
	conn, err := m.guard.dial(ctx, "tcp", m.address)
	if err != nil {
		return lost(ctx, ChannelEmail, err)
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if err := m.send(conn, msg); err != nil {
		return m.failed(ctx, err)
	}
	return nil
}

// failed says why a server did not take a message. Its words are left out: they may repeat a credential.
func (m *mailer) failed(ctx context.Context, err error) error {
	var reply *textproto.Error
	switch {
	case isUntrusted(err):
		return undelivered(ChannelEmail, cordum.KindFatal, tlsWhy(err))
	case errors.As(err, &reply) && reply.Code >= 500: // permanent, RFC 5321 §4.2.1
		return undelivered(ChannelEmail, cordum.KindFatal, fmt.Sprintf("the server answered %d", reply.Code))
	case errors.As(err, &reply):
		return undelivered(ChannelEmail, cordum.KindRetryable, fmt.Sprintf("the server answered %d", reply.Code))
	case errors.Is(err, errNoTLS):
		return undelivered(ChannelEmail, cordum.KindFatal, errNoTLS.Error())
	}
	return lost(ctx, ChannelEmail, err)
}

var errNoTLS = errors.New("the server offers no TLS, so that the password would be sent in clear")

// recipients are those of the message, else those of the channel.
func (m *mailer) recipients(msg message) []string {
	if len(msg.to) > 0 {
		return msg.to
	}
	return m.to
}

func (m *mailer) send(conn net.Conn, msg message) error {
	if m.tls {
		conn = tls.Client(conn, &tls.Config{ServerName: m.host})
	}
	c, err := smtp.NewClient(conn, m.host)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := m.greet(c); err != nil {
		return err
	}
	if err := c.Mail(m.from); err != nil {
		return err
	}
	for _, to := range m.recipients(msg) {
		if err := c.Rcpt(to); err != nil {
			return err
		}
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write(m.compose(msg)); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	_ = c.Quit() // the message is taken; that the server hangs up first changes nothing
	return nil
}

// greet makes the connection secret where it can be, and shows who we are, which needs one that is.
func (m *mailer) greet(c *smtp.Client) error {
	if offered, _ := c.Extension("STARTTLS"); offered && !m.tls {
		if err := c.StartTLS(&tls.Config{ServerName: m.host}); err != nil {
			return err
		}
	}
	if m.user == "" {
		return nil
	}
	if _, secret := c.TLSConnectionState(); !secret && !isLocalhost(m.host) {
		if ip := net.ParseIP(m.host); ip == nil || !ip.IsLoopback() {
			return errNoTLS
		}
	}
	return c.Auth(smtp.PlainAuth("", m.user, m.password, m.host))
}

// compose writes the e-mail. The subject is encoded, so that nothing in it begins another header; the body is text, so
// that nothing in it is a tag.
func (m *mailer) compose(msg message) []byte {
	var b bytes.Buffer
	first, _, _ := strings.Cut(strings.TrimSpace(msg.text), "\n")
	subject := fmt.Sprintf("[%s] %s", strings.ToLower(msg.level.String()), cut(strings.ReplaceAll(first, "\t", " "), maxSubject))
	for _, h := range [][2]string{
		{"From", m.from},
		{"To", strings.Join(m.recipients(msg), ", ")},
		{"Subject", mime.QEncoding.Encode("utf-8", subject)},
		{"Date", m.now().Format(time.RFC1123Z)},
		{"Message-ID", "<" + messageID(msg.job.Key) + "@cordum>"},
		{"Auto-Submitted", "auto-generated"},
		{"MIME-Version", "1.0"},
		{"Content-Type", "text/plain; charset=utf-8"},
		{"Content-Transfer-Encoding", "quoted-printable"},
	} {
		fmt.Fprintf(&b, "%s: %s\r\n", h[0], h[1])
	}
	b.WriteString("\r\n")
	q := quotedprintable.NewWriter(&b)
	fmt.Fprintf(q, "%s\r\n", strings.ReplaceAll(msg.text, "\n", "\r\n"))
	if msg.job.RunID != "" {
		fmt.Fprintf(q, "\r\nrun %s, step %s\r\n", msg.job.RunID, msg.job.StepID)
	}
	_ = q.Close() // a buffer takes everything
	return b.Bytes()
}

// messageID is the job's id in letters that such an id may have, the same for each attempt.
func messageID(job string) string {
	return strings.Map(func(r rune) rune {
		if (r >= 'a' && r <= 'z') || (r >= 'A' && r <= 'Z') || (r >= '0' && r <= '9') || strings.ContainsRune("-_.~", r) {
			return r
		}
		return '-'
	}, job)
}
