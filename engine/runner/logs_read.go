package runner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"cordum.dev/cordum/internal/codec"
	"cordum.dev/cordum/internal/id"
	"cordum.dev/cordum/store"
)

// LogQuery asks for lines that jobs wrote: of a run, or of one job.
type LogQuery struct {
	Run     string
	Job     string // instead of Run; an attempt's id stands for its job
	Step    string // of Run: what people call it, or its id for all its iterations; empty: all
	Attempt int    // 0: all
	// After is where a page before ended (LogPage.Next), or a number: of every attempt only the lines behind it.
	After string
	Limit int // 1 to 5,000 lines; 0 means 1,000
}

// LogLine is a line that a job wrote, or says how many were left out in its place.
type LogLine struct {
	JobID   string    `json:"job_id"`
	Step    string    `json:"step"`
	Attempt int       `json:"attempt"`
	N       int64     `json:"n" doc:"Number of the line within its attempt, from 1; of lines left out, of the last one"`
	At      time.Time `json:"ts"`
	Stream  string    `json:"stream,omitempty" enum:"stdout,stderr,debug,info,warn,error"`
	Text    string    `json:"text"`
	Dropped int64     `json:"dropped,omitempty" doc:"In the place of this many lines that were left out: they came too fast, were too many, or were lost"`
}

// LogPage is a page of lines, in the order of jobs, their attempts and lines.
type LogPage struct {
	Lines []LogLine
	Next  string // where the next page begins; empty when there is no more by now
}

// LogPart is what a viewer gets of a log that grows. A hole in the numbers are lines that were left out, or that the viewer
// did not read fast enough: reading the log again tells.
type LogPart struct {
	RunID   string    `json:"run_id"`
	JobID   string    `json:"job_id"`
	Step    string    `json:"step"`
	Attempt int       `json:"attempt"`
	Lines   []LogText `json:"lines"`
}

// LogText is a line of a LogPart.
type LogText struct {
	N      int64     `json:"n"`
	At     time.Time `json:"ts"`
	Stream string    `json:"stream"`
	Text   string    `json:"text"`
}

