package cordum

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"cordum.dev/cordum/bus/wire"
)

// Log writes a line to the job's log, which people read with its run; a text of several lines is several. It never waits: 200
// lines a second are sent after a burst of 1,000, what comes faster is left out and counted. The texts of WorkerConfig.Redact
// and Job.Redact are hidden. The level is told to people as debug, info, warn or error.
func (j Job) Log(level slog.Level, message string) {
	if j.attempt != nil {
		j.attempt.lines.say(levelName(level), message)
	}
}

// Logger is a logger that writes to the job's log, one line for each record: the message, then attributes as key=value. It
// leaves no level out.
func (j Job) Logger() *slog.Logger {
	h := &lineHandler{job: j, buf: new(lineBuffer)}
	h.attrs = slog.NewTextHandler(h.buf, &slog.HandlerOptions{Level: slog.LevelDebug - 100, ReplaceAttr: withoutHead})
	return slog.New(h)
}

// Stdout is a writer whose lines go to the job's log, as those that a program printed. Each call gives a new one, and the
// rest that no newline ended is written when the tool returns. It may be used by several goroutines and never fails.
func (j Job) Stdout() io.Writer { return j.writer("stdout") }

// Stderr is Stdout for what a program printed as errors.
func (j Job) Stderr() io.Writer { return j.writer("stderr") }

func (j Job) writer(stream string) io.Writer {
	if j.attempt == nil { // a test of a tool made the Job
		return io.Discard
	}
	return j.attempt.lines.writer(stream)
}

// Redact hides texts in what the job logs from now on, besides those of WorkerConfig.Redact: secrets that the tool got hold
// of. Those shorter than 4 bytes are not hidden: they would hide everything.
func (j Job) Redact(texts ...string) {
	if j.attempt != nil {
		j.attempt.lines.hide(texts)
	}
}

func levelName(l slog.Level) string {
	switch {
	case l < slog.LevelInfo:
		return "debug"
	case l < slog.LevelWarn:
		return "info"
	case l < slog.LevelError:
		return "warn"
	}
	return "error"
}

// lineLog sends what an attempt logs, several lines together.
type lineLog struct {
	attempt *attempt

	mu      sync.Mutex
	texts   []string // hidden ones
	hider   *strings.Replacer
	writers []*lineWriter

	waiting []*wire.LogLine
	bytes   int // of their text
	timer   *time.Timer
	taken   int64     // lines, sent and waiting
	dropped int64     // lines
	said    int64     // of dropped
	allowed float64   // lines, as of filled
	filled  time.Time // zero: the bucket was not used
	ended   bool
}

// quoted writes texts as they stand between quotation marks, in JSON and in what loggers write.
var quoted = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\r", `\r`, "\t", `\t`)

// hide adds texts to those that are hidden. They are hidden also as they stand between quotation marks, and a long line of
// one that has several by itself: keys are often written line by line.
func (l *lineLog) hide(texts []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, t := range texts {
		if len(t) >= minHidden {
			l.texts = append(l.texts, t, quoted.Replace(t))
		}
		if !strings.Contains(t, "\n") {
			continue
		}
		for line := range strings.Lines(t) {
			if line = strings.TrimSpace(line); len(line) >= minHiddenLine {
				l.texts = append(l.texts, line)
			}
		}
	}
	slices.SortStableFunc(l.texts, func(a, b string) int { return len(b) - len(a) })
	pairs := make([]string, 0, 2*len(l.texts))
	for _, t := range l.texts {
		pairs = append(pairs, t, hiddenText)
	}
	l.hider = strings.NewReplacer(pairs...)
}

// wanted tells whether the engine keeps lines at all.
func (l *lineLog) wanted() bool { return l.attempt.request.GetLogLines() > 0 }

func (l *lineLog) say(stream, text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.write(stream, text)
}

// write takes a text. The caller holds mu.
func (l *lineLog) write(stream, text string) {
	if l.ended || !l.wanted() {
		return
	}
	if l.hider != nil {
		text = l.hider.Replace(text)
	}
	now := time.Now()
	for more := true; more; {
		var line string
		if line, text, more = strings.Cut(text, "\n"); more && text == "" {
			more = false // no line behind the last newline
		}
		l.line(now, stream, strings.TrimSuffix(line, "\r"))
	}
}

