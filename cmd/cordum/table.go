package main

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// tone is what a text means; colour repeats it, words carry it.
type tone uint8

const (
	plain tone = iota
	good
	bad
	busy
	held
	soft
)

// escapes of the tones: the eight basic colours, which every terminal maps to something readable.
var toneEscapes = map[tone]string{good: "\x1b[32m", bad: "\x1b[31m", busy: "\x1b[34m", held: "\x1b[33m", soft: "\x1b[2m"}

const escapeOff = "\x1b[0m"

// cell is a text of a table.
type cell struct {
	text string
	tone tone
}

func text(s string) cell { return cell{text: s} }

// state shows a state by its word, with its colour.
func state(s string) cell { return cell{s, toneOf(s)} }

func toneOf(s string) tone {
	switch s {
	case "succeeded", "approved", "alive", "done":
		return good
	case "failed", "timed_out", "timeout", "denied", "rejected", "expired", "faulted", "lost":
		return bad
	case "running", "dispatched", "scheduled":
		return busy
	case "waiting", "paused", "retrying", "approval_required", "draining", "held":
		return held
	}
	return plain
}

// paint colours text when colours are on.
func (p *printer) paint(s string, t tone) string {
	escape := toneEscapes[t]
	if !p.color || escape == "" || s == "" {
		return s
	}
	return escape + s + escapeOff
}

const columnGap = "  "

// table prints aligned columns; the last is not padded.
func (p *printer) table(header []string, rows [][]cell) error {
	widths := make([]int, len(header))
	for i, h := range header {
		widths[i] = utf8.RuneCountInString(h)
	}
	for _, row := range rows {
		for i := range row {
			row[i].text = oneLine(row[i].text)
			widths[i] = max(widths[i], utf8.RuneCountInString(row[i].text))
		}
	}
	head := make([]cell, len(header))
	for i, h := range header {
		head[i] = cell{h, soft}
	}
	p.row(widths, head)
	for _, row := range rows {
		p.row(widths, row)
	}
	return p.err
}

func (p *printer) row(widths []int, row []cell) {
	var b strings.Builder
	for i, c := range row {
		if i > 0 {
			b.WriteString(columnGap)
		}
		b.WriteString(p.paint(c.text, c.tone))
		if i < len(row)-1 {
			b.WriteString(strings.Repeat(" ", widths[i]-utf8.RuneCountInString(c.text)))
		}
	}
	_ = p.line(strings.TrimRight(b.String(), " ")) // kept in p.err
}

// fact prints one "name  value" line of a thing shown alone.
func (p *printer) fact(name string, c cell) {
	if c.text == "" {
		return
	}
	_ = p.line(fmt.Sprintf("%-13s %s", name, p.paint(oneLine(c.text), c.tone))) // kept in p.err
}

// oneLine keeps what others wrote from moving the cursor or faking lines: control and format characters are shown as
// a mark.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || unicode.In(r, unicode.Zl, unicode.Zp) {
			return '·'
		}
		return r
	}, s)
}

func clipText(s string, limit int) string {
	runes := []rune(s)
	if len(runes) <= limit {
		return s
	}
	return string(runes[:limit-1]) + "…"
}

// ago says a time for people: how long ago, or the date when that is days.
func ago(t, now time.Time) string {
	if t.IsZero() {
		return ""
	}
	d := now.Sub(t)
	switch {
	case d < 0:
		return t.Local().Format("2006-01-02 15:04:05")
	case d < 2*time.Second:
		return "just now"
	case d < time.Minute:
		return fmt.Sprintf("%ds ago", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm ago", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh ago", int(d.Hours()))
	}
	return t.Local().Format("2006-01-02 15:04")
}

// span says how long something took or has taken so far.
func span(begin time.Time, end *time.Time, now time.Time) string {
	if begin.IsZero() {
		return ""
	}
	if end != nil {
		now = *end
	}
	return took(now.Sub(begin))
}

func took(d time.Duration) string {
	switch {
	case d < 0:
		return "0ms"
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < time.Minute:
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}
