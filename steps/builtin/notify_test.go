package builtin

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"

	"cordum.dev/cordum/sdk/go"
)

func TestNotify(t *testing.T) {
	var written bytes.Buffer
	n := &notifier{log: slog.New(slog.NewJSONHandler(&written, nil))}
	for name, c := range map[string]struct {
		in    notification
		want  delivery
		level string // of the line; empty: none is written
	}{
		"log":                 {notification{Message: "done"}, delivery{Delivered: true, Channel: "log"}, "INFO"},
		"log, by name":        {notification{Channel: "log", Message: "done", Level: "warn"}, delivery{Delivered: true, Channel: "log"}, "WARN"},
		"below the log level": {notification{Message: "done", Level: "debug"}, delivery{Delivered: true, Channel: "log"}, ""},
		"slack":               {notification{Channel: "slack", Message: "done"}, delivery{Channel: "slack", Reason: "unconfigured"}, ""},
		"webhook":             {notification{Channel: "webhook", Message: "done"}, delivery{Channel: "webhook", Reason: "unconfigured"}, ""},
		"a channel of nobody": {notification{Channel: "pigeon", Message: "done"}, delivery{Channel: "pigeon", Reason: "unconfigured"}, ""},
		"email":               {notification{Channel: "email", Message: "done"}, delivery{Channel: "email", Reason: "unconfigured"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			written.Reset()
			got, err := n.notify(context.Background(), testJob, c.in, &redactor{})
			if err != nil || got != c.want {
				t.Fatalf("got %+v, %v, want %+v", got, err, c.want)
			}
			if c.level == "" {
				if written.Len() > 0 {
					t.Errorf("written: %s", written.String())
				}
				return
			}
			var line map[string]any
			if err := json.Unmarshal(written.Bytes(), &line); err != nil {
				t.Fatal(err)
			}
			if line["level"] != c.level || line["message"] != "done" || line["run_id"] != "07RUN" || line["step"] != "n" || line["tenant"] != "default" {
				t.Errorf("line %v", line)
			}
		})
	}
}

func TestNotifyRefuses(t *testing.T) {
	n := &notifier{log: slog.New(slog.DiscardHandler)}
	for name, in := range map[string]notification{
		"no message": {}, "unknown level": {Message: "x", Level: "loud"},
	} {
		_, err := n.notify(context.Background(), testJob, in, &redactor{})
		if e := coded(t, err, cordum.CodeInvalidInput, cordum.KindFatal); e == nil {
			t.Error(name)
		}
	}
}

// TestMessageStaysOneLine: a message cannot write a line of its own into the log, in either format.
func TestMessageStaysOneLine(t *testing.T) {
	hostile := "x\n{\"level\":\"ERROR\",\"msg\":\"forged\"}\r\ntime=1 level=ERROR msg=forged\x1b[31m\u2028" + strings.Repeat("ä", maxMessage)
	var written bytes.Buffer
	for name, handler := range map[string]slog.Handler{"json": slog.NewJSONHandler(&written, nil), "text": slog.NewTextHandler(&written, nil)} {
		written.Reset()
		if _, err := (&notifier{log: slog.New(handler)}).notify(context.Background(), testJob, notification{Message: hostile}, &redactor{}); err != nil {
			t.Fatal(err)
		}
		line := written.String()
		if strings.Count(line, "\n") != 1 || strings.ContainsAny(line, "\r\x1b") || len(line) > 3*maxMessage {
			t.Errorf("%s: %d lines, %d bytes", name, strings.Count(line, "\n"), len(line))
		}
	}
}
