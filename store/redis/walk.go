package redis

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"cordum.dev/cordum/store"
)

// errWritten says that a partition did not stand still while it was walked.
var errWritten = errors.New("it was written to meanwhile: stop the servers that use it")

// Walk hands over everything of a partition. Nothing may write to it meanwhile, which is looked at in the end. It asks the
// server for the names of all keys, and keeps those of the partition in memory.
func (s *Store) Walk(ctx context.Context, p store.Partition, visit func(store.Item) error) error {
	if err := p.Validate(s.meta.Partitions); err != nil {
		return err
	}
	if err := s.walk(ctx, p, visit); err != nil {
		return fmt.Errorf("walk partition %d: %w", p, err)
	}
	return nil
}

func (s *Store) walk(ctx context.Context, p store.Partition, visit func(store.Item) error) error {
	begun, err := s.writes(ctx, p)
	if err != nil {
		return err
	}
	names, err := s.keysOf(ctx, p)
	if err != nil {
		return err
	}
	for t := store.Table(1); t.Known(); t++ {
		switch {
		case t == store.TableBlob: // made anew where blobs are put
			err = s.walkTable(ctx, p, t, names.note)
		case t.Ordered():
			err = s.walkTable(ctx, p, t, visit)
		default:
			err = s.walkDocs(ctx, p, t, names.docs[t], visit)
		}
		if err != nil {
			return err
		}
	}
	if err := s.walkLogs(ctx, p, names.logs, visit); err != nil {
		return err
	}
	if err := s.walkBlobs(ctx, p, &names, visit); err != nil {
		return err
	}
	ended, err := s.writes(ctx, p)
	if err == nil && ended != begun {
		err = errWritten
	}
	return err
}

// writes is how often a partition was written to.
func (s *Store) writes(ctx context.Context, p store.Partition) (uint64, error) {
	_, err := s.read(ctx, p, s.names.txID(p, "none"))
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return 0, err
	}
	return s.parts[p].seen.Load(), nil
}

// read is value for a walk, which keeps the store open for no longer than each call.
func (s *Store) read(ctx context.Context, p store.Partition, key string) (string, error) {
	if err := s.enterReading(ctx, p); err != nil {
		return "", err
	}
	defer s.leave()
	return s.value(ctx, p, key, "")
}

// partKeys are the keys of a partition that no index names, each as what follows its kind, in order.
type partKeys struct {
	docs        map[store.Table][]string
	logs, blobs []string
	noted       map[store.Key]bool // of store.TableBlob
}

// keysOf asks the node of a partition for the keys that it has of it.
func (s *Store) keysOf(ctx context.Context, p store.Partition) (partKeys, error) {
	out := partKeys{docs: map[store.Table][]string{}, noted: map[store.Key]bool{}}
	if err := s.enterReading(ctx, p); err != nil {
		return out, err
	}
	defer s.leave()
	node, err := s.link.node(ctx, s.names.head(p))
	if err != nil {
		return out, err
	}
	err = s.link.eachKey(ctx, node, s.names.parts[p], out.add)
	if err != nil {
		return out, fmt.Errorf("list its keys: %w", err)
	}
	if now, err := s.link.node(ctx, s.names.head(p)); err != nil || now != node {
		return out, errors.Join(err, errors.New("it moved to another server meanwhile: try again"))
	}
	out.sort()
	return out, nil
}

// eachKey hands over what follows a beginning of the names of keys. A name may come twice.
func (l *link) eachKey(ctx context.Context, node *redis.Client, begin string, take func(string) error) error {
	pattern := globEscape.Replace(begin) + "*"
	type page struct {
		keys   []string
		cursor uint64
	}
	for cursor := uint64(0); ; {
		got, err := ask(ctx, l.patience, func(ctx context.Context) (page, error) {
			keys, next, err := node.Scan(ctx, cursor, pattern, walkCount).Result()
			return page{keys, next}, err
		})
		if err != nil {
			return err
		}
		for _, k := range got.keys {
			if err := take(strings.TrimPrefix(k, begin)); err != nil {
				return err
			}
		}
		if cursor = got.cursor; cursor == 0 {
			return nil
		}
	}
}

