package pebble

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	pebbledb "github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"cordum.dev/cordum/store"
)

// DefaultPartitions is the number of partitions of a new store when none is asked for.
const DefaultPartitions = 64

// maxPartitions is what two hexadecimal digits of a run id can name.
const maxPartitions = 256

// formatName marks a folder as ours.
const formatName = "cordum-store"

// ErrForeign says the folder holds something that is no store of ours; it is left as it is.
var ErrForeign = errors.New("store/pebble: the folder is not a Cordum store")

// UnfinishedFile is in a folder as long as it is being filled, by a restore or an import. What it holds has no meaning.
const UnfinishedFile = "UNFINISHED"

// ErrUnfinished says that a folder was being filled when that was broken off, or that it goes on: there is no whole store in it.
var ErrUnfinished = errors.New("store/pebble: the store is not filled to its end")

// Config says where a store is and how it is run.
type Config struct {
	// Dir is the folder; it is made when absent. Required.
	Dir string
	// FS is the file system; nil is this machine's disk. Tests bring vfs.NewMem().
	FS vfs.FS
	// Partitions is the number of partitions of a new store, 1 to 256; 0 means DefaultPartitions. An existing store
	// keeps the number that it was made with.
	Partitions int
	// Identity is who a new store is: one that is moved here keeps its ID, with a generation of its own. Nil: a new one, of
	// the first generation. An existing store keeps the identity that it was made with.
	Identity *store.Identity
	// ReadOnly opens a store that is there without changing anything in it but for the lock of its folder: what would
	// write answers store.ErrInvalid.
	ReadOnly bool
	// Filling opens a store that is not filled to its end, for the one who fills it.
	Filling bool
	// Logger gets what the operator should know; nil means slog.Default().
	Logger *slog.Logger
	// Clock dates leases and transaction ids; nil means time.Now.
	Clock func() time.Time
}

// meta is what a store says about itself, stored as JSON so that a person can read it.
type meta struct {
	Format     string      `json:"format"`
	Level      store.Level `json:"level"`
	Wanted     store.Level `json:"wanted_level,omitempty"` // to which it is to be raised
	Partitions int         `json:"partitions"`
	ID         string      `json:"id"`
	// Generation is absent in the first.
	Generation uint64          `json:"generation,omitempty"`
	Restored   *store.Restored `json:"restored,omitempty"`
}

// Open opens a store, or makes one in an empty or absent folder. It answers store.ErrLocked when another process has
// it, store.ErrNewer when a newer version wrote it, ErrUnfinished when it was not filled to its end, ErrForeign when the folder
// holds something else. The caller must Close it.
func Open(cfg Config) (*Store, error) {
	s, err := newStore(cfg)
	if err != nil {
		return nil, err
	}
	disk := cfg.FS
	if disk == nil {
		disk = vfs.Default
	}
	if s.readOnly {
		if _, err := disk.Stat(s.dir); err != nil {
			return nil, fmt.Errorf("store/pebble: there is no store in %s: %w", s.dir, err)
		}
	} else if err := makeFolder(disk, s.dir); err != nil {
		return nil, fmt.Errorf("store/pebble: cannot make the folder %s: %w", s.dir, err)
	}
	if err := s.lockFolder(disk); err != nil {
		return nil, err
	}
	if err := s.openLocked(cfg, disk); err != nil {
		_ = s.lock.Close()
		return nil, err
	}
	s.log.Debug("store open", "dir", s.dir, "id", s.meta.ID, "partitions", s.meta.Partitions, "level", s.Level())
	return s, nil
}

func newStore(cfg Config) (*Store, error) {
	if cfg.Dir == "" {
		return nil, errors.New("store/pebble: no folder: set Config.Dir")
	}
	if cfg.Partitions < 0 || cfg.Partitions > maxPartitions {
		return nil, fmt.Errorf("store/pebble: %d partitions, want 1 to %d, or 0 for %d", cfg.Partitions, maxPartitions, DefaultPartitions)
	}
	s := &Store{dir: cfg.Dir, ephemeral: cfg.FS != nil, readOnly: cfg.ReadOnly, log: cfg.Logger, now: cfg.Clock, failed: make(chan struct{})}
	if s.log == nil {
		s.log = slog.Default()
	}
	if s.now == nil {
		s.now = time.Now
	}
	return s, nil
}

