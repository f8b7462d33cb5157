package redis

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"cordum.dev/cordum/store"
)

// Names of keys. Everything of a partition begins with the same hash tag, so that one script may touch all of it on a
// cluster:
//
//	{cordum}:meta                       what the store says about itself, JSON
//	{cordum:07}:head                    hash: id, gen, last, epoch, owner, until, released, writer, unit, verdicts, waited
//	{cordum:07}:tx:<id>                 empty, expires: a transaction's id
//	{cordum:07}:doc:<table>:<tenant>␀<id>   a record of a plain table
//	{cordum:07}:rows:<table>            hash: <tenant>␀<id> and the record, of an ordered table
//	{cordum:07}:index:<table>           sorted set of <tenant>␀<id>, all of score 0
//	{cordum:07}:log:<tenant>␀<run>      list: header, value, header, value …; a header is first and next in 20 digits each
//	{cordum:07}:blob:<tenant>␀<digest>  bytes
//
// Tenants, ids and runs hold no NUL byte, so the order of members is the order of (tenant, id). These names are part of
// the stored format.

// names makes the names of one store's keys.
type names struct {
	meta  string
	parts []string // the tag of each partition, with its colon
}

func newNames(prefix string, partitions int) names {
	n := names{meta: "{" + prefix + "}:meta", parts: make([]string, partitions)}
	for p := range n.parts {
		n.parts[p] = fmt.Sprintf("{%s:%02X}:", prefix, p)
	}
	return n
}

// checkPrefix refuses what would not be a hash tag of its own.
func checkPrefix(prefix string) error {
	if len(prefix) > maxPrefix || strings.ContainsAny(prefix, "{}: \x00\r\n") {
		return fmt.Errorf("store/redis: prefix %q: at most %d bytes, without braces, colons and spaces", prefix, maxPrefix)
	}
	return nil
}

func (n *names) head(p store.Partition) string            { return n.parts[p] + "head" }
func (n *names) txID(p store.Partition, id string) string { return n.parts[p] + "tx:" + id }

func (n *names) rows(p store.Partition, t store.Table) string {
	return n.parts[p] + "rows:" + strconv.Itoa(int(t))
}

func (n *names) index(p store.Partition, t store.Table) string {
	return n.parts[p] + "index:" + strconv.Itoa(int(t))
}

func (n *names) log(p store.Partition, l store.LogID) string {
	return n.parts[p] + "log:" + l.Tenant + "\x00" + l.Run
}

func (n *names) blob(p store.Partition, tenant, digest string) string {
	return n.parts[p] + "blob:" + tenant + "\x00" + digest
}

// record is where a record lives: a key of its own, or a member of its table's rows.
func (n *names) record(p store.Partition, k store.Key) (key, member string) {
	if k.Table.Ordered() {
		return n.rows(p, k.Table), memberOf(k)
	}
	return n.parts[p] + "doc:" + strconv.Itoa(int(k.Table)) + ":" + memberOf(k), ""
}

func memberOf(k store.Key) string { return k.Tenant + "\x00" + k.ID }

var errBadRecord = errors.New("record does not decode")

func keyOf(t store.Table, member string) (store.Key, error) {
	tenant, id, ok := strings.Cut(member, "\x00")
	k := store.Key{Table: t, Tenant: tenant, ID: id}
	if !ok || k.Validate() != nil {
		return store.Key{}, fmt.Errorf("%w: %q is no member of table %d", errBadRecord, member, t)
	}
	return k, nil
}

// bounds are the ends of a range as ZRANGEBYLEX takes them: "[" includes, "(" excludes.
func bounds(r *store.Range) (lower, upper string) {
	lower, upper = "-", "+"
	if r.Tenant != "" {
		lower, upper = "["+r.Tenant+"\x00"+r.From, "("+r.Tenant+"\x01"
		if r.To != "" {
			upper = "(" + r.Tenant + "\x00" + r.To
		}
	}
	if r.After == nil {
		return lower, upper
	}
	after := memberOf(*r.After)
	if r.Reverse && (upper == "+" || after < upper[1:]) {
		upper = "(" + after
	}
	if !r.Reverse && (lower == "-" || after >= lower[1:]) {
		lower = "(" + after
	}
	return lower, upper
}

// digits is a number in twenty digits, so that scripts, whose numbers are doubles, compare it as text.
func digits(n uint64) string {
	var b [20]byte
	for i := len(b) - 1; i >= 0; i-- {
		b[i] = byte('0' + n%10)
		n /= 10
	}
	return string(b[:])
}

// entryOf reads a log entry.
func entryOf(header, value string) (store.Entry, error) {
	if len(header) == 40 {
		first, err := strconv.ParseUint(header[:20], 10, 64)
		next, err2 := strconv.ParseUint(header[20:], 10, 64)
		if count := next - first; err == nil && err2 == nil && next > first && count < 1<<32 {
			return store.Entry{First: first, Count: uint32(count), Value: []byte(value)}, nil
		}
	}
	return store.Entry{}, fmt.Errorf("%w: %.50q is no header of a log entry", errBadRecord, header)
}
