package main

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"cordum.dev/cordum/engine/runner"
)

// runDetail shows a run alone: its two states, what waits for a person, and its steps with what undid them.
func runDetail(p *printer, r runner.RunView) {
	now := time.Now()
	p.fact("run", text(r.ID))
	p.fact("workflow", text(r.Workflow))
	p.fact("definition", text(r.Digest))
	p.fact("state", state(r.State))
	p.fact("compensation", state(r.Compensation))
	p.fact("started", text(strings.TrimSpace(ago(r.StartedAt, now)+" by "+r.StartedBy)))
	p.fact("took", text(span(r.StartedAt, r.EndedAt, now)))
	p.fact("rerun of", text(r.RerunOf))
	p.fact("fork of", text(r.ForkOf))
	if r.Parent != nil {
		p.fact("part of", text("run "+r.Parent.RunID+", step "+r.Parent.Step))
	}
	if r.Error != nil {
		p.fact("error", cell{r.Error.Code + ": " + r.Error.Message, bad})
	}
	p.fact("kept", text(strings.Join(r.Kept, ", ")))
	if len(r.Output) > 0 {
		p.fact("output", text(clipText(string(r.Output), 400)))
	}
	for _, h := range r.Held {
		h.RunID = r.ID
		p.fact("held", cell{heldText(h), held})
		_ = p.line("  " + nextForHeld(h)) // kept in p.err
	}
	if len(r.Steps) == 0 {
		return
	}
	_ = p.line("") // as above
	var rows [][]cell
	for _, s := range inOrder(r.Steps) {
		rows = append(rows, stepRow(s, now))
	}
	_ = p.table([]string{"STEP", "TYPE", "STATE", "ATTEMPT", "WORKER", "TOOK", ""}, rows) // as above
}

// heldText says which compensation is held, and why.
func heldText(h runner.HeldView) string {
	if h.Error == nil {
		return h.Step
	}
	return h.Step + ": " + h.Error.Code + ": " + h.Error.Message
}

// nextForHeld is what a person may do about a held compensation.
func nextForHeld(h runner.HeldView) string {
	return fmt.Sprintf("cordum run compensation retry|skip|done %s %s --reason 'why'", h.RunID, shellWord(h.Step))
}

// shellWord quotes a path that a shell would take for a pattern.
func shellWord(s string) string {
	if strings.ContainsAny(s, "[]") {
		return "'" + s + "'"
	}
	return s
}

// stepName is what people call a step of a run.
func stepName(s *runner.StepView) string { return orElse(s.Path, s.ID) }

func stepRow(s *runner.StepView, now time.Time) []cell {
	attempt, duration := "", ""
	if s.Attempt > 0 {
		attempt = strconv.Itoa(s.Attempt)
	}
	if s.StartedAt != nil {
		duration = span(*s.StartedAt, s.EndedAt, now)
	}
	return []cell{text(stepName(s)), text(s.Type), state(s.State), text(attempt), text(s.Worker), text(duration), text(clipText(stepSays(s), 80))}
}

// stepSays is the one thing worth saying about a step.
func stepSays(s *runner.StepView) string {
	switch {
	case s.Error != nil:
		return s.Error.Code + ": " + s.Error.Message
	case s.Progress != nil && s.EndedAt == nil:
		return strings.TrimSpace(strconv.Itoa(s.Progress.Percent) + " % " + s.Progress.Message)
	case s.Iterations != nil:
		return iterationsText(s.Iterations)
	case s.ChildRun != "":
		return "run " + s.ChildRun
	case s.Reason != "":
		return s.Reason
	}
	return ""
}

// iterationsText counts the iterations of a fan-out in words.
func iterationsText(c *runner.CountsView) string {
	parts := []string{fmt.Sprintf("%d of %d succeeded", c.Succeeded, c.Total)}
	if c.Bad > 0 {
		parts = append(parts, fmt.Sprintf("%d bad", c.Bad))
	}
	if c.Running > 0 {
		parts = append(parts, fmt.Sprintf("%d running", c.Running))
	}
	return strings.Join(parts, ", ")
}

// outputText is an output as one line of a table.
func outputText(raw json.RawMessage) string { return clipText(string(raw), 60) }
