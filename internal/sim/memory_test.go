package sim

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cordum.dev/cordum/store"
	"cordum.dev/cordum/store/storetest"
)

// memory is what a store holds, in maps: the contract in its cheapest form, for the many games that are about everything but the
// disk. What is committed outlives each process that opens it; a lease is of one process at a time, and its epoch fences.
type memory struct {
	who   store.Identity // of the store; set before anybody has it
	mu    sync.Mutex
	parts []memoryPart
}

type memoryPart struct {
	epoch   store.Epoch // the highest ever given
	owned   bool        // it is current
	owner   string
	until   time.Time
	records map[store.Key][]byte
	order   map[store.Table][]store.Key // of ordered tables, by tenant and id
	logs    map[store.LogID][]store.Entry
	ids     map[string]bool
	blobs   map[store.Key][]byte
}

func newMemory(partitions int) *memory {
	m := &memory{parts: make([]memoryPart, partitions), who: store.Identity{ID: "sim", Generation: 1}}
	for i := range m.parts {
		m.parts[i] = memoryPart{
			records: map[store.Key][]byte{}, order: map[store.Table][]store.Key{}, logs: map[store.LogID][]store.Entry{},
			ids: map[string]bool{}, blobs: map[store.Key][]byte{},
		}
	}
	return m
}

// open is a process' handle.
func (m *memory) open() (store.Store, error) { return &handle{memory: m}, nil }

// handle is the store as one process has it.
type handle struct {
	*memory
	closed bool // guarded by mu
}

// Partitions, Level and Describe implement store.Store.
func (h *handle) Partitions() int  { return len(h.parts) }
func (*handle) Level() store.Level { return store.CurrentLevel }
func (*handle) Describe() string {
	return "memory: an acknowledgement outlives the process, not the machine"
}

// enter begins a call: it holds mu when it answers nil.
func (h *handle) enter(ctx context.Context, p store.Partition) (*memoryPart, error) {
	h.mu.Lock()
	err := ctx.Err()
	switch {
	case h.closed:
		err = store.ErrClosed
	case err == nil:
		err = p.Validate(len(h.parts))
	}
	if err != nil {
		h.mu.Unlock()
		return nil, err
	}
	return &h.parts[p], nil
}

// Commit implements store.Store.
func (h *handle) Commit(ctx context.Context, txs ...store.Tx) []error {
	errs := make([]error, len(txs))
	for i := range txs {
		errs[i] = h.commit(ctx, &txs[i])
	}
	return errs
}

func (h *handle) commit(ctx context.Context, tx *store.Tx) error {
	if _, err := h.enter(ctx, 0); err != nil {
		return err
	}
	defer h.mu.Unlock()
	if err := tx.Validate(len(h.parts)); err != nil {
		return err
	}
	p := &h.parts[tx.Partition]
	if !p.owned || tx.Epoch != p.epoch {
		return store.ErrFenced
	}
	var conflict error
	for _, a := range tx.Appends {
		if err := p.takes(a); errors.Is(err, store.ErrConflict) {
			conflict = err
		} else if err != nil {
			return err
		}
	}
	for _, c := range tx.Checks {
		if v, there := p.records[c.Key]; there == c.Absent || there && !bytes.Equal(v, c.Value) {
			conflict = store.ErrConflict
		}
	}
	if conflict == nil {
		p.write(tx)
	}
	return conflict
}

// takes tells whether an entry goes on where its log ends.
func (p *memoryPart) takes(a store.Append) error {
	log := p.logs[a.Log]
	at, next := -1, uint64(1)
	if a.Prev > 0 {
		if at = slices.IndexFunc(log, func(e store.Entry) bool { return e.First == a.Prev }); at < 0 {
			return store.ErrRolledBack
		}
		next = a.Prev + uint64(log[at].Count)
	}
	switch {
	case at != len(log)-1, a.First < next:
		return store.ErrConflict
	case a.First > next:
		return store.ErrInvalid
	}
	return nil
}

