// Command soak plays many whole systems of package sim, on every core, and keeps a record of what they were made of.
//
//	go run ./internal/sim/soak -seeds 100000
//	go run ./internal/sim/soak -seconds 120
//
//	go run ./internal/sim/soak -first 17 -seeds 1 -tell
//	go run ./internal/sim/soak -seeds 500 -twice
//	go run ./internal/sim/soak -seeds 100000 -on
//
// It builds the package's tests once and hands out seeds in parts, one process for each core: a game is played by one goroutine at a
// time, so that it can be played again. The first law that is broken ends it, or with -on only its seed; what is printed names it.
//
// The tests are built with the runtime of package order, by which a seed is played the same each time, whatever its process played
// before. Where that cannot be had, or with -as-is, the runtime is as it is, and some differ when they are played again. One of fifty
// is played a second time by the same process; with -twice each is, alone in another one. All that was committed is compared.
//
// Begin reading at main.go; build.go builds, again.go compares.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"cordum.dev/cordum/internal/proof"
)

// part is how many seeds a process plays; most is how long it may take.
const (
	part = 500
	most = 30 * time.Minute
)

func main() {
	s := soak{root: "."}
	flag.IntVar(&s.seeds, "seeds", 2000, "how many are played")
	flag.IntVar(&s.seconds, "seconds", 0, "begin no more after so many seconds; 0: play all")
	flag.IntVar(&s.first, "first", 0, "the first of them")
	flag.BoolVar(&s.twice, "twice", false, "play each a second time, alone, and compare what was committed")
	flag.BoolVar(&s.tell, "tell", false, "tell what happened in each")
	flag.BoolVar(&s.on, "on", false, "go on after a law was broken: all seeds that break one are told at the end, and it fails then")
	flag.BoolVar(&s.asIs, "as-is", false, "build with the runtime as it is: quickly, but some games go another way when they are played again")
	flag.IntVar(&s.cores, "cores", runtime.NumCPU(), "how many processes play")
	flag.StringVar(&s.command, "record", "", "keep a record under this command; by default none is kept")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := s.run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(1)
	}
}

// soak is one run of the command.
type soak struct {
	root, command                string
	seeds, seconds, first, cores int
	twice, tell, asIs, on        bool

	binary string
	begun  time.Time
	mu     sync.Mutex
	next   int // seed to be handed out
	total  Result
	cpu    time.Duration
	broken []string // seeds that broke a law, and after which it went on
	failed error
}

// Result is what a process found, as it writes it.
type Result struct {
	Seeds, Runs, Facts, Kills, Stops, Cuts, Ghosts, Away, Rough, Jumps, Policies, Lies, Repeats, Votes, Teams, Pauses, Links, Moves, Fenced, Restores, Wipes, Hangs, Held, Slow int

	Simulated       time.Duration
	Replayed, Alike int
	Apart           []string // where games parted that were not
	Games           []game
}

func (s *soak) run(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "soak-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	s.binary, s.next = filepath.Join(dir, "sim.test"), s.first
	if err := s.build(ctx, dir); err != nil {
		return fmt.Errorf("build the simulation: %w", err)
	}
	s.begun = time.Now()
	var all sync.WaitGroup
	for core := range s.cores {
		all.Go(func() { s.play(ctx, filepath.Join(dir, strconv.Itoa(core))) })
	}
	all.Wait()
	figures := s.figures()
	fmt.Fprintln(os.Stderr)
	for _, f := range figures {
		fmt.Printf("%-40s %s\n", f.Name, f.Value)
	}
	if s.failed == nil {
		s.failed = ctx.Err()
	}
	if s.failed == nil && len(s.broken) > 0 {
		s.failed = fmt.Errorf("laws were broken in seeds %s", strings.Join(s.broken, ", "))
	}
	if s.failed == nil && s.twice && s.total.Alike < s.total.Replayed {
		s.failed = errors.New("not every game was the same when it was played again")
	}
	if s.failed != nil || s.command == "" {
		return s.failed
	}
	return proof.Write(s.root, proof.Record{Name: "simulation", Command: s.command, Took: time.Since(s.begun).Seconds(), Figures: figures})
}

// take hands out the next seeds; n is 0 when there are none.
func (s *soak) take() (from, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	over := s.seconds > 0 && time.Since(s.begun) > time.Duration(s.seconds)*time.Second
	if over || s.failed != nil {
		return 0, 0
	}
	from, n = s.next, min(part, s.first+s.seeds-s.next)
	if s.seconds > 0 {
		n = min(n, part/5)
	}
	s.next += n
	return from, n
}

// play plays parts until there are none.
func (s *soak) play(ctx context.Context, result string) {
	for {
		from, n := s.take()
		if n <= 0 || ctx.Err() != nil {
			return
		}
		r, cpu, err := s.playPart(ctx, result, from, n)
		if s.twice && err == nil {
			var more time.Duration
			more, err = s.again(ctx, result, &r)
			cpu += more
		}
		s.mu.Lock()
		s.add(r, cpu)
		for _, apart := range r.Apart {
			fmt.Fprintf(os.Stderr, "\n%s\n", apart)
		}
		if err != nil && s.failed == nil && ctx.Err() == nil {
			s.failed = err
		}
		fmt.Fprintf(os.Stderr, "\r%d of %d seeds, %s", s.total.Seeds, s.seeds, time.Since(s.begun).Round(time.Second))
		s.mu.Unlock()
	}
}

