package kernel_test

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"cordum.dev/cordum/safety"
	"cordum.dev/cordum/safety/kernel"
)

// A bundle is drafted, published, and taken back.
func Example() {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	k, err := kernel.New(kernel.Config{Documents: kernel.NewMemory(), Default: safety.Allow, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := k.Load(ctx); err != nil {
		fmt.Println(err)
		return
	}
	done := make(chan error)
	go func() { done <- k.Run(ctx) }()
	for !k.Ready() {
		time.Sleep(time.Millisecond)
	}

	ann := kernel.Who{Tenant: "default", Actor: "user:ann"}
	ask := func() {
		fmt.Println(safety.Evaluate(k.Snapshot(), safety.Request{Topic: "job.db.drop"}).Verdict)
	}
	text := "name: acme\nrules:\n  - {id: no-drop, match: {topics: [job.db.drop]}, decision: DENY}\n"
	if _, _, err := k.PutDraft(ctx, ann, kernel.Put{Text: []byte(text)}); err != nil {
		fmt.Println(err)
	}
	published, err := k.Publish(ctx, ann, kernel.Publish{Reason: "nobody drops databases"})
	if err != nil {
		fmt.Println(err)
	}
	ask()
	fmt.Println("rules:", published.Version.Rules)
	if _, err := k.Rollback(ctx, ann, kernel.Rollback{To: published.Previous}); err == nil {
		ask()
	}
	stop()
	fmt.Println(<-done)
	// Output:
	// DENY
	// rules: 1
	// ALLOW
	// <nil>
}
