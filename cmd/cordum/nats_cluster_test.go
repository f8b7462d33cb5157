package main

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"cordum.dev/cordum/bus"
	"cordum.dev/cordum/engine/runner"
)

const clusterWorkflow = `id: clustered
steps:
  - {id: a, topic: job.net.work, effect: write}
  - {id: b, topic: job.cap.plain, effect: none, depends_on: [a], timeout: 5s, retry: {max_attempts: 40, initial: 100ms}}
`

// clusterEnds bounds what all runs together may take to end once all servers are back: several timeouts of a job that a server that
// was killed had.
const clusterEnds = 3 * time.Minute

// TestNATSCluster: of three NATS servers with JetStream the one that leads the results, and then the one that leads the jobs, is killed
// while runs begin all the time; the first comes back with nothing of what it had kept. Every run that was accepted ends well, what a
// worker of ours does is done once, and what a plain one says into a stream is taken.
func TestNATSCluster(t *testing.T) {
	t.Parallel()
	nodes := newNATS(t, 3)
	p := newProcess(t)
	p.mode = []string{"--dev", "--nats-url", natsURL(nodes)}
	p.start("NATS_USE_JETSTREAM=true", "NATS_JS_REPLICAS=3", "CORDUM_REDIS_ADDR=off")
	var diary diaryOf
	serveTopics(t, natsURL(nodes), "steady", &diary, map[string]func(context.Context) error{
		"job.net.work": func(context.Context) error { return nil },
	})
	k := newPlainCAP(t, natsURL(nodes), "job.cap.plain")
	k.serve()
	begun := beginning(t, p)
	for i, name := range []string{bus.StreamSystem, bus.StreamJobs} {
		leader := leaderOf(t, k.conn, nodes, name)
		leader.kill()
		t.Logf("%s led %s and was killed; now %s does", leader.cfg.Name, name, leaderOf(t, k.conn, nodes, name).cfg.Name)
		if i == 0 {
			leader.wipe()
			t.Logf("%s was wiped", leader.cfg.Name)
		}
		begun.more(30)
		leader.start()
		for _, all := range []string{bus.StreamSystem, bus.StreamJobs} { // two may not be out at a time
			inStep(t, k.conn, all, len(nodes))
		}
	}
	runs := begun.end()
	deadline := time.Now().Add(clusterEnds)
	for _, run := range runs {
		v := p.endBy(run, deadline)
		if v.State != "succeeded" {
			t.Errorf("run %s ended %s: %+v", run, v.State, v.Error)
		}
		if n := diary.times(run, "job.net.work"); n != 1 {
			t.Errorf("step a of run %s was executed %d times", run, n)
		}
	}
	t.Logf("%d runs", len(runs))
}

// endBy waits until a run has ended, or a deadline that it shares with others is over.
func (p *process) endBy(run string, deadline time.Time) (v runner.RunView) {
	p.t.Helper()
	for p.call("GET", "/api/v1/runs/"+run+"?wait=10s&since=1000000", "", nil, &v) != nil || v.EndedAt == nil {
		if time.Now().After(deadline) {
			p.tellStalled()
			p.t.Fatalf("run %s has not ended: %+v", run, v)
		}
		time.Sleep(5 * time.Millisecond)
	}
	return v
}

// beginner starts runs, one after another, until its end.
type beginner struct {
	t    *testing.T
	p    *process
	stop chan struct{}
	over chan struct{}

	mu   sync.Mutex
	runs []string
}

func beginning(t *testing.T, p *process) *beginner {
	t.Helper()
	if err := p.call("POST", "/api/v1/workflows", "application/yaml", []byte(clusterWorkflow), nil); err != nil {
		t.Fatal(err)
	}
	b := &beginner{t: t, p: p, stop: make(chan struct{}), over: make(chan struct{})}
	go b.begin()
	t.Cleanup(func() { b.end() })
	b.more(10)
	return b
}

func (b *beginner) begin() {
	defer close(b.over)
	pace := time.NewTicker(30 * time.Millisecond)
	defer pace.Stop()
	for {
		select {
		case <-b.stop:
			return
		case <-pace.C:
		}
		var s runner.Started
		if err := b.p.call("POST", "/api/v1/workflows/clustered/runs", "application/json", []byte(`{}`), &s); err != nil {
			continue // not accepted: of that nothing is promised
		}
		b.mu.Lock()
		b.runs = append(b.runs, s.RunID)
		b.mu.Unlock()
	}
}

// more waits until n more runs were accepted.
func (b *beginner) more(n int) {
	b.t.Helper()
	count := func() int {
		b.mu.Lock()
		defer b.mu.Unlock()
		return len(b.runs)
	}
	want := count() + n
	b.p.until(fmt.Sprint(n, " more runs are accepted"), func() bool { return count() >= want })
}

// end starts no more, and answers those that were accepted.
func (b *beginner) end() []string {
	select {
	case <-b.stop:
	default:
		close(b.stop)
	}
	<-b.over
	return b.runs
}

// leaderOf waits until a stream is led by a server that lives.
func leaderOf(t *testing.T, conn *nats.Conn, nodes []*natsNode, stream string) *natsNode {
	t.Helper()
	for deadline := time.Now().Add(60 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		info, err := clusterOf(conn, stream)
		if err != nil {
			continue
		}
		for _, n := range nodes {
			if n.cmd != nil && n.cfg.Name == info.Leader {
				return n
			}
		}
	}
	t.Fatalf("nobody leads %s", stream)
	return nil
}

// inStep waits until all servers have what a stream keeps.
func inStep(t *testing.T, conn *nats.Conn, stream string, servers int) {
	t.Helper()
	var last []byte
	for deadline := time.Now().Add(60 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		info, err := clusterOf(conn, stream)
		if err != nil {
			continue
		}
		last, _ = json.Marshal(info)
		current := 1
		for _, r := range info.Replicas {
			if r.Current && !r.Offline {
				current++
			}
		}
		if current == servers {
			return
		}
	}
	t.Fatalf("the servers of %s are not in step: %s", stream, last)
}

func clusterOf(conn *nats.Conn, stream string) (*jetstream.ClusterInfo, error) {
	js, err := jetstream.New(conn)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	s, err := js.Stream(ctx, stream)
	if err != nil {
		return nil, err
	}
	if info := s.CachedInfo().Cluster; info != nil && info.Leader != "" {
		return info, nil
	}
	return nil, jetstream.ErrStreamNotFound
}
