package store

import (
	"context"
	"errors"
	"time"
)

// Errors an implementation answers with. Any other error of Commit means that the outcome is unknown: it is resolved
// by reading the transaction's ID back with [Store.Committed], never by assuming.
var (
	// ErrNotFound says the record does not exist. "Could not be read" is never this error.
	ErrNotFound = errors.New("store: not found")
	// ErrFenced says the epoch is not the partition's current one: somebody else owns it now. Nothing was written.
	ErrFenced = errors.New("store: fenced by a newer owner")
	// ErrConflict says a check did not hold. Nothing was written.
	ErrConflict = errors.New("store: conflict")
	// ErrRolledBack says a log is shorter than its owner knows: the store lost acknowledged records. Nothing was
	// written; the partition must stop and say so.
	ErrRolledBack = errors.New("store: log is shorter than its owner knows")
	// ErrLocked says another process holds this embedded store.
	ErrLocked = errors.New("store: locked by another process")
	// ErrNewer says the store was written at a level this binary does not know.
	ErrNewer = errors.New("store: written by a newer version")
	// ErrLeaseHeld says another owner's lease on the partition has not run out.
	ErrLeaseHeld = errors.New("store: partition lease is held")
	// ErrInvalid says the request breaks a limit or a rule of this contract (a key without tenant, say). Nothing was
	// written.
	ErrInvalid = errors.New("store: invalid request")
	// ErrClosed says the store was closed.
	ErrClosed = errors.New("store: closed")
)

// Partition is the number of a partition, 0 to [Store.Partitions]-1.
type Partition uint16

// Epoch is the rising number of a partition's ownership; 0 is never valid.
type Epoch uint64

// Table names a table. Ordered tables can be scanned, plain ones only read by key.
type Table uint8

// The tables. Their numbers are part of the stored format: never reuse one.
const (
	TableDoc      Table = 1 // plain: documents (definitions by digest, configuration)
	TableDocIndex Table = 2 // ordered: documents by kind and name, for lists
	TableSnapshot Table = 3 // plain: one snapshot of a live run
	TableHeader   Table = 4 // ordered: one header row per run, by run id
	TableLive     Table = 5 // ordered: runs that have not ended, with their earliest timer
	TableApproval Table = 6 // ordered: approvals, open ones first
	TableDedupe   Table = 7 // ordered: command ids and idempotency keys by expiry
	TableCommand  Table = 8 // plain: what an id or idempotency key was answered with
	TableRecent   Table = 9 // ordered: runs of a workflow, newest first

	TableAudit     Table = 10 // ordered: audit records, by their number in the chain
	TableAuditHead Table = 11 // ordered: the head of a chain of audit records
	TableLimit     Table = 12 // ordered: limits and who holds something of them
	TableDelivery  Table = 13 // ordered: what was told to people outside, and what became of it

	TableDeadLetter Table = 14 // ordered: jobs that ended badly, by job id
	TableDeadRecent Table = 15 // ordered: their names by time, newest first when read backwards
	TableByState    Table = 16 // ordered: runs and jobs by their kind and state

	TableLog Table = 17 // ordered: chunks of the lines that jobs wrote, by job and send

	TableBlob    Table = 18 // ordered: when each blob was last put, by digest; the store itself writes it, see blob.go
	TableBlobUse Table = 19 // ordered: which runs name which blobs, both ways
)

// Ordered tells whether the table keeps its keys in byte order and can be scanned.
func (t Table) Ordered() bool {
	switch t {
	case TableDocIndex, TableHeader, TableLive, TableApproval, TableDedupe, TableRecent,
		TableAudit, TableAuditHead, TableLimit, TableDelivery, TableDeadLetter, TableDeadRecent, TableByState,
		TableLog, TableBlob, TableBlobUse:
		return true
	}
	return false
}

// Known tells whether t is one of the tables above.
func (t Table) Known() bool { return t >= TableDoc && t <= TableBlobUse }

// Key is where a record lives within its partition. Tenant and ID are never empty and hold no NUL byte.
type Key struct {
	Table  Table
	Tenant string
	ID     string
}

// LogID names an append-only log: the facts of one run.
type LogID struct {
	Tenant string
	Run    string
}

// Record is a stored value. The slice belongs to the caller, who may keep and change it.
type Record struct {
	Key   Key
	Value []byte
}

// Entry is one appended entry of a log: the facts First … First+Count-1 of a run, as one commit wrote them.
type Entry struct {
	First uint64
	Count uint32
	Value []byte
}

// Check is a condition on a record that must hold for the transaction to be applied.
type Check struct {
	Key Key
	// Absent: the record must not exist. Otherwise it must exist and hold exactly Value.
	Absent bool
	Value  []byte
}

// Put writes a record, replacing what was there.
type Put struct {
	Key   Key
	Value []byte
}

// Append adds one entry to a log. The first entry of a log has First 1 and Prev 0.
type Append struct {
	Log LogID
	// Prev is the First of the log's newest entry as its owner knows it. If that entry does not exist the answer is
	// ErrRolledBack; if it is not the newest, or holds fact number First itself, it is ErrConflict.
	Prev uint64
	// First continues where the entry Prev ends. A First that would leave a gap is ErrInvalid.
	First uint64
	Count uint32 // at least 1
	Value []byte
}

