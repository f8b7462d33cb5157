package dag

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"cordum.dev/cordum/internal/yamlx"
)

func compareEdges(a, b Edge) int {
	return cmp.Or(strings.Compare(a.From, b.From), strings.Compare(a.To, b.To))
}

// Text renders the difference for a terminal: + is new, - is gone, ~ is changed.
func (d *Difference) Text() string {
	if d.Empty() {
		return "both mean the same\n"
	}
	var out strings.Builder
	section(&out, "workflow", len(d.Workflow), func() { fieldLines(&out, "  ", d.Workflow) })
	section(&out, "steps", len(d.Added)+len(d.Removed)+len(d.Changed), func() { d.stepLines(&out) })
	section(&out, "dependencies", len(d.Edges.Added)+len(d.Edges.Removed), func() { d.edgeLines(&out) })
	section(&out, "effects", len(d.Effects), func() {
		for _, e := range d.Effects {
			fmt.Fprintf(&out, "  ~ %s: %s → %s\n", e.ID, orNothing(e.Before), orNothing(e.After))
		}
	})
	d.undoLine(&out)
	return out.String()
}

func section(out *strings.Builder, title string, entries int, write func()) {
	if entries > 0 {
		out.WriteString(title + "\n")
		write()
	}
}

func (d *Difference) stepLines(out *strings.Builder) {
	for _, s := range d.Added {
		fmt.Fprintf(out, "  + %s (%s, effect %s)\n", s.ID, s.Type, s.Effect)
	}
	for _, s := range d.Removed {
		fmt.Fprintf(out, "  - %s (%s, effect %s)\n", s.ID, s.Type, s.Effect)
	}
	for _, s := range d.Changed {
		fmt.Fprintf(out, "  ~ %s\n", s.ID)
		fieldLines(out, "      ", s.Fields)
	}
}

func (d *Difference) edgeLines(out *strings.Builder) {
	for _, e := range d.Edges.Added {
		fmt.Fprintf(out, "  + %s → %s\n", e.From, e.To)
	}
	for _, e := range d.Edges.Removed {
		fmt.Fprintf(out, "  - %s → %s\n", e.From, e.To)
	}
}

func fieldLines(out *strings.Builder, indent string, fields []FieldChange) {
	for _, f := range fields {
		switch {
		case f.Before == nil:
			fmt.Fprintf(out, "%s+ %s: %s\n", indent, f.Field, yamlx.Clip(string(f.After)))
		case f.After == nil:
			fmt.Fprintf(out, "%s- %s: %s\n", indent, f.Field, yamlx.Clip(string(f.Before)))
		default:
			fmt.Fprintf(out, "%s~ %s: %s → %s\n", indent, f.Field, yamlx.Clip(string(f.Before)), yamlx.Clip(string(f.After)))
		}
	}
}

// undoLine says how much can be undone, when that changed or is not everything.
func (d *Difference) undoLine(out *strings.Builder) {
	before, after := d.Undo.Before, d.Undo.After
	same := before.Covered == after.Covered && before.Total == after.Total && slices.Equal(before.Missing, after.Missing)
	if same && len(after.Missing) == 0 {
		return
	}
	fmt.Fprintf(out, "undo coverage %d/%d → %d/%d", before.Covered, before.Total, after.Covered, after.Total)
	if len(after.Missing) > 0 {
		fmt.Fprintf(out, "  (nothing undoes %s)", strings.Join(shortList(after.Missing), ", "))
	}
	out.WriteByte('\n')
}

// maxNamed is how many steps a line names.
const maxNamed = 10

func shortList(ids []string) []string {
	if len(ids) <= maxNamed {
		return ids
	}
	return append(slices.Clone(ids[:maxNamed]), fmt.Sprintf("… (%d more)", len(ids)-maxNamed))
}

func orNothing(word string) string {
	if word == "" {
		return "no such step"
	}
	return word
}
