package builtin

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/http"
	"net/mail"
	"strings"
	"testing"
	"time"

	"cordum.dev/cordum/sdk/go"
)

// clock is the time of signatures and e-mails in tests.
func clock() time.Time { return time.Unix(1614265330, 0).UTC() }

// withChannels is a notifier whose guard opens nothing: what is configured is trusted.
func withChannels(t testing.TB, cfg Channels) *notifier {
	t.Helper()
	g, err := newGuard(Egress{})
	must(t, err)
	n, err := newNotifier(cfg, g, slog.New(slog.DiscardHandler), clock)
	must(t, err)
	return n
}

func tell(t testing.TB, n *notifier, channel, text string) (delivery, error) {
	return n.notify(soon(t), testJob, notification{Channel: channel, Message: text, Level: "warn"}, &redactor{})
}

// TestSignature is an example of the specification: what its own libraries make of the same message.
func TestSignature(t *testing.T) {
	secret, err := base64.StdEncoding.DecodeString("plJ3nmyCDGBKInavdOK15jsl")
	must(t, err)
	got := sign(secret, "msg_loFOjxBNrRLzqYUf", "1731705121", []byte(`{"event_type":"ping","data":{"success":true}}`))
	if want := "v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0="; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestWebhook(t *testing.T) {
	var body string
	var header http.Header
	s := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		data, _ := io.ReadAll(r.Body)
		body, header = string(data), r.Header
	})
	n := withChannels(t, Channels{WebhookURL: s.URL + "/hook", WebhookSecret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLasw"})
	got, err := tell(t, n, ChannelWebhook, "done\u202e <b>")
	must(t, err)
	if got != (delivery{Delivered: true, Channel: ChannelWebhook}) {
		t.Errorf("got %+v", got)
	}
	if want := `{"text":"done \u003cb\u003e","level":"warn","run_id":"07RUN","step":"n"}`; body != want {
		t.Errorf("body %s, want %s", body, want)
	}
	want := sign(n.channels[ChannelWebhook].(*webhook).secret, testJob.ID, "1614265330", []byte(body))
	if header.Get("Webhook-Id") != testJob.ID || header.Get("Webhook-Timestamp") != "1614265330" || header.Get("Webhook-Signature") != want {
		t.Errorf("headers %v", header)
	}
}

// TestSlackMeansNothing: no mention, no link, no markup comes through.
func TestSlackMeansNothing(t *testing.T) {
	var sent map[string]any
	s := serve(t, func(_ http.ResponseWriter, r *http.Request) { _ = json.NewDecoder(r.Body).Decode(&sent) })
	_, err := tell(t, withChannels(t, Channels{SlackURL: s.URL}), ChannelSlack, "<!channel> <@U1> <https://evil.example|your bank> a & b &lt; *bold*\nnext")
	must(t, err)
	want := map[string]any{
		"text":   "&lt;!channel&gt; &lt;@U1&gt; &lt;https://evil.example|your bank&gt; a &amp; b &amp;lt; *bold*\nnext",
		"mrkdwn": false, "parse": "none", "link_names": false, "unfurl_links": false, "unfurl_media": false,
	}
	if fmt.Sprint(sent) != fmt.Sprint(want) {
		t.Errorf("sent %v, want %v", sent, want)
	}
}

// TestChannelFailures: they say the channel and why, never where it is.
func TestChannelFailures(t *testing.T) {
	status, location := http.StatusOK, ""
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		if location != "" {
			w.Header().Set("Location", location)
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, "canary")
	})
	n := withChannels(t, Channels{SlackURL: s.URL + "/services/canary-token"})
	for _, c := range []struct {
		status   int
		location string
		kind     cordum.Kind
	}{
		{500, "", cordum.KindRetryable},
		{429, "", cordum.KindRetryable},
		{404, "", cordum.KindFatal},
		{403, "", cordum.KindFatal},
		{302, "http://169.254.169.254/", cordum.KindFatal},
		{307, s.URL + "/else", cordum.KindFatal},
	} {
		status, location = c.status, c.location
		_, err := tell(t, n, ChannelSlack, "hello")
		holdsNone(t, "the failure", coded(t, err, CodeNotDelivered, c.kind).Error(), "canary", "127.0.0.1", "http")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	must(t, l.Close())
	_, err = tell(t, withChannels(t, Channels{WebhookURL: "http://" + l.Addr().String() + "/canary"}), ChannelWebhook, "hello")
	holdsNone(t, "the failure", coded(t, err, CodeNotDelivered, cordum.KindRetryable).Error(), "canary", "127.0.0.1")
}

