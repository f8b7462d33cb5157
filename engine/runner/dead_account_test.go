package runner

import "testing"

// TestRedriveAccountsForAll: what fitted when a redrive began and was met no more is skipped, and what was counted is not counted twice.
func TestRedriveAccountsForAll(t *testing.T) {
	for _, c := range []struct{ matched, retried, skipped, refused, want int }{
		{matched: 12, retried: 11, want: 1}, // the last one before a kill
		{matched: 12, retried: 12},
		{matched: 12, retried: 8, skipped: 3, refused: 1, want: 3},
		{matched: 12, retried: 8, skipped: 1, refused: 1, want: 3},
		{matched: 3, retried: 3, skipped: 2, want: 2}, // that were being done again when it began
	} {
		k := keptRedrive{Redrive: Redrive{Matched: c.matched, Retried: c.retried, Skipped: c.skipped, Refused: c.refused}}
		k.account()
		if k.Skipped != c.want {
			t.Errorf("%+v: %d skipped", c, k.Skipped)
		}
	}
}
