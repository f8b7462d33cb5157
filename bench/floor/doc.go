// Package floor measures what this machine can do at all: the messages, bytes and fsyncs of a run of steps with no
// logic in between. What a real engine makes is reported as a share of it.
//
// It is two processes. The engine's side embeds a NATS server, keeps a Pebble store and owns lanes; the worker's side
// is a client over TCP loopback. A step is three messages (the request to the worker, its result as a request, the
// reply that acknowledges it) and, between the last two, one record put and one log entry appended. A lane drains its
// inbox, writes what it found in one batch with one sync, and only then answers: durable first, act afterwards.
//
// It decodes nothing, decides nothing and checks nothing: a packet carries its chain's number in front and is
// otherwise bytes of the real size. Begin reading at engine.go.
package floor
