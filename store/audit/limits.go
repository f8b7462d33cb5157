package audit

import "time"

// Limits of what is kept and read.
const (
	// SegmentRecords is how many records a segment of a chain has at least: retention takes whole ones.
	SegmentRecords = 1024
	// MaxText is the longest subject, detail or actor of a record, in bytes; more is cut.
	MaxText = 256
	// MaxPageRecords is how many records one page of a list has at most, DefaultPageRecords how many by default.
	MaxPageRecords     = 1000
	DefaultPageRecords = 50
	// MaxHeads is how many signed heads are kept in the store; the oldest go first.
	MaxHeads = 500
	// MaxProofLinks bounds the proof of one run's records: so many records may lie between its first and the head.
	MaxProofLinks = 1 << 20
	// MaxLine is the longest line of an export that is read.
	MaxLine = 4 << 20
	// maxHeadBytes bounds a signed head that is read: some 400,000 chains.
	maxHeadBytes = 64 << 20
	// maxRowRecords is how many records one row holds: with the longest texts it stays far below [store.MaxValueBytes].
	maxRowRecords = 2048
	// scanRows is how many rows are read from the store at once.
	scanRows = 512
)

// Limits of sending records elsewhere.
const (
	// BatchRecords is how many records one call of a webhook carries.
	BatchRecords = 100
	// SendTries is how often one batch is tried, with a pause that doubles from FirstPause to LastPause.
	SendTries  = 6
	FirstPause = 250 * time.Millisecond
	LastPause  = 10 * time.Second
	// SendTimeout is how long one connection, write or call may take.
	SendTimeout = 10 * time.Second
	// maxDatagram is the longest syslog message sent over UDP (RFC 5426 §3.2: what receivers should take).
	maxDatagram = 2048
)
