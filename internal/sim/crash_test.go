package sim

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// files are what a folder of a disk has, by name.
type files map[string][]byte

// diskFolder is the only folder of a disk.
const diskFolder = "data"

// block is how many bytes of a file are kept or lost together.
const block = 4096

// crashed is a disk after a power cut: what was synced, and of the rest as much as is drawn. It is drawn name by name in their order:
// MemFS itself, which knows what was synced, draws in that of its maps, which is another one each time.
func crashed(disk *vfs.MemFS, percent int, draw *rand.Rand) *vfs.MemFS {
	synced, all := filesOn(disk.CrashClone(vfs.CrashCloneCfg{})), filesOn(disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 100, RNG: draw0()}))
	names := namesOnly(disk)
	left := files{}
	for _, name := range sorted(all) {
		was, there := synced[name]
		kept := draw.IntN(100) < percent
		switch {
		case kept, there && bytes.Equal(was, names[name]):
			left[name] = torn(names[name], all[name], percent, draw)
		case there:
			left[name] = was // another file took its name, and that is forgotten
		}
	}
	return diskWith(left)
}

// torn is a file of which blocks that were not synced are there or not.
func torn(synced, all []byte, percent int, draw *rand.Rand) []byte {
	out := slices.Clone(synced)
	for i := 0; i < len(all); i += block {
		if draw.IntN(100) >= percent {
			continue
		}
		part := all[i:min(i+block, len(all))]
		if grow := i + len(part) - len(out); grow > 0 {
			out = append(out, make([]byte, grow)...)
		}
		copy(out[i:], part)
	}
	return out
}

// namesOnly is the disk as if every name were synced, and of what is in the files only what was: MemFS draws for names before it draws
// for what they have.
func namesOnly(disk *vfs.MemFS) files {
	n := 0
	for _, dir := range []string{"", diskFolder} {
		list, err := disk.List(dir)
		must(err)
		n += len(list)
	}
	return filesOn(disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 50, RNG: rand.New(&yesThenNo{n})}))
}

// yesThenNo is a source by which the first n of a hundred draws are below 50, and all others are not.
type yesThenNo struct{ n int }

// Uint64 implements rand.Source.
func (s *yesThenNo) Uint64() uint64 {
	if s.n--; s.n >= 0 {
		return 0x10000000 << 32
	}
	return 0xF0000000 << 32
}

// draw0 is for who draws and does not mind what.
func draw0() *rand.Rand { return rand.New(rand.NewPCG(0, 0)) }

func sorted(f files) []string {
	names := make([]string, 0, len(f))
	for name := range f {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func filesOn(disk *vfs.MemFS) files {
	out := files{}
	if _, err := disk.Stat(diskFolder); err != nil {
		return out // it was not synced
	}
	list, err := disk.List(diskFolder)
	must(err)
	for _, name := range list {
		f, err := disk.Open(disk.PathJoin(diskFolder, name))
		must(err)
		out[name], err = io.ReadAll(f)
		must(err)
		must(f.Close())
	}
	return out
}

// diskWith makes a disk that has synced all that it has.
func diskWith(has files) *vfs.MemFS {
	disk := vfs.NewCrashableMem()
	must(disk.MkdirAll(diskFolder, 0o755))
	for _, name := range sorted(has) {
		f, err := disk.Create(disk.PathJoin(diskFolder, name), vfs.WriteCategoryUnspecified)
		must(err)
		_, err = f.Write(has[name])
		must(err)
		must(f.Sync())
		must(f.Close())
	}
	for _, dir := range []string{diskFolder, "/"} {
		d, err := disk.OpenDir(dir)
		must(err)
		must(d.Sync())
		must(d.Close())
	}
	return disk
}

// must ends the test when a disk in memory fails, which it never does.
func must(err error) {
	if err != nil {
		panic(fmt.Sprintf("the disk in memory: %v", err))
	}
}
