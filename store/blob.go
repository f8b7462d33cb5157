package store

import (
	"fmt"
	"strconv"
	"time"
)

// A store notes when each blob was last put as a record of [TableBlob], in the same atomic write: the id is the digest, the value
// the seconds since 1970 as decimal digits. Who looks for blobs that nothing names scans that table, and removes what is old
// enough with [Tx.Sweeps]. A blob that is there without such a record does not get one later.

// BlobKey is the record that says when a blob was last put.
func BlobKey(tenant, digest string) Key { return Key{Table: TableBlob, Tenant: tenant, ID: digest} }

// BlobUse begins the ids of the records of [TableBlobUse] that say who names a blob: it, a slash, and who.
func BlobUse(digest string) string { return "blob/" + digest + "/" }

// BlobTime is the value of that record.
func BlobTime(at time.Time) []byte { return strconv.AppendInt(nil, at.Unix(), 10) }

// ParseBlobTime reads it.
func ParseBlobTime(value []byte) (time.Time, error) {
	sec, err := strconv.ParseInt(string(value), 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("%w: the time of a blob", ErrInvalid)
	}
	return time.Unix(sec, 0).UTC(), nil
}
