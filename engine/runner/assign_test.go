package runner_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"cordum.dev/cordum/engine/runner"
)

// TestAssign: whoever knows the same members comes to the same, in whatever order they know them; loads differ by one at most;
// and when a member comes or goes hardly more partitions move than have to.
func TestAssign(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		members := rapid.SliceOfNDistinct(rapid.StringMatching(`[a-z0-9-]{1,12}`), 1, 20, rapid.ID[string]).Draw(t, "members")
		partitions := rapid.SampledFrom([]int{1, 8, 64, 256}).Draw(t, "partitions")
		before := byName(members, partitions)
		loads := map[string]int{}
		for _, m := range before {
			loads[m]++
		}
		for _, m := range members {
			if n := loads[m]; n != partitions/len(members) && n != partitions/len(members)+1 {
				t.Fatalf("%q has %d of %d partitions, of %d members", m, n, partitions, len(members))
			}
		}
		if len(members)*(partitions/len(members)+1) < partitions || len(before) != partitions {
			t.Fatalf("partitions are left over: %v", before)
		}
		shuffled := slices.Clone(members)
		rand.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		if again := byName(shuffled, partitions); !slices.Equal(before, again) {
			t.Fatalf("in another order: %v, not %v", again, before)
		}
	})
}

func byName(members []string, partitions int) (owners []string) {
	for _, m := range runner.Assign(members, partitions) {
		owners = append(owners, members[m])
	}
	return owners
}

// TestAssignMoves: when a member comes or goes its share moves, and little else.
func TestAssignMoves(t *testing.T) {
	if got := runner.Assign(nil, 8); got != nil {
		t.Errorf("nobody has %v", got)
	}
	for n := 1; n <= 12; n++ {
		have, must := 0, 0
		for try := range 50 {
			var members []string
			for m := range n + 1 {
				members = append(members, fmt.Sprintf("engine-%d-%d", try, m))
			}
			few, more := byName(members[:n], 64), byName(members, 64)
			for p := range few {
				if few[p] != more[p] {
					have++
				}
				if more[p] == members[n] {
					must++
				}
			}
		}
		t.Logf("%d and one more: %.1f partitions move, %.1f have to", n, float64(have)/50, float64(must)/50)
		if have-must > 50*(n+6)/2 {
			t.Errorf("of %d members and one more: %d partitions move where %d have to, in 50 tries", n, have, must)
		}
	}
}
