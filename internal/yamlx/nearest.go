package yamlx

import "strings"

// Nearest answers which of the known names was probably meant by one that is unknown: the one that differs only in case
// or in how its words are joined, else the one with the fewest typing errors, at most one in three characters. It is
// "" when none is near. Ties go to the first.
func Nearest(name string, known []string) string {
	if len(name) > maxEcho {
		return ""
	}
	folded := fold(name)
	best, distance := "", max(1, len(name)/3)+1
	for _, k := range known {
		if fold(k) == folded {
			return k
		}
		if len(k) > 2 && len(name) > 2 {
			if d := editDistance(folded, fold(k), distance); d < distance && d < len(k) {
				best, distance = k, d
			}
		}
	}
	return best
}

func fold(s string) string { return strings.ToLower(joints.Replace(s)) }

// joints takes out what joins words.
var joints = strings.NewReplacer("_", "", "-", "")

// editDistance counts insertions, deletions, substitutions and swaps of neighbours; it may answer limit for anything
// beyond it.
func editDistance(a, b string, limit int) int {
	if len(a)-len(b) >= limit || len(b)-len(a) >= limit {
		return limit
	}
	before, row := make([]int, len(b)+1), make([]int, len(b)+1)
	next := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		next[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			next[j] = min(row[j]+1, next[j-1]+1, row[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				next[j] = min(next[j], before[j-2]+1)
			}
		}
		before, row, next = row, next, before
	}
	return row[len(b)]
}
