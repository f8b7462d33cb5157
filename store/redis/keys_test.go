package redis

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
	"pgregory.net/rapid"

	"cordum.dev/cordum/store"
)

func TestDigits(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		a, b := rapid.Uint64().Draw(rt, "a"), rapid.Uint64().Draw(rt, "b")
		if got, want := strings.Compare(digits(a), digits(b)), cmp.Compare(a, b); got != want {
			rt.Fatalf("%s against %s: %d, want %d", digits(a), digits(b), got, want)
		}
		count := rapid.Uint32Range(1, 1<<32-1).Draw(rt, "count")
		if next := a + uint64(count); next > a {
			e, err := entryOf(digits(a)+digits(next), "v")
			if err != nil || e.First != a || e.Count != count || string(e.Value) != "v" {
				rt.Fatalf("%d, %d facts: %+v, %v", a, count, e, err)
			}
		}
	})
}

func TestBadEntries(t *testing.T) {
	for _, header := range []string{
		"", "1", digits(1), digits(2) + digits(2), digits(2) + digits(1), digits(1) + digits(1<<32+1),
		digits(1) + digits(2) + "0", digits(1) + strings.Repeat("x", 20),
	} {
		if e, err := entryOf(header, ""); !errors.Is(err, errBadRecord) {
			t.Errorf("header %q: %+v, %v", header, e, err)
		}
	}
	for _, member := range []string{"", "a", "\x00", "a\x00", "\x00b", "a\x00b\x00c"} {
		if k, err := keyOf(store.TableHeader, member); !errors.Is(err, errBadRecord) {
			t.Errorf("member %q: %+v, %v", member, k, err)
		}
	}
}

// TestKeysAreApart: no two records have one place.
func TestKeysAreApart(t *testing.T) {
	n := newNames("x", 2)
	tables := rapid.SampledFrom([]store.Table{store.TableDoc, store.TableSnapshot, store.TableHeader, store.TableLive})
	text := rapid.SampledFrom([]string{"a", "aa", "a:", ":a", "1", "rows:4", "{x:01}", "\xff"})
	draw := func(rt *rapid.T) (store.Partition, store.Key) {
		return rapid.SampledFrom([]store.Partition{0, 1}).Draw(rt, "partition"),
			store.Key{Table: tables.Draw(rt, "table"), Tenant: text.Draw(rt, "tenant"), ID: text.Draw(rt, "id")}
	}
	rapid.Check(t, func(rt *rapid.T) {
		p, k := draw(rt)
		q, l := draw(rt)
		ak, am := n.record(p, k)
		bk, bm := n.record(q, l)
		if same := p == q && k == l; (ak == bk && am == bm) != same {
			rt.Fatalf("%d %+v is at %q %q, %d %+v at %q %q", p, k, ak, am, q, l, bk, bm)
		}
	})
}

// said is an error as a server answers it.
type said string

func (s said) Error() string { return string(s) }
func (said) RedisError()     {}

// TestFates: what is told of an error is never more than is known.
func TestFates(t *testing.T) {
	for _, c := range []struct {
		err  error
		want fate
		kind error
		hint string
	}{
		{said("NOSCRIPT No matching script."), unloaded, ErrRefused, ""},
		{said("MOVED 3999 127.0.0.1:6381"), moved, ErrRefused, ""},
		{said("ASK 3999 127.0.0.1:6381"), asked, ErrRefused, ""},
		{said("TRYAGAIN Multiple keys request during rehashing of slot"), later, ErrRefused, "being moved"},
		{said("CLUSTERDOWN Hash slot not served"), later, ErrRefused, "CLUSTER INFO"},
		{said("LOADING Redis is loading the dataset in memory"), later, ErrRefused, "still reading"},
		{said("READONLY You can't write against a read only replica. script: 1, on @user_script:1."), later, ErrRefused, "replica"},
		{said("BUSY Redis is busy running a script."), later, ErrRefused, "script"},
		{said("NOREPLICAS Not enough good replicas to write."), later, ErrRefused, "replicas"},
		{said("ERR max number of clients reached"), later, ErrRefused, ""},
		{said("OOM command not allowed when used memory > 'maxmemory'."), refused, ErrRefused, "maxmemory"},
		{said("MISCONF Errors writing to the AOF file: No space left on device"), refused, ErrRefused, "its log"},
		{said("NOAUTH Authentication required."), refused, ErrRefused, "password"},
		{said("WRONGPASS invalid username-password pair or user is disabled."), refused, ErrRefused, "password"},
		{said("NOPERM this user has no permissions to run the 'rpush' command"), broken, ErrUnknown, ""},
		{said("ERR user_script:77: attempt to compare nil with number"), broken, ErrUnknown, ""},
		{said("WRONGTYPE Operation against a key holding the wrong kind of value"), broken, ErrUnknown, ""},
		{&net.OpError{Op: "dial", Err: errors.New("connection refused")}, unsent, ErrRefused, ""},
		{redis.ErrPoolTimeout, unsent, ErrRefused, ""},
		{&net.OpError{Op: "read", Err: errors.New("connection reset by peer")}, silent, ErrUnknown, ""},
		{io.EOF, silent, ErrUnknown, ""},
		{context.DeadlineExceeded, silent, ErrUnknown, ""},
		{errNothing, silent, ErrUnknown, ""},
	} {
		for _, err := range []error{c.err, fmt.Errorf("wrapped: %w", c.err)} {
			if got := fateOf(err); got != c.want {
				t.Errorf("%v: fate %d, want %d", err, got, c.want)
			}
		}
		if got := explain(c.err); !errors.Is(got, c.kind) || !errors.Is(got, c.err) || !strings.Contains(got.Error(), c.hint) {
			t.Errorf("%v: explained as %v, want %v with %q", c.err, got, c.kind, c.hint)
		}
	}
}