// Tx is one atomic change of one partition. The store keeps none of its slices after Commit returns. When several
// things are wrong with it the answer is the first of ErrInvalid (a limit), ErrFenced, ErrRolledBack, ErrConflict.
type Tx struct {
	Partition Partition
	// Epoch must be the partition's current one, compared in the same atomic operation as the write.
	Epoch Epoch
	// ID names this commit so that an unknown outcome can be read back; unique per partition within an hour. Empty:
	// the caller gives up that possibility.
	ID      string
	Checks  []Check
	Puts    []Put    // in order: the last put of a key wins
	Deletes []Key    // after all puts; deleting what is not there is no error
	Appends []Append // at most one per log
	Drops   []LogID  // logs that end to exist, with all their entries; none that is appended to. What is not there is no error
	Sweeps  []Sweep  // blobs that end to exist
}

// Sweep removes a blob, unless it was put at Before or later, in whole seconds: who put it may be about to name it. Neither that nor a blob that
// is not there is an error. A blob of which it is not known when it was put, written by an older version, stays.
type Sweep struct {
	Tenant string
	Digest string // as PutBlob answers it
	Before time.Time
}

// Range asks for records of an ordered table, in byte order of the ID.
type Range struct {
	Table  Table
	Tenant string // empty: records of all tenants, in order of (tenant, ID)
	// From and To bound the ID: From <= ID < To; empty means unbounded. With an empty Tenant both must be empty and
	// the place to go on is After.
	From, To string
	// After, when set, goes on behind that key (from Page.Next).
	After *Key
	// Reverse scans from the greatest ID down; After then means "below that key".
	Reverse bool
	Limit   int // 1 to MaxScan; 0 means DefaultScan
}

// Page is a part of a scan. Next is nil when nothing is left. A page may hold fewer records than the limit while more
// are left (see MaxPageBytes): only Next tells the end.
type Page struct {
	Records []Record
	Next    *Key
}

// Lease is a granted ownership of a partition.
type Lease struct {
	Partition Partition
	Epoch     Epoch
	Until     time.Time
}

// Limits of a request; more is ErrInvalid.
const (
	MaxKeyBytes   = 1024
	MaxValueBytes = 16 << 20  // a result of 16 MiB is the largest thing kept
	MaxTxBytes    = 256 << 20 // keys and values of one transaction
	MaxCommit     = 1 << 30   // the same for all transactions of one Commit call
	MaxScan       = 10_000    // records of a page, entries of a ReadLog
	DefaultScan   = 1_000
)

// MaxPageBytes ends an answer of Scan or ReadLog early: it stops behind the record with which it reaches this weight,
// so that a reader's memory has a bound. It holds at least one record.
const MaxPageBytes = 64 << 20

// Store keeps records. It is safe for concurrent use. Every method returns ErrClosed after Close.
type Store interface {
	// Partitions is the number of partitions this store was created with (1 to 256).
	Partitions() int
	// Level is the store's level.
	Level() Level
	// Describe says in one line what an acknowledgement of this store is worth, for the log at start-up.
	Describe() string

	// Commit applies each transaction atomically by itself, in order: a later one sees an earlier one of the same
	// call. One wait for durability serves all of them. The answer has one error per transaction, in order; nil means
	// durable. See the package's errors.
	Commit(ctx context.Context, txs ...Tx) []error
	// Committed tells whether a transaction with this id was applied to the partition.
	Committed(ctx context.Context, p Partition, id string) (bool, error)
	// Get reads one record or answers ErrNotFound.
	Get(ctx context.Context, p Partition, k Key) (Record, error)
	// Scan reads a page of an ordered table.
	Scan(ctx context.Context, p Partition, r Range) (Page, error)
	// ReadLog reads up to n entries (1 to MaxScan) of a log, oldest first, beginning with the entry that holds fact
	// number from (or the next one after it). It may answer fewer than n while more are left (see MaxPageBytes): only
	// an empty answer means there is none.
	ReadLog(ctx context.Context, p Partition, l LogID, from uint64, n int) ([]Entry, error)

	// Acquire takes a partition for owner with a new, higher epoch, for ttl. ErrLeaseHeld while another owner's lease
	// runs; the same owner may take it again. A lease that ran out still may write until somebody else acquires: what
	// fences is the epoch, never a clock.
	Acquire(ctx context.Context, p Partition, owner string, ttl time.Duration) (Lease, error)
	// Renew prolongs a lease; ErrFenced when the epoch is not current.
	Renew(ctx context.Context, l Lease, ttl time.Duration) (Lease, error)
	// Release gives a lease back at once: its epoch is no longer current, nothing is written to the partition until
	// somebody acquires it. ErrFenced when the epoch is not current.
	Release(ctx context.Context, l Lease) error

	// PutBlob stores bytes under their digest within a partition and tenant and returns it ("sha256:<hex>"). Storing
	// the same bytes twice is one blob. It is durable when PutBlob returns.
	PutBlob(ctx context.Context, p Partition, tenant string, data []byte) (digest string, err error)
	// GetBlob reads a blob or answers ErrNotFound.
	GetBlob(ctx context.Context, p Partition, tenant, digest string) ([]byte, error)

	// Close waits for what is under way and releases everything. A second call answers ErrClosed.
	Close() error
}
