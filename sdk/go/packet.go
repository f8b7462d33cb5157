package cordum

import (
	"crypto/sha256"
	"encoding/binary"
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/nats-io/nats.go"

	"cordum.dev/cordum/bus/wire"
)

// encode fills in the envelope of a packet and marshals it. Marshalling fails on nothing but strings that are not
// UTF-8: what tools say goes through clip, the configuration is checked, and the rest was decoded from the wire.
func (w *Worker) encode(p *wire.BusPacket) []byte {
	p.SenderId = w.cfg.ID
	p.ProtocolVersion = wire.ProtocolVersion
	p.CreatedAt = timestamppb.Now()
	data, err := proto.Marshal(p)
	if err != nil {
		panic("cordum: a packet that cannot be encoded: " + err.Error())
	}
	return data
}

// publish sends a packet that nobody acknowledges. What cannot be sent is as good as lost, which everybody bears.
func (w *Worker) publish(subject string, p *wire.BusPacket) {
	if err := w.conn.Publish(subject, w.encode(p)); err != nil {
		w.log.Warn("cannot publish", "subject", subject, "error", err)
	}
}

// clip makes a text fit for the wire: valid UTF-8, at most n bytes.
func clip(s string, n int) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// key is what an attempt is known by: its id and its token. Only a new attempt has a new one.
type key [16]byte

func keyOf(jobID string, token []byte) key {
	b := binary.BigEndian.AppendUint32(make([]byte, 0, 128), uint32(len(jobID)))
	b = append(append(b, jobID...), token...)
	sum := sha256.Sum256(b)
	return key(sum[:16])
}

// remembered are the newest keys of those added, up to a limit.
type remembered struct {
	limit  int
	known  map[key]struct{}
	order  []key
	oldest int
}

func (r *remembered) has(k key) bool {
	_, ok := r.known[k]
	return ok
}

func (r *remembered) add(k key) {
	if r.has(k) {
		return
	}
	if r.known == nil {
		r.known = map[key]struct{}{}
	}
	r.known[k] = struct{}{}
	if len(r.order) < r.limit {
		r.order = append(r.order, k)
		return
	}
	delete(r.known, r.order[r.oldest])
	r.order[r.oldest] = k
	r.oldest = (r.oldest + 1) % r.limit
}

// subscribe adds interest with the worker's limits.
func subscribe(conn *nats.Conn, subject, queue string, h nats.MsgHandler) (*nats.Subscription, error) {
	sub, err := conn.QueueSubscribe(subject, queue, h) // an empty queue is a plain subscription
	if err != nil {
		return nil, err
	}
	return sub, sub.SetPendingLimits(pendingMessages, pendingBytes)
}
