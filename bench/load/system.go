package load

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"time"

	"cordum.dev/cordum/bench/process"
)

// startWithin bounds the start of a process.
const startWithin = 30 * time.Second

// system is a server under load and its workers.
type system struct {
	cfg      Config
	server   *process.Process
	children []*process.Process
	fresh    *process.Process // the newest of freshWorker
	client   *client
	nats     string
}

// startSystem starts a server on free ports with an empty data folder and waits until it is ready.
func startSystem(ctx context.Context, cfg Config, folder string, settings ...string) (*system, error) {
	httpAddr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	natsAddr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	args := append([]string{
		"serve", "--dev", "--addr", httpAddr, "--nats-addr", natsAddr, "--data-dir", filepath.Join(cfg.Dir, folder),
	}, settings...)
	server, err := process.Start(cfg.Server, args...)
	if err != nil {
		return nil, err
	}
	s := &system{cfg: cfg, server: server, client: newClient("http://" + httpAddr), nats: "nats://" + natsAddr}
	ctx, cancel := context.WithTimeout(ctx, startWithin)
	defer cancel()
	if err := s.waitReady(ctx); err != nil {
		s.stop()
		return nil, err
	}
	return s, nil
}

// waitReady polls until the server says that it is ready.
func (s *system) waitReady(ctx context.Context) error {
	for {
		if err := s.client.get(ctx, "/readyz", nil); err == nil {
			return nil
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-s.server.Ended():
			return fmt.Errorf("the server ended: %s", s.server.Output())
		case <-ctx.Done():
			return fmt.Errorf("the server was not ready within %s: %s", startWithin, s.server.Output())
		}
	}
}

// startChild starts a process of workers and returns when it runs; the server may not know them yet.
func (s *system) startChild(ctx context.Context, role string, args ...string) (*process.Process, error) {
	ctx, cancel := context.WithTimeout(ctx, startWithin)
	defer cancel()
	name, all := s.cfg.Child(role, append([]string{s.nats}, args...)...)
	child, err := process.StartReady(ctx, name, all...)
	if err != nil {
		return nil, err
	}
	s.children = append(s.children, child)
	return child, nil
}

// startWorker starts a worker that does everything at once, and waits until the server knows it.
func (s *system) startWorker(ctx context.Context, id string, capacity int) (*process.Process, error) {
	child, err := s.startChild(ctx, RoleWorker, id, strconv.Itoa(capacity))
	if err != nil {
		return nil, err
	}
	return child, s.untilKnown(ctx, id)
}

// freshWorker is startWorker of one that has not worked yet, in the place of the one before: a worker that has just had a busy
// machine gets no more at once than it had.
func (s *system) freshWorker(ctx context.Context) error {
	if s.fresh != nil {
		s.fresh.Stop()
	}
	var err error
	s.fresh, err = s.startWorker(ctx, workerID, workerCapacity)
	return err
}

// untilKnown waits until the server gives jobs to a worker.
func (s *system) untilKnown(ctx context.Context, worker string) error {
	return until(ctx, startWithin, "the server knows "+worker, func() (bool, error) {
		w, err := s.client.worker(ctx, worker)
		return w.State == alive, err
	})
}

// idleMemory leaves the server alone for a while and reads its memory.
func (s *system) idleMemory(ctx context.Context) (int64, error) {
	select {
	case <-time.After(idleFor):
		return s.server.Resident()
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// stop ends the workers, then the server.
func (s *system) stop() {
	for _, child := range s.children {
		child.Stop()
	}
	s.server.Stop()
}

// told adds what the server said last to an error.
func (s *system) told(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w (the server said: %s)", err, s.server.Output())
}

// freeAddr finds a loopback address that nobody listens on now.
func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}