func (p *memoryPart) write(tx *store.Tx) {
	for _, put := range tx.Puts {
		p.put(put.Key, put.Value)
	}
	for _, k := range tx.Deletes {
		p.remove(k)
	}
	for _, a := range tx.Appends {
		p.logs[a.Log] = append(p.logs[a.Log], store.Entry{First: a.First, Count: a.Count, Value: bytes.Clone(a.Value)})
	}
	for _, l := range tx.Drops {
		delete(p.logs, l)
	}
	for _, s := range tx.Sweeps {
		k := store.BlobKey(s.Tenant, s.Digest)
		if at, err := store.ParseBlobTime(p.records[k]); err == nil && at.Before(s.Before.Truncate(time.Second)) {
			delete(p.blobs, k)
			p.remove(k)
		}
	}
	if tx.ID != "" {
		p.ids[tx.ID] = true
	}
}

func (p *memoryPart) put(k store.Key, value []byte) {
	if _, there := p.records[k]; !there && k.Table.Ordered() {
		at, _ := slices.BinarySearchFunc(p.order[k.Table], k, inOrder)
		p.order[k.Table] = slices.Insert(p.order[k.Table], at, k)
	}
	p.records[k] = bytes.Clone(value)
}

func (p *memoryPart) remove(k store.Key) {
	if _, there := p.records[k]; !there {
		return
	}
	delete(p.records, k)
	if k.Table.Ordered() {
		at, _ := slices.BinarySearchFunc(p.order[k.Table], k, inOrder)
		p.order[k.Table] = slices.Delete(p.order[k.Table], at, at+1)
	}
}

func inOrder(a, b store.Key) int {
	if c := strings.Compare(a.Tenant, b.Tenant); c != 0 {
		return c
	}
	return strings.Compare(a.ID, b.ID)
}

// Committed implements store.Store.
func (h *handle) Committed(ctx context.Context, at store.Partition, id string) (bool, error) {
	p, err := h.enter(ctx, at)
	if err != nil {
		return false, err
	}
	defer h.mu.Unlock()
	if id == "" {
		return false, store.ErrInvalid
	}
	return p.ids[id], nil
}

// Get implements store.Store.
func (h *handle) Get(ctx context.Context, at store.Partition, k store.Key) (store.Record, error) {
	p, err := h.enter(ctx, at)
	if err != nil {
		return store.Record{}, err
	}
	defer h.mu.Unlock()
	if err := k.Validate(); err != nil {
		return store.Record{}, err
	}
	value, there := p.records[k]
	if !there {
		return store.Record{}, store.ErrNotFound
	}
	return store.Record{Key: k, Value: append([]byte{}, value...)}, nil
}

// Scan implements store.Store.
func (h *handle) Scan(ctx context.Context, at store.Partition, r store.Range) (page store.Page, err error) {
	p, err := h.enter(ctx, at)
	if err != nil {
		return page, err
	}
	defer h.mu.Unlock()
	if err := r.Validate(); err != nil {
		return page, err
	}
	keys := p.order[r.Table]
	first, n, step := 0, len(keys), 1
	switch {
	case r.Reverse:
		first, step = n-1, -1
	case r.After != nil:
		first, _ = slices.BinarySearchFunc(keys, *r.After, inOrder)
	case r.Tenant != "":
		first, _ = slices.BinarySearchFunc(keys, store.Key{Tenant: r.Tenant, ID: r.From}, inOrder)
	}
	weight := 0
	for i := first; i >= 0 && i < n; i += step {
		k := keys[i]
		if !r.Reverse && r.Tenant != "" && (k.Tenant > r.Tenant || k.Tenant == r.Tenant && r.To != "" && k.ID >= r.To) {
			break
		}
		if !within(&r, k, step) {
			continue
		}
		if len(page.Records) == r.Size() || weight >= store.MaxPageBytes {
			last := page.Records[len(page.Records)-1].Key
			page.Next = &last
			break
		}
		value := append([]byte{}, p.records[k]...)
		weight += len(value)
		page.Records = append(page.Records, store.Record{Key: k, Value: value})
	}
	return page, nil
}

// within tells whether a range asks for a key; step is 1, or -1 when it goes down.
func within(r *store.Range, k store.Key, step int) bool {
	switch {
	case r.Tenant != "" && (k.Tenant != r.Tenant || k.ID < r.From || r.To != "" && k.ID >= r.To):
		return false
	case r.After != nil && inOrder(k, *r.After)*step <= 0:
		return false
	}
	return true
}

