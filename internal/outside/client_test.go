package outside

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	// callTimeout is how long a client waits for an answer.
	callTimeout = 6 * time.Second
	// pace is the time between two tries of a client, at least; up to twice as much.
	pace = 80 * time.Millisecond
)

// workflows are what runs are of: chain waits for a person and for a signal, and works under a lock; undone fails at its end and is
// rolled back.
var workflows = []string{`
id: chain
steps:
  - {id: a, topic: job.outside.do, idempotent: true, retry: {max_attempts: 30, initial: 10ms, max: 100ms}, input: {at: a, ms: 20}}
  - {id: may, type: approval, title: "May it?", depends_on: [a]}
  - {id: b, topic: job.outside.do, depends_on: [may], input: {at: b, ms: 40}}
  - {id: go, type: wait, signal: go, depends_on: [b]}
  - {id: c, topic: job.outside.do, idempotent: true, resource_lock: guard, depends_on: [go], retry: {max_attempts: 30, initial: 10ms, max: 100ms}, input: {at: c, ms: 5}}
`, `
id: undone
on_failure: rollback
steps:
  - {id: x, topic: job.outside.do, input: {at: x, ms: 30}, compensate: {topic: job.outside.undo, idempotent: true, retry: {max_attempts: 50, initial: 10ms, max: 100ms}, input: {at: x, ms: 10, effect: '${steps.x.output?.effect}'}}}
  - {id: y, topic: job.outside.do, depends_on: [x], input: {at: y, ms: 30}, compensate: {topic: job.outside.undo, idempotent: true, retry: {max_attempts: 50, initial: 10ms, max: 100ms}, input: {at: y, ms: 10, effect: '${steps.y.output?.effect}'}}}
  - {id: z, topic: job.outside.do, depends_on: [y], input: {at: z, ms: 10, fail: true}}
`}

// started, view and event are what the API answers, as far as clients here need it. They are written down once more, and not taken
// from the server's packages: a stranger has only the documents.
type (
	started struct {
		Run string `json:"run_id"`
	}
	view struct {
		ID           string     `json:"id"`
		State        string     `json:"state"`
		Compensation string     `json:"compensation"`
		EndedAt      *time.Time `json:"ended_at"`
	}
	event struct {
		Seq  uint64         `json:"seq"`
		Prev uint64         `json:"prev"`
		Type string         `json:"type"`
		At   time.Time      `json:"ts"`
		Step string         `json:"step"`
		Data map[string]any `json:"data"`
	}
)

// client speaks to any of a set-up's gateways.
type client struct {
	doors []string          // HOST:PORT
	keys  map[string]string // what callers show, by X-Principal-Id; nil: nothing
	http  *http.Client
}

func newClient(doors []string) *client {
	return &client{doors: doors, http: &http.Client{Timeout: callTimeout, Transport: &http.Transport{MaxIdleConnsPerHost: 32}}}
}

// call asks one of the gateways. The status is 0 when there was no answer; sent is false when it cannot have been heard.
func (c *client) call(ctx context.Context, method, path string, header map[string]string, body string, into any) (status int, sent bool) {
	return c.at(ctx, c.doors[rand.IntN(len(c.doors))], method, path, header, body, into)
}

func (c *client) at(ctx context.Context, door, method, path string, header map[string]string, body string, into any) (status int, sent bool) {
	req, err := http.NewRequestWithContext(ctx, method, "http://"+door+path, bytes.NewReader([]byte(body)))
	if err != nil {
		return 0, false
	}
	req.Header.Set("Content-Type", "application/json")
	for k, v := range header {
		req.Header.Set(k, v)
	}
	if key := c.keys[req.Header.Get("X-Principal-Id")]; key != "" {
		req.Header.Set("X-Api-Key", key)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return 0, !errors.Is(err, syscall.ECONNREFUSED)
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	if err == nil && into != nil && res.StatusCode < 300 {
		err = json.Unmarshal(raw, into)
	}
	if err != nil {
		return 0, true
	}
	return res.StatusCode, true
}

// keys are those of callers who are asked for one, by whom they say to be.
var keys = map[string]string{"": strings.Repeat("k", 32), "user:ann": strings.Repeat("a", 32), "user:bob": strings.Repeat("b", 32)}

// meaning is what a status says to a client.
func meaning(status int) string {
	switch {
	case status >= 200 && status < 300:
		return gotOK
	case status == http.StatusNotFound:
		return gotMissing
	case status == http.StatusConflict, status == http.StatusGone:
		return gotConflict
	case status == 0, status >= 500, status == http.StatusTooManyRequests:
		return gotUnknown
	}
	return fmt.Sprintf("status %d", status) // no run answers so: the model refuses it
}

// live is a run that clients drive.
type live struct {
	key      string
	workflow string
	cancel   time.Duration // after its start; 0: never
	rollback bool

	mu      sync.Mutex
	id      string // empty: its start is not acknowledged
	last    view   // the one that showed the end
	ended   bool
	signals [2]int // acknowledged, unknown
}

// crew are the clients of one round.
type crew struct {
	*client
	seen *history
	all  sync.WaitGroup

	mu   sync.Mutex
	runs []*live
}

// begin lets clients drive a run to its end: whoever starts it, two people who may approve it, who sends its signal, who cancels it
// and who looks.
func (c *crew) begin(ctx context.Context, r *live) {
	c.mu.Lock()
	c.runs = append(c.runs, r)
	c.mu.Unlock()
	c.all.Go(func() {
		if !c.starts(ctx, r) {
			return
		}
		c.all.Go(func() { c.looks(ctx, r) })
		if r.cancel > 0 {
			c.all.Go(func() { c.cancels(ctx, r) })
		}
		if r.workflow == "chain" {
			c.all.Go(func() { c.approves(ctx, r, 1, "user:ann") })
			c.all.Go(func() { c.approves(ctx, r, 2, "user:bob") })
			c.all.Go(func() { c.signals(ctx, r) })
		}
	})
}

// underWay counts the runs that have not ended.
func (c *crew) underWay() (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range c.runs {
		if !r.over() {
			n++
		}
	}
	return n
}

func (r *live) over() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ended
}

