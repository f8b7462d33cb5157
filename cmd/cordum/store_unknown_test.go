package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"cordum.dev/cordum/gateway"
	"cordum.dev/cordum/internal/redisd"
)

// awayAnswer is what a start was answered with while the store was away.
type awayAnswer struct {
	key, code, location string
	status              int
}

// asker waits longer for an answer than a server may take for it.
var asker = &http.Client{Timeout: 2 * gateway.CallTimeout}

func startKeyed(p *process, key string) (a awayAnswer, err error) {
	req, err := http.NewRequest("POST", "http://"+p.addr+"/api/v1/workflows/kill/runs", strings.NewReader(`{}`))
	if err != nil {
		return a, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Idempotency-Key", key)
	res, err := asker.Do(req)
	if err != nil {
		return a, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return a, err
	}
	var problem struct{ Code string }
	_ = json.Unmarshal(body, &problem)
	return awayAnswer{key, problem.Code, res.Header.Get("Location"), res.StatusCode}, nil
}

// freezeUnder freezes Redis while clients start runs, until each of them was refused, and answers what they were told.
func freezeUnder(t *testing.T, p *process, server *redisd.Server, round int) (refused []awayAnswer) {
	t.Helper()
	var mu sync.Mutex
	var all sync.WaitGroup
	for i := range runsPerGap {
		all.Go(func() {
			for n := 0; ; n++ {
				a, err := startKeyed(p, fmt.Sprintf("%d-%d-%d", round, i, n))
				switch {
				case err != nil:
					t.Error(err)
				case a.status == http.StatusCreated:
					continue
				default:
					mu.Lock()
					refused = append(refused, a)
					mu.Unlock()
				}
				return
			}
		})
	}
	time.Sleep(200 * time.Millisecond) // of load
	server.Stop()
	all.Wait()
	server.Continue()
	return refused
}

// TestUnknownOutcome: a start that Redis did not confirm is answered 504 with the run that there is if it was done, and the same start
// again answers that very run, in one process and over several. Whose owner did not answer either is told no run.
func TestUnknownOutcome(t *testing.T) {
	t.Parallel()
	for name, roles := range map[string][]string{"alone": nil, "replicas": {"engine", "gateway"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := redisd.Start(t, redisd.Durable...)
			door := newProcess(t).on(storeURL("redis", server))
			if roles != nil {
				nats := startNATS(t)
				replica(t, roles[0], nats, storeURL("redis", server)).start()
				door = replica(t, roles[1], nats, storeURL("redis", server))
			}
			door.start()
			ledger := door.startWorker()
			if err := door.call("POST", "/api/v1/workflows", "application/yaml", []byte(killWorkflow), nil); err != nil {
				t.Fatal(err)
			}
			var runs []string
			told := false
			for round := 0; len(runs) == 0; round++ {
				if round == 5 {
					t.Fatal("Redis was frozen five times, and no start was on its way to it")
				}
				for _, a := range freezeUnder(t, door, server, round) {
					runs = append(runs, checkRefused(t, door, a)...)
					told = told || a.location != ""
				}
			}
			if roles == nil && !told { // who owns the run knows it
				t.Error("nobody was told where the run would be seen")
			}
			checkExecutedOnce(t, door, ledger, runs)
			t.Logf("%d starts of unknown outcome", len(runs))
		})
	}
}

// checkRefused looks at one answer, and starts again what it was about; the run is answered when the outcome was unknown.
func checkRefused(t *testing.T, p *process, a awayAnswer) (run []string) {
	t.Helper()
	unknown := a.status == http.StatusGatewayTimeout
	if !unknown && a.status != http.StatusServiceUnavailable || unknown && a.code != "outcome_unknown" {
		t.Errorf("a start was answered %+v", a)
		return nil
	}
	var again awayAnswer
	p.within(3*gateway.CallTimeout, "the start is taken", func() bool {
		var err error
		again, err = startKeyed(p, a.key)
		return err == nil && again.status == http.StatusCreated
	})
	if !unknown {
		return nil
	}
	if a.location != "" && again.location != a.location { // only the owner knows the run
		t.Errorf("the next try made %s, want %s", again.location, a.location)
	}
	return []string{strings.TrimPrefix(again.location, "/api/v1/runs/")}
}
