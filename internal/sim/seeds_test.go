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
	var all counts
	var games []played
	same, again := 0, 0
	warmUp(t)
	begun := time.Now()
	for seed := uint64(*seedAt); seed < uint64(*seedAt+*seeds); seed++ {
		failed := !t.Run(fmt.Sprint(seed), func(t *testing.T) {
			alike(t, seed)
			out := playWhole(t, seed)
			if len(out.why) > 0 {
				t.Error(strings.Join(out.why, "\n"))
			}
			all.add(out.count)
			if *tell {
				t.Log(strings.Join(out.told, "\n"))
			}
			if *traces {
				games = append(games, played{seed, out.history, out.trace})
			}
			if again < *replays && int(seed-uint64(*seedAt))%max(*seeds/max(*replays, 1), 1) == 0 {
				again++
				alike(t, seed)
				if other := playWhole(t, seed); other.history == out.history {
					same++
				} else {
					t.Logf("played again, seed %d went another way %s", seed, parts(out.trace, other.trace))
				}
			}
		})
		if failed && testing.Short() {
			break
		}
	}
	took := time.Since(begun)
	t.Logf("%d seeds in %s, %.1f ms each; replays identical %d/%d", all.Seeds, took.Round(time.Millisecond), float64(took.Milliseconds())/float64(max(all.Seeds, 1)), same, again)
	t.Logf("%+v", all)
	if err := keep(all, again, same, games); err != nil {
		t.Error(err)
	}
	if all.Seeds >= enoughSeeds && !*teams && !*heavies {
		if missing := all.neverHappened(); len(missing) > 0 {
			t.Errorf("in %d seeds there were no %s: the games do not show that these are borne", all.Seeds, strings.Join(missing, ", "))
		}
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

// keep writes what games were made of, for whoever sums it up.
func keep(all counts, replayed, same int, games []played) error {
	if *result == "" {
		return nil
	}
	text, err := json.Marshal(struct {
		counts
		Replayed, Alike int
		Games           []played `json:",omitempty"`
	}{all, replayed, same, games})
	if err != nil {
		return err
	}
	return os.WriteFile(*result, text, 0o644)
}
