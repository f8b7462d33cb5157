package pebble

import (
	pebbledb "github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Sizes. The whole server shall idle below 60 MiB, so memory grows with use: a memtable begins at 256 KiB and doubles.
const (
	// memTableBytes is so large that most of what is written over or removed soon, such as heads, queues and timers, is never
	// compacted (measured against 8 MiB: a fifth more steps with 256 runs in flight; 32 MiB adds nothing to that).
	memTableBytes = 16 << 20
	memTables     = 4 // writes wait when so many are not yet flushed
	blockBytes    = 8 << 20

	// memoryBytes is what blocks and memtables may take together: Pebble takes the memtables' part out of its block
	// cache. Without room for them the cache is empty whenever writes are heavy, and every append reads filter blocks
	// from disk (measured: a third of the throughput).
	memoryBytes = blockBytes + (memTables-1)*memTableBytes

	l0CompactionFiles = 4
	l0StopWrites      = 32
	maxOpenFiles      = 512
	maxCompactions    = 2

	// bloomBitsPerKey gives one false positive in a hundred. Every append asks whether an entry exists that almost never
	// does; the filter answers that without touching a data block, in the last level too when it is asked (see unlikely).
	bloomBitsPerKey = 10
)

// formatVersion is Pebble's own format on disk. Pinned, so that a new Pebble does not silently end the way back.
const formatVersion = pebbledb.FormatTableFormatV6

// options are Pebble's, but for the lock. A nil file system is the disk, watched for slow operations.
func (s *Store) options(fs vfs.FS) *pebbledb.Options {
	o := &pebbledb.Options{
		FS:                          fs,
		CacheSize:                   memoryBytes,
		MemTableSize:                memTableBytes,
		MemTableStopWritesThreshold: memTables,
		L0CompactionThreshold:       l0CompactionFiles,
		L0StopWritesThreshold:       l0StopWrites,
		MaxOpenFiles:                maxOpenFiles,
		FormatMajorVersion:          formatVersion,
		CompactionConcurrencyRange:  func() (int, int) { return 1, maxCompactions },
		Logger:                      engineLog{s},
		EventListener:               s.events(),
	}
	for i := range o.Levels {
		o.Levels[i].FilterPolicy = bloom.FilterPolicy(bloomBitsPerKey)
	}
	return o
}
