package audit

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"cordum.dev/cordum/store"
)

// ErrCursor says that a cursor is none that a page has given.
var ErrCursor = errors.New("audit: invalid cursor")

// Query asks for records of one tenant. Zero fields do not filter.
type Query struct {
	Tenant string // required
	Act    Act
	Actor  string
	Run    string
	Since  time.Time // not before
	Until  time.Time // before
	// Forward lists the oldest first. A page then always has a cursor, and what is recorded later comes with it.
	Forward bool
	Cursor  string
	Limit   int // 1 to MaxPageRecords; 0 means DefaultPageRecords
	// In lists only one partition, as of the run that is asked for; nil: all.
	In *store.Partition
}

// maxListed is how many records one page looks at; it may then hold fewer than asked for.
const maxListed = 20_000

// List answers a page of records in order of time; of one chain always in the order of the chain. Next goes on behind it; it
// is empty when nothing is left, and never when the oldest come first.
func List(ctx context.Context, s Reader, q Query) (records []Record, next string, err error) {
	limit := q.Limit
	if limit == 0 {
		limit = DefaultPageRecords
	}
	if limit < 1 || limit > MaxPageRecords {
		return nil, "", fmt.Errorf("audit: a page has 1 to %d records, not %d", MaxPageRecords, limit)
	}
	l := &listing{ctx: ctx, s: s, q: q}
	if err := l.begin(); err != nil {
		return nil, "", err
	}
	for looked := 0; len(records) < limit && looked < maxListed; looked++ {
		lane, err := l.nearest()
		if err != nil {
			return nil, "", err
		}
		if lane == nil {
			if !q.Forward {
				return records, "", nil
			}
			break
		}
		r := lane.pop(q.Forward)
		if q.beyond(&r) {
			lane.over = true
			continue
		}
		if q.fits(&r) {
			records = append(records, r)
		}
	}
	return records, l.cursor(), nil
}

// fits tells whether a record is asked for.
func (q *Query) fits(r *Record) bool {
	return (q.Act == "" || q.Act == r.Act) && (q.Actor == "" || q.Actor == r.Actor) && (q.Run == "" || q.Run == r.Run) &&
		!r.At.Before(q.Since) && (q.Until.IsZero() || r.At.Before(q.Until))
}

// clockSlack is how much a chain's times may go back: what lies so far beyond the time that is asked for ends the search in it.
const clockSlack = time.Hour

// beyond tells whether nothing more is to be found in the record's chain.
func (q *Query) beyond(r *Record) bool {
	return !q.Forward && r.At.Before(q.Since.Add(-clockSlack)) && !q.Since.IsZero()
}

// listing is one page in the making.
type listing struct {
	ctx   context.Context
	s     Reader
	q     Query
	lanes []*listLane
}

// listLane is one chain of a listing.
type listLane struct {
	chain Chain
	at    uint64 // backward: what comes is before this; forward: what comes is from this on
	held  []Record
	over  bool
}

// begin sets the lanes to where the cursor says, or to the chains' beginning or end.
func (l *listing) begin() error {
	places, err := readCursor(l.q.Cursor, l.s.Partitions(), l.q.Forward)
	if err != nil {
		return err
	}
	for p := range l.s.Partitions() {
		if l.q.In != nil && int(*l.q.In) != p {
			continue
		}
		lane := &listLane{chain: Chain{store.Partition(p), l.q.Tenant}}
		switch {
		case places != nil:
			lane.at = places[p]
			lane.over = lane.at == 0 && !l.q.Forward
		case l.q.Forward:
			if lane.at, err = l.seek(lane.chain, l.q.Since); err != nil {
				return err
			}
		default:
			lane.at = endOfChain
		}
		l.lanes = append(l.lanes, lane)
	}
	return nil
}

// endOfChain is behind every record.
const endOfChain = uint64(1e16) - 1

// nearest is the lane whose next record comes next in time; nil when there is none.
func (l *listing) nearest() (*listLane, error) {
	var best *listLane
	for _, lane := range l.lanes {
		if err := l.fill(lane); err != nil {
			return nil, err
		}
		if lane.over {
			continue
		}
		if best == nil || l.before(lane, best) {
			best = lane
		}
	}
	return best, nil
}

func (l *listing) before(a, b *listLane) bool {
	c := a.held[0].At.Compare(b.held[0].At)
	if l.q.Forward {
		return c < 0
	}
	return c > 0
}

// pop takes the next record of a lane that has one.
func (lane *listLane) pop(forward bool) Record {
	r := lane.held[0]
	lane.held = lane.held[1:]
	lane.at = r.Seq
	if forward {
		lane.at++
	} else if r.Seq == 1 {
		lane.at = 0
	}
	return r
}

