package pebble

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"cordum.dev/cordum/store"
)

// Every key begins with its partition (two bytes, big-endian) and its class, so that one partition's records lie
// together and can be moved or checked as one range:
//
//	record   partition class table tenant 00 id
//	log      partition class tenant 00 run 00 first      first: eight bytes, big-endian
//	tx id    partition class bucket id                   bucket: four bytes, big-endian, see ids.go
//	lease    partition class
//	blob     partition class tenant 00 digest            digest: 32 bytes
//
// Tenants, ids and runs hold no NUL byte, so byte order of the encoded keys is the order of (tenant, id). These numbers
// are part of the stored format: never reuse one.
const (
	classLease  byte = 1
	classRecord byte = 2
	classLog    byte = 3
	classTxID   byte = 4
	classBlob   byte = 5
)

const (
	headLen  = 3 // partition and class
	firstLen = 8
	sumLen   = 32
)

// metaKey is where the store describes itself: a partition number that no store has.
var metaKey = []byte{0xff, 0xff, 'm', 'e', 't', 'a'}

var errBadRecord = errors.New("record does not decode")

func appendHead(b []byte, p store.Partition, class byte) []byte {
	return append(b, byte(p>>8), byte(p), class)
}

func appendRecordKey(b []byte, p store.Partition, k store.Key) []byte {
	b = appendTenantPrefix(b, p, k.Table, k.Tenant)
	return append(b, k.ID...)
}

func appendTablePrefix(b []byte, p store.Partition, t store.Table) []byte {
	return append(appendHead(b, p, classRecord), byte(t))
}

func appendTenantPrefix(b []byte, p store.Partition, t store.Table, tenant string) []byte {
	b = append(appendTablePrefix(b, p, t), tenant...)
	return append(b, 0)
}

func appendLogPrefix(b []byte, p store.Partition, l store.LogID) []byte {
	b = append(appendHead(b, p, classLog), l.Tenant...)
	b = append(append(b, 0), l.Run...)
	return append(b, 0)
}

func appendLogKey(b []byte, p store.Partition, l store.LogID, first uint64) []byte {
	return binary.BigEndian.AppendUint64(appendLogPrefix(b, p, l), first)
}

func appendTxIDKey(b []byte, p store.Partition, bucket uint32, id string) []byte {
	b = binary.BigEndian.AppendUint32(appendHead(b, p, classTxID), bucket)
	return append(b, id...)
}

func appendBlobKey(b []byte, p store.Partition, tenant string, sum [32]byte) []byte {
	b = append(appendHead(b, p, classBlob), tenant...)
	return append(append(b, 0), sum[:]...)
}

// upperBound is the first key behind all that begin with prefix. Our prefixes never consist of ff bytes alone.
func upperBound(prefix []byte) []byte {
	end := bytes.Clone(prefix)
	for i := len(end) - 1; i >= 0; i-- {
		end[i]++
		if end[i] != 0 {
			return end[:i+1]
		}
	}
	return nil
}

// decodeRecordKey reads the tenant and id of a record's key.
func decodeRecordKey(b []byte) (store.Key, error) {
	if len(b) < headLen+1 || b[2] != classRecord {
		return store.Key{}, fmt.Errorf("%w: key %q is no record's", errBadRecord, b)
	}
	tenant, id, ok := bytes.Cut(b[headLen+1:], []byte{0})
	k := store.Key{Table: store.Table(b[headLen]), Tenant: string(tenant), ID: string(id)}
	if !ok || k.Validate() != nil {
		return store.Key{}, fmt.Errorf("%w: key %q is no record's", errBadRecord, b)
	}
	return k, nil
}

// decodeFirst reads the First of a log entry from the end of its key.
func decodeFirst(key []byte) (uint64, error) {
	if len(key) < headLen+firstLen || key[2] != classLog {
		return 0, fmt.Errorf("%w: key %q is no log entry's", errBadRecord, key)
	}
	return binary.BigEndian.Uint64(key[len(key)-firstLen:]), nil
}

// decodeLog reads which log an entry's key belongs to.
func decodeLog(key []byte) (store.LogID, error) {
	if len(key) < headLen+firstLen || key[2] != classLog {
		return store.LogID{}, fmt.Errorf("%w: key %q is no log entry's", errBadRecord, key)
	}
	tenant, rest, _ := bytes.Cut(key[headLen:len(key)-firstLen], []byte{0})
	run, isRun := bytes.CutSuffix(rest, []byte{0})
	l := store.LogID{Tenant: string(tenant), Run: string(run)}
	if !isRun || l.Validate() != nil {
		return store.LogID{}, fmt.Errorf("%w: key %q is no log entry's", errBadRecord, key)
	}
	return l, nil
}

// decodeBlobKey reads the tenant and the digest of a blob's key.
func decodeBlobKey(key []byte) (tenant string, sum []byte, err error) {
	if len(key) > headLen+sumLen && key[2] == classBlob {
		name, isName := bytes.CutSuffix(key[headLen:len(key)-sumLen], []byte{0})
		if isName && store.ValidateBlob(string(name), nil) == nil {
			return string(name), bytes.Clone(key[len(key)-sumLen:]), nil
		}
	}
	return "", nil, fmt.Errorf("%w: key %q is no blob's", errBadRecord, key)
}

// decodeTxIDBucket reads the bucket of a transaction id's key.
func decodeTxIDBucket(key []byte) (uint32, error) {
	if len(key) < headLen+4 || key[2] != classTxID {
		return 0, fmt.Errorf("%w: key %q is no transaction id's", errBadRecord, key)
	}
	return binary.BigEndian.Uint32(key[headLen:]), nil
}

// A log entry's value is the number of its facts as a varint, then its bytes.

func entryPrefix(buf []byte, count uint32) []byte {
	return binary.AppendUvarint(buf, uint64(count))
}

// decodeEntry splits a log entry's value. The bytes are a part of v.
func decodeEntry(v []byte) (count uint32, value []byte, err error) {
	c, n := binary.Uvarint(v)
	if n <= 0 || c == 0 || c > 1<<32-1 {
		return 0, nil, fmt.Errorf("%w: log entry of %d bytes has no count", errBadRecord, len(v))
	}
	return uint32(c), v[n:], nil
}
