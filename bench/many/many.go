package many

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// Goals, on the machine that is measured.
const (
	GoalList   = 200 * time.Millisecond // p99 of a list
	GoalSubmit = 0.2                    // how far the rate of submits may be from an empty store's
	GoalStart  = 15 * time.Second
	GoalLag    = 5 * time.Second // p99 of a timer
)

// Config says what is measured.
type Config struct {
	Server   string        // the binary
	Dir      string        // a folder on the disk to measure
	Finished int           // runs that have ended
	Live     int           // runs that have not
	Timers   int           // that are set
	Due      int           // of them, in one second
	Lists    int           // how often each list is asked for
	Submits  time.Duration // how long submits are measured, to a full and to an empty store
	Say      func(string)  // what is under way; nil: nobody wants to know
}

// Latency is what a kind of request took.
type Latency struct {
	Name          string
	P50, P99, Max time.Duration
	Items         int // of its first page
}

// Submits is how fast runs are started.
type Submits struct {
	PerSecond float64
	P50, P99  time.Duration
}

// Report is what was measured.
type Report struct {
	Config      Config
	Filled      time.Duration
	Start       time.Duration // with the full store
	StartTimers time.Duration // with all timers set
	Lists       []Latency
	Empty, Full Submits
	Lag         Latency // of timers
	// Resident is what the server has in memory with all timers set, ResidentEmpty with an empty store, in bytes.
	Resident, ResidentEmpty int64
}

// definitions of the runs that are copied. None needs a worker.
var definitions = []string{
	`{"id":"good","steps":[{"id":"a","type":"transform","input":{"n":"${input.n}"}},{"id":"b","type":"transform","depends_on":["a"],"input":{"m":"${steps.a.output.n}"}}]}`,
	`{"id":"bad","steps":[{"id":"a","type":"transform","input":{"n":"${input.n + 1}"}}]}`,
	`{"id":"nap","steps":[{"id":"a","type":"delay","for":"300d"}]}`,
	`{"id":"due","steps":[{"id":"a","type":"delay","until":"${input.at}"}]}`,
}

// badInput makes a run of the workflow bad fail: its expression wants a number.
const badInput = `{"n":"text"}`

// MeasureRuns fills a store with runs and measures a server over it.
func MeasureRuns(ctx context.Context, cfg Config) (Report, error) {
	r := Report{Config: cfg}
	if err := r.runs(ctx, filepath.Join(cfg.Dir, "runs")); err != nil {
		return r, fmt.Errorf("very many runs: %w", err)
	}
	return r, nil
}

// MeasureTimers is MeasureRuns for timers.
func MeasureTimers(ctx context.Context, cfg Config) (Report, error) {
	r := Report{Config: cfg}
	if err := r.timers(ctx, filepath.Join(cfg.Dir, "timers")); err != nil {
		return r, fmt.Errorf("very many timers: %w", err)
	}
	return r, nil
}

func (r *Report) say(format string, a ...any) {
	if r.Config.Say != nil {
		r.Config.Say(fmt.Sprintf(format, a...))
	}
}

// runs measures a store with many runs, and submits beside those to an empty one.
func (r *Report) runs(ctx context.Context, dir string) error {
	all, err := r.patterns(ctx, dir)
	if err != nil {
		return err
	}
	cfg := r.Config
	some := max(cfg.Finished/1000, 1)
	began := time.Now()
	r.say("copying %d runs", cfg.Finished+cfg.Live)
	err = fill(ctx, dir, []copies{{all["good"], cfg.Finished - 11*some}, {all["bad"], some}, {all["goodbad"], 10 * some}, {all["nap"], cfg.Live}})
	if err != nil {
		return err
	}
	r.Filled = time.Since(began)
	s, err := start(ctx, cfg.Server, dir)
	if err != nil {
		return err
	}
	defer s.stop()
	r.Start = s.took
	r.say("copied in %s, started in %s", r.Filled.Round(time.Second), r.Start.Round(10*time.Millisecond))
	if r.Lists, err = s.lists(ctx, cfg.Lists); err != nil {
		return err
	}
	r.say("lists measured")
	return r.compare(ctx, s, dir+"-empty")
}

// turns is in how many turns a full and an empty store are measured, so that what else the machine does hits both.
const turns = 10

