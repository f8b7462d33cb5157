package gateway

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"time"

	"cordum.dev/cordum/engine/runner"
)

// keyPrefix begins the text of every key that the server makes: cordum_ID_SECRET.
const keyPrefix = "cordum_"

// keyKind is the kind of documents that keys are.
const keyKind = "key"

// errNoKey says that a text is no key, or none any more.
var errNoKey = errors.New("no such key")

// storedKey is a key as it is kept: everything but the key itself, of which the SHA-256 is enough.
type storedKey struct {
	Name      string     `json:"name"`
	Tenant    string     `json:"tenant"`
	Roles     []string   `json:"roles"`
	Groups    []string   `json:"groups,omitempty"`
	Scopes    []string   `json:"scopes,omitempty"`
	Owner     string     `json:"owner,omitempty"`
	Hash      string     `json:"hash"` // SHA-256 of the text, in hex
	CreatedAt time.Time  `json:"created_at"`
	CreatedBy string     `json:"created_by"`
	ExpiresAt *time.Time `json:"expires_at,omitempty"`
	RevokedAt *time.Time `json:"revoked_at,omitempty"`
	RevokedBy string     `json:"revoked_by,omitempty"`
}

// state is where the key stands.
func (k *storedKey) state(now time.Time) string {
	switch {
	case k.RevokedAt != nil:
		return "revoked"
	case k.ExpiresAt != nil && !now.Before(*k.ExpiresAt):
		return "expired"
	}
	return "active"
}

// principal is who holds the key.
func (k *storedKey) principal(id string) Principal {
	p := Principal{
		Tenant: k.Tenant, Actor: "key:" + id, Groups: k.Groups, Type: TypeService, Owner: k.Owner, Scopes: k.Scopes,
	}
	p.holding(k.Roles)
	return p
}

// newKeyText makes a key from randomness of the machine. Its id is made from once where that is not empty, so that the
// same command cannot make two.
func newKeyText(once string) (id, text string) {
	var random [40]byte
	_, _ = rand.Read(random[:]) // never fails
	seed := random[32:]
	if once != "" {
		sum := sha256.Sum256([]byte("key\x00" + once))
		seed = sum[:8]
	}
	id = "k" + strings.ToLower(base32.HexEncoding.WithPadding(base32.NoPadding).EncodeToString(seed))
	return id, keyPrefix + id + "_" + hex.EncodeToString(random[:32])
}

// splitKey reads the id out of the text of a key.
func splitKey(text string) (id string, ok bool) {
	rest, ok := strings.CutPrefix(text, keyPrefix)
	id, secret, cut := strings.Cut(rest, "_")
	if !ok || !cut || len(secret) != 64 || len(id) > 20 || !plainName(id) {
		return "", false
	}
	return id, true
}

// keystore knows the keys that are documents. What it read is believed for KeyCacheTTL; what is revoked through this
// process is gone at once.
type keystore struct {
	docs    Documents
	now     func() time.Time
	recheck time.Duration // KeyRecheck; tests take less

	mu   sync.Mutex
	read map[string]readKey
	used map[string]time.Time // when each was shown last, as far as this process saw
	gen  uint64               // grows with every change made here: what was being read meanwhile is not kept
}

type readKey struct {
	storedKey
	at time.Time
}

func newKeystore(docs Documents, now func() time.Time) *keystore {
	return &keystore{docs: docs, now: now, recheck: KeyRecheck, read: map[string]readKey{}, used: map[string]time.Time{}}
}

// find tells who holds a key. It answers errNoKey for what is none, was revoked or has expired, or why that could not be
// found out.
func (s *keystore) find(ctx context.Context, text string) (Principal, error) {
	id, ok := splitKey(text)
	if !ok {
		return Principal{}, errNoKey
	}
	k, err := s.get(ctx, id)
	if err != nil && !errors.Is(err, errNoKey) {
		return Principal{}, err
	}
	sum := sha256.Sum256([]byte(text))
	// Also for an id that nobody has: its time tells nothing.
	same := subtle.ConstantTimeCompare([]byte(hex.EncodeToString(sum[:])), []byte(orZeros(k.Hash))) == 1
	now := s.now()
	if err != nil || !same || k.state(now) != "active" {
		return Principal{}, errNoKey
	}
	s.mu.Lock()
	if len(s.used) >= MaxCachedKeys {
		clear(s.used)
	}
	s.used[id] = now
	s.mu.Unlock()
	return k.principal(id), nil
}

func orZeros(hash string) string {
	if hash == "" {
		return strings.Repeat("0", 2*sha256.Size)
	}
	return hash
}

// get reads a key, from memory where it was read a moment ago.
func (s *keystore) get(ctx context.Context, id string) (storedKey, error) {
	now := s.now()
	s.mu.Lock()
	k, known := s.read[id]
	gen := s.gen
	s.mu.Unlock()
	if known && now.Sub(k.at) < KeyCacheTTL && !now.Before(k.at) {
		return k.storedKey, nil
	}
	doc, err := s.docs.Doc(ctx, keyKind, id)
	if errors.Is(err, runner.ErrNotFound) {
		return storedKey{}, errNoKey
	}
	if err != nil {
		return storedKey{}, fmt.Errorf("read key %s: %w", id, err)
	}
	fresh, err := decodeKey(doc.Value)
	if err != nil {
		return storedKey{}, fmt.Errorf("read key %s: %w", id, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gen == gen {
		s.keep(id, readKey{fresh, now})
	}
	return fresh, nil
}

// ended tells whether an actor is a key that is none any more. What cannot be read right now has not ended.
func (s *keystore) ended(ctx context.Context, actor string) bool {
	id, ok := strings.CutPrefix(actor, "key:")
	if !ok {
		return false
	}
	k, err := s.get(ctx, id)
	return err == nil && k.state(s.now()) != "active"
}

// untilEnded waits until a key is none any more; it answers false when ctx ends first. Who is no key never ends.
func (s *keystore) untilEnded(ctx context.Context, actor string) bool {
	if !strings.HasPrefix(actor, "key:") {
		<-ctx.Done()
		return false
	}
	look := time.NewTicker(s.recheck)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-look.C:
			if s.ended(ctx, actor) {
				return true
			}
		}
	}
}

// keep notes what was read. When there are too many, those that nobody would believe any more go.
func (s *keystore) keep(id string, k readKey) {
	if len(s.read) >= MaxCachedKeys {
		maps.DeleteFunc(s.read, func(_ string, have readKey) bool { return k.at.Sub(have.at) >= KeyCacheTTL })
	}
	if len(s.read) < MaxCachedKeys {
		s.read[id] = k
	}
}

// forget makes the next request read a key again.
func (s *keystore) forget(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gen++
	delete(s.read, id)
}

// lastUsed is when a key was shown last, as far as this process saw; nil: not yet.
func (s *keystore) lastUsed(id string) *time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	if at, ok := s.used[id]; ok {
		at = at.UTC()
		return &at
	}
	return nil
}

func decodeKey(raw []byte) (storedKey, error) {
	var k storedKey
	if err := json.Unmarshal(raw, &k); err != nil {
		return storedKey{}, fmt.Errorf("it is damaged: %w", err)
	}
	return k, nil
}