// line takes one line, or counts it as dropped. The caller holds mu.
func (l *lineLog) line(now time.Time, stream, text string) {
	if !l.allow(now) {
		l.dropped++
		return
	}
	text = clip(text, maxLine)
	if len(l.waiting) > 0 && l.bytes+len(text) > maxBatchBytes {
		l.send()
	}
	l.taken++
	l.waiting, l.bytes = append(l.waiting, &wire.LogLine{AtMs: now.UnixMilli(), Stream: stream, Text: text}), l.bytes+len(text)
	switch {
	case len(l.waiting) >= maxBatchLines || l.bytes >= maxBatchBytes:
		l.send()
	case l.timer == nil:
		l.timer = time.AfterFunc(batchEvery, l.flush)
	}
}

// allow takes a place for a line. The caller holds mu.
func (l *lineLog) allow(now time.Time) bool {
	if l.filled.IsZero() {
		l.allowed = lineBurst
	} else {
		l.allowed = min(lineBurst, l.allowed+lineRate*now.Sub(l.filled).Seconds())
	}
	l.filled = now
	if l.allowed < 1-rounding || l.taken >= int64(l.attempt.request.GetLogLines()) {
		return false
	}
	l.allowed--
	return true
}

func (l *lineLog) flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.waiting) > 0 {
		l.send()
	}
}

// end sends what waits, so that it is before the result on the wire, and nothing after it.
func (l *lineLog) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, w := range l.writers {
		w.rest()
	}
	if len(l.waiting) > 0 || l.dropped > l.said {
		l.send()
	}
	l.ended = true
}

// send sends what waits. What cannot be sent is lost: nobody waits for it. The caller holds mu.
func (l *lineLog) send() {
	if l.timer != nil {
		l.timer.Stop()
		l.timer = nil
	}
	if l.ended {
		return
	}
	w, r := l.attempt.worker, l.attempt.request
	packet := &wire.BusPacket{Payload: &wire.BusPacket_JobLog{JobLog: &wire.JobLog{
		JobId: r.GetJobId(), Token: r.GetToken(), WorkerId: w.cfg.ID,
		First: l.taken - int64(len(l.waiting)) + 1, Dropped: l.dropped, Lines: l.waiting,
	}}}
	if subject := r.GetAnswerSubject(); subject != "" {
		_ = w.conn.Publish(subject, w.encode(packet))
	}
	l.waiting, l.bytes, l.said = nil, 0, l.dropped
}

func (l *lineLog) writer(stream string) *lineWriter {
	w := &lineWriter{log: l, stream: stream}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.writers = append(l.writers, w)
	return w
}

// lineWriter makes lines of what is written. The log's mu guards it.
type lineWriter struct {
	log    *lineLog
	stream string
	begun  []byte // of a line whose end has not come
}

// Write implements io.Writer.
func (w *lineWriter) Write(p []byte) (int, error) {
	w.log.mu.Lock()
	defer w.log.mu.Unlock()
	n := len(p)
	last := bytes.LastIndexByte(p, '\n')
	if last >= 0 {
		w.log.write(w.stream, string(append(w.begun, p[:last+1]...)))
		w.begun, p = w.begun[:0], p[last+1:]
	}
	if room := maxBegun - len(w.begun); len(p) > room {
		p = p[:room] // the line is cut far before that
	}
	w.begun = append(w.begun, p...)
	return n, nil
}

// rest writes what no newline ended. The caller holds the log's mu.
func (w *lineWriter) rest() {
	if len(w.begun) > 0 {
		w.log.write(w.stream, string(w.begun))
		w.begun = nil
	}
}

// lineBuffer is what a handler of slog writes one record's attributes to.
type lineBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

// lineHandler is a slog.Handler over a job's log.
type lineHandler struct {
	job   Job
	buf   *lineBuffer
	attrs slog.Handler // writes the attributes to buf
}

// withoutHead leaves to the log what it says by itself.
func withoutHead(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && (a.Key == slog.TimeKey || a.Key == slog.LevelKey || a.Key == slog.MessageKey) {
		return slog.Attr{}
	}
	return a
}

// Enabled implements slog.Handler.
func (h *lineHandler) Enabled(context.Context, slog.Level) bool { return true }

// Handle implements slog.Handler.
func (h *lineHandler) Handle(ctx context.Context, r slog.Record) error {
	h.buf.mu.Lock()
	h.buf.Reset()
	err := h.attrs.Handle(ctx, r)
	text := strings.TrimSpace(r.Message + " " + strings.TrimSpace(h.buf.String()))
	h.buf.mu.Unlock()
	h.job.Log(r.Level, text)
	return err
}

// WithAttrs implements slog.Handler.
func (h *lineHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &lineHandler{job: h.job, buf: h.buf, attrs: h.attrs.WithAttrs(attrs)}
}

// WithGroup implements slog.Handler.
func (h *lineHandler) WithGroup(name string) slog.Handler {
	return &lineHandler{job: h.job, buf: h.buf, attrs: h.attrs.WithGroup(name)}
}
