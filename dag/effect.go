package dag

import "slices"

// jobKinds are the types whose work is a worker's and may change the world; see DefaultEffect.
var jobKinds = []string{"", "worker", "http"}

// DefaultEffect is the effect of a step of a kind that says none: a worker and an HTTP call write until they say
// otherwise, everything else leaves the world as it is.
func DefaultEffect(kind string) Effect {
	if slices.Contains(jobKinds, kind) {
		return EffectWrite
	}
	return EffectNone
}

// String is the word for it, "" when nothing is said.
func (e Effect) String() string { return effectWords[e] }

func effectOf(s *Step) Effect {
	if s.Effect == EffectUnsaid {
		return DefaultEffect(s.Type)
	}
	return s.Effect
}

// Coverage is how many of the steps that write can be undone, those inside loops included. A step is covered when it has
// a compensation, or when it is a pivot or its join lets it run behind one only: from there on a run is meant to go
// forward. (Whether conditions skip the pivot is not asked here, as lint does.) What is irreversible does not count:
// nothing could cover it.
type Coverage struct {
	Covered int      `json:"covered"`
	Total   int      `json:"total"`
	Missing []string `json:"missing"` // ids of the steps that are not covered, sorted; never nil
}

// UndoCoverage counts a definition that has no cycle.
func UndoCoverage(def *Definition, g *Graph) Coverage {
	behind := behindPivots(def, g)
	c := Coverage{Missing: []string{}}
	for i := range def.Steps {
		s := &def.Steps[i]
		if effectOf(s) != EffectWrite {
			continue
		}
		c.Total++
		if s.Compensate != nil || behind[i] {
			c.Covered++
		} else {
			c.Missing = append(c.Missing, s.ID)
		}
	}
	slices.Sort(c.Missing)
	return c
}

// behindPivots marks pivots and what comes after them, a loop's steps with their loop. A loop comes before its steps in
// the list, so what holds for it is known when they are asked.
func behindPivots(def *Definition, g *Graph) []bool {
	behind := make([]bool, len(def.Steps))
	for _, s := range g.Topo {
		behind[s] = def.Steps[s].Pivot || follows(def.Steps[s].Join.Mode, g.dependsOn[s], behind)
	}
	for i := range def.Steps {
		if loop := g.Loop(i); loop >= 0 && behind[loop] {
			behind[i] = true
		}
	}
	return behind
}

// follows says whether a join is satisfied only when one of the marked dependencies went well.
func follows(join JoinMode, on []int32, marked []bool) bool {
	is := func(d int32) bool { return marked[d] }
	switch join {
	case AllSuccess, NoneFailed:
		return slices.ContainsFunc(on, is)
	case AnySuccess, AtLeast:
		return len(on) > 0 && !slices.ContainsFunc(on, func(d int32) bool { return !is(d) })
	}
	return false // a handler runs for what went wrong
}
