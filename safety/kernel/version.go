package kernel

import (
	"fmt"
	"maps"
	"strconv"

	"cordum.dev/cordum/internal/yamlx"
)

// bundleVersion is what a bundle says of its version, if that is a whole number.
func bundleVersion(root *yamlx.Node) (int64, bool) {
	n := root.Get("version")
	switch {
	case n == nil:
		return 0, false
	case n.Kind == yamlx.Int:
		return n.Int, true
	case n.Kind == yamlx.String:
		v, err := strconv.ParseInt(n.Str, 10, 64)
		return v, err == nil
	}
	return 0, false
}

// newer checks that no signed bundle of a source goes back behind what was published. ErrVersionRollback names the first that
// does.
func (a *active) newer(s *Text) error {
	for _, name := range yamlx.SortedKeys(s.marks) {
		before, known := a.Marks[name]
		switch m := s.marks[name]; {
		case !known || m.Version > before.Version:
		case m.Version < before.Version:
			return fmt.Errorf("%w: %s is version %d, and version %d was published", ErrVersionRollback, name, m.Version, before.Version)
		case m.SHA256 != before.SHA256:
			return fmt.Errorf("%w: %s was published as version %d with other content; give it a higher one", ErrVersionRollback, name, m.Version)
		}
	}
	return nil
}

// raised are the marks after sources are published. They never go down.
func (a *active) raised(sources []Text) map[string]mark {
	out := maps.Clone(a.Marks)
	if out == nil {
		out = map[string]mark{}
	}
	for i := range sources {
		for name, m := range sources[i].marks {
			if m.Version >= out[name].Version {
				out[name] = m
			}
		}
	}
	return out
}
