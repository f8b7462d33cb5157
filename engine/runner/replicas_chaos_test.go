package runner_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"
)

// TestReplicasChaos: replicas come, die, drain, stand still, and lose the store or the bus, all the while runs are under way.
// Every run ends well, and no job is done twice.
func TestReplicasChaos(t *testing.T) {
	for seed := range seeds(6) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { playReplicas(t, seed) })
		})
	}
}

func playReplicas(t *testing.T, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 7))
	rs := newReplicas(t, 3)
	rs.put(relay("wf", 25))
	c := rs.newCrowd("job.t.work", time.Second)
	var runs []string
	for range 10 {
		for _, p := range rs.all {
			runs = append(runs, p.run("wf"))
		}
	}
	for range 15 {
		time.Sleep(time.Duration(rng.IntN(4000)) * time.Millisecond)
		rs.mishap(rng)
	}
	for _, p := range rs.alive() {
		p.mend()
	}
	rs.settled()
	rs.wellDone(c, runs, 25)
}

// mishap does something to one of the replicas.
func (rs *replicas) mishap(rng *rand.Rand) {
	alive := rs.alive()
	p := alive[rng.IntN(len(alive))]
	what := []string{"kill", "drain", "add", "pause", "store", "bus", "mend"}[rng.IntN(7)]
	rs.t.Logf("%s %s: %s", time.Now().Format("04:05.000"), p.name, what)
	switch what {
	case "kill":
		if len(alive) > 1 {
			p.kill()
		}
	case "drain":
		if p.mend(); len(alive) > 1 {
			p.drain()
		}
	case "add":
		if len(alive) < 5 {
			rs.start()
		}
	case "pause":
		p.pause()
	case "store":
		p.store.away.Store(true)
	case "bus":
		p.bus.deaf.Store(true)
	case "mend":
		for _, p := range alive {
			p.mend()
		}
	}
}

// mend lets a replica go on.
func (p *replica) mend() {
	p.resume()
	p.store.away.Store(false)
	p.bus.deaf.Store(false)
}
