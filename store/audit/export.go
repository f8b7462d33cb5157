package audit

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// An export is lines of JSON: one that says what follows, then for each chain one that says where it begins and its records in
// order, and one that says that this was all. Every other kind of line is a record by itself.

// exportLine is one line that is not a record.
type exportLine struct {
	Export *ExportInfo `json:"cordum_audit,omitempty"`
	Chain  *exportPart `json:"chain,omitempty"`
	End    *exportEnd  `json:"end,omitempty"`
}

// ExportInfo is the first line of an export.
type ExportInfo struct {
	Version int       `json:"version"`
	Store   string    `json:"store,omitempty"`
	Tenant  string    `json:"tenant,omitempty"` // whose records; "" for everybody's
	At      time.Time `json:"at"`
}

type exportPart struct {
	Chain
	Cut *Cut `json:"cut,omitempty"`
}

type exportEnd struct {
	Records uint64 `json:"records"`
}

const exportVersion = 1

// WriteExport writes every record of a source. Rows that do not decode are an error: an export is no way to lose one.
func WriteExport(ctx context.Context, w io.Writer, src Source, at time.Time) (records uint64, err error) {
	cuts, err := src.Cuts(ctx)
	if err != nil {
		return 0, err
	}
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	if err := out.Encode(exportLine{Export: &ExportInfo{exportVersion, src.StoreID(), src.Tenant(), at.UTC()}}); err != nil {
		return 0, err
	}
	var now *Chain
	err = src.Rows(ctx, func(p Piece) error {
		if p.Err != nil {
			return fmt.Errorf("%s, row %s: %w", p.At, p.ID, p.Err)
		}
		if now == nil || *now != p.At {
			now = &p.At
			part := exportPart{Chain: p.At}
			if cut := cuts[p.At]; !cut.None() {
				part.Cut = &cut
			}
			if err := out.Encode(exportLine{Chain: &part}); err != nil {
				return err
			}
		}
		for i := range p.Row.Records {
			if err := out.Encode(&p.Row.Records[i]); err != nil {
				return err
			}
			records++
		}
		return nil
	})
	if err != nil {
		return records, err
	}
	return records, out.Encode(exportLine{End: &exportEnd{records}})
}

// incomplete says that an export ends before its end.
type incomplete struct{ says string }

func (e *incomplete) Error() string { return "audit: " + e.says }

// FileSource is the chains of an export. Open it anew for each reading.
type FileSource struct {
	info ExportInfo
	open func() (io.ReadCloser, error)
}

// NewFileSource reads the first line of an export and answers a source that reads it with open. What is no export is
// ErrCorrupt.
func NewFileSource(open func() (io.ReadCloser, error)) (*FileSource, error) {
	f, err := open()
	if err != nil {
		return nil, err
	}
	defer f.Close()
	lines := exportLines(f)
	var first exportLine
	if !lines.Scan() || strict(lines.Bytes(), &first) != nil || first.Export == nil {
		return nil, fmt.Errorf("%w: its first line is not that of an export of audit records", ErrCorrupt)
	}
	if first.Export.Version != exportVersion {
		return nil, fmt.Errorf("%w: an export of version %d; this binary reads version %d", ErrCorrupt, first.Export.Version, exportVersion)
	}
	return &FileSource{info: *first.Export, open: open}, nil
}

func exportLines(r io.Reader) *bufio.Scanner {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 64<<10), MaxLine)
	return lines
}

func strict(raw []byte, v any) error {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	return dec.Decode(v)
}

// Info is what the export says of itself.
func (s *FileSource) Info() ExportInfo { return s.info }

// StoreID implements Source.
func (s *FileSource) StoreID() string { return s.info.Store }

// Tenant implements Source.
func (s *FileSource) Tenant() string { return s.info.Tenant }

// Cuts implements Source.
func (s *FileSource) Cuts(ctx context.Context) (map[Chain]Cut, error) {
	cuts := map[Chain]Cut{}
	err := s.each(ctx, func(line exportLine, _ *Record, _ error) error {
		if line.Chain != nil {
			cuts[line.Chain.Chain] = Cut{}
			if line.Chain.Cut != nil {
				cuts[line.Chain.Chain] = *line.Chain.Cut
			}
		}
		return nil
	})
	if cut := (*incomplete)(nil); errors.As(err, &cut) {
		err = nil // Rows tells it
	}
	return cuts, err
}

// Rows implements Source: every record is a row.
func (s *FileSource) Rows(ctx context.Context, visit func(Piece) error) error {
	var at Chain
	n := 0
	return s.each(ctx, func(line exportLine, r *Record, bad error) error {
		switch {
		case line.Chain != nil:
			at = line.Chain.Chain
			return nil
		case bad != nil:
			n++
			return visit(Piece{At: at, ID: fmt.Sprintf("line %d", n), Err: bad})
		case r == nil:
			return nil
		}
		row := Row{Chain: r.Chain, First: r.Seq, Prev: r.Prev, Records: []Record{*r}, Last: r.Hash.sum()}
		row.link()
		if row.last() != r.Hash {
			row.Last = Sum{} // a line has the whole hash, and it is another one
		}
		return visit(Piece{At: at, ID: rowID(r.Seq), Row: row})
	})
}

// each goes over the lines behind the first one. It is an *incomplete when the last one is not there.
func (s *FileSource) each(ctx context.Context, visit func(line exportLine, r *Record, bad error) error) error {
	f, err := s.open()
	if err != nil {
		return err
	}
	defer f.Close()
	lines := exportLines(f)
	lines.Scan() // read before
	var seen uint64
	for lines.Scan() {
		if err := ctx.Err(); err != nil {
			return err
		}
		line, r, bad := readLine(lines.Bytes())
		if line.End != nil {
			if line.End.Records != seen || lines.Scan() {
				return &incomplete{fmt.Sprintf("the export was written with %d records, and has %d before its last line, or something behind it", line.End.Records, seen)}
			}
			return lines.Err()
		}
		if r != nil || bad != nil {
			seen++
		}
		if err := visit(line, r, bad); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read an export: %w", err)
	}
	return &incomplete{"the export has no last line: it was cut off"}
}

// readLine reads a record, or a line that is none.
func readLine(raw []byte) (line exportLine, r *Record, bad error) {
	if strict(raw, &line) == nil && (line.Chain != nil || line.End != nil) {
		return line, nil, nil
	}
	r = new(Record)
	if err := strict(raw, r); err != nil || r.Seq == 0 {
		return exportLine{}, nil, errors.Join(ErrCorrupt, err)
	}
	return exportLine{}, r, nil
}