// makeFolder makes the folder and its parents, and syncs each one that got a new entry: a power cut must not take away
// the folder of a store that acknowledged something.
func makeFolder(disk vfs.FS, dir string) error {
	if _, err := disk.Stat(dir); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	parent := disk.PathDir(dir)
	if parent != dir && parent != "" && parent != "." {
		if err := makeFolder(disk, parent); err != nil {
			return err
		}
	}
	if err := disk.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	d, err := disk.OpenDir(parent)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func (s *Store) lockFolder(disk vfs.FS) error {
	lock, err := pebbledb.LockDirectory(s.dir, disk)
	switch {
	case err == nil:
		s.lock = lock
		return nil
	case errors.Is(err, syscall.EAGAIN), errors.Is(err, syscall.EACCES) && !errors.As(err, new(*fs.PathError)),
		strings.Contains(err.Error(), "held by current process"):
		return fmt.Errorf("%w: %s is in use; stop the other process or choose another folder", store.ErrLocked, s.dir)
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return fmt.Errorf("store/pebble: the folder %s cannot be written by this user: %w", s.dir, err)
	default:
		return fmt.Errorf("store/pebble: cannot lock the folder %s: %w", s.dir, err)
	}
}

func (s *Store) openLocked(cfg Config, disk vfs.FS) error {
	if err := refuseForeign(disk, s.dir, cfg.Filling); err != nil {
		return err
	}
	opts := s.options(cfg.FS)
	opts.Lock, opts.ReadOnly = s.lock, s.readOnly
	db, err := pebbledb.Open(s.dir, opts)
	if err != nil {
		if strings.Contains(err.Error(), "unknown format major version") {
			return fmt.Errorf("%w: %s: %w", store.ErrNewer, s.dir, err)
		}
		return fmt.Errorf("store/pebble: open %s: %w", s.dir, err)
	}
	s.db = db
	err = s.loadMeta(cfg)
	if err == nil {
		err = s.loadPartitions()
	}
	if err != nil {
		_ = db.Close()
	}
	return err
}

// pebbleFile matches the names that Pebble gives to its files, so that a folder left behind by a first start that was
// killed half-way is taken up again. Beside them may be streams, a folder of what the bus keeps: all of a server's data is in one
// folder.
var pebbleFile = regexp.MustCompile(`^(streams|LOCK|CURRENT|(MANIFEST|OPTIONS|marker)[-.].*|\d+\.(log|sst|blob|dbtmp)|\d+-\d+\.log|.*\.dbtmp)$`)

// refuseForeign refuses a folder with files that are not a store's, and one that somebody else is filling.
func refuseForeign(disk vfs.FS, dir string, filling bool) error {
	names, err := disk.List(dir)
	if err != nil {
		return fmt.Errorf("store/pebble: read the folder %s: %w", dir, err)
	}
	if slices.Contains(names, UnfinishedFile) && !filling {
		return fmt.Errorf("%w: %s", ErrUnfinished, dir)
	}
	for _, name := range names {
		if !pebbleFile.MatchString(name) && name != UnfinishedFile {
			return fmt.Errorf("%w: %s holds %q; choose an empty folder", ErrForeign, dir, name)
		}
	}
	return nil
}

// loadMeta reads what the store says about itself, or writes it when the store is new.
func (s *Store) loadMeta(cfg Config) error {
	raw, err := s.get(metaKey)
	if errors.Is(err, store.ErrNotFound) && s.readOnly {
		return fmt.Errorf("%w: %s has no description", ErrForeign, s.dir)
	}
	if errors.Is(err, store.ErrNotFound) {
		return s.create(cfg)
	}
	if err != nil {
		return fmt.Errorf("store/pebble: read the description of %s: %w", s.dir, err)
	}
	s.meta, err = decodeMeta(raw)
	if err != nil {
		return fmt.Errorf("%s: %w", s.dir, err)
	}
	s.level.Store(uint32(s.meta.Level))
	return nil
}

func decodeMeta(raw []byte) (meta, error) {
	var m meta
	if err := json.Unmarshal(raw, &m); err != nil || m.Format != formatName {
		return meta{}, fmt.Errorf("%w: its description does not decode", ErrForeign)
	}
	if m.Level > store.CurrentLevel {
		return meta{}, fmt.Errorf("%w: level %d, this binary knows levels up to %d; run a newer one", store.ErrNewer, m.Level, store.CurrentLevel)
	}
	if m.Level == 0 || m.Partitions < 1 || m.Partitions > maxPartitions || m.ID == "" {
		return meta{}, fmt.Errorf("%w: its description is not complete", ErrForeign)
	}
	return m, nil
}

func (s *Store) create(cfg Config) error {
	if empty, err := s.empty(); err != nil {
		return err
	} else if !empty {
		return fmt.Errorf("%w: %s holds another program's Pebble data", ErrForeign, s.dir)
	}
	s.meta = meta{Format: formatName, Level: store.CurrentLevel, Partitions: cfg.Partitions, ID: rand.Text()}
	s.level.Store(uint32(s.meta.Level))
	if s.meta.Partitions == 0 {
		s.meta.Partitions = DefaultPartitions
	}
	if cfg.Identity == nil {
		return s.writeMeta()
	}
	s.meta.ID, s.meta.Restored = cfg.Identity.ID, cfg.Identity.Restored
	return s.raise(cfg.Identity.Generation)
}

// writeMeta makes what the store says about itself durable.
func (s *Store) writeMeta() error {
	raw, err := json.Marshal(s.meta)
	if err != nil {
		return err
	}
	if err := s.write(metaKey, raw); err != nil {
		return fmt.Errorf("store/pebble: write the description of %s: %w", s.dir, err)
	}
	return nil
}

// empty tells whether Pebble holds no key at all.
func (s *Store) empty() (bool, error) {
	it, err := s.db.NewIter(nil)
	if err != nil {
		return false, err
	}
	found := it.First()
	return !found, errors.Join(it.Error(), it.Close())
}
