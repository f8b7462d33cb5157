package sim

import (
	"math/rand/v2"
	"strings"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"

	"cordum.dev/cordum/store"
	"cordum.dev/cordum/store/pebble"
)

// cuttable is the embedded store on a disk whose power may be cut: just before or just after it syncs what a commit wrote. What was
// synced is there afterwards, and of the rest as much as the seed says.
type cuttable struct {
	mu    sync.Mutex
	disk  *vfs.MemFS
	after *vfs.MemFS // the disk as it is after a cut; nil: there was none
	when  int        // syncs until the next one; 0: none is planned
	done  bool       // the sync that was struck had been done
	draw  *rand.Rand
	cut   func() // is told
}

func newCuttable() *cuttable { return &cuttable{disk: vfs.NewCrashableMem()} }

// open opens the store on what is left of the disk.
func (c *cuttable) open() (store.Store, error) {
	c.mu.Lock()
	if c.after != nil {
		c.disk, c.after = c.after, nil
	}
	c.when = 0
	disk := c.disk
	c.mu.Unlock()
	return pebble.Open(pebble.Config{Dir: diskFolder, FS: syncs{disk, c, disk}, Partitions: partitions, Logger: quiet()})
}

// plan has the power cut at one of the next syncs; cut is called at that moment.
func (c *cuttable) plan(draw *rand.Rand, cut func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.when, c.done, c.cut = 1+draw.IntN(6), draw.IntN(2) == 0, cut
	c.draw = rand.New(rand.NewPCG(draw.Uint64(), 1))
}

// calm plans no cut any more.
func (c *cuttable) calm() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.when = 0
}

// isCut tells whether the power was cut since the store was opened.
func (c *cuttable) isCut() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.after != nil
}

// sync does a sync, at which the power may be cut.
func (c *cuttable) sync(disk *vfs.MemFS, do func() error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	strikes := disk == c.disk && c.when == 1
	if c.when > 0 && disk == c.disk {
		c.when--
	}
	if !strikes {
		return do()
	}
	var err error
	if c.done {
		err = do()
	}
	c.after = crashed(disk, c.draw.IntN(101), c.draw)
	c.cut()
	if !c.done {
		err = do()
	}
	return err
}

// syncs is a disk that counts the syncs of logs.
type syncs struct {
	vfs.FS
	cuttable *cuttable
	disk     *vfs.MemFS
}

// Create makes a file.
func (s syncs) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := s.FS.Create(name, category)
	return s.counted(name, f), err
}

// ReuseForWrite makes a file of another one.
func (s syncs) ReuseForWrite(from, to string, category vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := s.FS.ReuseForWrite(from, to, category)
	return s.counted(to, f), err
}

func (s syncs) counted(name string, f vfs.File) vfs.File {
	if f == nil || !strings.HasSuffix(name, ".log") {
		return f
	}
	return counted{f, s}
}

// counted is a log.
type counted struct {
	vfs.File
	syncs syncs
}

// Sync implements vfs.File.
func (c counted) Sync() error { return c.syncs.cuttable.sync(c.syncs.disk, c.File.Sync) }

// SyncData implements vfs.File.
func (c counted) SyncData() error { return c.syncs.cuttable.sync(c.syncs.disk, c.File.SyncData) }
