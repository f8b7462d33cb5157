package runner

import (
	"cmp"
	"hash/fnv"
	"slices"
)

// assign says which member each partition is for: an index of members, which must be distinct, in any order. Every process
// that knows the same members comes to the same. No two members differ by more than one partition, and when a member comes or
// goes few partitions move beyond those that have to: each pair of a member and a partition has a weight, and the heaviest pairs
// are taken while the member has room (rendezvous hashing with bounded load). It is nil when there are no members.
func assign(members []string, partitions int) []int {
	n := len(members)
	if n == 0 {
		return nil
	}
	pairs := weigh(members, partitions)
	out := make([]int, partitions)
	for p := range out {
		out[p] = -1
	}
	room, larger := make([]int, n), partitions%n // so many members have one more than the others
	for m := range room {
		room[m] = partitions / n
	}
	for _, pair := range pairs {
		if out[pair.partition] >= 0 {
			continue
		}
		switch {
		case room[pair.member] > 0:
			room[pair.member]--
		case room[pair.member] == 0 && larger > 0:
			larger--
			room[pair.member]-- // it has its one more
		default:
			continue
		}
		out[pair.partition] = pair.member
	}
	return out
}

// weighted is a member and a partition, and how well they go together.
type weighted struct {
	weight            uint64
	member, partition int
}

// weigh answers all pairs, the heaviest first.
func weigh(members []string, partitions int) []weighted {
	pairs := make([]weighted, 0, len(members)*partitions)
	for m, name := range members {
		h := fnv.New64a()
		_, _ = h.Write([]byte(name)) // a hash takes everything
		seed := h.Sum64()
		for p := range partitions {
			pairs = append(pairs, weighted{mix(seed + uint64(p)*golden), m, p})
		}
	}
	slices.SortFunc(pairs, func(a, b weighted) int {
		return cmp.Or(
			cmp.Compare(b.weight, a.weight), cmp.Compare(a.partition, b.partition), cmp.Compare(members[a.member], members[b.member]),
		)
	})
	return pairs
}

// golden and mix are SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014): neighbouring
// numbers come out unlike each other.
const golden = 0x9e3779b97f4a7c15

func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
