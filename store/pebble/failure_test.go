package pebble_test

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"cordum.dev/cordum/store"
	"cordum.dev/cordum/store/pebble"
)

// breakable is a file system whose write-ahead log can be made to fail.
type breakable struct {
	fails atomic.Pointer[func(errorfs.Op) error]
}

func (b *breakable) over(fs vfs.FS) vfs.FS {
	return errorfs.Wrap(fs, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if f := b.fails.Load(); f != nil {
			return (*f)(op)
		}
		return nil
	}))
}

// failLog makes operations of these kinds on log files fail from now on.
func (b *breakable) failLog(err error, kinds ...errorfs.OpKind) {
	f := func(op errorfs.Op) error {
		if !strings.HasSuffix(op.Path, ".log") {
			return nil
		}
		for _, k := range kinds {
			if op.Kind == k {
				return err
			}
		}
		return nil
	}
	b.fails.Store(&f)
}

// TestDiskFailureIsFinal: after a failed fsync or a full disk nothing is acknowledged any more, reads included, the
// reason is told on Failed, and nothing hangs. Opened again on a disk that works, all acknowledged records are there.
func TestDiskFailureIsFinal(t *testing.T) {
	for name, c := range map[string]struct {
		err   error
		kinds []errorfs.OpKind
	}{
		"fsync": {syscall.EIO, []errorfs.OpKind{errorfs.OpFileSync, errorfs.OpFileSyncData, errorfs.OpFileSyncTo}},
		"write": {syscall.ENOSPC, []errorfs.OpKind{errorfs.OpFileWrite}},
	} {
		t.Run(name, func(t *testing.T) {
			disk, b := vfs.NewCrashableMem(), &breakable{}
			s := open(t, pebble.Config{Dir: "db", FS: b.over(disk)})
			l, err := s.Acquire(t.Context(), 0, "o", time.Hour)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Commit(t.Context(), store.Tx{Epoch: l.Epoch, Puts: putOf("before", "1")})[0]; err != nil {
				t.Fatal(err)
			}
			b.failLog(c.err, c.kinds...)
			unknown := s.Commit(t.Context(), store.Tx{Epoch: l.Epoch, Puts: putOf("during", "1")}, store.Tx{Partition: 1, Epoch: 1})
			if !errors.Is(unknown[0], pebble.ErrFailed) || !errors.Is(unknown[0], c.err) {
				t.Errorf("a commit while the disk fails: %v", unknown[0])
			}
			if !errors.Is(unknown[1], store.ErrFenced) {
				t.Errorf("a refused transaction of the same call keeps its verdict: %v", unknown[1])
			}
			select {
			case <-s.Failed():
			default:
				t.Error("Failed is open")
			}
			b.fails.Store(nil) // the disk is well again: too late
			wantAllFail(t, s, l)
			afterCrash(t, disk, l.Epoch)
		})
	}
}

func putOf(id, value string) []store.Put {
	return []store.Put{{Key: recordKey(id), Value: []byte(value)}}
}

func recordKey(id string) store.Key {
	return store.Key{Table: store.TableHeader, Tenant: "acme", ID: id}
}

func wantAllFail(t *testing.T, s *pebble.Store, l store.Lease) {
	t.Helper()
	c := t.Context()
	for name, call := range map[string]func() error{
		"Err":       s.Err,
		"Commit":    func() error { return s.Commit(c, store.Tx{Epoch: l.Epoch})[0] },
		"Committed": func() error { _, err := s.Committed(c, 0, "id"); return err },
		"Get":       func() error { _, err := s.Get(c, 0, recordKey("before")); return err },
		"Scan":      func() error { _, err := s.Scan(c, 0, store.Range{Table: store.TableHeader}); return err },
		"ReadLog":   func() error { _, err := s.ReadLog(c, 0, store.LogID{Tenant: "a", Run: "r"}, 1, 1); return err },
		"Acquire":   func() error { _, err := s.Acquire(c, 1, "o", time.Hour); return err },
		"Renew":     func() error { _, err := s.Renew(c, l, time.Hour); return err },
		"Release":   func() error { return s.Release(c, l) },
		"PutBlob":   func() error { _, err := s.PutBlob(c, 0, "acme", nil); return err },
		"Close":     s.Close,
	} {
		if err := call(); !errors.Is(err, pebble.ErrFailed) && !errors.Is(err, store.ErrClosed) {
			t.Errorf("%s on a failed store: %v", name, err)
		}
	}
}

// afterCrash opens what was on the disk and looks for the acknowledged record.
func afterCrash(t *testing.T, disk *vfs.MemFS, last store.Epoch) {
	t.Helper()
	s := open(t, pebble.Config{Dir: "db", FS: disk.CrashClone(vfs.CrashCloneCfg{})})
	if r, err := s.Get(t.Context(), 0, recordKey("before")); err != nil || string(r.Value) != "1" {
		t.Errorf("after the crash: %q, %v", r.Value, err)
	}
	if l, err := s.Acquire(t.Context(), 0, "o", time.Hour); err != nil || l.Epoch <= last {
		t.Errorf("after the crash: lease %+v behind epoch %d, %v", l, last, err)
	}
}

// TestAcquireOnFailingDisk: no epoch is given that is not on disk.
func TestAcquireOnFailingDisk(t *testing.T) {
	b := &breakable{}
	s := open(t, pebble.Config{Dir: "db", FS: b.over(vfs.NewMem())})
	b.failLog(syscall.EIO, errorfs.OpFileSync, errorfs.OpFileSyncData, errorfs.OpFileSyncTo)
	if l, err := s.Acquire(t.Context(), 0, "o", time.Hour); !errors.Is(err, pebble.ErrFailed) || l != (store.Lease{}) {
		t.Errorf("Acquire = %+v, %v", l, err)
	}
}

