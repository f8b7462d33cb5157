package runner

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"cordum.dev/cordum/safety"
)

// Maps are stored in order, so that equal states are equal bytes.

func sortedKeys(m map[int32]*safety.Approval) []int32 { return slices.Sorted(maps.Keys(m)) }

func sortedRefs(m map[timerRef]time.Time) []timerRef {
	return slices.SortedFunc(maps.Keys(m), func(a, b timerRef) int {
		return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.step, b.step))
	})
}
