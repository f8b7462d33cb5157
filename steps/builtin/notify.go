package builtin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"cordum.dev/cordum/sdk/go"
)

// ChannelLog writes the message to the server's log. It is always there, and the default.
const ChannelLog = "log"

// maxMessage is where a message is cut in the log, in bytes.
const maxMessage = 16 << 10

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

type notifier struct{ log *slog.Logger }

// notify tells somebody. That a channel is not configured is an answer, not a failure: the workflow goes on.
func (n notifier) notify(ctx context.Context, job cordum.Job, in notification) (delivery, error) {
	if in.Message == "" {
		return delivery{}, cordum.Fatal(cordum.CodeInvalidInput, errors.New("a notification needs a message"))
	}
	level, err := levelOf(in.Level)
	if err != nil {
		return delivery{}, cordum.Fatal(cordum.CodeInvalidInput, err)
	}
	if in.Channel == "" {
		in.Channel = ChannelLog
	}
	if in.Channel != ChannelLog {
		return delivery{Channel: in.Channel, Reason: fmt.Sprintf("channel %s is not configured", in.Channel)}, nil
	}
	// The message is a value, never part of the line: whatever is in it, it cannot pretend to be another line.
	n.log.LogAttrs(ctx, level, "notification",
		slog.String("message", cut(in.Message)),
		slog.String("tenant", job.Tenant),
		slog.String("run_id", job.RunID),
		slog.String("step", job.StepID),
		slog.String("job_id", job.ID))
	return delivery{Delivered: true, Channel: ChannelLog}, nil
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

func cut(s string) string {
	if len(s) <= maxMessage {
		return s
	}
	return strings.ToValidUTF8(s[:maxMessage], "") + "…"
}