// ReadLog implements store.Store.
func (h *handle) ReadLog(ctx context.Context, at store.Partition, l store.LogID, from uint64, n int) (out []store.Entry, err error) {
	p, err := h.enter(ctx, at)
	if err != nil {
		return nil, err
	}
	defer h.mu.Unlock()
	if err := l.Validate(); err != nil {
		return nil, err
	}
	if n < 1 || n > store.MaxScan {
		return nil, store.ErrInvalid
	}
	for weight, i := 0, 0; i < len(p.logs[l]) && len(out) < n && weight < store.MaxPageBytes; i++ {
		if e := p.logs[l][i]; e.First+uint64(e.Count) > from {
			e.Value = bytes.Clone(e.Value)
			out = append(out, e)
			weight += len(e.Value)
		}
	}
	return out, nil
}

// Acquire implements store.Store.
func (h *handle) Acquire(ctx context.Context, at store.Partition, owner string, ttl time.Duration) (store.Lease, error) {
	p, err := h.enter(ctx, at)
	if err != nil {
		return store.Lease{}, err
	}
	defer h.mu.Unlock()
	if owner == "" || ttl <= 0 {
		return store.Lease{}, store.ErrInvalid
	}
	if p.owned && p.owner != owner && time.Now().Before(p.until) {
		return store.Lease{}, store.ErrLeaseHeld
	}
	p.epoch++
	p.owned, p.owner, p.until = true, owner, time.Now().Add(ttl)
	return store.Lease{Partition: at, Epoch: p.epoch, Until: p.until}, nil
}

// Renew implements store.Store.
func (h *handle) Renew(ctx context.Context, l store.Lease, ttl time.Duration) (store.Lease, error) {
	p, err := h.enter(ctx, l.Partition)
	if err != nil {
		return store.Lease{}, err
	}
	defer h.mu.Unlock()
	switch {
	case ttl <= 0:
		return store.Lease{}, store.ErrInvalid
	case !p.owned || l.Epoch != p.epoch:
		return store.Lease{}, store.ErrFenced
	}
	p.until = time.Now().Add(ttl)
	l.Until = p.until
	return l, nil
}

// Release implements store.Store.
func (h *handle) Release(ctx context.Context, l store.Lease) error {
	p, err := h.enter(ctx, l.Partition)
	if err != nil {
		return err
	}
	defer h.mu.Unlock()
	if !p.owned || l.Epoch != p.epoch {
		return store.ErrFenced
	}
	p.owned = false
	return nil
}

// PutBlob implements store.Store.
func (h *handle) PutBlob(ctx context.Context, at store.Partition, tenant string, data []byte) (string, error) {
	p, err := h.enter(ctx, at)
	if err != nil {
		return "", err
	}
	defer h.mu.Unlock()
	if err := store.ValidateBlob(tenant, data); err != nil {
		return "", err
	}
	sum := sha256.Sum256(data)
	digest := store.DigestPrefix + hex.EncodeToString(sum[:])
	k := store.BlobKey(tenant, digest)
	p.blobs[k] = bytes.Clone(data)
	p.put(k, store.BlobTime(time.Now()))
	return digest, nil
}

// GetBlob implements store.Store.
func (h *handle) GetBlob(ctx context.Context, at store.Partition, tenant, digest string) ([]byte, error) {
	p, err := h.enter(ctx, at)
	if err != nil {
		return nil, err
	}
	defer h.mu.Unlock()
	if _, err := store.ParseDigest(digest); err != nil {
		return nil, err
	}
	if err := store.ValidateBlob(tenant, nil); err != nil {
		return nil, err
	}
	data, there := p.blobs[store.BlobKey(tenant, digest)]
	if !there {
		return nil, store.ErrNotFound
	}
	return append([]byte{}, data...), nil
}

// Close implements store.Store.
func (h *handle) Close() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return store.ErrClosed
	}
	h.closed = true
	return nil
}

// TestMemory: the store that most games are played over keeps the contract of all stores.
func TestMemory(t *testing.T) {
	storetest.Run(t, func(*testing.T) store.Store {
		s, _ := newMemory(4).open()
		return s
	})
}
