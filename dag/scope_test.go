package dag_test

import (
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"cordum.dev/cordum/dag"
)

// A step reads what is upstream of it in its own scope, or upstream of a loop around it, and nothing else.
func TestUpstreamThroughLoops(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, _ := drawTwins(t)
		var src strings.Builder
		writeJSON(&src, a)
		def := parsed(t, src.String())
		g, _ := dag.NewGraph(def)
		above, up := closure(def), g.Upstream()
		for a := range def.Steps {
			for b := range def.Steps {
				want := false
				for at := b; at >= 0 && !want; at = def.Scopes[def.Steps[at].Scope].Loop {
					want = above[at][a]
				}
				if up.Is(a, b) != want {
					t.Fatalf("Is(%s, %s) = %v in\n%s", def.Steps[a].ID, def.Steps[b].ID, !want, src.String())
				}
			}
		}
		roots := 0
		for scope := range def.Scopes {
			roots += len(g.RootsOf(scope))
		}
		for i := range def.Steps {
			if len(def.Steps[i].DependsOn) == 0 {
				roots--
			}
		}
		if roots != 0 || len(g.Topo) != len(def.Steps) {
			t.Fatalf("%d roots too many, %d of %d steps in order", roots, len(g.Topo), len(def.Steps))
		}
	})
}

// A percentage of items is counted exactly, as it is written: 4.35 % of 2,000 are 87.
func TestToleratesExactly(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		hundredths := rapid.IntRange(0, 10_000).Draw(t, "hundredths of a percent")
		n := rapid.IntRange(0, dag.MaxItems).Draw(t, "items")
		tolerate := &dag.Tolerate{Percent: float64(hundredths) / 100}
		exact := new(big.Int).Div(big.NewInt(int64(hundredths)*int64(n)), big.NewInt(10_000)).Int64()
		if got := tolerate.Allows(n); int64(got) != exact {
			t.Fatalf("%v %% of %d are %d, not %d", tolerate.Percent, n, exact, got)
		}
	})
	for _, tt := range []struct {
		tolerate *dag.Tolerate
		items    int
		want     int
	}{
		{nil, 10, 0},
		{&dag.Tolerate{Count: 3, Percent: -1}, 10, 3},
		{&dag.Tolerate{Percent: 0}, 10, 0},
		{&dag.Tolerate{Percent: 4.35}, 2000, 87},
		{&dag.Tolerate{Percent: 33.4}, 3, 1},
		{&dag.Tolerate{Percent: 100}, dag.MaxItems, dag.MaxItems},
	} {
		if got := tt.tolerate.Allows(tt.items); got != tt.want {
			t.Errorf("%+v of %d: got %d, want %d", tt.tolerate, tt.items, got, tt.want)
		}
	}
}
