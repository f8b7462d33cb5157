package sim

import (
	"context"
	"sync"

	"cordum.dev/cordum/store"
)

// journal is a store that remembers in which order the runs' facts were committed: within one run their numbers say so,
// across runs only the store sees it.
type journal struct {
	store.Store
	bell chan struct{}

	mu    sync.Mutex
	news  []entry
	facts int
}

// entry are facts of a run that one commit made durable.
type entry struct {
	run   string
	first uint64
	count uint32
}

func newJournal(s store.Store) *journal { return &journal{Store: s, bell: make(chan struct{}, 1)} }

// Commit notes what the store took.
func (j *journal) Commit(ctx context.Context, txs ...store.Tx) []error {
	errs := j.Store.Commit(ctx, txs...)
	j.mu.Lock()
	defer j.mu.Unlock()
	for i, tx := range txs {
		if errs[i] != nil {
			continue
		}
		for _, a := range tx.Appends {
			j.news = append(j.news, entry{a.Log.Run, a.First, a.Count})
			j.facts += int(a.Count)
		}
	}
	if len(j.news) > 0 {
		select {
		case j.bell <- struct{}{}:
		default:
		}
	}
	return errs
}

// take answers what was committed since the last call, and how many facts there are in all.
func (j *journal) take() ([]entry, int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	out := j.news
	j.news = nil
	return out, j.facts
}

// count is how many facts were committed so far.
func (j *journal) count() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.facts
}
