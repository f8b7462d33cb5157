package runner

import (
	"cmp"
	"fmt"
	"slices"
	"sync"

	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/engine"
)

// keyring knows which runs have the concurrency keys of workflows, and which wait for them. It is derived from the live
// rows, and kept in memory, where one process owns every partition; where several do, keymsg.go has it.
type keyring struct {
	off   bool // the place has it: see keymsg.go
	mu    sync.Mutex
	lines map[string]*keyLine // by tenant, workflow and key
}

// keyLine is one key.
type keyLine struct {
	limit   int
	has     []string // runs that have it, oldest first
	waits   []string // runs that wait for it, oldest first
	leaving map[string]bool
}

func newKeyring() *keyring { return &keyring{lines: make(map[string]*keyLine)} }

// keyName names a key for the keyring; "" for a run without one.
func keyName(tenant, workflow, key string) string {
	if key == "" {
		return ""
	}
	return tenant + "\x00" + workflow + "\x00" + key
}

func (k *keyring) line(name string) *keyLine {
	line := k.lines[name]
	if line == nil {
		line = &keyLine{limit: 1, leaving: make(map[string]bool)}
		k.lines[name] = line
	}
	return line
}

// admission is what a new run finds: it has the key, waits for it, or is refused.
type admission struct {
	waits, refused bool
	cancel         []string // runs that are to make room
	admit          []string // runs whose turn has come
}

// ask lets a new run have a key or wait for it.
func (k *keyring) ask(name, run string, c *dag.Concurrency) (a admission) {
	k.mu.Lock()
	defer k.mu.Unlock()
	line := k.line(name)
	line.limit = max(c.Limit, 1)
	if busy := len(line.has) >= line.limit || len(line.waits) > 0; busy && c.WhenBusy == dag.BusyReject {
		a.refused = true
		return a
	}
	line.waits = append(line.waits, run)
	a.admit = line.admit()
	a.waits = !slices.Contains(a.admit, run)
	a.admit = slices.DeleteFunc(a.admit, func(id string) bool { return id == run })
	if a.waits && c.WhenBusy == dag.BusyCancelOldest {
		a.cancel = line.makeRoom()
	}
	return a
}

// admit moves who waits to who has the key, as far as there is room, and answers them.
func (l *keyLine) admit() (admitted []string) {
	for len(l.waits) > 0 && len(l.has) < l.limit {
		admitted = append(admitted, l.waits[0])
		l.has, l.waits = append(l.has, l.waits[0]), l.waits[1:]
	}
	return admitted
}

// makeRoom picks the oldest runs that must go so that the newest have the key.
func (l *keyLine) makeRoom() (gone []string) {
	all := slices.Concat(l.has, l.waits)
	staying := len(all) - len(l.leaving)
	for _, run := range all {
		if staying <= l.limit {
			break
		}
		if !l.leaving[run] {
			l.leaving[run] = true
			gone = append(gone, run)
			staying--
		}
	}
	return gone
}

// note makes known what is stored of a run: it has the key, or waits for it.
func (k *keyring) note(name, run string, limit int, waits bool) {
	if k.off {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	line := k.line(name)
	if slices.Contains(line.has, run) || slices.Contains(line.waits, run) {
		return
	}
	line.limit = max(limit, 1)
	list := &line.has
	if waits {
		list = &line.waits
	}
	*list = append(*list, run)
	slices.SortFunc(*list, older)
}

// older orders runs by their age.
func older(a, b string) int { return cmp.Compare(order(a), order(b)) }

// order is what runs are ordered by: their ULID, without the partition.
func order(run string) string { return run[min(2, len(run)):] }

// leave lets a run go and answers those whose turn has come.
func (k *keyring) leave(name, run string) []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	line := k.lines[name]
	if line == nil {
		return nil
	}
	is := func(id string) bool { return id == run }
	line.has, line.waits = slices.DeleteFunc(line.has, is), slices.DeleteFunc(line.waits, is)
	delete(line.leaving, run)
	admitted := line.admit()
	if len(line.has)+len(line.waits) == 0 {
		delete(k.lines, name)
	}
	return admitted
}

// next answers the runs whose turn has come, when that was not said to whoever let the key go.
func (k *keyring) next(name string) []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	if line := k.lines[name]; line != nil {
		return line.admit()
	}
	return nil
}

// holds tells whether a run has a key.
func (k *keyring) holds(name, run string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	line := k.lines[name]
	return line != nil && slices.Contains(line.has, run)
}

// overdue answers the runs whose turn had come when the process before ended.
func (k *keyring) overdue() (admitted []string, tenants []string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for name, line := range k.lines {
		for _, run := range line.admit() {
			admitted, tenants = append(admitted, run), append(tenants, tenantOfKey(name))
		}
	}
	return admitted, tenants
}

func tenantOfKey(name string) string {
	for i := range name {
		if name[i] == 0 {
			return name[:i]
		}
	}
	return name
}

// errConcurrency refuses a run whose workflow's concurrency key is taken.
var errConcurrency = fmt.Errorf("concurrency_limit: as many runs with the same concurrency key are under way as the workflow allows: %w", ErrConflict)

// takeKey lets a new run have its workflow's key, wait for it, or be refused.
func (t *turn) takeKey(lr *live, limit *dag.Concurrency, in *engine.Submit) error {
	name := keyName(in.Tenant, in.Workflow, in.Key)
	if name == "" {
		return nil
	}
	lr.key = name
	r := t.lane.r
	if r.keys.off {
		in.Queued = true // until the place says that its turn has come
		return nil
	}
	a := r.keys.ask(name, t.fresh, limit)
	if a.refused {
		return errConcurrency
	}
	in.Queued = a.waits
	r.admit(in.Tenant, a.admit)
	for _, run := range a.cancel {
		r.laneOf(run).tell(in.Tenant, run, func(t *turn) engine.Input {
			return engine.Cancel{Stamp: t.system("a newer run has the same concurrency key")}
		})
	}
	return nil
}

// admit tells runs that their concurrency key is free.
func (r *Runner) admit(tenant string, runs []string) {
	for _, run := range runs {
		r.laneOf(run).tell(tenant, run, func(t *turn) engine.Input { return engine.Admit{Stamp: t.system("its concurrency key is free")} })
	}
}

// followKey keeps the keyring as a run's committed state says.
func (l *lane) followKey(lr *live) {
	r := lr.run
	lr.key = keyName(r.Tenant, r.Workflow, r.Key)
	switch {
	case lr.key == "":
	case l.r.keys.off:
		l.sayKey(lr)
	case r.Settled():
		l.r.admit(r.Tenant, l.r.keys.leave(lr.key, lr.id))
	default:
		l.r.keys.note(lr.key, lr.id, lr.keyLimit(), r.State == engine.RunPending)
		// A start that was taken for lost and is durable after all may find that the key became free meanwhile.
		l.r.admit(r.Tenant, l.r.keys.next(lr.key))
	}
}

func (lr *live) keyLimit() int {
	if c := lr.plan.Def.Concurrency; c != nil {
		return max(c.Limit, 1)
	}
	return 1
}

// dropKey lets the key go of a run that never became durable.
func (l *lane) dropKey(lr *live) {
	if lr.key == "" || lr.committed > 0 {
		return
	}
	if l.r.keys.off {
		l.moves = append(l.moves, move{kind: moveKeyLeft, at: place{run: lr.id}, key: lr.keyWish(true)})
	} else {
		l.r.admit(lr.run.Tenant, l.r.keys.leave(lr.key, lr.id))
	}
}
