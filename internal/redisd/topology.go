package redisd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// slots is how many a cluster has.
const slots = 16384

// StartCluster starts that many primaries that share the slots, and waits until each says that the cluster is whole.
func StartCluster(t testing.TB, primaries int, args ...string) []*Server {
	t.Helper()
	nodes := make([]*Server, primaries)
	for i := range nodes {
		nodes[i] = startNode(t, args...)
	}
	for i, n := range nodes {
		n.Do("cluster", "addslotsrange", i*slots/primaries, (i+1)*slots/primaries-1)
		n.Do("cluster", "set-config-epoch", i+1)
	}
	for _, n := range nodes[1:] {
		nodes[0].Do("cluster", "meet", "127.0.0.1", n.Port(), n.bus)
	}
	for _, n := range nodes {
		Wait(t, "the cluster is whole", func(context.Context) error {
			info, _ := n.Do("cluster", "info").(string)
			if !strings.Contains(info, "cluster_state:ok") || !strings.Contains(info, "cluster_slots_assigned:"+strconv.Itoa(slots)) || !strings.Contains(info, "cluster_known_nodes:"+strconv.Itoa(primaries)) {
				return errors.New(info)
			}
			return nil
		})
	}
	return nodes
}

// startNode starts a server for a cluster, alone.
func startNode(t testing.TB, args ...string) *Server {
	t.Helper()
	port := strconv.Itoa(freePort(t))
	n := Start(t, append([]string{"--cluster-enabled", "yes", "--cluster-port", port, "--cluster-node-timeout", "2000"}, args...)...)
	n.bus = port
	return n
}

// StartClusterReplica starts a node that follows a primary of a cluster and waits until it does.
func StartClusterReplica(t testing.TB, of *Server, args ...string) *Server {
	t.Helper()
	r := startNode(t, args...)
	r.Do("cluster", "meet", "127.0.0.1", of.Port(), of.bus)
	id := of.Do("cluster", "myid")
	Wait(t, "the replica knows its primary", func(ctx context.Context) error {
		c := r.Client()
		defer func() { _ = c.Close() }()
		return c.Do(ctx, "cluster", "replicate", id).Err()
	})
	waitFollows(t, r)
	return r
}

// StartReplica starts a server that follows another and waits until it does.
func StartReplica(t testing.TB, of *Server, args ...string) *Server {
	t.Helper()
	r := Start(t, append([]string{"--replicaof", "127.0.0.1 " + of.Port()}, args...)...)
	waitFollows(t, r)
	return r
}

func waitFollows(t testing.TB, r *Server) {
	t.Helper()
	Wait(t, "the replica follows", func(context.Context) error {
		if info, _ := r.Do("info", "replication").(string); !strings.Contains(info, "master_link_status:up") {
			return errors.New(info)
		}
		return nil
	})
}

// StartSentinel starts a Sentinel that alone decides about a primary called name, and waits until it knows its replica.
func StartSentinel(t testing.TB, name string, primary *Server) *Server {
	t.Helper()
	s := newServer(t)
	s.mode = "--sentinel"
	conf := fmt.Sprintf("sentinel monitor %s 127.0.0.1 %s 1\nsentinel down-after-milliseconds %s 500\nsentinel failover-timeout %s 2000\n", name, primary.Port(), name, name)
	if err := os.WriteFile(filepath.Join(s.dir, "sentinel.conf"), []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	s.Restart()
	Wait(t, "the Sentinel knows the replica", func(context.Context) error {
		if info, _ := s.Do("info", "sentinel").(string); !strings.Contains(info, "slaves=1") {
			return errors.New(info)
		}
		return nil
	})
	return s
}
