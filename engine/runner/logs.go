package runner

import (
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"cordum.dev/cordum/bus/wire"
	"cordum.dev/cordum/internal/codec"
)

// This file is the log of one attempt while it is under way: what of it is kept. What comes in is logs_ingest.go, where it is
// kept logs_keep.go, how it is read logs_read.go.

// logLine is one line as it is kept. Numbers count from 1 within the attempt; what was left out has taken its numbers along.
type logLine struct {
	no     int64
	atMs   int64 // Unix time
	stream string
	text   string
}

func (l *logLine) size() int { return len(l.text) + logLineOverhead }

func (l *logLine) fields(c *codec.Codec) {
	c.Int(&l.no)
	c.Int(&l.atMs)
	c.String(&l.stream)
	c.String(&l.text)
}

// keptLines are the first lines of an attempt and the last ones: the beginning says what was done, the end how it went. What
// is between them is left out when there is too much.
type keptLines struct {
	head, tail           []logLine
	headBytes, tailBytes int
	headFull             bool
}

func (k *keptLines) add(l logLine) {
	if !k.headFull && len(k.head) < maxLogLines/2 && k.headBytes+l.size() <= maxLogBytes/2 {
		k.head, k.headBytes = append(k.head, l), k.headBytes+l.size()
		return
	}
	k.headFull = true
	k.tail, k.tailBytes = append(k.tail, l), k.tailBytes+l.size()
	for len(k.tail) > maxLogLines/2 || k.tailBytes > maxLogBytes/2 {
		k.tailBytes -= k.tail[0].size()
		k.tail[0] = logLine{}
		k.tail = k.tail[1:] // append moves it to a new array now and then, which frees the old one
	}
}

func (k *keptLines) count() int { return len(k.head) + len(k.tail) }
func (k *keptLines) bytes() int { return k.headBytes + k.tailBytes }

// all are the kept lines in order. The slice is the caller's.
func (k *keptLines) all() []logLine { return slices.Concat(k.head, k.tail) }

// attemptLog is the log of one attempt under way. Its mu guards everything below it.
type attemptLog struct {
	key     string // in the book
	attempt string // what the wire calls it
	token   []byte
	run     string

	mu      sync.Mutex
	opened  bool           // its token is the running attempt's
	waiting []*wire.JobLog // came before that was known
	weight  int            // bytes of those
	ended   bool           // nothing is added any more

	// Known when it is opened.
	tenant string
	job    string
	step   string // what people call it
	number int32  // of the attempt
	row    string // beginning of its keys in the store

	kept     keptLines
	next     int64 // number of the next line
	lines    allowance
	volume   allowance
	hiding   int // lines of a key block that are still left out at most
	touched  time.Time
	unsaved  []logLine
	saidUpTo int64 // next as it is stored
	rewrite  bool  // the next saving replaces what is stored
	leaving  bool  // a part of it is in the batch that is about to be committed
	chunks   int   // that are stored, as far as they count
	rows     int   // chunks that the store may have, those of a commit included of which nobody knows what came
	stored   int   // bytes in them
}

// allowance is a bucket that fills with time.
type allowance struct {
	left float64
	at   time.Time
}

// take takes n out of a bucket that gets rate a second and holds burst at most; false when there is less in it.
func (a *allowance) take(now time.Time, n, rate, burst float64) bool {
	if a.at.IsZero() {
		a.left = burst
	} else if passed := now.Sub(a.at); passed > 0 {
		a.left = min(burst, a.left+rate*passed.Seconds())
	}
	a.at = now
	if a.left < n {
		return false
	}
	a.left -= n
	return true
}

