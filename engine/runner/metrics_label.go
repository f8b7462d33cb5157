package runner

import "sync"

// otherValue stands in a metric for all values beyond maxLabelValues.
const otherValue = "other"

// labelValues bounds the values of one label. The zero value is ready; it is safe for concurrent use.
type labelValues struct {
	mu   sync.RWMutex
	seen map[string]struct{}
}

// of answers the value to count under: s, or otherValue when too many others came before it.
func (v *labelValues) of(s string) string {
	v.mu.RLock()
	_, ok := v.seen[s]
	full := len(v.seen) >= maxLabelValues
	v.mu.RUnlock()
	if ok {
		return s
	}
	if full {
		return otherValue
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.seen == nil {
		v.seen = make(map[string]struct{})
	}
	if len(v.seen) < maxLabelValues {
		v.seen[s] = struct{}{}
		return s
	}
	if _, ok := v.seen[s]; ok {
		return s
	}
	return otherValue
}
