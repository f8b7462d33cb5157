package builtin

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"cordum.dev/cordum/sdk/go"
)

// Notice is something that people outside are told and that is no step's notification: that an approval waits for them.
type Notice struct {
	// Key is the same for every attempt, so that a receiver can tell a notice that comes twice.
	Key string
	// Text is plain. Its first line is the subject of an e-mail.
	Text string
	// Body is what a webhook gets, as JSON; nil: {text, level}.
	Body any
	// To are the recipients of an e-mail, each a bare address; none: those of the channel.
	To []string
}

// Sender delivers notices to the channels that are configured, under the rules of notifications: what an operator configured
// is trusted and nothing else, and nothing in a text is markup. It is safe for concurrent use.
type Sender struct{ notifier *notifier }

// NewSender checks the channels. It calls nobody. The error holds no credential.
func NewSender(cfg Channels, egress Egress) (*Sender, error) {
	g, err := newGuard(egress)
	if err != nil {
		return nil, err
	}
	n, err := newNotifier(cfg, g, slog.New(slog.DiscardHandler), time.Now)
	if err != nil {
		return nil, err
	}
	return &Sender{n}, nil
}

// Channels are the names of those that are configured, sorted.
func (s *Sender) Channels() []string {
	var names []string
	for name := range s.notifier.channels {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Send delivers one notice, once, in at most 30 s. again says that another attempt may succeed where this one failed. The
// error holds no address and no credential.
func (s *Sender) Send(ctx context.Context, channel string, n Notice) (again bool, err error) {
	c := s.notifier.channels[channel]
	if c == nil {
		return false, errors.New("the channel " + channel + " is not configured")
	}
	ctx, cancel := context.WithTimeout(ctx, deliveryTimeout)
	defer cancel()
	for _, to := range n.To {
		if _, err := bareAddress(to); err != nil {
			return false, err
		}
	}
	err = c.deliver(ctx, message{
		text: plain(n.Text), level: slog.LevelInfo, job: cordum.Job{Key: n.Key}, body: n.Body, to: n.To,
	})
	if err == nil {
		return false, nil
	}
	var coded *cordum.Error
	return !errors.As(err, &coded) || coded.Kind == cordum.KindRetryable, err
}