// again waits for a client's next try; false when the round is over or the run has ended.
func (r *live) again(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(pace + rand.N(pace)):
		return !r.over()
	}
}

// starts tries until the start is acknowledged; its key makes it one run.
func (c *crew) starts(ctx context.Context, r *live) bool {
	for {
		at := c.seen.now()
		var s started
		status, sent := c.call(ctx, "POST", "/api/v1/workflows/"+r.workflow+"/runs", map[string]string{"Idempotency-Key": r.key}, `{}`, &s)
		if sent {
			c.seen.add(0, asked{r.key, opStart}, at, told{got: meaning(status)})
		}
		if meaning(status) == gotOK {
			r.mu.Lock()
			r.id = s.Run
			r.mu.Unlock()
			return true
		}
		if !r.again(ctx) {
			return false
		}
	}
}

// looks at the run until it has ended and nothing of it is left to undo.
func (c *crew) looks(ctx context.Context, r *live) {
	for {
		at := c.seen.now()
		var v view
		status, _ := c.call(ctx, "GET", "/api/v1/runs/"+r.id, nil, "", &v)
		c.seen.add(3, asked{r.key, opView}, at, told{got: meaning(status), state: v.State})
		if meaning(status) == gotOK {
			r.mu.Lock()
			r.last = v
			r.mu.Unlock()
		}
		if meaning(status) == gotOK && v.EndedAt != nil && slices.Contains(final, v.State) && v.Compensation != "running" {
			r.mu.Lock()
			r.ended = true
			r.mu.Unlock()
			return
		}
		if !r.again(ctx) {
			return
		}
	}
}

// looksOnce looks at a run at every gateway, when everything is over.
func (c *crew) looksOnce(ctx context.Context, r *live) {
	for _, door := range c.doors {
		at := c.seen.now()
		var v view
		status, _ := c.at(ctx, door, "GET", "/api/v1/runs/"+r.id, nil, "", &v)
		c.seen.add(6, asked{r.key, opView}, at, told{got: meaning(status), state: v.State})
	}
}

// approves tries until somebody's answer counts.
func (c *crew) approves(ctx context.Context, r *live, client int, who string) {
	for {
		at := c.seen.now()
		status, sent := c.call(ctx, "POST", "/api/v1/approvals/"+r.id+".may~0/approve", map[string]string{"X-Principal-Id": who}, `{}`, nil)
		got := meaning(status)
		if sent {
			c.seen.add(client, asked{r.key, opApprove}, at, told{got: got})
		}
		if got == gotOK || got == gotConflict || !r.again(ctx) {
			return
		}
	}
}

// signals sends the signal until it is acknowledged.
func (c *crew) signals(ctx context.Context, r *live) {
	for {
		at := c.seen.now()
		status, sent := c.call(ctx, "POST", "/api/v1/runs/"+r.id+"/signal", nil, `{"name":"go"}`, nil)
		got := meaning(status)
		if sent {
			c.seen.add(4, asked{r.key, opSignal}, at, told{got: got})
			r.mu.Lock()
			switch got {
			case gotOK:
				r.signals[0]++
			case gotUnknown:
				r.signals[1]++
			}
			r.mu.Unlock()
		}
		if got == gotOK || got == gotConflict || !r.again(ctx) {
			return
		}
	}
}

// cancels the run, after a while, until that is acknowledged or too late.
func (c *crew) cancels(ctx context.Context, r *live) {
	select {
	case <-ctx.Done():
		return
	case <-time.After(r.cancel):
	}
	for {
		at := c.seen.now()
		status, sent := c.call(ctx, "POST", "/api/v1/runs/"+r.id+"/cancel", nil, fmt.Sprintf(`{"rollback":%t}`, r.rollback), nil)
		got := meaning(status)
		if sent {
			c.seen.add(5, asked{r.key, opCancel}, at, told{got: got})
		}
		if got == gotOK || got == gotConflict || !r.again(ctx) {
			return
		}
	}
}

// timeline reads all pages of a run's timeline. A status other than 200 is why there is none.
func (c *client) timeline(ctx context.Context, run string) (all []event, status int) {
	for after := uint64(0); ; {
		var page struct {
			Items []event `json:"items"`
			Next  uint64  `json:"next_after"`
		}
		status, _ = c.call(ctx, "GET", fmt.Sprintf("/api/v1/runs/%s/timeline?limit=1000&after=%d", run, after), nil, "", &page)
		if status != http.StatusOK {
			return nil, status
		}
		all = append(all, page.Items...)
		if after = page.Next; after == 0 {
			return all, status
		}
	}
}
