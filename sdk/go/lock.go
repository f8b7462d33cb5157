package cordum

// Lock is a lock that a job holds from before it was sent until its end.
type Lock struct {
	Name   string
	Shared bool
	// Fence grows with every grant of the lock. Whoever guards what the lock protects refuses a smaller one than it has seen:
	// so a worker that was believed lost does no harm.
	Fence int64
}

// Locks are what the job holds.
func (j Job) Locks() []Lock {
	if j.attempt == nil {
		return nil
	}
	held := j.attempt.request.GetLocks()
	locks := make([]Lock, len(held))
	for i, l := range held {
		locks[i] = Lock{Name: l.GetName(), Shared: l.GetShared(), Fence: l.GetFencingToken()}
	}
	return locks
}

// Lock answers the fencing token of a lock that the job holds, and whether it does.
func (j Job) Lock(name string) (fence int64, ok bool) {
	for _, l := range j.Locks() {
		if l.Name == name {
			return l.Fence, true
		}
	}
	return 0, false
}
