package engine

import "cordum.dev/cordum/dag"

// verdict is what a join says of its step.
type verdict uint8

const (
	undecided verdict = iota
	run
	skipUpstreamSkipped
	skipUpstreamFailed
	skipNothingFailed
	skipBranchNotTaken
)

// reason is the skip reason of a verdict that skips.
func (v verdict) reason() SkipReason {
	switch v {
	case skipUpstreamSkipped:
		return UpstreamSkipped
	case skipUpstreamFailed:
		return UpstreamFailed
	case skipNothingFailed:
		return NothingFailed
	case skipBranchNotTaken:
		return BranchNotTaken
	}
	return NotSkipped
}

// settle is the join table: of n dependencies, done are final, succeeded of them succeeded and bad of them are bad; the
// rest of done are clean skips. It is monotonic: once decided it never changes as more dependencies end.
func settle(j dag.Join, n, done, succeeded, bad int32) verdict {
	if n == 0 {
		return run
	}
	all := done == n
	switch j.Mode {
	case dag.AllSuccess:
		switch {
		case bad > 0:
			return skipUpstreamFailed
		case all && succeeded > 0:
			return run
		case all:
			return skipUpstreamSkipped
		}
	case dag.NoneFailed:
		switch {
		case bad > 0:
			return skipUpstreamFailed
		case all:
			return run
		}
	case dag.AllDone:
		if all {
			return run
		}
	case dag.AnySuccess:
		switch {
		case succeeded > 0:
			return run
		case all && bad > 0:
			return skipUpstreamFailed
		case all:
			return skipUpstreamSkipped
		}
	case dag.AnyFailed:
		switch {
		case bad > 0:
			return run
		case all:
			return skipNothingFailed
		}
	case dag.AtLeast:
		reachable := succeeded+(n-done) >= int32(j.K)
		switch {
		case succeeded >= int32(j.K):
			return run
		case !reachable && bad > 0:
			return skipUpstreamFailed
		case all:
			return skipUpstreamSkipped
		}
	}
	return undecided
}
