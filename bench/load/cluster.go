package load

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"cordum.dev/cordum/bench/process"
)

// cluster is a Redis, a NATS server, a gateway and some engines, each a process of its own, and a worker.
type cluster struct {
	cfg     ReplicasConfig
	redis   *process.Process
	bus     *process.Process
	gateway *process.Process
	engines []*process.Process
	names   []string // by which the engines speak of themselves
	owners  *owners
	worker  *process.Process
	shares  []*process.Share
	addrs   struct{ redis, nats string }
	client  *client
}

// clusterShape says what a cluster has.
type clusterShape struct {
	engines int
	fsync   string  // Redis: always or everysec
	share   float64 // of a core that each engine has; 0: what it can get
}

// startCluster starts everything on free ports with empty folders and waits until the engines own everything and the worker is
// known.
func startCluster(ctx context.Context, cfg ReplicasConfig, shape clusterShape) (c *cluster, err error) {
	dir, err := os.MkdirTemp(cfg.Dir, "cluster-*")
	if err != nil {
		return nil, err
	}
	c = &cluster{cfg: cfg}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.stop())
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, startWithin)
	defer cancel()
	if err := c.startServers(ctx, dir, shape.fsync); err != nil {
		return c, err
	}
	var ready []string
	for i := range shape.engines {
		addr, err := c.startEngine(ctx, filepath.Join(dir, "engine-"+strconv.Itoa(i)), shape.share)
		if err != nil {
			return c, err
		}
		ready = append(ready, addr)
	}
	addr, err := freeAddr()
	if err != nil {
		return c, err
	}
	c.gateway, err = c.serve(addr, filepath.Join(dir, "gateway"), "--roles", "gateway", "--rate-rps", "-1")
	if err != nil {
		return c, err
	}
	c.client = newClient("http://" + addr)
	for _, addr := range append(ready, addr) {
		if err := c.untilReady(ctx, addr); err != nil {
			return c, err
		}
	}
	return c, c.startWorker(ctx)
}

// startServers starts Redis and NATS.
func (c *cluster) startServers(ctx context.Context, dir, fsync string) (err error) {
	if c.addrs.redis, err = freeAddr(); err != nil {
		return err
	}
	if c.addrs.nats, err = freeAddr(); err != nil {
		return err
	}
	_, port, _ := net.SplitHostPort(c.addrs.redis)
	c.redis, err = process.Start(c.cfg.Redis, "--bind", "127.0.0.1", "--port", port, "--dir", dir, "--save", "",
		"--appendonly", "yes", "--appendfsync", fsync, "--maxmemory-policy", "noeviction", "--auto-aof-rewrite-percentage", "0")
	if err != nil {
		return err
	}
	conf := filepath.Join(dir, "nats.conf")
	text := fmt.Sprintf("listen: %q\nmax_payload: 17MB\n", c.addrs.nats)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		return err
	}
	if c.bus, err = process.Start(c.cfg.NATS, "-c", conf); err != nil {
		return err
	}
	for _, addr := range []string{c.addrs.redis, c.addrs.nats} {
		err := until(ctx, startWithin, addr+" listens", func() (bool, error) {
			conn, err := net.Dial("tcp", addr)
			if err == nil {
				_ = conn.Close()
			}
			return err == nil, nil
		})
		if err != nil {
			return fmt.Errorf("%w: %s%s", err, c.redis.Output(), c.bus.Output())
		}
	}
	c.owners, err = listenOwners("nats://" + c.addrs.nats)
	return err
}

// startEngine starts an engine, which may have a share of a core only, and waits until it speaks.
func (c *cluster) startEngine(ctx context.Context, dir string, share float64) (addr string, err error) {
	if addr, err = freeAddr(); err != nil {
		return "", err
	}
	p, err := c.serve(addr, dir, "--roles", "engine", "--store", "redis://"+c.addrs.redis, "--init-store")
	if err != nil {
		return "", err
	}
	c.engines = append(c.engines, p)
	err = c.told(until(ctx, startWithin, "the engine speaks", func() (bool, error) { return c.owners.newcomer(c.names) != "", nil }))
	if err != nil {
		return "", err
	}
	c.names = append(c.names, c.owners.newcomer(c.names))
	if share == 0 {
		return addr, nil
	}
	s, err := process.NewShare(share)
	if err != nil {
		return "", err
	}
	c.shares = append(c.shares, s)
	return addr, s.Hold(p)
}

// serve starts a process of the server.
func (c *cluster) serve(addr, dir string, settings ...string) (*process.Process, error) {
	return process.Start(c.cfg.Server, append([]string{
		"serve", "--dev", "--addr", addr, "--data-dir", dir, "--nats-url", "nats://" + c.addrs.nats,
	}, settings...)...)
}

// untilReady waits until a process says that it does its part: an engine has all that is assigned to it.
func (c *cluster) untilReady(ctx context.Context, addr string) error {
	one := newClient("http://" + addr)
	return c.told(until(ctx, startWithin, addr+" is ready", func() (bool, error) {
		return one.get(ctx, "/readyz", nil) == nil, nil
	}))
}

// startWorker starts the worker and waits until the engines give it jobs.
func (c *cluster) startWorker(ctx context.Context) (err error) {
	name, args := c.cfg.Child(RoleWorker, "nats://"+c.addrs.nats, workerID, strconv.Itoa(workerCapacity))
	if c.worker, err = process.StartReady(ctx, name, args...); err != nil {
		return err
	}
	return c.told(until(ctx, startWithin, "the engines know the worker", func() (bool, error) {
		w, err := c.client.worker(ctx, workerID)
		return err == nil && w.State == alive, nil
	}))
}

// meters are those of all processes, with the engines first.
func (c *cluster) meters() (out []meter) {
	for i, e := range c.engines {
		out = append(out, meterOf("engine "+strconv.Itoa(i+1), e))
	}
	return append(out, meterOf("Redis", c.redis), meterOf("NATS", c.bus), meterOf("gateway", c.gateway),
		meterOf("worker", c.worker), ownMeter())
}

// told adds what the processes said last to an error.
func (c *cluster) told(err error) error {
	if err == nil {
		return nil
	}
	var said []string
	for _, p := range append([]*process.Process{c.gateway}, c.engines...) {
		if p != nil {
			said = append(said, p.Output())
		}
	}
	return fmt.Errorf("%w (the processes said: %s)", err, strings.Join(said, "\n"))
}

// stop ends everything, the workers first.
func (c *cluster) stop() (err error) {
	ended := append([]*process.Process{c.worker, c.gateway}, c.engines...)
	if c.owners != nil {
		c.owners.close()
	}
	for _, p := range append(ended, c.bus, c.redis) {
		if p != nil {
			p.Stop()
		}
	}
	for _, s := range c.shares {
		err = errors.Join(err, s.Close())
	}
	return err
}

// settle is how long a new cluster is left alone before it is measured: partitions may still move.
const settle = 3 * time.Second
