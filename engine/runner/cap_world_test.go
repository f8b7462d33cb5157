package runner_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"cordum.dev/cordum/bus"
	"cordum.dev/cordum/bus/wire"
)

// shelf is where payloads of plain workers lie in these tests.
type shelf struct {
	mu     sync.Mutex
	values map[string][]byte
	away   bool // it cannot be reached
	slow   time.Duration
	asked  int // times that something was to be put or read
	done   []string
}

func newShelf() *shelf { return &shelf{values: map[string][]byte{}} }

func (s *shelf) Put(_ context.Context, key string, value []byte, _ time.Duration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	if s.away {
		return errors.New("away")
	}
	s.values[key] = append([]byte(nil), value...)
	return nil
}

func (s *shelf) Get(_ context.Context, key string, most int) ([]byte, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	if s.slow > 0 {
		s.mu.Unlock()
		time.Sleep(s.slow)
		s.mu.Lock()
	}
	if s.away {
		return nil, false, errors.New("away")
	}
	v, ok := s.values[key]
	return v[:min(len(v), most+1)], ok, nil
}

func (s *shelf) Done(keys ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.done = append(s.done, keys...)
}

// count answers how often it was asked so far.
func (s *shelf) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

func (s *shelf) set(away bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.away = away
}

func (s *shelf) at(key string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return string(s.values[key])
}

// plainWorker speaks CAP and no more, as its SDKs do: it listens on its topic by queue group, beats (or not), and says what
// became of a job on the subject that all share.
type plainWorker struct {
	w         *world
	id        string
	jobs      chan *wire.JobRequest
	cancelled chan string
	subs      []bus.Subscription
	stop      chan struct{}
	mu        sync.Mutex
	beat      *wire.Heartbeat // nil: it never beats
}

func (w *world) newPlainWorker(id string, beat *wire.Heartbeat, topics ...string) *plainWorker {
	w.t.Helper()
	k := &plainWorker{w: w, id: id, jobs: make(chan *wire.JobRequest, 64), cancelled: make(chan string, 64), stop: make(chan struct{}), beat: beat}
	take := func(m bus.Msg) {
		var p wire.BusPacket
		if proto.Unmarshal(m.Data, &p) == nil && p.GetJobRequest() != nil {
			k.jobs <- p.GetJobRequest()
		}
	}
	for _, topic := range topics {
		k.listen(topic, topic, take)
	}
	k.listen(bus.SubjectCancel, "", func(m bus.Msg) {
		var p wire.BusPacket
		if proto.Unmarshal(m.Data, &p) == nil {
			k.cancelled <- p.GetJobCancel().GetJobId()
		}
	})
	var beating sync.WaitGroup
	if beat != nil {
		beat.WorkerId = id
		k.sendBeat()
		beating.Go(func() {
			tick := time.NewTicker(5 * time.Second)
			defer tick.Stop()
			for {
				select {
				case <-k.stop:
					return
				case <-tick.C:
					k.sendBeat()
				}
			}
		})
		w.until("worker "+id+" is known", func() bool {
			all, _ := w.r.Workers(context.Background(), ann)
			for _, v := range all {
				if v.ID == id {
					return true
				}
			}
			return false
		})
	}
	w.t.Cleanup(func() {
		close(k.stop)
		beating.Wait()
	})
	return k
}

func (k *plainWorker) listen(subject, queue string, h bus.Handler) {
	s, err := k.w.bus.Subscribe(subject, queue, h)
	if err != nil {
		k.w.t.Fatal(err)
	}
	k.subs = append(k.subs, s)
}

// leave makes the worker listen no more.
func (k *plainWorker) leave() {
	k.set(func(h *wire.Heartbeat) { h.WorkerId = "" })
	for _, s := range k.subs {
		_ = s.Unsubscribe()
	}
	k.subs = nil
}

func (k *plainWorker) set(change func(*wire.Heartbeat)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.beat != nil {
		change(k.beat)
	}
}

func (k *plainWorker) sendBeat() {
	k.mu.Lock()
	h := proto.CloneOf(k.beat)
	k.mu.Unlock()
	if h.WorkerId != "" {
		k.publish(bus.SubjectHeartbeat, &wire.BusPacket{Payload: &wire.BusPacket_Heartbeat{Heartbeat: h}})
	}
}

func (k *plainWorker) publish(subject string, p *wire.BusPacket) {
	data, err := proto.Marshal(p)
	if err == nil {
		err = k.w.bus.Publish(subject, data)
	}
	if err != nil {
		k.w.t.Error(err)
	}
}

func (k *plainWorker) next() *wire.JobRequest {
	k.w.t.Helper()
	select {
	case j := <-k.jobs:
		return j
	case <-time.After(k.w.patience()):
		k.w.t.Fatal("no job came")
		return nil
	}
}

// say publishes a result: of an attempt, without a token.
func (k *plainWorker) say(attempt string, res *wire.JobResult) {
	res.JobId, res.WorkerId = attempt, k.id
	k.publish(bus.SubjectResult, &wire.BusPacket{SenderId: k.id, Payload: &wire.BusPacket_JobResult{JobResult: res}})
}

func (k *plainWorker) succeed(attempt string) {
	k.say(attempt, &wire.JobResult{Status: wire.JobStatus_JOB_STATUS_SUCCEEDED, Output: []byte(`{}`)})
}

// capWorld is a world with a shelf.
func capWorld(t *testing.T, story func(t *testing.T, w *world, s *shelf)) {
	t.Helper()
	bubble(t, func(t *testing.T, w *world) {
		s := newShelf()
		w.halt()
		w.cfg.Pointers = s
		w.start()
		story(t, w, s)
	})
}

// poolBeat is the heartbeat of a worker of a pool, such as CAP's SDKs send.
func poolBeat(topics ...string) *wire.Heartbeat {
	return &wire.Heartbeat{Pool: "plain", MaxParallelJobs: 8, Topics: topics}
}
