package scheduler

// Listed tells whether a worker has an attempt whose heartbeats list all that it has, so that they say when it is lost.
func (f *Fleet) Listed(attemptID string) bool {
	a := f.attempts[attemptID]
	return a != nil && a.on != nil && a.on.said.ListsJobs
}

// Holdings are the attempts that a worker was given and, as far as is known, has; for what is said of a worker that lists
// nothing itself.
func (f *Fleet) Holdings(workerID string) []string {
	w := f.workers[workerID]
	if w == nil {
		return nil
	}
	out := make([]string, len(w.held))
	for i, a := range w.held {
		out[i] = a.id
	}
	return out
}
