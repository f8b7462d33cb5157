package backup

import (
	"time"

	"cordum.dev/cordum/store"
)

// exportFormat marks the first line of an export.
const exportFormat = "cordum-export"

// Header is the first line of an export: which store it is of.
type Header struct {
	Format     string      `json:"format"`
	Version    int         `json:"version"`
	TakenAt    time.Time   `json:"taken_at"`
	By         string      `json:"by,omitempty"`
	Reason     string      `json:"reason,omitempty"`
	Store      string      `json:"store"`
	Generation uint64      `json:"generation"`
	Level      store.Level `json:"level"`
	Partitions int         `json:"partitions"`
}

// line is any other line: a record, an entry of a log, a blob, or the end.
type line struct {
	Partition store.Partition `json:"p,omitempty"`
	Tenant    string          `json:"tenant,omitempty"`

	Table store.Table `json:"table,omitempty"` // with ID: a record
	ID    string      `json:"id,omitempty"`

	Run   string `json:"run,omitempty"` // with First: an entry of its log
	First uint64 `json:"first,omitempty"`
	Count uint32 `json:"count,omitempty"`

	Blob string `json:"blob,omitempty"` // a digest
	// Noted: the store said when the blob was put. A blob that has it is of a store at store.LevelNames or above, which those who
	// do not know the field refuse by its level.
	Noted bool `json:"noted,omitempty"`

	Value []byte `json:"value,omitempty"` // in base64

	End *ending `json:"end,omitempty"`
}

// ending is the last line: what came before it.
type ending struct {
	Counts Counts `json:"counts"`
	SHA256 string `json:"sha256"` // of all bytes before this line
}

func lineOf(p store.Partition, i store.Item) line {
	switch {
	case i.Record != nil:
		k := i.Record.Key
		return line{Partition: p, Tenant: k.Tenant, Table: k.Table, ID: k.ID, Value: i.Record.Value}
	case i.Entry != nil:
		e := i.Entry
		return line{Partition: p, Tenant: e.Log.Tenant, Run: e.Log.Run, First: e.First, Count: e.Count, Value: e.Value}
	}
	return line{Partition: p, Tenant: i.Blob.Tenant, Blob: i.Blob.Digest, Noted: i.Blob.Noted, Value: i.Blob.Data}
}

// item is what a line stands for; false for what is none.
func (l *line) item() (store.Item, bool) {
	switch {
	case l.Table != 0 && l.ID != "" && l.Run == "" && l.Blob == "":
		return store.Item{Record: &store.Record{Key: store.Key{Table: l.Table, Tenant: l.Tenant, ID: l.ID}, Value: l.Value}}, true
	case l.Run != "" && l.First > 0 && l.Table == 0 && l.Blob == "":
		e := store.Entry{First: l.First, Count: l.Count, Value: l.Value}
		return store.Item{Entry: &store.LogEntry{Log: store.LogID{Tenant: l.Tenant, Run: l.Run}, Entry: e}}, true
	case l.Blob != "" && l.Table == 0 && l.Run == "":
		return store.Item{Blob: &store.Blob{Tenant: l.Tenant, Digest: l.Blob, Data: l.Value, Noted: l.Noted}}, true
	}
	return store.Item{}, false
}
