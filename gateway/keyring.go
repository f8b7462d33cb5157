package gateway

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// keyring holds the keys of the server's own configuration by their SHA-256, so that comparing takes the same time for
// every wrong one.
type keyring []ringKey

type ringKey struct {
	sum       [sha256.Size]byte
	principal Principal
}

// newKeyring reads the keys of the configuration. tenant is whose they are where they do not say it.
func newKeyring(entries []string, tenant string) (keyring, error) {
	ring := make(keyring, 0, len(entries))
	names := map[string][sha256.Size]byte{}
	for i, entry := range entries {
		k, err := readRingKey(entry, tenant)
		if err != nil {
			return nil, fmt.Errorf("API key %d: %w", i+1, err)
		}
		same, taken := names[k.principal.Actor]
		if taken && same != k.sum {
			return nil, fmt.Errorf("API key %d: an earlier one is called %s too", i+1, k.principal.Actor)
		}
		if !taken {
			names[k.principal.Actor] = k.sum
			ring = append(ring, k)
		}
	}
	return ring, nil
}

// CheckAPIKey says what is wrong with a key of the configuration: a plain one, or NAME:ROLE+ROLE:TENANT:KEY. The error
// does not repeat it.
func CheckAPIKey(entry string) error {
	_, err := readRingKey(entry, "default")
	return err
}

// readRingKey reads one key. A plain one does everything, in the tenant of the configuration; one with a name has the
// roles and the tenant that it says (no tenant: that of the configuration).
func readRingKey(entry, tenant string) (ringKey, error) {
	parts := strings.Split(entry, ":")
	key := parts[len(parts)-1]
	switch {
	case len(parts) != 1 && len(parts) != 4:
		return ringKey{}, errors.New("write the key alone, or NAME:ROLE+ROLE:TENANT:KEY; a key itself has no ':'")
	case len(key) < MinAPIKey:
		return ringKey{}, fmt.Errorf("it has %d characters, at least %d are needed: make one with: openssl rand -hex 32", len(key), MinAPIKey)
	}
	sum := sha256.Sum256([]byte(key))
	p := Principal{Tenant: tenant, Type: TypeService}
	if len(parts) == 1 {
		p.Actor, p.Operator = "key:"+hex.EncodeToString(sum[:4]), true
		p.holding([]string{RoleAdmin.String()})
		return ringKey{sum, p}, nil
	}
	roles := strings.Split(parts[1], "+")
	for _, role := range roles {
		if !isRoleName(role) {
			return ringKey{}, errors.New("its roles are names with + between them, such as operator+approver")
		}
	}
	if !plainName(parts[0]) || strings.Contains(parts[0], "@") {
		return ringKey{}, errors.New("its name has letters, digits, '.', '_' and '-', at most 64")
	}
	if parts[2] != "" {
		if p.Tenant = parts[2]; !plainName(p.Tenant) {
			return ringKey{}, errors.New("its tenant has letters, digits, '.', '_' and '-', at most 64")
		}
	}
	p.Actor = "key:" + parts[0]
	p.holding(roles)
	return ringKey{sum, p}, nil
}

// find tells who holds a key.
func (ring keyring) find(key string) (Principal, bool) {
	sum := sha256.Sum256([]byte(key))
	at := -1
	for i := range ring {
		if subtle.ConstantTimeCompare(sum[:], ring[i].sum[:]) == 1 {
			at = i
		}
	}
	if at < 0 {
		return Principal{}, false
	}
	return ring[at].principal, true
}
