package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"cordum.dev/cordum/engine/runner"
)

// newDisplay is a live view on a terminal, plain lines everywhere else. Both write to stderr: stdout has the result.
func (a *app) newDisplay() display {
	p := &printer{w: a.errOut, color: a.errTTY && !a.flags.noColor}
	if a.errTTY && a.flags.output == "table" && a.envOr("TERM", "") != "dumb" {
		return &liveDisplay{p: p, size: terminalSize(a.errOut), dirty: true}
	}
	return &lineDisplay{p: p}
}

// terminalSize asks the terminal at every frame, as windows change.
func terminalSize(w io.Writer) func() (width, height int) {
	return func() (int, int) {
		if file, ok := w.(*os.File); ok {
			if width, height, err := term.GetSize(int(file.Fd())); err == nil && width > 0 && height > 0 {
				return width, height
			}
		}
		return 80, 24
	}
}

// lineDisplay writes one line per event.
type lineDisplay struct{ p *printer }

func (d *lineDisplay) event(e runner.Event)   { _ = d.p.line(eventLine(d.p, e)) } // progress that cannot be written is no reason to stop
func (d *lineDisplay) note(s string)          { _ = d.p.line("note: " + s) }      // as above
func (d *lineDisplay) refresh(runner.RunView) {}
func (d *lineDisplay) wantsRefresh() bool     { return false }
func (d *lineDisplay) pause()                 {}
func (d *lineDisplay) finish(runner.RunView)  {}

// liveDisplay keeps a small picture of the run at the bottom of the terminal: one line per step.
type liveDisplay struct {
	p     *printer
	size  func() (width, height int)
	run   runner.RunView
	lines int  // of the picture on the screen
	dirty bool // something has happened since the run was read
	frame int
	cost  time.Duration // of the last reading
	read  time.Time
}

// spinner turns while a step runs.
var spinner = []rune("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏")

func (d *liveDisplay) event(runner.Event) { d.dirty = true }

func (d *liveDisplay) note(s string) {
	d.erase()
	_ = d.p.line(s) // progress that cannot be written is no reason to stop
	d.draw()
}

// wantsRefresh asks for a reading after news, and turns the spinner otherwise. Reading takes at most a fifth of the time.
func (d *liveDisplay) wantsRefresh() bool {
	now := time.Now()
	if d.dirty && now.Sub(d.read) > 5*d.cost {
		d.read = now
		return true
	}
	d.redraw()
	return false
}

func (d *liveDisplay) refresh(run runner.RunView) {
	d.cost = time.Since(d.read)
	d.run, d.dirty = run, false
	d.redraw()
}

func (d *liveDisplay) pause() { d.erase() }

func (d *liveDisplay) finish(runner.RunView) { d.erase() }

func (d *liveDisplay) redraw() {
	d.erase()
	d.draw()
}

// erase takes the picture away; what is written next stands in its place.
func (d *liveDisplay) erase() {
	if d.lines > 0 {
		d.p.write(fmt.Sprintf("\x1b[%dA\x1b[J", d.lines))
		d.lines = 0
	}
}

func (d *liveDisplay) draw() {
	if d.run.ID == "" {
		return
	}
	d.frame++
	width, height := d.size()
	steps := d.visible(max(1, height-3))
	now := time.Now()
	lines := []string{d.headline(now)}
	longest := 0
	for _, s := range steps {
		longest = max(longest, len([]rune(stepName(s))))
	}
	for _, s := range steps {
		lines = append(lines, d.stepLine(s, min(longest, 32), now, width))
	}
	if hidden := len(d.run.Steps) - len(steps); hidden > 0 {
		lines = append(lines, d.p.paint(fmt.Sprintf("  and %d more steps", hidden), soft))
	}
	d.p.write(strings.Join(lines, "\n") + "\n")
	d.lines = len(lines)
}

func (d *liveDisplay) headline(now time.Time) string {
	states := d.p.paint(d.run.State, toneOf(d.run.State))
	if c := d.run.Compensation; c != "" && c != "none" {
		states += ", compensation " + d.p.paint(c, toneOf(c))
	}
	return fmt.Sprintf("%s %s  %s", d.run.Workflow, states, d.p.paint(span(d.run.StartedAt, d.run.EndedAt, now), soft))
}

// visible picks the steps that fit: what is under way or went wrong first, shown in the order in which they began.
func (d *liveDisplay) visible(room int) []*runner.StepView {
	all := inOrder(d.run.Steps)
	if len(all) <= room {
		return all
	}
	picked := make([]bool, len(all))
	left := room
	for _, wanted := range []func(tone) bool{
		func(t tone) bool { return t == busy || t == held || t == bad },
		func(t tone) bool { return t == plain },
		func(tone) bool { return true },
	} {
		for i, s := range all {
			if left > 0 && !picked[i] && wanted(toneOf(s.State)) {
				picked[i] = true
				left--
			}
		}
	}
	out := make([]*runner.StepView, 0, room)
	for i, s := range all {
		if picked[i] {
			out = append(out, s)
		}
	}
	return out
}

func (d *liveDisplay) stepLine(s *runner.StepView, nameWidth int, now time.Time, width int) string {
	duration := ""
	if s.StartedAt != nil {
		duration = span(*s.StartedAt, s.EndedAt, now)
	}
	name := clipText(stepName(s), nameWidth)
	left := fmt.Sprintf("  %c %-*s  ", d.icon(s.State), nameWidth, name)
	rest := fmt.Sprintf("%8s  %s", duration, oneLine(strings.TrimSpace(s.Worker+"  "+stepSays(s))))
	room := width - len([]rune(left)) - stateWidth - 1
	return left + d.p.paint(fmt.Sprintf("%-*s", stateWidth, s.State), toneOf(s.State)) + clipText(rest, max(room, 1))
}

const stateWidth = 10

func (d *liveDisplay) icon(state string) rune {
	switch toneOf(state) {
	case good:
		return '✓'
	case bad:
		return '✗'
	case busy:
		return spinner[d.frame%len(spinner)]
	case held:
		return '…'
	}
	return '·'
}
