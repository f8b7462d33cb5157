package kernel

import (
	"errors"
	"slices"

	"cordum.dev/cordum/safety"
)

// This file is whose base counts where several processes have one each. What was published last does; a base speaks up when it is
// new to the installation. One that another has superseded is what its process has not been given yet: it would undo the change.

// errSuperseded says that the base of this process is not what is in force, and stays out.
var errSuperseded = errors.New("another process has published a newer one since, and this one does not count: " +
	"give every process the same file; to go back to it, publish a rollback, or change the file while the server runs")

// errOtherDefault says that this process allows by default what the installation denies.
var errOtherDefault = errors.New("this process would allow what no rule speaks of, and another denies it, which counts: start all with the same settings")

// notice keeps what the base of this process says and whether it was seen to change to that. With the turn.
func (k *Kernel) notice(own base) {
	if own.err != nil {
		return
	}
	if k.looked && own.seen != k.own {
		k.edited = own.seen
	}
	k.looked, k.own = true, own.seen
}

// speaksFor tells whether this process's base or settings have something to say to what others published. With the turn.
func (k *Kernel) speaksFor(own base, st *state) (bool, error) {
	if k.cfg.Base == nil {
		return false, nil
	}
	if own.seen != st.active.Seen {
		if slices.Contains(st.active.Before, own.seen) && k.edited != own.seen {
			return false, errSuperseded
		}
		return true, nil
	}
	if st.version.DefaultFrom != FromFile && st.version.Default != k.cfg.Default.String() && k.cfg.Default == safety.Allow {
		return false, errOtherDefault
	}
	return true, nil
}

// before are the superseded bases when seen is what counts.
func (a *active) before(seen string) []string {
	if a.Seen == seen || a.Seen == "" {
		return slices.DeleteFunc(slices.Clone(a.Before), func(s string) bool { return s == seen })
	}
	before := slices.DeleteFunc(slices.Clone(a.Before), func(s string) bool { return s == seen || s == a.Seen })
	before = append(before, a.Seen)
	return before[max(0, len(before)-maxBefore):]
}