// globEscape takes their meaning from the characters that have one in a pattern.
var globEscape = strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`, "]", `\]`)

// add sorts a key into its kind. A kind that is unknown may hold something that would be left out.
func (k *partKeys) add(name string) error {
	kind, rest, _ := strings.Cut(name, ":")
	switch kind {
	case "head", "tx", "rows", "index":
	case "log":
		k.logs = append(k.logs, rest)
	case "blob":
		k.blobs = append(k.blobs, rest)
	case "doc":
		number, member, _ := strings.Cut(rest, ":")
		t, err := strconv.ParseUint(number, 10, 8)
		if err != nil || !store.Table(t).Known() {
			return fmt.Errorf("%w: the key %q is of no known table", errBadRecord, name)
		}
		k.docs[store.Table(t)] = append(k.docs[store.Table(t)], member)
	default:
		return fmt.Errorf("%w: nothing here makes the key %q", errBadRecord, name)
	}
	return nil
}

// note remembers that the store says when a blob was put.
func (k *partKeys) note(i store.Item) error {
	k.noted[i.Record.Key] = true
	return nil
}

func (k *partKeys) sort() {
	for t, names := range k.docs {
		k.docs[t] = inOrder(names)
	}
	k.logs, k.blobs = inOrder(k.logs), inOrder(k.blobs)
}

func inOrder(names []string) []string {
	slices.Sort(names)
	return slices.Compact(names)
}

func (s *Store) walkTable(ctx context.Context, p store.Partition, t store.Table, visit func(store.Item) error) error {
	for r := (store.Range{Table: t}); ; {
		page, err := s.Scan(ctx, p, r)
		if err != nil {
			return err
		}
		for i := range page.Records {
			if err := visit(store.Item{Record: &page.Records[i]}); err != nil {
				return err
			}
		}
		if page.Next == nil {
			return nil
		}
		r.After = page.Next
	}
}

func (s *Store) walkDocs(ctx context.Context, p store.Partition, t store.Table, members []string, visit func(store.Item) error) error {
	for _, m := range members {
		k, err := keyOf(t, m)
		if err != nil {
			return err
		}
		r, err := s.Get(ctx, p, k)
		if err != nil {
			return gone(err)
		}
		if err := visit(store.Item{Record: &r}); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) walkLogs(ctx context.Context, p store.Partition, logs []string, visit func(store.Item) error) error {
	for _, name := range logs {
		tenant, run, ok := strings.Cut(name, "\x00")
		l := store.LogID{Tenant: tenant, Run: run}
		if !ok || l.Validate() != nil {
			return fmt.Errorf("%w: %q is no name of a log", errBadRecord, name)
		}
		for from := uint64(1); ; {
			entries, err := s.ReadLog(ctx, p, l, from, walkEntries)
			if err != nil {
				return err
			}
			if len(entries) == 0 {
				break
			}
			for _, e := range entries {
				if err := visit(store.Item{Entry: &store.LogEntry{Log: l, Entry: e}}); err != nil {
					return err
				}
				from = e.First + uint64(e.Count)
			}
		}
	}
	return nil
}

func (s *Store) walkBlobs(ctx context.Context, p store.Partition, names *partKeys, visit func(store.Item) error) error {
	for _, name := range names.blobs {
		tenant, sum, ok := strings.Cut(name, "\x00")
		if !ok {
			return fmt.Errorf("%w: %q is no name of a blob", errBadRecord, name)
		}
		data, err := s.read(ctx, p, s.names.blob(p, tenant, sum))
		if err != nil {
			return gone(err)
		}
		digest := store.DigestPrefix + sum
		b := store.Blob{Tenant: tenant, Digest: digest, Data: []byte(data), Noted: names.noted[store.BlobKey(tenant, digest)]}
		if err := visit(store.Item{Blob: &b}); err != nil {
			return err
		}
	}
	return nil
}

// gone is why something could not be read whose name was there.
func gone(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return errWritten
	}
	return err
}