// publishLog shows lines to those who watch their run and asked for it. It never waits.
func (h *hub) publishLog(a *attemptLog, lines []logLine) {
	if h.viewers.Load() == 0 {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	var part *LogPart
	for w := range h.runs[a.run] {
		if !w.logs {
			continue
		}
		if part == nil {
			part = &LogPart{RunID: a.run, JobID: a.job, Step: a.step, Attempt: int(a.number), Lines: make([]LogText, len(lines))}
			for i, l := range lines {
				part.Lines[i] = LogText{N: l.no, At: time.UnixMilli(l.atMs).UTC(), Stream: l.stream, Text: l.text}
			}
		}
		w.offerLog(Message{Kind: "log", Log: part})
	}
}

// offerLog queues lines while there is plenty of room: no event is lost for them.
func (w *Watch) offerLog(m Message) {
	w.mu.Lock()
	if !w.lost && len(w.queue) < w.limit/2 {
		w.queue = append(w.queue, m)
	}
	w.mu.Unlock()
	w.ring()
}

// logPlace is where a page begins: behind a line of an attempt, or of every attempt behind a number.
type logPlace struct {
	row string
	no  int64
}

func readLogPlace(s string) (p logPlace, err error) {
	if s == "" {
		return p, nil
	}
	i := strings.LastIndexByte(s, ':')
	if i >= 0 {
		p.row, s = s[:i], s[i+1:]
	}
	if p.no, err = strconv.ParseInt(s, 10, 64); err != nil || p.no < 0 || len(p.row) > maxLogName || strings.ContainsRune(p.row, 0) {
		return p, ErrInvalidCursor
	}
	return p, nil
}

// Logs answers a page of the lines that jobs wrote. Lines of a running attempt are there as soon as they came in.
func (r *Runner) Logs(ctx context.Context, c Caller, q LogQuery) (LogPage, error) {
	limit := cmp.Or(q.Limit, defaultLogPage)
	if limit < 0 || limit > maxLogPage {
		return LogPage{}, &InvalidError{Code: "invalid_argument", Message: fmt.Sprintf("limit must be 1 to %d", maxLogPage)}
	}
	place, err := readLogPlace(q.After)
	if err != nil {
		return LogPage{}, err
	}
	rows, run, err := r.logRows(ctx, c, q)
	if err != nil {
		return LogPage{}, err
	}
	page := logReader{r: r, tenant: c.Tenant, run: run, place: place, attempt: int32(q.Attempt), limit: limit}
	for _, prefix := range rows {
		if err := page.read(ctx, prefix); err != nil || page.full {
			return page.out, err
		}
	}
	return page.out, nil
}

// logRows are the beginnings of the keys under which what was asked for is kept.
func (r *Runner) logRows(ctx context.Context, c Caller, q LogQuery) (rows []string, run string, err error) {
	if q.Job != "" {
		ref, err := id.ParseJob(q.Job)
		if err != nil {
			return nil, "", fmt.Errorf("job %.64q: %w", q.Job, ErrNotFound)
		}
		rows, err = readRun(ctx, r, c.Tenant, ref.Run, func(lr *live) ([]string, error) {
			node, ok := lr.node(ref)
			if !ok || lr.jobs[node] == nil {
				return nil, fmt.Errorf("job %.64q: %w", q.Job, ErrNotFound)
			}
			return []string{lr.jobID(node) + "@"}, nil
		})
		return rows, ref.Run, err
	}
	if q.Step == "" {
		_, err := r.header(ctx, c.Tenant, q.Run)
		if err != nil {
			return nil, "", asUnavailable(err)
		}
		return []string{q.Run + "."}, q.Run, nil
	}
	rows, err = readRun(ctx, r, c.Tenant, q.Run, func(lr *live) ([]string, error) { return lr.logRowsOf(q.Step) })
	return rows, q.Run, err
}

// logRowsOf finds the jobs of a step, by what people call it or, for all its iterations, by its id.
func (lr *live) logRowsOf(step string) ([]string, error) {
	var rows []string
	known := false
	for node := range int32(len(lr.jobs)) {
		if lr.run.DefOf(node).ID != step && lr.run.Name(node) != step {
			continue
		}
		known = true
		if lr.jobs[node] != nil {
			rows = append(rows, lr.jobID(node)+"@")
		}
	}
	if !known {
		return nil, fmt.Errorf("step %.64q of run %s: %w", step, lr.id, ErrNotFound)
	}
	slices.Sort(rows)
	return rows, nil
}

// logReader gathers a page.
type logReader struct {
	r           *Runner
	tenant, run string
	place       logPlace
	attempt     int32
	limit       int

	out     LogPage
	lastRow string // of the last line
	full    bool
}

// sheet is the log of one attempt, as far as it is known.
type sheet struct {
	row, job, step string
	number         int32
	next           int64
	ended          bool
	kept           keptLines
}

// read takes up the attempts whose rows begin with prefix, from memory where they are there and else from the store.
func (p *logReader) read(ctx context.Context, prefix string) error {
	memory := p.r.logs.sheets(p.tenant, p.run, prefix)
	before := func(row string) { // those in memory that come before a row of the store
		for len(memory) > 0 && memory[0].row < row && !p.full {
			p.add(memory[0])
			memory = memory[1:]
		}
	}
	err := p.stored(ctx, prefix, func(s *sheet) {
		before(s.row)
		if len(memory) > 0 && memory[0].row == s.row {
			s, memory = memory[0], memory[1:]
		}
		p.add(s)
	})
	if err == nil {
		before("\xff")
	}
	return err
}

// stored shows each attempt of the store.
func (p *logReader) stored(ctx context.Context, prefix string, show func(*sheet)) error {
	from := prefix
	if p.place.row > prefix {
		from = p.place.row
	}
	var s *sheet
	flush := func() {
		if s != nil && !p.full {
			show(s)
		}
	}
	for after := (*store.Key)(nil); ; {
		page, err := p.r.store.Scan(ctx, p.r.partOf(p.run), store.Range{
			Table: store.TableLog, Tenant: p.tenant, From: from, To: behindPrefix(prefix), After: after, Limit: logScan,
		})
		if err != nil {
			return fmt.Errorf("read logs: %w", errors.Join(ErrUnavailable, err))
		}
		for _, rec := range page.Records {
			row, _, _ := strings.Cut(rec.Key.ID, "#")
			if s == nil || s.row != row {
				flush()
				if p.full {
					return nil
				}
				job, _, _ := strings.Cut(row, "@")
				s = &sheet{row: row, job: job, next: 1}
			}
			if err := s.take(rec.Value); err != nil {
				p.r.cfg.Logger.Error("log row cannot be read", "key", rec.Key.ID, "error", err)
			}
		}
		if after = page.Next; after == nil {
			flush()
			return nil
		}
	}
}

// behindPrefix is the first key that does not begin with a prefix; its last byte is never the greatest.
func behindPrefix(prefix string) string {
	return prefix[:len(prefix)-1] + string(prefix[len(prefix)-1]+1)
}

func (s *sheet) take(value []byte) error {
	var k logChunk
	if err := codec.Decode(value, &k); err != nil {
		return err
	}
	s.step, s.number, s.next, s.ended = k.step, k.number, max(s.next, k.next), s.ended || k.ended
	for _, l := range k.lines {
		s.kept.add(l)
	}
	return nil
}

// sheets are the logs in memory whose rows begin with prefix, in order.
func (b *logBook) sheets(tenant, run, prefix string) []*sheet {
	b.mu.Lock()
	var found []*attemptLog
	for _, a := range b.open {
		if a.run == run {
			found = append(found, a)
		}
	}
	b.mu.Unlock()
	var out []*sheet
	for _, a := range found {
		a.mu.Lock()
		if a.opened && a.tenant == tenant && strings.HasPrefix(a.row, prefix) {
			s := &sheet{row: a.row, job: a.job, step: a.step, number: a.number, next: a.next, ended: a.ended}
			s.kept.head, s.kept.tail = slices.Clone(a.kept.head), slices.Clone(a.kept.tail)
			out = append(out, s)
		}
		a.mu.Unlock()
	}
	slices.SortFunc(out, func(a, b *sheet) int { return strings.Compare(a.row, b.row) })
	return out
}

// add puts the lines of an attempt into the page. Lines that were left out show in their place, with how many they are.
func (p *logReader) add(s *sheet) {
	if p.attempt != 0 && s.number != p.attempt {
		return
	}
	last := int64(0)
	switch {
	case p.place.row == "" || p.place.row == s.row:
		last = p.place.no
	case s.row < p.place.row:
		return
	}
	line := LogLine{JobID: s.job, Step: s.step, Attempt: int(s.number)}
	for _, l := range s.kept.all() {
		if l.no <= last {
			continue
		}
		at := time.UnixMilli(l.atMs).UTC()
		if l.no > last+1 && !p.put(s, line, logLine{no: l.no - 1}, l.no-1-last, at) {
			return
		}
		if !p.put(s, line, l, 0, at) {
			return
		}
		last = l.no
	}
	if s.ended && s.next > last+1 {
		p.put(s, line, logLine{no: s.next - 1}, s.next-1-last, time.Time{})
	}
}

// put adds a line, or says that the page is full and where the next one begins.
func (p *logReader) put(s *sheet, line LogLine, l logLine, dropped int64, at time.Time) bool {
	if len(p.out.Lines) == p.limit {
		p.full, p.out.Next = true, p.lastRow+":"+strconv.FormatInt(p.out.Lines[p.limit-1].N, 10)
		return false
	}
	line.N, line.At, line.Stream, line.Text, line.Dropped = l.no, at, l.stream, l.text, dropped
	p.out.Lines, p.lastRow = append(p.out.Lines, line), s.row
	return true
}