// compare measures submits to the full store and, in turns, to one that has nothing.
func (r *Report) compare(ctx context.Context, full *server, dir string) error {
	empty, err := start(ctx, r.Config.Server, dir)
	if err != nil {
		return err
	}
	defer empty.stop()
	if err := empty.call(ctx, http.MethodPost, "/api/v1/workflows", []byte(definitions[0]), nil); err != nil {
		return err
	}
	var took [2][]time.Duration
	for range turns {
		for i, s := range []*server{full, empty} {
			some, err := s.submits(ctx, r.Config.Submits/turns)
			if err != nil {
				return err
			}
			took[i] = append(took[i], some...)
		}
	}
	for i, out := range []*Submits{&r.Full, &r.Empty} {
		l := latency("", took[i], 0)
		*out = Submits{PerSecond: float64(len(took[i])) / r.Config.Submits.Seconds(), P50: l.P50, P99: l.P99}
	}
	return nil
}

// patterns plays a run of each kind on an empty store.
func (r *Report) patterns(ctx context.Context, dir string) (map[string]string, error) {
	s, err := start(ctx, r.Config.Server, dir)
	if err != nil {
		return nil, err
	}
	defer s.stop()
	if r.ResidentEmpty, err = s.process.Resident(); err != nil {
		return nil, err
	}
	for _, d := range definitions {
		if err := s.call(ctx, http.MethodPost, "/api/v1/workflows", []byte(d), nil); err != nil {
			return nil, err
		}
	}
	out := map[string]string{}
	if out["good"], err = s.runToEnd(ctx, "good", `{"n":7}`); err != nil {
		return nil, err
	}
	if out["bad"], err = s.runToEnd(ctx, "bad", badInput); err != nil {
		return nil, err
	}
	if out["goodbad"], err = s.runToEnd(ctx, "bad", `{"n":7}`); err != nil {
		return nil, err
	}
	if out["nap"], err = s.start(ctx, "nap", `{}`); err != nil {
		return nil, err
	}
	return out, nil
}

// lists measures each list n times.
func (s *server) lists(ctx context.Context, n int) ([]Latency, error) {
	deep := ""
	for range 20 {
		var p page
		if err := s.call(ctx, http.MethodGet, "/api/v1/runs?limit=1000&cursor="+deep, nil, &p); err != nil {
			return nil, err
		}
		deep = p.Next
	}
	var out []Latency
	for _, l := range []struct{ name, query string }{
		{"the newest", ""},
		{"behind 20,000 of them", "&cursor=" + deep},
		{"of a workflow", "&workflow=good"},
		{"of a workflow with few", "&workflow=bad"},
		{"in a common state", "&state=succeeded"},
		{"in a rare state", "&state=failed"},
		{"in no state of any", "&state=timed_out"},
		{"that have not ended", "&state=waiting"},
		{"of a workflow in a rare state", "&workflow=bad&state=failed"},
		{"of a workflow in a state that none of it has", "&workflow=good&state=failed"},
	} {
		took := make([]time.Duration, n)
		var p page
		for i := range took {
			began := time.Now()
			if err := s.call(ctx, http.MethodGet, "/api/v1/runs?limit=50"+l.query, nil, &p); err != nil {
				return nil, err
			}
			took[i] = time.Since(began)
		}
		out = append(out, latency(l.name, took, len(p.Items)))
	}
	return out, nil
}

func latency(name string, took []time.Duration, items int) Latency {
	slices.Sort(took)
	at := func(share float64) time.Duration { return took[min(len(took)-1, int(share*float64(len(took))))] }
	return Latency{Name: name, P50: at(0.5), P99: at(0.99), Max: took[len(took)-1], Items: items}
}

// submitters is how many start runs at a time.
const submitters = 16

// submits starts runs for a while and answers what each took.
func (s *server) submits(ctx context.Context, length time.Duration) ([]time.Duration, error) {
	var mu sync.Mutex
	var took []time.Duration
	var failed error
	var all sync.WaitGroup
	warm := time.Now().Add(length / 4)
	until := warm.Add(length)
	for range submitters {
		all.Go(func() {
			for time.Now().Before(until) {
				began := time.Now()
				_, err := s.start(ctx, "good", `{"n":7}`)
				mu.Lock()
				if err != nil {
					failed = err
				}
				if began.After(warm) {
					took = append(took, time.Since(began))
				}
				mu.Unlock()
				if err != nil {
					return
				}
			}
		})
	}
	all.Wait()
	if failed != nil || len(took) == 0 {
		return nil, fmt.Errorf("start runs: %d, %w", len(took), failed)
	}
	return took, nil
}
