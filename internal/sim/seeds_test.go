package sim

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// To play other games than those that are always played.
var (
	seeds   = flag.Int("seeds", enoughSeeds, "how many whole systems are played")
	seedAt  = flag.Int("seed", 0, "the seed of the first of them")
	replays = flag.Int("replays", 4, "how many of them are played a second time")
	result  = flag.String("result", "", "a file for what the games were made of")
	traces  = flag.Bool("traces", false, "write what each game committed into it, too")
	tell    = flag.Bool("tell", false, "tell what happened in each game")
	ordered = flag.Bool("ordered", false, "this is built with the runtime of package order")
	teams   = flag.Bool("teams", false, "let several engines play all")
	heavies = flag.Bool("heavy", false, "play all over the embedded store, and cut its power")
)

// kindOfGame is how a seed is played.
func kindOfGame(seed uint64) gameKind {
	switch {
	case *heavies, !*teams && seed%heavyShare == heavyShare-1:
		return onADisk
	case *teams, seed%teamShare == teamShare-2:
		return byATeam
	}
	return inMemory
}

// TestSeeds plays whole systems, each from its seed.
func TestSeeds(t *testing.T) {
	theDesk()
	var found findings
	warmUp(t)
	begun := time.Now()
	for seed := uint64(*seedAt); seed < uint64(*seedAt+*seeds); seed++ {
		failed := !t.Run(fmt.Sprint(seed), func(t *testing.T) {
			alike(t, seed)
			out := playWhole(t, seed)
			if len(out.why) > 0 {
				t.Error(strings.Join(out.why, "\n"))
			}
			found.add(out.count)
			if *tell {
				t.Log(strings.Join(out.told, "\n"))
			}
			if *traces {
				found.Games = append(found.Games, played{seed, out.history, out.trace})
			}
			if found.Replayed < *replays && isReplayed(int(seed)-*seedAt, *seeds, *replays) {
				alike(t, seed)
				found.compare(seed, out, playWhole(t, seed))
			}
		})
		if failed && testing.Short() {
			break
		}
	}
	took := time.Since(begun)
	t.Logf("%d seeds in %s, %.1f ms each; replays identical %d/%d", found.Seeds, took.Round(time.Millisecond), float64(took.Milliseconds())/float64(max(found.Seeds, 1)), found.Alike, found.Replayed)
	t.Logf("%+v", found.counts)
	for _, apart := range found.Apart {
		t.Log(apart)
	}
	if err := found.keep(); err != nil {
		t.Error(err)
	}
	if found.Seeds >= enoughSeeds && !*teams && !*heavies {
		if missing := found.neverHappened(); len(missing) > 0 {
			t.Errorf("in %d seeds there were no %s: the games do not show that these are borne", found.Seeds, strings.Join(missing, ", "))
		}
	}
}

// isReplayed tells whether the i-th game is played a second time: one of each share, and each time of another place in it, so that
// games of each kind are. The kind of a game is that of its seed's last digit, and a share is mostly a multiple of ten.
func isReplayed(i, games, again int) bool {
	share := max(games/max(again, 1), 1)
	return i%share == i/share%share
}

// TestReplaysAreOfEachKind: of a long run's part, as command soak plays it, games of each kind are played a second time.
func TestReplaysAreOfEachKind(t *testing.T) {
	const games, again = 500, 10
	n, kinds := 0, map[gameKind]int{}
	for i := range games {
		if isReplayed(i, games, again) {
			n++
			kinds[kindOfGame(uint64(i))]++
		}
	}
	if n != again || !*teams && !*heavies && len(kinds) < 3 {
		t.Errorf("%d games are played again, by kind: %v", n, kinds)
	}
}

// warmUp plays a game of each kind before those that count, where games are to be played again: what a process keeps for itself from
// its first games on (types it has seen, pools, tables) is there then for all of them.
func warmUp(t *testing.T) {
	if !*ordered {
		return
	}
	for _, seed := range []uint64{0, teamShare - 2, heavyShare - 1, 1, 2*teamShare - 2} {
		t.Run(fmt.Sprint("warm-up-", seed), func(t *testing.T) {
			alike(t, seed)
			playWhole(t, seed)
		})
	}
}

// enoughSeeds is of how many seeds each thing that can go wrong goes wrong in some.
const enoughSeeds = 400

// played is a game that may be compared with what another process makes of its seed.
type played struct {
	Seed    uint64
	History string
	Trace   []string
}

// findings are what games were made of.
type findings struct {
	counts
	Replayed, Alike int
	Apart           []string `json:",omitempty"` // where games parted that were not
	Games           []played `json:",omitempty"`
}

// compare counts a game that was played again.
func (f *findings) compare(seed uint64, one, two outcome) {
	f.Replayed++
	if one.history == two.history {
		f.Alike++
		return
	}
	f.Apart = append(f.Apart, fmt.Sprintf("seed %d went another way %s", seed, parts(one.trace, two.trace)))
}

// keep writes it for whoever sums it up.
func (f *findings) keep() error {
	if *result == "" {
		return nil
	}
	text, err := json.Marshal(f)
	if err != nil {
		return err
	}
	return os.WriteFile(*result, text, 0o644)
}