func (s *soak) playPart(ctx context.Context, result string, from, n int) (r Result, cpu time.Duration, err error) {
	replays := n / 50
	if s.twice {
		replays = 0
	}
	c := exec.CommandContext(ctx, s.binary, "-test.run", "^TestSeeds$", "-test.timeout", most.String(), "-seed", strconv.Itoa(from),
		"-seeds", strconv.Itoa(n), "-replays", strconv.Itoa(replays), "-result", result,
		fmt.Sprint("-ordered=", !s.asIs), fmt.Sprint("-traces=", s.twice), fmt.Sprint("-tell=", s.tell), fmt.Sprint("-test.v=", s.tell))
	c.Dir = filepath.Join(s.root, "internal", "sim")
	out, err := c.CombinedOutput()
	cpu = c.ProcessState.UserTime() + c.ProcessState.SystemTime()
	if s.on && err != nil && s.noteBroken(string(out)) {
		err = nil
	}
	if err != nil {
		return r, cpu, fmt.Errorf("seeds from %d on: %w\n%s", from, err, out)
	}
	if s.tell {
		fmt.Printf("%s", out)
	}
	text, err := os.ReadFile(result)
	if err == nil {
		err = json.Unmarshal(text, &r)
	}
	if err == nil && r.Seeds != n {
		err = errors.New("it did not play what it was told to")
	}
	return r, cpu, err
}

// failedSeed is how a process says that a seed broke a law.
var failedSeed = regexp.MustCompile(`--- FAIL: TestSeeds/(\d+) `)

// noteBroken notes the seeds of a part that broke a law, and tells whether there are any: otherwise it failed for another reason.
func (s *soak) noteBroken(out string) bool {
	found := failedSeed.FindAllStringSubmatch(out, -1)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, seed := range found {
		s.broken = append(s.broken, seed[1])
	}
	if len(found) > 0 {
		fmt.Fprintf(os.Stderr, "\n%s", out)
	}
	return len(found) > 0
}

func (s *soak) add(r Result, cpu time.Duration) {
	t := &s.total
	for to, n := range map[*int]int{
		&t.Seeds: r.Seeds, &t.Runs: r.Runs, &t.Facts: r.Facts, &t.Kills: r.Kills, &t.Stops: r.Stops, &t.Cuts: r.Cuts, &t.Ghosts: r.Ghosts,
		&t.Away: r.Away, &t.Rough: r.Rough, &t.Jumps: r.Jumps, &t.Policies: r.Policies, &t.Lies: r.Lies, &t.Repeats: r.Repeats,
		&t.Votes: r.Votes, &t.Teams: r.Teams, &t.Pauses: r.Pauses, &t.Links: r.Links, &t.Moves: r.Moves, &t.Fenced: r.Fenced,
		&t.Restores: r.Restores, &t.Wipes: r.Wipes, &t.Hangs: r.Hangs, &t.Held: r.Held, &t.Slow: r.Slow, &t.Replayed: r.Replayed, &t.Alike: r.Alike,
	} {
		*to += n
	}
	t.Simulated += r.Simulated
	s.cpu += cpu
}

// figures are those of the record. Its goals are what is promised of a long run.
func (s *soak) figures() []proof.Figure {
	t, took := &s.total, time.Since(s.begun).Seconds()
	said := func(name, format string, args ...any) proof.Figure {
		return proof.Figure{Name: name, Value: fmt.Sprintf(format, args...)}
	}
	broken := len(s.broken)
	if s.failed != nil {
		broken = max(broken, 1)
	}
	return []proof.Figure{
		proof.AtLeast("seeds played", t.Seeds, 100_000),
		proof.Count("laws broken", broken, 0),
		proof.AtLeast("servers killed with a commit in doubt", t.Kills, 500),
		proof.AtLeast("power cuts of the embedded store", t.Cuts, 200),
		said("of them by two to four engines", "%d", t.Teams),
		said("engines stopped for one to ten leases", "%d", t.Pauses),
		said("links of one engine cut", "%d", t.Links),
		said("partitions that another engine took", "%d", t.Moves),
		said("writes refused as stale", "%d", t.Fenced),
		said("stores put back from a copy", "%d", t.Restores),
		said("buses that came back empty", "%d", t.Wipes),
		said("two servers that own the same", "%d", t.Ghosts),
		said("servers stopped in good order", "%d", t.Stops),
		said("store or bus away, or slow", "%d", t.Away),
		said("commits that hung", "%d", t.Hangs),
		said("jobs sent when one hung no more", "%d", t.Held),
		said("games in which no job may be lost", "%d", t.Slow),
		said("times of lost, doubled, late messages", "%d", t.Rough),
		said("clocks set", "%d", t.Jumps),
		said("policies published under way", "%d", t.Policies),
		said("lies of workers", "%d", t.Lies),
		said("runs, facts", "%d, %d", t.Runs, t.Facts),
		said("requests repeated under their key", "%d", t.Repeats),
		s.replays(),
		said("simulated time", "%s", t.Simulated.Round(time.Minute)),
		said("seeds a second", "%.1f", float64(t.Seeds)/took),
		said("processor time for one", "%.1f ms", float64(s.cpu.Milliseconds())/float64(max(t.Seeds, 1))),
	}
}
