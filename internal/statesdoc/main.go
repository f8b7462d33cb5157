package main

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"

	"cordum.dev/cordum/engine"
	"cordum.dev/cordum/safety"
	"cordum.dev/cordum/scheduler"
)

func main() {
	out := flag.String("out", "docs/states.md", "file to write")
	flag.Parse()
	page, err := render()
	if err == nil {
		err = os.WriteFile(*out, []byte(page), 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "statesdoc:", err)
		os.Exit(1)
	}
}

// move is a legal move of any machine.
type move struct{ from, to string }

// machine is one diagram and what is said below it.
type machine struct {
	title, intro string
	moves        []move
	says         map[string]string
	ends         []string // states in which it has ended although it may be brought back
}

func machines() []machine {
	return []machine{
		{"Run", runIntro, engineMoves(engine.RunMoves()), runSays, runEnds()},
		{"Step", stepIntro, engineMoves(engine.StepMoves()), stepSays, stepEnds()},
		{"A run's compensation", compensationIntro, engineMoves(engine.CompensationMoves()), compensationSays, []string{engine.CompensationDone.String()}},
		{"Compensation", undoIntro, engineMoves(engine.UndoMoves()), undoSays, nil},
		{"Job", jobIntro, jobMoves(), jobSays, nil},
		{"A job at a limit", limitIntro, limitMoves(), limitSays, nil},
		{"Approval", approvalIntro, approvalMoves(), approvalSays, approvalEnds()},
	}
}

func runEnds() (out []string) {
	for s := engine.RunPending; s <= engine.RunTimedOut; s++ {
		if s.Final() {
			out = append(out, s.String())
		}
	}
	return out
}

func stepEnds() (out []string) {
	for s := engine.StepPending; s <= engine.StepHeld; s++ {
		if s.Final() {
			out = append(out, s.String())
		}
	}
	return out
}

func engineMoves(list []engine.Move) (out []move) {
	for _, m := range list {
		out = append(out, move{m.From, m.To})
	}
	return out
}

func limitMoves() (out []move) {
	for _, m := range scheduler.LimitMoves() {
		out = append(out, move{m.From, m.To})
	}
	return out
}

func jobMoves() (out []move) {
	for _, m := range scheduler.JobMoves() {
		out = append(out, move{m.From, m.To})
	}
	return out
}

func approvalMoves() (out []move) {
	for _, m := range safety.ApprovalMoves() {
		out = append(out, move{m[0], m[1]})
	}
	return out
}

// approvalEnds are the states of an approval that was answered, or is not asked any more.
func approvalEnds() (out []string) {
	for s := safety.ApprovalDenied; s <= safety.ApprovalUsed; s++ {
		out = append(out, s.String())
	}
	return out
}

// render is the whole page.
func render() (string, error) {
	var b strings.Builder
	b.WriteString(pageIntro)
	for _, m := range machines() {
		if err := m.write(&b); err != nil {
			return "", fmt.Errorf("machine %s: %w", m.title, err)
		}
	}
	return b.String(), nil
}

// write draws the machine and says what each state is, in the order in which the moves name them.
func (m machine) write(b *strings.Builder) error {
	fmt.Fprintf(b, "\n## %s\n\n%s\n\n```mermaid\nstateDiagram-v2\n    [*] --> %s\n", m.title, m.intro, m.moves[0].from)
	states, left := m.states()
	for _, mv := range m.moves {
		fmt.Fprintf(b, "    %s --> %s\n", mv.from, mv.to)
	}
	for _, s := range states {
		if !left[s] || slices.Contains(m.ends, s) {
			fmt.Fprintf(b, "    %s --> [*]\n", s)
		}
	}
	b.WriteString("```\n\n| state | meaning |\n|---|---|\n")
	for _, s := range states {
		text, ok := m.says[s]
		if !ok {
			return fmt.Errorf("the state %q has no sentence", s)
		}
		switch {
		case !left[s]:
			text = "Final. " + text
		case slices.Contains(m.ends, s):
			text = "Ended. " + text
		}
		fmt.Fprintf(b, "| `%s` | %s |\n", s, text)
	}
	if len(m.says) != len(states) {
		return fmt.Errorf("%d sentences for %d states", len(m.says), len(states))
	}
	return nil
}

// states are the machine's states, and which of them are left by some move.
func (m machine) states() (all []string, left map[string]bool) {
	seen, left := map[string]bool{}, map[string]bool{}
	add := func(s string) {
		if !seen[s] {
			seen[s] = true
			all = append(all, s)
		}
	}
	for _, mv := range m.moves {
		add(mv.from)
		left[mv.from] = true
	}
	for _, mv := range m.moves {
		add(mv.to)
	}
	return all, left
}