// TestDamagedBlob: bytes that changed on disk are an error of this read, not an answer and not the end of the store.
func TestDamagedBlob(t *testing.T) {
	fs := vfs.NewMem()
	s := open(t, pebble.Config{Dir: "db", FS: fs})
	digest, err := s.PutBlob(t.Context(), 0, "acme", []byte("good"))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	rawPut(t, fs, "\x00\x00\x05acme\x00"+rawDigest(t, digest), "evil")
	s = open(t, pebble.Config{Dir: "db", FS: fs})
	data, err := s.GetBlob(t.Context(), 0, "acme", digest)
	if err == nil || errors.Is(err, store.ErrNotFound) || data != nil {
		t.Errorf("GetBlob = %q, %v", data, err)
	}
	if s.Err() != nil {
		t.Errorf("the store failed: %v", s.Err())
	}
}

func rawDigest(t *testing.T, digest string) string {
	t.Helper()
	sum, err := store.ParseDigest(digest)
	if err != nil {
		t.Fatal(err)
	}
	return string(sum[:])
}

// TestUndecodableRecordsCostThemselves: records that do not decode make their own read fail, never the start.
func TestUndecodableRecordsCostThemselves(t *testing.T) {
	fs := vfs.NewMem()
	if err := open(t, pebble.Config{Dir: "db", FS: fs}).Close(); err != nil {
		t.Fatal(err)
	}
	rawPut(t, fs, "\x00\x00\x03acme\x00bad\x00\x00\x00\x00\x00\x00\x00\x00\x01", "")
	rawPut(t, fs, "\x00\x00\x02\x04acme-no-separator", "v")
	s := open(t, pebble.Config{Dir: "db", FS: fs})
	l, err := s.Acquire(t.Context(), 0, "o", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	bad := store.LogID{Tenant: "acme", Run: "bad"}
	if es, err := s.ReadLog(t.Context(), 0, bad, 1, 1); err == nil {
		t.Errorf("ReadLog = %v", es)
	}
	err = s.Commit(t.Context(), store.Tx{Epoch: l.Epoch, Appends: []store.Append{{Log: bad, Prev: 1, First: 2, Count: 1}}})[0]
	if err == nil || errors.Is(err, store.ErrRolledBack) || errors.Is(err, store.ErrConflict) {
		t.Errorf("append behind an entry that does not decode: %v", err)
	}
	if page, err := s.Scan(t.Context(), 0, store.Range{Table: store.TableHeader}); err == nil {
		t.Errorf("Scan of all tenants = %v", page)
	}
	for i := range 3 {
		good := store.LogID{Tenant: "acme", Run: fmt.Sprint("good", i)}
		if err := s.Commit(t.Context(), store.Tx{Epoch: l.Epoch, Appends: []store.Append{{Log: good, First: 1, Count: 1}}})[0]; err != nil {
			t.Errorf("another log: %v", err)
		}
	}
}

// TestChecksWaitForWhatTheyRead: who is told that a condition holds builds on it, so what was read must be on disk by then, although
// there is nothing else to write.
func TestChecksWaitForWhatTheyRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, release := &breakable{}, make(chan struct{})
		s := open(t, pebble.Config{Dir: "db", FS: b.over(vfs.NewMem())})
		l, err := s.Acquire(t.Context(), 0, "o", time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		hangs := func(op errorfs.Op) error {
			if strings.HasSuffix(op.Path, ".log") && (op.Kind == errorfs.OpFileSync || op.Kind == errorfs.OpFileSyncData) {
				<-release
			}
			return nil
		}
		b.fails.Store(&hangs)
		k := store.Key{Table: store.TableDoc, Tenant: "acme", ID: "a"}
		answered := make(chan string, 2)
		commit := func(name string, tx store.Tx) {
			if tx.Epoch = l.Epoch; s.Commit(t.Context(), tx)[0] != nil {
				name += ": refused"
			}
			answered <- name
		}
		go commit("put", store.Tx{Puts: []store.Put{{Key: k, Value: []byte("1")}}})
		synctest.Wait() // it is visible, and its sync hangs
		go commit("check", store.Tx{Checks: []store.Check{{Key: k, Value: []byte("1")}}})
		synctest.Wait()
		select {
		case name := <-answered:
			t.Errorf("%s: answered before anything was on disk", name)
			answered <- name
		default:
		}
		close(release)
		for range 2 {
			if name := <-answered; strings.Contains(name, "refused") {
				t.Error(name)
			}
		}
	})
}

// TestSecondBlobWaitsForTheFirst: who puts bytes that somebody is just putting is not answered before they are on disk.
func TestSecondBlobWaitsForTheFirst(t *testing.T) {
	b, begun, release := &breakable{}, make(chan struct{}, 8), make(chan struct{})
	s := open(t, pebble.Config{Dir: "db", FS: b.over(vfs.NewMem())})
	slow := func(op errorfs.Op) error {
		if strings.HasSuffix(op.Path, ".log") && (op.Kind == errorfs.OpFileSync || op.Kind == errorfs.OpFileSyncData) {
			begun <- struct{}{}
			<-release
		}
		return nil
	}
	b.fails.Store(&slow)
	answered := make(chan error, 2)
	put := func() {
		_, err := s.PutBlob(t.Context(), 0, "acme", []byte("same"))
		answered <- err
	}
	go put()
	<-begun // the first blob is visible and its sync hangs
	go put()
	waiting := 2
	select {
	case err := <-answered:
		waiting--
		t.Errorf("answered before anything was synced: %v", err)
	case <-time.After(50 * time.Millisecond): // the wrong answer would come within microseconds
	}
	close(release)
	for range waiting {
		if err := <-answered; err != nil {
			t.Error(err)
		}
	}
}
