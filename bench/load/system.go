package load

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"time"

	"cordum.dev/cordum/bench/process"
)

// startWithin bounds the start of a process.
const startWithin = 30 * time.Second

// system is the server under load and its worker.
type system struct {
	server *process.Process
	worker *process.Process
	client *client
	nats   string
}

// startSystem starts the server on free ports with an empty data folder and waits until it is ready.
func startSystem(ctx context.Context, cfg Config) (*system, error) {
	httpAddr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	natsAddr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	server, err := process.Start(cfg.Server, "serve", "--dev",
		"--addr", httpAddr, "--nats-addr", natsAddr, "--data-dir", filepath.Join(cfg.Dir, "server"))
	if err != nil {
		return nil, err
	}
	s := &system{server: server, client: newClient("http://" + httpAddr), nats: "nats://" + natsAddr}
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

// startWorker starts the worker's process and waits until the server knows it.
func (s *system) startWorker(ctx context.Context, cfg Config) error {
	ctx, cancel := context.WithTimeout(ctx, startWithin)
	defer cancel()
	name, args := cfg.Worker(s.nats)
	worker, err := process.StartReady(ctx, name, args...)
	if err != nil {
		return err
	}
	s.worker = worker
	for {
		known, err := s.client.workers(ctx)
		if err != nil {
			return err
		}
		if known > 0 {
			return nil
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("the server did not see the worker within %s: %s", startWithin, worker.Output())
		}
	}
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

// stop ends the worker, then the server.
func (s *system) stop() {
	if s.worker != nil {
		s.worker.Stop()
	}
	s.server.Stop()
}

// freeAddr finds a loopback address that nobody listens on now.
func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}
