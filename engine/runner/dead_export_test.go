package runner

import (
	"context"
	"fmt"
	"time"

	"github.com/oklog/ulid/v2"

	"cordum.dev/cordum/internal/id"
	"cordum.dev/cordum/store"
)

// SeedDead stores n dead letters of a tenant, spread over the partitions and a second apart up to now, and answers the newest.
func SeedDead(ctx context.Context, s store.Store, tenant string, n int, now time.Time) (newest string, err error) {
	for p := range s.Partitions() {
		part := store.Partition(p)
		lease, err := s.Acquire(ctx, part, "seed", time.Minute)
		if err != nil {
			return "", err
		}
		tx := store.Tx{Partition: part, Epoch: lease.Epoch}
		for i := p; i < n; i += s.Partitions() {
			at := now.Add(time.Duration(i-n) * time.Second)
			run := id.Run(p, ulid.MustNew(ulid.Timestamp(at), nil))
			row := deadRow{deadHead: deadHead{
				Job: id.Job(run, "ship", 0), Workflow: fmt.Sprint("w", i%10), Step: "ship", StepID: "ship", Topic: "job.t.work", State: "failed",
				Reason: "failed: boom", Code: "boom", Message: "no room in warehouse 17", Attempts: 1, Times: 1, Worker: "w1", First: at, At: at,
			}}
			row.Fingerprint = fingerprint(&row.deadHead)
			tx.Puts = append(tx.Puts, row.puts(part, tenant, deadPlace{at, 9, row.Job})...)
			if i == n-1 {
				newest = row.Job
			}
		}
		if err := s.Commit(ctx, tx)[0]; err != nil {
			return "", err
		}
		if err := s.Release(ctx, lease); err != nil {
			return "", err
		}
	}
	return newest, nil
}

// Fingerprint is that of a job which failed with a message.
func Fingerprint(message string) string {
	return fingerprint(&deadHead{Workflow: "w", StepID: "s", Reason: "failed: boom", Code: "boom", Message: message})
}

// MaxLooked is how many rows one page of a filtered list looks at.
const MaxLooked = maxLooked
