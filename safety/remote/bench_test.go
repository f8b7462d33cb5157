package remote

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cordum.dev/cordum/safety"
)

// BenchmarkRemote measures decisions over gRPC on loopback, by 1,000 rules, at about 2,000 a second and at full speed. Late is
// the 99th percentile.
func BenchmarkRemote(b *testing.B) {
	var text strings.Builder
	text.WriteString("default: ALLOW\nname: bench\nrules:\n")
	for i := range 1000 {
		fmt.Fprintf(&text, "  - {id: r%d, match: {topics: job.pack%d.tool, tags: {env: production}}, decision: DENY}\n", i, i)
	}
	s := policy(b, text.String())
	addr, _ := serve(b, ServerConfig{Snapshot: force(s).Load}, "")
	c := ask(b, ClientConfig{Addr: addr})
	known(b, c, s)
	r := safety.Request{
		Tenant: "default", Principal: "user:ann", Topic: "job.pack7.tool", Pack: "pack7", Tool: "tool",
		Labels: map[string]string{"env": "test"}, Input: json.RawMessage(`{"n":1,"name":"something"}`),
	}
	b.Run("2000", func(b *testing.B) { measure(b, c, r, 2000) })
	b.Run("full", func(b *testing.B) { measure(b, c, r, 0) })
}

// measure asks b.N times, at so many a second (0: as fast as callers callers can).
func measure(b *testing.B, c *Client, r safety.Request, perSecond int) {
	const callers = 8
	took := make([]time.Duration, b.N)
	begin := time.Now()
	var wg sync.WaitGroup
	for k := range callers {
		wg.Go(func() {
			for i := k; i < b.N; i += callers {
				due := time.Now()
				if perSecond > 0 {
					if due = begin.Add(time.Duration(i) * time.Second / time.Duration(perSecond)); due.After(time.Now()) {
						time.Sleep(time.Until(due))
						due = time.Now() // that the sleep was too long is not the kernel's
					}
				}
				if d, err := c.Evaluate(b.Context(), r); err != nil || d.Verdict != safety.Allow {
					b.Errorf("%+v, %v", d, err)
					return
				}
				took[i] = time.Since(due) // from when it was due: a late one makes the next late
			}
		})
	}
	wg.Wait()
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(b.N)/time.Since(begin).Seconds(), "evals/s")
}
