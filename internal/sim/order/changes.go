package order

// change replaces one text of a file of Go's sources, where it must stand exactly once.
type change struct{ file, old, new string }

// changes are all that is different.
var changes = []change{
	// Each bubble has its stream.
	{
		"runtime/synctest.go",
		"type synctestBubble struct {\n",
		"type synctestBubble struct {\n\tdrawn atomic.Uint64 // state of its stream\n",
	},
	{
		"runtime/synctest.go",
		"// changegstatus is called when the non-lock status of a g changes.\n",
		stream + "// changegstatus is called when the non-lock status of a g changes.\n",
	},
	// Timers of one instant.
	{
		"runtime/time.go",
		"\t\t\tt.rand = cheaprand()\n",
		"\t\t\tt.rand = uint32(getg().bubble.draw(uint64(t.when)))\n",
	},
	// Channels that are ready together.
	{
		"runtime/select.go",
		"\t\tj := cheaprandn(uint32(norder + 1))\n",
		"\t\tvar j uint32\n" +
			"\t\tif gp.bubble != nil {\n" +
			"\t\t\tj = uint32(gp.bubble.draw(0) % uint64(norder+1))\n" +
			"\t\t} else {\n" +
			"\t\t\tj = cheaprandn(uint32(norder + 1))\n" +
			"\t\t}\n",
	},
	// What maps are made with and walked through by, of which nothing is used up: libraries make maps once in a process (what they
	// know of a type), and whether that was in this bubble must not decide what is drawn after it.
	{
		"runtime/rand.go",
		"//go:linkname rand\nfunc rand() uint64 {\n",
		"//go:linkname rand\nfunc rand() uint64 {\n" +
			"\tif b := getg().bubble; b != nil {\n" +
			"\t\treturn b.look()\n" +
			"\t}\n",
	},
	// What is drawn without a source of the caller's. Each number is another one.
	{"math/rand/rand.go", linked, drawing},
	{"math/rand/v2/rand.go", linked, drawing},
	{"os/tempfile.go", linked, drawing},
	// What the hashes of maps are made with.
	{"runtime/alg.go", "\t\thashkey[i] = uintptr(bootstrapRand())\n", "\t\thashkey[i] = uintptr(i+1) * 0x9e3779b1\n"},
	{"runtime/alg.go", "\t\tkey[i] = bootstrapRand()\n", "\t\tkey[i] = uint64(i+1) * 0x9e3779b97f4a7c15\n"},
	// How long somebody has waited for a mutex, which decides who is next.
	{
		"runtime/sema.go",
		"func internal_sync_nanotime() int64 {\n",
		"func internal_sync_nanotime() int64 {\n" +
			"\tif b := getg().bubble; b != nil {\n" +
			"\t\treturn b.now\n" +
			"\t}\n",
	},
	// Who gives way waits behind those that are ready, wherever the scheduler is in its rounds.
	{
		"runtime/proc.go",
		"\t\trunqput(pp, gp, true)\n\t} else {\n\t\tlock(&sched.lock)\n\t\tglobrunqput(gp)\n",
		"\t\trunqput(pp, gp, true)\n\t} else if gp.bubble != nil {\n\t\trunqput(pp, gp, false)\n\t} else {\n\t\tlock(&sched.lock)\n\t\tglobrunqput(gp)\n",
	},
	// Who is outside of bubbles waits behind those inside that are ready: the collector's own work, which runs finalizers, ends at
	// any time.
	{
		"runtime/proc.go",
		"\tif randomizeScheduler && next && randn(2) == 0 {\n\t\tnext = false\n\t}\n\n\tif next {\n",
		"\tif randomizeScheduler && next && randn(2) == 0 {\n\t\tnext = false\n\t}\n\n" +
			"\tif gp.bubble == nil && pp.runnext != 0 && pp.runnext.ptr().bubble != nil {\n\t\tnext = false\n\t}\n\n\tif next {\n",
	},
	// Nobody has to give way because the machine is busy. One that never would must, for the time of tests to be kept.
	{
		"runtime/proc.go",
		"\t\t} else if pd.schedwhen+forcePreemptNS <= now {\n",
		"\t\t} else if pd.schedwhen+patience(pp) <= now {\n",
	},
}

// linked is how packages get at the runtime's rand, and drawing how at one that draws from the stream.
const (
	linked  = "//go:linkname runtime_rand runtime.rand\n"
	drawing = "//go:linkname runtime_rand runtime.drawnRand\n"
)

// stream is added to the runtime: splitmix64 over a counter, and how long nobody has to give way.
const stream = `// draw is the next number of a bubble's stream, which goes on from what is stirred into it.
//
//go:nosplit
func (bubble *synctestBubble) draw(stir uint64) uint64 {
	return mixed(bubble.drawn.Add(int64(stir<<1) - 0x61c8864680b583eb))
}

// look is a number that is the same until the next one is drawn.
//
//go:nosplit
func (bubble *synctestBubble) look() uint64 {
	return mixed(^bubble.drawn.Load())
}

//go:nosplit
func mixed(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// drawnRand is what rand is to who needs another number each time.
//
//go:linkname drawnRand
func drawnRand() uint64 {
	if b := getg().bubble; b != nil {
		return b.draw(0)
	}
	return rand()
}

// patience is for how many ns of real time a goroutine keeps a processor from others.
func patience(pp *p) int64 {
	if mp := pp.m.ptr(); mp != nil {
		if gp := mp.curg; gp != nil && gp.bubble != nil {
			return 5e9
		}
	}
	return forcePreemptNS
}

`
