package store

import (
	"context"
	"time"
)

// Walker is a store that can hand over everything it keeps, so that it can be checked as a whole and moved to a store of another
// kind. It is apart from [Store] because nothing that serves runs needs it.
type Walker interface {
	// Walk hands over every record, log entry and blob of a partition: records by table, tenant and id, then the entries of
	// each log in order, then blobs. What it hands over is visit's to keep. Where the store can, it is the partition as it was
	// at one moment; a store that cannot is to be walked while nothing writes to it. Leases, ids of
	// transactions and [TableBlob] are left out: they mean nothing elsewhere; of the last a blob says whether it has one. An error
	// of visit ends the walk and is its answer.
	Walk(ctx context.Context, p Partition, visit func(Item) error) error
}

// Item is one thing that a store keeps. Exactly one of its parts is set.
type Item struct {
	Record *Record
	Entry  *LogEntry
	Blob   *Blob
}

// LogEntry is an entry with the log it belongs to.
type LogEntry struct {
	Log LogID
	Entry
}

// Blob is what was stored under a digest. Whether Data has that digest is for the reader to check.
type Blob struct {
	Tenant string
	Digest string // as PutBlob answers it
	Data   []byte
	// Noted: the store has a record of when it was put, see BlobKey. A blob without one may be named by what says so nowhere,
	// and is never swept.
	Noted bool
}

// Identity tells one store from every other, and from itself before it was put back.
type Identity struct {
	// ID is the random name that the store got when it was made. It keeps it when it is restored or moved.
	ID string `json:"store"`
	// Generation is 1 in a new store and rises each time the store is restored or moved: what was handed out under a lower
	// one, such as the tokens of attempts, counts no more. See NextGeneration.
	Generation uint64 `json:"generation"`
	// Restored says how this generation came about; nil in the first.
	Restored *Restored `json:"restored,omitempty"`
}

// Restored is how a store was put back.
type Restored struct {
	At      time.Time `json:"at"`       // when
	From    string    `json:"from"`     // name of the backup or digest of the export
	TakenAt time.Time `json:"taken_at"` // when that was taken: what was acknowledged later is gone
	Before  uint64    `json:"before"`   // the generation it was taken of
	By      string    `json:"by,omitempty"`
	Reason  string    `json:"reason,omitempty"`
}

// Identified is a store that knows who it is. A store that does not is always in its first generation.
type Identified interface {
	Identity() Identity
}

// NextGeneration is the generation of a store that is put back at a time: its seconds since 1970, so that two stores made of the
// same backup differ, and in any case above the one it was taken of.
func NextGeneration(before uint64, at time.Time) uint64 {
	return max(before+1, uint64(max(0, at.Unix())))
}