// listRows is how many rows a lane reads at once.
const listRows = 16

// fill reads the next rows of a lane that has none at hand. Rows that do not decode are left out: a check finds them.
func (l *listing) fill(lane *listLane) error {
	for len(lane.held) == 0 && !lane.over {
		rows, err := l.rows(lane)
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			lane.over = true
			if !l.q.Forward {
				lane.at = 0
			}
			return nil
		}
		for _, row := range rows {
			for _, r := range row.Records {
				if l.q.Forward && r.Seq >= lane.at || !l.q.Forward && r.Seq < lane.at {
					lane.held = append(lane.held, r)
				}
			}
		}
		if !l.q.Forward {
			slices.SortFunc(lane.held, func(a, b Record) int { return cmp.Compare(b.Seq, a.Seq) })
		}
		if len(lane.held) == 0 { // they do not decode
			lane.over = true
		}
	}
	return nil
}

// rows reads some rows of a chain in the direction of the listing. Going forward, the row that a place lies in begins before it.
func (l *listing) rows(lane *listLane) ([]Row, error) {
	r := store.Range{Table: store.TableAudit, Tenant: lane.chain.Tenant, Limit: listRows}
	if !l.q.Forward {
		r.Reverse, r.To = true, rowID(lane.at)
		return l.scan(lane.chain, r)
	}
	first := max(lane.at, 1)
	held, err := l.scan(lane.chain, store.Range{
		Table: store.TableAudit, Tenant: lane.chain.Tenant, Reverse: true, To: rowID(first), Limit: 1,
	})
	if err != nil {
		return nil, err
	}
	r.From = rowID(first)
	rows, err := l.scan(lane.chain, r)
	if len(held) == 1 && held[0].end() >= first {
		rows = append(held, rows...)
	}
	return rows, err
}

func (l *listing) scan(c Chain, r store.Range) ([]Row, error) {
	page, err := l.s.Scan(l.ctx, c.Partition, r)
	if err != nil {
		return nil, fmt.Errorf("list audit records: %w", err)
	}
	rows := make([]Row, 0, len(page.Records))
	for _, rec := range page.Records {
		if row, err := ReadRow(rec.Value); err == nil && row.Chain == c {
			rows = append(rows, row)
		}
	}
	return rows, nil
}

// seek finds the number of the first record that is not long before a time, by halving the chain.
func (l *listing) seek(c Chain, t time.Time) (uint64, error) {
	if t.IsZero() {
		return 1, nil
	}
	st, err := Load(l.ctx, l.s, c)
	if err != nil && !errors.Is(err, ErrCorrupt) {
		return 0, err
	}
	t = t.Add(-clockSlack)
	low, high := uint64(1), st.Seq+1
	for low < high {
		middle := low + (high-low)/2
		rows, err := l.scan(c, store.Range{Table: store.TableAudit, Tenant: c.Tenant, From: rowID(middle), Limit: 1})
		if err != nil {
			return 0, err
		}
		if len(rows) == 1 && rows[0].Records[0].At.Before(t) {
			low = rows[0].First + 1
		} else {
			high = middle
		}
	}
	return max(low, 1), nil
}

// cursor is where every lane stands.
func (l *listing) cursor() string {
	b := []byte{cursorBackward}
	if l.q.Forward {
		b[0] = cursorForward
	}
	for _, lane := range l.lanes {
		b = binary.AppendUvarint(b, lane.at)
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

const (
	cursorBackward = 1
	cursorForward  = 2
)

// readCursor reads the places of a cursor; nil when there is none. A cursor of one partition has one place, for all.
func readCursor(cursor string, partitions int, forward bool) ([]uint64, error) {
	if cursor == "" {
		return nil, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil || len(raw) == 0 || raw[0] != cursorBackward && raw[0] != cursorForward || (raw[0] == cursorForward) != forward {
		return nil, ErrCursor
	}
	in := reader{b: raw[1:]}
	places := make([]uint64, 0, partitions)
	for len(in.b) > 0 && len(places) < partitions {
		places = append(places, in.uvarint())
	}
	if in.bad || len(in.b) > 0 || slices.ContainsFunc(places, func(at uint64) bool { return at > endOfChain }) {
		return nil, ErrCursor
	}
	if len(places) == 1 && partitions > 1 {
		places = slices.Repeat(places, partitions)
	}
	if len(places) != partitions {
		return nil, ErrCursor
	}
	return places, nil
}
