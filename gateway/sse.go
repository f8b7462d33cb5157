package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"cordum.dev/cordum/engine/runner"
)

// serveSSE writes the feed of one run, or of a workflow's runs, as server-sent events.
func (g *Gateway) serveSSE(w http.ResponseWriter, r *http.Request) {
	req, p := sseRequest(r)
	if p != nil {
		p.write(w)
		return
	}
	leave, ok := g.admitViewer(w)
	if !ok {
		return
	}
	defer leave()
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(g.streams, cancel)()
	var key sync.WaitGroup
	defer key.Wait()
	defer cancel()
	key.Go(func() {
		if g.keys.untilEnded(ctx, requestOf(ctx).principal.Actor) {
			cancel()
		}
	})
	watch, view, err := g.watch(ctx, caller(ctx, ""), req)
	if err != nil {
		g.fail(recordOf(ctx), err).write(w)
		return
	}
	defer watch.Close()
	if view != nil && Settled(view) && req.AfterSeq == view.Seq {
		w.WriteHeader(http.StatusNoContent) // all is told; a browser would ask again for ever
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no") // a proxy must not collect events
	w.WriteHeader(http.StatusOK)
	s := sse{w: w, control: http.NewResponseController(w)}
	s.pump(ctx, watch)
}

func sseRequest(r *http.Request) (runner.WatchRequest, *Problem) {
	q := r.URL.Query()
	for name, values := range q {
		if len(values) > 1 || (name != "run" && name != "workflow" && name != "after_seq" && name != "logs") {
			return runner.WatchRequest{}, newProblem("invalid_argument", "Known are run, workflow, after_seq and logs, each once.")
		}
	}
	logs := q.Get("logs") == "1"
	if q.Has("logs") && !logs {
		return runner.WatchRequest{}, newProblem("invalid_argument", "Write logs=1, or leave it out.")
	}
	after := q.Get("after_seq")
	if last := r.Header.Get("Last-Event-ID"); last != "" {
		after = last
	}
	if after != "" && q.Get("workflow") != "" && !q.Has("after_seq") {
		after = "" // a browser reconnects with the id it saw last; headers begin anew
	}
	return watchRequest(q.Get("run"), q.Get("workflow"), after, logs)
}

// sse is one open stream of events.
type sse struct {
	w       http.ResponseWriter
	control *http.ResponseController
}

// pump writes messages until the watch or the client ends, and a comment when there is nothing to say for a while.
func (s *sse) pump(ctx context.Context, watch Watch) {
	for {
		quiet, cancel := context.WithTimeout(ctx, SSEHeartbeat)
		m, err := watch.Next(quiet)
		cancel()
		switch {
		case ctx.Err() != nil:
			return
		case errors.Is(err, context.DeadlineExceeded):
			err = s.write(": still here\n\n")
		case err != nil:
			return
		default:
			err = s.message(m)
		}
		if err != nil || m.Kind == "end" {
			return
		}
	}
}

// message writes one event. Its id is the seq to resume behind: of a fact, or of the state that was shown.
func (s *sse) message(m runner.Message) error {
	out := streamMessage("", m)
	data, err := json.Marshal(out)
	if err != nil {
		return err
	}
	id := ""
	switch {
	case m.Event != nil:
		id = fmt.Sprintf("id: %d\n", m.Event.Seq)
	case m.Snapshot != nil:
		id = fmt.Sprintf("id: %d\n", m.Snapshot.Seq)
	}
	return s.write(fmt.Sprintf("%sevent: %s\ndata: %s\n\n", id, m.Kind, data))
}

func (s *sse) write(text string) error {
	if err := s.control.SetWriteDeadline(time.Now().Add(WriteTimeout)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	if _, err := s.w.Write([]byte(text)); err != nil {
		return err
	}
	return s.control.Flush()
}
