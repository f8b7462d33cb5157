package order

// change replaces one text of a file of Go's sources, where it must stand exactly once.
type change struct{ file, old, new string }

// changes are all that is different. Each file is one of package runtime.
var changes = []change{
	// Each bubble has its stream, and another one for maps.
	{
		"synctest.go",
		"type synctestBubble struct {\n",
		"type synctestBubble struct {\n\tdrawn, mapped atomic.Uint64 // states of its streams\n",
	},
	{
		"synctest.go",
		"// changegstatus is called when the non-lock status of a g changes.\n",
		stream + "// changegstatus is called when the non-lock status of a g changes.\n",
	},
	// Timers of one instant.
	{
		"time.go",
		"\t\t\tt.rand = cheaprand()\n",
		"\t\t\tt.rand = uint32(getg().bubble.draw(uint64(t.when)))\n",
	},
	// Channels that are ready together.
	{
		"select.go",
		"\t\tj := cheaprandn(uint32(norder + 1))\n",
		"\t\tvar j uint32\n" +
			"\t\tif gp.bubble != nil {\n" +
			"\t\t\tj = uint32(gp.bubble.draw(0) % uint64(norder+1))\n" +
			"\t\t} else {\n" +
			"\t\t\tj = cheaprandn(uint32(norder + 1))\n" +
			"\t\t}\n",
	},
	// What math/rand and math/rand/v2 draw without a source of the caller's.
	{
		"rand.go",
		"//go:linkname rand\nfunc rand() uint64 {\n",
		"//go:linkname rand\nfunc rand() uint64 {\n" +
			"\tif b := getg().bubble; b != nil {\n" +
			"\t\treturn b.draw(0)\n" +
			"\t}\n" +
			"\treturn chance()\n" +
			"}\n\n" +
			"//go:nosplit\nfunc chance() uint64 {\n",
	},
	// The order of maps: where walking through one begins, and what its hashes are made with.
	{
		"rand.go",
		"func rand32() uint32 {\n\treturn uint32(rand())\n",
		"func rand32() uint32 {\n\treturn uint32(maps_rand())\n",
	},
	{
		"rand.go",
		"//go:linkname maps_rand internal/runtime/maps.rand\nfunc maps_rand() uint64 {\n\treturn rand()\n",
		"//go:linkname maps_rand internal/runtime/maps.rand\n//go:nosplit\nfunc maps_rand() uint64 {\n" +
			"\tif b := getg().bubble; b != nil {\n" +
			"\t\treturn drawFrom(&b.mapped, 0)\n" +
			"\t}\n" +
			"\treturn chance()\n",
	},
	{"alg.go", "\t\thashkey[i] = uintptr(bootstrapRand())\n", "\t\thashkey[i] = uintptr(i+1) * 0x9e3779b1\n"},
	{"alg.go", "\t\tkey[i] = bootstrapRand()\n", "\t\tkey[i] = uint64(i+1) * 0x9e3779b97f4a7c15\n"},
	// How long somebody has waited for a mutex, which decides who is next.
	{
		"sema.go",
		"func internal_sync_nanotime() int64 {\n",
		"func internal_sync_nanotime() int64 {\n" +
			"\tif b := getg().bubble; b != nil {\n" +
			"\t\treturn b.now\n" +
			"\t}\n",
	},
	// Who gives way waits behind those that are ready, wherever the scheduler is in its rounds.
	{
		"proc.go",
		"\t\trunqput(pp, gp, true)\n\t} else {\n\t\tlock(&sched.lock)\n\t\tglobrunqput(gp)\n",
		"\t\trunqput(pp, gp, true)\n\t} else if gp.bubble != nil {\n\t\trunqput(pp, gp, false)\n\t} else {\n\t\tlock(&sched.lock)\n\t\tglobrunqput(gp)\n",
	},
	// Nobody has to give way because the machine is busy. One that never would must, for the time of tests to be kept.
	{
		"proc.go",
		"\t\t} else if pd.schedwhen+forcePreemptNS <= now {\n",
		"\t\t} else if pd.schedwhen+patience(pp) <= now {\n",
	},
}

// stream is added to the runtime: splitmix64 over a counter, and how long nobody has to give way.
const stream = `// draw is the next number of a bubble's stream, which goes on from what is stirred into it; that of its maps does, too.
//
//go:nosplit
func (bubble *synctestBubble) draw(stir uint64) uint64 {
	bubble.mapped.Add(int64(stir << 1))
	return drawFrom(&bubble.drawn, stir)
}

//go:nosplit
func drawFrom(state *atomic.Uint64, stir uint64) uint64 {
	x := state.Add(int64(stir<<1) - 0x61c8864680b583eb)
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
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
