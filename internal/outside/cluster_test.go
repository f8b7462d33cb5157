package outside

import (
	"context"
	"errors"
	"net"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"cordum.dev/cordum/internal/freeport"
	"cordum.dev/cordum/internal/redisd"
)

// nodes is how many servers a cluster has: with one of them away most are there.
const nodes = 3

// clusters are two engines and two gateways over clusters of Redis and of NATS.
//
// The Redis nodes are primaries without replicas: a killed one comes back with its data, and there is nobody to whom a failover
// could lose what was acknowledged and not yet passed on. When one is away for seconds the others refuse too.
//
// What NATS keeps is kept three times. No run needs it, so that nodes may be wiped one after another, before they have caught up, and
// while another is stopped.
func (s *setup) clusters() {
	nats, redis := s.natsCluster(1), s.redisCluster(1) // in this order: NATS elects its leaders meanwhile
	for _, name := range []string{"engine-0", "engine-1"} {
		s.server(name, target{weight: 2, lease: partitionLease}, "--roles", "engine", "--store", "redis+cluster://"+redis, "--init-store",
			"--nats-url", natsURL(s.link(nats)), "--nats-use-jetstream", "--nats-js-replicas", strconv.Itoa(nodes))
	}
	s.gateways(nats)
	s.workers(nats)
}

// redisCluster starts primaries that share the slots, and answers their addresses, with commas between them. A client goes where the
// cluster sends it: so each node says that it is at the end of two links, one for all clients and one for the other nodes.
func (s *setup) redisCluster(weight int) string {
	s.t.Helper()
	cluster := redisd.StartCluster(s.t, nodes, redisd.Durable...)
	addrs, clients := make([]redisAddr, nodes), make([]string, nodes)
	for i, n := range cluster {
		addrs[i] = redisAddr{client: s.link(n.Addr), peer: s.link(n.BusAddr())}
		clients[i] = addrs[i].client
		for setting, value := range addrs[i].settings() {
			n.Do("config", "set", setting, value)
		}
	}
	for _, n := range cluster {
		redisd.Wait(s.t, "a node knows all by their links", func(context.Context) error { return knows(n, addrs) })
	}
	for i, n := range cluster {
		s.runRedis("redis-"+strconv.Itoa(i), weight, n, addrs[i])
	}
	return strings.Join(clients, ",")
}

// runRedis makes a node a process like all others: it keeps its data and its place in the cluster.
func (s *setup) runRedis(name string, weight int, n *redisd.Server, addr redisAddr) {
	n.Kill()
	p := newProcess(s.t, name, s.dir, func() *exec.Cmd {
		cmd := n.Command()
		for setting, value := range addr.settings() {
			cmd.Args = append(cmd.Args, "--"+setting, value)
		}
		return cmd
	})
	s.add(target{name: name, weight: weight, lease: partitionLease, part: p})
}

// redisAddr is where a node says that it is.
type redisAddr struct{ client, peer string }

// settings say so to Redis.
func (a redisAddr) settings() map[string]string {
	host, port, _ := net.SplitHostPort(a.client)
	return map[string]string{"cluster-announce-ip": host, "cluster-announce-port": port, "cluster-announce-bus-port": a.peerPort()}
}

func (a redisAddr) peerPort() string {
	_, port, _ := net.SplitHostPort(a.peer)
	return port
}

// knows answers no error when a node says that the others are there.
func knows(n *redisd.Server, addrs []redisAddr) error {
	list, _ := n.Do("cluster", "nodes").(string)
	for _, a := range addrs {
		if !strings.Contains(list, a.client+"@"+a.peerPort()) {
			return errors.New(list)
		}
	}
	return nil
}

// natsCluster starts servers with JetStream, and answers their addresses, with commas between them.
func (s *setup) natsCluster(weight int) string {
	s.t.Helper()
	var addrs, routes []string
	cluster := make([]natsServer, nodes)
	for i := range cluster {
		n := &cluster[i]
		n.Name, n.Addr, n.Route = "nats-"+strconv.Itoa(i), freeport.Addr(s.t), freeport.Addr(s.t)
		n.Dir, n.Reach = filepath.Join(s.dir, n.Name), s.link(n.Route)
		addrs, routes = append(addrs, n.Addr), append(routes, n.Reach)
	}
	for _, n := range cluster {
		n.Routes = routes
		s.runNATS(weight, n)
	}
	return strings.Join(addrs, ",")
}
