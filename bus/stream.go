package bus

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"cordum.dev/cordum/bus/wire"
)

// This file is JetStream: streams that keep what is published for those who fire and forget. They are a delivery fabric
// and never the truth: all of it can be deleted, and no acknowledged work is lost.

// Names of the streams and of the one durable consumer, as CAP's own have them.
const (
	// StreamSystem keeps sys.job.*: results that come while no engine listens. Heartbeats stay out of it.
	StreamSystem = "CORDUM_SYS"
	// StreamJobs keeps the jobs that were sent, for workers that take them by a consumer of their own.
	StreamJobs = "CORDUM_JOBS"
	// DurableResults is the consumer from which the engine takes results.
	DurableResults = "dur_cordum-scheduler__sys_job_result"
)

// systemSubjects are what StreamSystem keeps.
const systemSubjects = "sys.job.*"

// jobSubjects are what StreamJobs keeps.
var jobSubjects = []string{wire.SubjectTopics, wire.SubjectWorkerJobs("*")}

// StreamConfig shapes the streams. Zero fields mean their default.
type StreamConfig struct {
	AckWait       time.Duration // until an unsettled result comes again; default DefaultAckWait
	MaxAge        time.Duration // how long anything is kept; default DefaultMaxAge
	Replicas      int           // default 1, the only number that an embedded server has
	MaxAckPending int           // results out at a time; default DefaultMaxAckPending
	// Shared: other engines may take results from the same consumer at this moment. It is left as it is where it exists, so that
	// what one that died was given and did not settle comes again after AckWait.
	Shared bool
}

func (c StreamConfig) withDefaults() StreamConfig {
	if c.AckWait <= 0 {
		c.AckWait = DefaultAckWait
	}
	if c.MaxAge <= 0 {
		c.MaxAge = DefaultMaxAge
	}
	if c.Replicas <= 0 {
		c.Replicas = 1
	}
	if c.MaxAckPending <= 0 {
		c.MaxAckPending = DefaultMaxAckPending
	}
	return c
}

// Streams are the streams of a connection.
type Streams struct {
	bus     *NATS
	js      jetstream.JetStream
	results jetstream.Consumer
}

// OpenStreams makes the streams and the consumer of results, or brings those that exist up to date.
func OpenStreams(ctx context.Context, n *NATS, cfg StreamConfig) (*Streams, error) {
	cfg = cfg.withDefaults()
	js, err := jetstream.New(n.conn)
	if err != nil {
		return nil, fmt.Errorf("bus: JetStream: %w", err)
	}
	s := &Streams{bus: n, js: js}
	for _, stream := range []jetstream.StreamConfig{
		{Name: StreamSystem, Subjects: []string{systemSubjects}, Duplicates: resultWindow},
		{Name: StreamJobs, Subjects: jobSubjects, Duplicates: min(jobWindow, cfg.MaxAge)},
	} {
		stream.Retention, stream.Storage, stream.Discard = jetstream.LimitsPolicy, jetstream.FileStorage, jetstream.DiscardOld
		stream.MaxAge, stream.Replicas, stream.MaxBytes = cfg.MaxAge, cfg.Replicas, maxStreamBytes
		if _, err := js.CreateOrUpdateStream(ctx, stream); err != nil {
			return nil, fmt.Errorf("bus: stream %s: %w", stream.Name, err)
		}
	}
	if err := s.openResults(ctx, cfg); err != nil {
		return nil, fmt.Errorf("bus: consumer %s: %w", DurableResults, err)
	}
	return s, nil
}

// openResults makes the consumer of results; where it is nobody else's anew, from behind the last result up to which all are settled. What an engine that
// died was given and did not settle comes at once, and not only after AckWait; some that were settled may come again.
func (s *Streams) openResults(ctx context.Context, cfg StreamConfig) error {
	want := jetstream.ConsumerConfig{
		Durable: DurableResults, FilterSubject: SubjectResult, AckPolicy: jetstream.AckExplicitPolicy,
		AckWait: cfg.AckWait, MaxAckPending: cfg.MaxAckPending, MaxDeliver: -1,
	}
	old, err := s.js.Consumer(ctx, StreamSystem, DurableResults)
	switch {
	case errors.Is(err, jetstream.ErrConsumerNotFound):
	case err != nil:
		return err
	case cfg.Shared:
		was := old.CachedInfo().Config
		was.AckWait, was.MaxAckPending = want.AckWait, want.MaxAckPending
		s.results, err = s.js.UpdateConsumer(ctx, StreamSystem, was)
		return err
	default:
		if settled := old.CachedInfo().AckFloor.Stream; settled > 0 {
			want.DeliverPolicy, want.OptStartSeq = jetstream.DeliverByStartSequencePolicy, settled+1
		}
		if err := s.js.DeleteConsumer(ctx, StreamSystem, DurableResults); err != nil {
			return err
		}
	}
	s.results, err = s.js.CreateConsumer(ctx, StreamSystem, want)
	if cfg.Shared && errors.Is(err, jetstream.ErrConsumerExists) { // somebody else made it meanwhile
		s.results, err = s.js.Consumer(ctx, StreamSystem, DurableResults)
	}
	return err
}

// Results hands every kept result to h until it is settled ([Settle]), those that came while nobody took any first.
func (s *Streams) Results(h Handler) (Subscription, error) {
	taking := &taking{gate: gate{handle: h}}
	var err error
	taking.consume, err = s.results.Consume(func(m jetstream.Msg) {
		taking.gate.pass(Msg{Subject: m.Subject(), Reply: m.Reply(), Data: m.Data(), Kept: true})
	}, jetstream.PullMaxMessages(pullResults))
	if err != nil {
		return nil, fmt.Errorf("bus: take results: %w", err)
	}
	return taking, nil
}

// taking is a subscription to a consumer.
type taking struct {
	consume jetstream.ConsumeContext
	gate    gate
}

// Unsubscribe implements Subscription. What was not settled comes again to whoever takes next.
func (t *taking) Unsubscribe() error {
	t.consume.Stop()
	t.gate.shut()
	return nil
}

// Publish publishes a job, with a reply subject unless that is empty. It is kept once, whoever sends it how often under one
// id; who listens gets it each time.
func (s *Streams) Publish(subject, reply, id string, data []byte) error {
	if err := checkSubject(subject, false); err != nil {
		return err
	}
	m := nats.NewMsg(subject)
	m.Reply, m.Data = reply, data
	m.Header.Set(jetstream.MsgIDHeader, "jobreq:"+id)
	return natsError(s.bus.conn.PublishMsg(m))
}

// settlePrefix begins the reply subjects of kept messages.
const settlePrefix = "$JS.ACK."

// ErrNotKept says that a reply subject is not that of a kept message.
var ErrNotKept = errors.New("bus: not the reply subject of a kept message")

// Settle says what became of a kept message, named by its reply subject: done, or to come again after a pause.
func Settle(b Bus, reply string, done bool, again time.Duration) error {
	if !strings.HasPrefix(reply, settlePrefix) {
		return ErrNotKept
	}
	if done {
		return b.Publish(reply, []byte("+ACK"))
	}
	return b.Publish(reply, fmt.Appendf(nil, `-NAK {"delay": %d}`, again.Nanoseconds()))
}
