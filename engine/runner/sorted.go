package runner

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// Maps are stored in order, so that equal states are equal bytes.

func sortedKeys[V any](m map[int32]V) []int32 { return slices.Sorted(maps.Keys(m)) }

func sortedRefs(m map[timerRef]time.Time) []timerRef {
	return slices.SortedFunc(maps.Keys(m), func(a, b timerRef) int {
		return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.step, b.step))
	})
}
