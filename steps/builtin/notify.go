package builtin

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"
	"unicode"

	"cordum.dev/cordum/sdk/go"
)

// The channels of notifications. ChannelLog, the server's log, is always there, and the default.
const (
	ChannelLog     = "log"
	ChannelWebhook = "webhook"
	ChannelSlack   = "slack"
	ChannelEmail   = "email"
)

// reasonUnconfigured is why a channel that nobody configured did not deliver.
const reasonUnconfigured = "unconfigured"

// Channels are where notifications go besides the log. What an operator configured is trusted: it may be at a private
// address, also one that Egress does not open; redirects are not followed. Empty ones are unconfigured.
type Channels struct {
	// WebhookURL gets a POST of {text, level, run_id, step}. WebhookSecret signs it ("whsec_" and base64).
	WebhookURL, WebhookSecret string
	// SlackURL is an incoming webhook.
	SlackURL string
	// SMTP is the mail server, smtp://USER:PASSWORD@HOST:PORT (smtps:// for TLS from the start); MailFrom and MailTo are
	// the addresses.
	SMTP     string
	MailFrom string
	MailTo   []string
}

// notification is what a notify step sends.
type notification struct {
	Channel string `json:"channel"` // default "log"
	Message string `json:"message"`
	Level   string `json:"level"` // debug, info (default), warn or error
}

// delivery is the step's output.
type delivery struct {
	Delivered bool   `json:"delivered"`
	Channel   string `json:"channel"`
	Reason    string `json:"reason,omitempty"` // why not delivered
}

// message is a notification on its way to a channel.
type message struct {
	text  string // plain: no control characters but line breaks and tabs, at most maxMessage bytes
	level slog.Level
	job   cordum.Job

	body any      // of a webhook instead of the text; nil: the text
	to   []string // of an e-mail instead of the channel's; none: the channel's
}

// channel delivers a message somewhere. The error is coded and holds no address and no credential of the channel.
type channel interface {
	deliver(ctx context.Context, m message) error
}

// notifier delivers to the channels that are configured.
type notifier struct {
	channels map[string]channel
	log      *slog.Logger
}

func newNotifier(cfg Channels, g *guard, log *slog.Logger, now func() time.Time) (*notifier, error) {
	n := &notifier{channels: map[string]channel{}, log: log}
	if cfg.WebhookURL != "" || cfg.WebhookSecret != "" {
		c, err := newWebhook(cfg.WebhookURL, cfg.WebhookSecret, g, now)
		if err != nil {
			return nil, err
		}
		n.channels[ChannelWebhook] = c
	}
	if cfg.SlackURL != "" {
		c, err := newSlack(cfg.SlackURL, g)
		if err != nil {
			return nil, err
		}
		n.channels[ChannelSlack] = c
	}
	if cfg.SMTP != "" || cfg.MailFrom != "" || len(cfg.MailTo) > 0 {
		c, err := newMail(cfg, g, now)
		if err != nil {
			return nil, err
		}
		n.channels[ChannelEmail] = c
	}
	return n, nil
}

// notify tells somebody. That a channel is not configured is an answer, not a failure: the workflow goes on.
func (n *notifier) notify(ctx context.Context, job cordum.Job, in notification, hide *redactor) (delivery, error) {
	if in.Message == "" {
		return delivery{}, invalid(errors.New("a notification needs a message"))
	}
	level, err := levelOf(in.Level)
	if err != nil {
		return delivery{}, invalid(err)
	}
	if in.Channel == "" || in.Channel == ChannelLog {
		n.write(ctx, level, job, hide.text(in.Message))
		return delivery{Delivered: true, Channel: ChannelLog}, nil
	}
	c := n.channels[in.Channel]
	if c == nil {
		return delivery{Channel: in.Channel, Reason: reasonUnconfigured}, nil
	}
	if _, limited := ctx.Deadline(); !limited {
		limitedCtx, cancel := context.WithTimeout(ctx, deliveryTimeout)
		defer cancel()
		ctx = limitedCtx
	}
	if err := c.deliver(ctx, message{text: plain(in.Message), level: level, job: job}); err != nil {
		return delivery{}, err
	}
	return delivery{Delivered: true, Channel: in.Channel}, nil
}

// write is the channel log. The message is a value, never part of the line: whatever is in it, it cannot pretend to be
// another line. A secret in it is hidden: logs are read by more people than it is for.
func (n *notifier) write(ctx context.Context, level slog.Level, job cordum.Job, text string) {
	n.log.LogAttrs(ctx, level, "notification",
		slog.String("message", cut(text, maxMessage)),
		slog.String("tenant", job.Tenant),
		slog.String("run_id", job.RunID),
		slog.String("step", job.StepID),
		slog.String("job_id", job.ID))
}

func levelOf(name string) (slog.Level, error) {
	switch strings.ToLower(name) {
	case "debug":
		return slog.LevelDebug, nil
	case "", "info":
		return slog.LevelInfo, nil
	case "warn", "warning":
		return slog.LevelWarn, nil
	case "error":
		return slog.LevelError, nil
	}
	return 0, errors.New("level is one of debug, info, warn and error")
}

// plain is a message as text that shows what it is: without characters that a reader does not see, or that turn the
// order of the others around.
func plain(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r), r == '\u2028', r == '\u2029':
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	return cut(s, maxMessage)
}

// cut shortens a text to so many bytes, and says that it did.
func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