func TestBadChannels(t *testing.T) {
	for name, cfg := range map[string]Channels{
		"no scheme":            {SlackURL: "canary.example/x"},
		"no host":              {WebhookURL: "https:///canary"},
		"a user":               {WebhookURL: "https://canary:canary@hooks.example/"},
		"a secret alone":       {WebhookSecret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLasw"},
		"a secret without":     {WebhookURL: "https://hooks.example/", WebhookSecret: "canary"},
		"a short secret":       {WebhookURL: "https://hooks.example/", WebhookSecret: "whsec_Y2FuYXJ5"},
		"mail over http":       {SMTP: "http://canary:canary@mail.example", MailFrom: "a@b.example", MailTo: []string{"c@d.example"}},
		"no sender":            {SMTP: "smtp://u:canary@mail.example", MailTo: []string{"c@d.example"}},
		"no recipient":         {SMTP: "smtp://u:canary@mail.example", MailFrom: "a@b.example"},
		"a recipient of lines": {SMTP: "smtp://u:canary@mail.example", MailFrom: "a@b.example", MailTo: []string{"c@d.example\r\nBcc: e@f.example"}},
		"a sender alone":       {MailFrom: "a@b.example"},
	} {
		_, err := newNotifier(cfg, &guard{}, slog.New(slog.DiscardHandler), clock)
		if err == nil {
			t.Errorf("%s: accepted", name)
			continue
		}
		holdsNone(t, name, err.Error(), "canary")
	}
}

// mailServer takes one message without TLS and gives back what it was told.
func mailServer(t *testing.T, refuse string) (address string, told chan string) {
	told = make(chan string, 1)
	address = serveRaw(t, func(conn net.Conn) {
		var all strings.Builder
		in := bufio.NewScanner(conn)
		say := func(line string) { fmt.Fprintf(conn, "%s\r\n", line) }
		say("220 mail.example")
		for data := false; in.Scan(); {
			line := in.Text()
			fmt.Fprintln(&all, line)
			word, _, _ := strings.Cut(line, " ")
			switch {
			case data && line == ".":
				data = false
				say("250 taken")
				told <- all.String()
			case data:
			case refuse != "" && word == "RCPT":
				say(refuse)
			case word == "EHLO":
				say("250-mail.example\r\n250 AUTH PLAIN")
			case word == "AUTH":
				say("235 welcome")
			case word == "DATA":
				data = true
				say("354 go on")
			case word == "QUIT":
				say("221 bye")
				return
			default:
				say("250 fine")
			}
		}
	})
	return strings.TrimPrefix(address, "http://"), told
}

func TestEmail(t *testing.T) {
	address, told := mailServer(t, "")
	n := withChannels(t, Channels{SMTP: "smtp://user:pass@" + address, MailFrom: "Cordum <from@a.example>", MailTo: []string{"to@b.example", "two@b.example"}})
	text := "Größe: 5\r\nBcc: evil@c.example\n.\n<script>alert(1)</script>"
	_, err := tell(t, n, ChannelEmail, text)
	must(t, err)
	all := <-told
	for _, want := range []string{"MAIL FROM:<from@a.example>", "RCPT TO:<to@b.example>", "RCPT TO:<two@b.example>", "AUTH PLAIN AHVzZXIAcGFzcw=="} {
		if !strings.Contains(all, want) {
			t.Errorf("the server was not told %s: %s", want, all)
		}
	}
	_, message, _ := strings.Cut(all, "DATA\n")
	message, _, _ = strings.Cut(message, "\n.\n")
	m, err := mail.ReadMessage(strings.NewReader(strings.ReplaceAll(message, "\n..", "\n.")))
	must(t, err)
	if subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject")); err != nil || subject != "[warn] Größe: 5" {
		t.Errorf("subject %q, %v", subject, err)
	}
	if m.Header.Get("Bcc") != "" || m.Header.Get("Content-Type") != "text/plain; charset=utf-8" || m.Header.Get("Message-Id") != "<07RUN.n~0@cordum>" {
		t.Errorf("headers %v", m.Header)
	}
	body, err := io.ReadAll(quotedprintable.NewReader(m.Body))
	must(t, err)
	if got := strings.ReplaceAll(string(body), "\r\n", "\n"); !strings.HasPrefix(got, strings.ReplaceAll(text, "\r", "")) || !strings.Contains(got, "run 07RUN, step n") {
		t.Errorf("body %q", got)
	}
}

func TestRefusedEmail(t *testing.T) {
	for reply, kind := range map[string]cordum.Kind{"550 canary unknown": cordum.KindFatal, "451 canary later": cordum.KindRetryable} {
		address, _ := mailServer(t, reply)
		n := withChannels(t, Channels{SMTP: "smtp://" + address, MailFrom: "from@a.example", MailTo: []string{"to@b.example"}})
		_, err := tell(t, n, ChannelEmail, "hello")
		holdsNone(t, reply, coded(t, err, CodeNotDelivered, kind).Error(), "canary", "127.0.0.1")
	}
}

// TestPasswordsStaySecret: one is not sent in clear to a server that is elsewhere. The name leads to this machine by a rule
// of the test's own.
func TestPasswordsStaySecret(t *testing.T) {
	address, told := mailServer(t, "")
	m, err := newMail(Channels{SMTP: "smtp://user:pass@" + address, MailFrom: "from@a.example", MailTo: []string{"to@b.example"}}, &guard{}, clock)
	must(t, err)
	m.host = "mail.example" // as it would be called
	err = m.deliver(soon(t), message{text: "hello", job: testJob})
	coded(t, err, CodeNotDelivered, cordum.KindFatal)
	select {
	case all := <-told:
		t.Errorf("the server was told %s", all)
	default:
	}
}

// TestSilentMailServer: the step's timeout ends it.
func TestSilentMailServer(t *testing.T) {
	address, _ := silent(t)
	n := withChannels(t, Channels{SMTP: "smtp://" + strings.TrimPrefix(address, "http://"), MailFrom: "from@a.example", MailTo: []string{"to@b.example"}})
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	_, err := n.notify(ctx, testJob, notification{Channel: ChannelEmail, Message: "hello"}, &redactor{})
	coded(t, err, CodeNotDelivered, cordum.KindRetryable)
}
