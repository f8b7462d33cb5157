package outside

import (
	"encoding/json"
	"errors"
	"net"
	"strconv"
	"strings"

	natsd "github.com/nats-io/nats-server/v2/server"

	"cordum.dev/cordum/bus"
)

// natsEnv is set when the test binary is started again as a NATS server: to the natsServer that it is, as JSON.
const natsEnv = "CORDUM_OUTSIDE_NATS"

// natsServer is a NATS server with JetStream that asks nobody who they are; alone or of a cluster.
type natsServer struct {
	Name, Addr, Dir string
	Route           string   // where it listens for the other nodes; empty: it is alone
	Reach           string   // how they reach it
	Routes          []string // how all nodes are reached
}

// runNATS starts it as a process of its own, which may lose its folder.
func (s *setup) runNATS(weight int, n natsServer) {
	s.t.Helper()
	text, err := json.Marshal(n)
	if err != nil {
		s.t.Fatal(err)
	}
	s.child(target{name: n.Name, weight: weight, lease: partitionLease, wipe: n.Dir}, natsEnv+"="+string(text))
}

// serveNATS is a natsServer until it is killed.
func serveNATS(text string) error {
	var n natsServer
	if err := json.Unmarshal([]byte(text), &n); err != nil {
		return err
	}
	o := &natsd.Options{
		ServerName: n.Name, NoSigs: true, JetStream: true, StoreDir: n.Dir, MaxPayload: bus.MaxPayload, MaxPending: bus.MaxPendingBytes,
	}
	var err error
	if o.Host, o.Port, err = splitAddr(n.Addr); err != nil {
		return err
	}
	if n.Route != "" {
		// Clients are told of no addresses but those that they were given: each reaches the nodes by links of its own.
		o.Cluster = natsd.ClusterOpts{Name: "outside", Advertise: n.Reach, NoAdvertise: true}
		o.Routes = natsd.RoutesFromStr(natsURL(strings.Join(n.Routes, ",")))
		if o.Cluster.Host, o.Cluster.Port, err = splitAddr(n.Route); err != nil {
			return err
		}
	}
	s, err := natsd.NewServer(o)
	if err != nil {
		return err
	}
	s.ConfigureLogger()
	s.Start()
	s.WaitForShutdown()
	return errors.New("the NATS server ended")
}

func splitAddr(addr string) (host string, port int, err error) {
	host, text, err := net.SplitHostPort(addr)
	if err != nil {
		return "", 0, err
	}
	port, err = strconv.Atoi(text)
	return host, port, err
}

// natsURL names servers that are given by their addresses, with commas between them.
func natsURL(addrs string) string { return "nats://" + strings.ReplaceAll(addrs, ",", ",nats://") }
