package builtin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"cordum.dev/cordum/bus"
	"cordum.dev/cordum/bus/wire"
	"cordum.dev/cordum/sdk/go"
	"google.golang.org/protobuf/proto"
)

func TestNotify(t *testing.T) {
	var written bytes.Buffer
	n := notifier{slog.New(slog.NewJSONHandler(&written, nil))}
	job := cordum.Job{ID: "07RUN.n~0", Tenant: "default", RunID: "07RUN", StepID: "n"}
	for name, c := range map[string]struct {
		in    notification
		want  delivery
		level string // of the line; empty: none is written
	}{
		"log":                 {notification{Message: "done"}, delivery{Delivered: true, Channel: "log"}, "INFO"},
		"log, by name":        {notification{Channel: "log", Message: "done", Level: "warn"}, delivery{Delivered: true, Channel: "log"}, "WARN"},
		"below the log level": {notification{Message: "done", Level: "debug"}, delivery{Delivered: true, Channel: "log"}, ""},
		"slack":               {notification{Channel: "slack", Message: "done"}, delivery{Channel: "slack", Reason: "channel slack is not configured"}, ""},
		"webhook":             {notification{Channel: "webhook", Message: "done"}, delivery{Channel: "webhook", Reason: "channel webhook is not configured"}, ""},
		"email":               {notification{Channel: "email", Message: "done"}, delivery{Channel: "email", Reason: "channel email is not configured"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			written.Reset()
			got, err := n.notify(context.Background(), job, c.in)
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
	n := notifier{slog.New(slog.DiscardHandler)}
	for name, in := range map[string]notification{
		"no message": {}, "unknown level": {Message: "x", Level: "loud"},
	} {
		var coded *cordum.Error
		if _, err := n.notify(context.Background(), cordum.Job{}, in); !errors.As(err, &coded) || coded.Kind != cordum.KindFatal || coded.Code != cordum.CodeInvalidInput {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestMessageStaysOneLine: a message cannot write a line of its own into the log, in either format.
func TestMessageStaysOneLine(t *testing.T) {
	hostile := "x\n{\"level\":\"ERROR\",\"msg\":\"forged\"}\r\ntime=1 level=ERROR msg=forged\x1b[31m\u2028" + strings.Repeat("ä", maxMessage)
	var written bytes.Buffer
	for name, handler := range map[string]slog.Handler{"json": slog.NewJSONHandler(&written, nil), "text": slog.NewTextHandler(&written, nil)} {
		written.Reset()
		if _, err := (notifier{slog.New(handler)}).notify(context.Background(), cordum.Job{}, notification{Message: hostile}); err != nil {
			t.Fatal(err)
		}
		line := written.String()
		if strings.Count(line, "\n") != 1 || strings.ContainsAny(line, "\r\x1b") || len(line) > 3*maxMessage {
			t.Errorf("%s: %d lines, %d bytes", name, strings.Count(line, "\n"), len(line))
		}
	}
}

// TestWorkerServesNotify sends a job through the embedded server, as the engine does.
func TestWorkerServesNotify(t *testing.T) {
	server, err := bus.NewServer(bus.ServerConfig{DontListen: true})
	must(t, err)
	must(t, server.Start())
	t.Cleanup(server.Close)
	engine, err := bus.Connect(bus.ConnectConfig{InProcess: server})
	must(t, err)
	t.Cleanup(func() { engine.Close() })

	send := func(subject string, p *wire.BusPacket) {
		data, err := proto.Marshal(p)
		must(t, errors.Join(err, engine.Publish(subject, data)))
	}
	results := make(chan *wire.JobResult, 1)
	sent := false
	_, err = engine.Subscribe(bus.SubjectHeartbeat, "", func(bus.Msg) {
		if sent {
			return
		}
		sent = true
		send(bus.WorkerJobs(DefaultID), &wire.BusPacket{Payload: &wire.BusPacket_JobRequest{JobRequest: &wire.JobRequest{
			JobId: "1", Token: []byte("t"), Topic: "job.cordum.notify", Input: []byte(`{"message":"hello"}`), AnswerSubject: bus.Part(0),
		}}})
	})
	must(t, err)
	_, err = engine.Subscribe(bus.Part(0), "", func(m bus.Msg) {
		var p wire.BusPacket
		if err := proto.Unmarshal(m.Data, &p); err != nil {
			t.Error(err)
		}
		send(m.Reply, &wire.BusPacket{Payload: &wire.BusPacket_Ack{Ack: &wire.Ack{Code: wire.AckCode_ACK_CODE_OK}}})
		results <- p.GetJobResult()
	})
	must(t, err)
	must(t, engine.Flush())

	w, err := NewWorker(Config{Conn: engine.Conn(), Logger: slog.New(slog.DiscardHandler)})
	must(t, err)
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	select {
	case r := <-results:
		if string(r.GetOutput()) != `{"delivered":true,"channel":"log"}` {
			t.Errorf("result %v", r)
		}
	case err := <-ended:
		t.Fatalf("the worker ended: %v", err)
	}
	stop()
	must(t, <-ended)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