// take adds a packet's lines and answers those that were kept. Lines that came before change nothing; what comes too fast is
// left out. room says whether there is memory for more. The caller holds mu.
func (a *attemptLog) take(now time.Time, p *wire.JobLog, room bool) (fresh []logLine, bad bool) {
	if a.ended {
		return nil, false
	}
	first := p.GetFirst() + p.GetDropped() // a worker counts what it sends, and what it leaves out
	if p.GetFirst() == 0 {
		first = a.next
	}
	if first-a.next > maxLogGap {
		return nil, true
	}
	a.touched = now
	for i, l := range p.GetLines() {
		no := first + int64(i)
		if no < a.next {
			continue
		}
		a.next = no + 1
		size := float64(min(len(l.GetText()), maxLogRaw))
		if !room || !a.lines.take(now, 1, logLineRate, logLineBurst) || !a.volume.take(now, size, logByteRate, logByteBurst) {
			continue
		}
		line := logLine{no: no, atMs: plausible(now, l.GetAtMs()), stream: knownStream(l.GetStream()), text: a.clean(l.GetText())}
		a.kept.add(line)
		fresh = append(fresh, line)
	}
	if len(p.GetLines()) == 0 && first > a.next {
		a.next = first
	}
	a.unsaved = append(a.unsaved, fresh...)
	if len(a.unsaved) > maxLogLines { // the store does not keep up: what is kept is written as a whole later
		a.unsaved, a.rewrite = nil, true
	}
	return fresh, false
}

// dirty tells whether something is not stored yet. The caller holds mu.
func (a *attemptLog) dirty() bool {
	return a.opened && (len(a.unsaved) > 0 || a.rewrite || a.saidUpTo != a.next)
}

// plausible is when a line was written, as its worker says unless its clock is far off.
func plausible(now time.Time, atMs int64) int64 {
	if d := now.UnixMilli() - atMs; d > maxLogSkew.Milliseconds() || d < -maxLogSkew.Milliseconds() {
		return now.UnixMilli()
	}
	return atMs
}

// logStreams are what a line can be of.
var logStreams = []string{"stdout", "stderr", "debug", "info", "warn", "error"}

func knownStream(s string) string {
	if i := slices.Index(logStreams, s); i >= 0 {
		return logStreams[i] // one string for all lines
	}
	return "info"
}

const (
	keyBlockBegin = "PRIVATE KEY-----"
	keyBlockEnd   = "-----END "
	hiddenLine    = "[redacted:private_key]"
)

// clean makes a line fit to be kept and shown: without secrets, as UTF-8, on one line. Secrets go first: what stands behind the
// cut may be the rest of one.
func (a *attemptLog) clean(text string) string {
	text = strings.ToValidUTF8(cutRaw(text), "\uFFFD")
	if a.hiding > 0 { // a key that was printed line by line is none that a pattern finds
		if a.hiding--; strings.Contains(text, keyBlockEnd) {
			a.hiding = 0
		}
		return hiddenLine
	}
	if strings.Contains(text, keyBlockBegin) && strings.Contains(text, "-----BEGIN ") && !strings.Contains(text, keyBlockEnd) {
		a.hiding = maxKeyBlock
		return hiddenLine
	}
	return cutRunes(escapeControls(secrets.RedactText(text)), maxLogLine)
}

func cutRaw(s string) string {
	if len(s) > maxLogRaw {
		return s[:maxLogRaw]
	}
	return s
}

func cutRunes(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// escapeControls writes characters that steer a terminal, or that end a line, so that they can be read: all controls but the
// tab, and those that turn the direction of text.
func escapeControls(s string) string {
	if strings.IndexFunc(s, steers) < 0 {
		return s
	}
	const digits = "0123456789abcdef"
	var b strings.Builder
	for _, r := range s {
		switch {
		case !steers(r):
			b.WriteRune(r)
		case r < 0x100:
			b.WriteString(`\x`)
			b.WriteByte(digits[r>>4])
			b.WriteByte(digits[r&15])
		default:
			b.WriteString(`\u`)
			for shift := 12; shift >= 0; shift -= 4 {
				b.WriteByte(digits[r>>shift&15])
			}
		}
	}
	return b.String()
}

func steers(r rune) bool {
	switch {
	case r == '\t':
		return false
	case r < 0x20, r >= 0x7f && r < 0xa0:
		return true
	case r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069, r == 0x2028, r == 0x2029:
		return true
	}
	return false
}
