package dag

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"time"

	"cordum.dev/cordum/internal/yamlx"
)

// ownGap is where, in the order of a step's fields, those of its kind stand that have no place of their own.
const ownGap = "(own)"

// The order in which a definition is written.
var (
	workflowOrder = []string{
		"$schema", "language", "id", "name", "version", "description", "input", "context", "labels", "timeout", "on_failure",
		"cancel_grace", "concurrency", "output", "steps",
	}
	stepOrder = []string{
		"id", "name", "type", "description", "labels", "depends_on", "join", "when", "for_each", "max_parallel", "tolerate",
		"pack", "tool", "topic", ownGap, "input", "input_schema", "output_schema", "retry", "timeout", "queue_timeout", "total_timeout",
		"heartbeat_timeout", "on_timeout", "on_failure", "effect", "idempotent", "compensate", "pivot", "checkpoint", "resource_lock",
		"requires", "preferred_worker_id", "preferred_pool", "priority", "while", "until", "max_iterations", "steps",
	}
	compensationOrder = []string{
		"type", "pack", "tool", "topic", ownGap, "input", "retry", "timeout", "queue_timeout", "total_timeout", "heartbeat_timeout",
		"idempotent", "when_unknown", "resource_lock", "requires", "preferred_worker_id", "preferred_pool", "priority",
	}
	retryOrder = []string{"max_attempts", "initial", "max", "multiplier", "jitter", "on", "not_on"}
)

// maxFormatPasses bounds how often a document is written until writing it again changes nothing: where comments stand
// at odd places, that takes more than once.
const maxFormatPasses = 5

// Format answers a definition in its normal spelling: aliases as what they stand for, durations in one spelling,
// fields in the order of the language's description, an indent of two. Steps stay in the order of the file, comments
// and blank lines between entries stay; a document with anchors keeps the spelling and the order of its fields, because
// what an anchor names may stand at several places. JSON stays JSON. What cannot be written so without losing
// a comment or changing the digest is answered as it is. Formatting what was formatted changes nothing.
//
// The text is nil when the definition has errors, which are among the diagnostics.
func Format(src []byte, format yamlx.Format) ([]byte, []Diagnostic) {
	def, list := ParseOneShot(src, format)
	if def == nil {
		return nil, list
	}
	text := src
	for range maxFormatPasses {
		next, ok := formatOnce(text, format, def.Digest)
		if !ok {
			return src, list
		}
		if bytes.Equal(next, text) {
			return text, list
		}
		text = next
	}
	return src, list
}

// formatOnce writes a definition once. It says no when the outcome would not be the same definition with the same
// comments.
func formatOnce(src []byte, format yamlx.Format, digest string) ([]byte, bool) {
	doc, err := yamlx.Open(src, format)
	if err != nil || doc.Root() == nil {
		return nil, false
	}
	if !doc.Repeats() {
		formatWorkflow(doc.Root())
	}
	text, err := doc.Bytes()
	if err != nil {
		return nil, false
	}
	def, _ := ParseOneShot(text, format)
	again, err := yamlx.Open(text, format)
	if def == nil || def.Digest != digest || err != nil || !slices.Equal(doc.Comments(), again.Comments()) {
		return nil, false
	}
	return text, slices.Equal(commentLines(src), commentLines(text))
}

// commentLines are the lines that look like a comment, sorted: what the reader of YAML loses shows here.
func commentLines(text []byte) []string {
	var out []string
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimLeft(strings.TrimSpace(line), "- "); strings.HasPrefix(line, "#") {
			out = append(out, line)
		}
	}
	slices.Sort(out)
	return out
}

func formatWorkflow(w *yamlx.Branch) {
	w.Rename("input_schema", "input")
	spellDuration(w, "timeout", "timeout_sec")
	spellDuration(w, "cancel_grace", "")
	w.Order(workflowOrder, "")
	for _, s := range w.Children("steps") {
		formatStep(s)
	}
}

func formatStep(s *yamlx.Branch) {
	if s.Scalar("type") != kindCondition {
		s.Rename("condition", "when")
	}
	for name, alias := range ownDurations {
		spellDuration(s, name, alias)
	}
	for _, hop := range s.Children("escalate") {
		spellDuration(hop, "after", "")
	}
	formatJob(s)
	if c := s.Child("compensate"); c != nil {
		formatJob(c)
		c.Order(compensationOrder, ownGap)
	}
	s.Order(stepOrder, ownGap)
	if s.Scalar("type") != kindLoop {
		return
	}
	for _, inner := range s.Children("steps") {
		formatStep(inner)
	}
}

// formatJob spells what a step and a compensation have in common.
func formatJob(s *yamlx.Branch) {
	spellDuration(s, "timeout", "timeout_sec")
	for _, name := range []string{"queue_timeout", "total_timeout", "heartbeat_timeout"} {
		spellDuration(s, name, "")
	}
	r := s.Child("retry")
	if r == nil {
		return
	}
	if n, err := strconv.ParseInt(r.Scalar("max_retries"), 10, 64); err == nil {
		r.SetInt("max_retries", n+1)
		r.Rename("max_retries", "max_attempts")
	}
	spellDuration(r, "initial", "initial_backoff_sec")
	spellDuration(r, "max", "max_backoff_sec")
	r.Order(retryOrder, "")
}

// spellDuration writes a duration in its one spelling, under its own name. What is none stays.
func spellDuration(b *yamlx.Branch, name, alias string) {
	if d, err := ParseDuration(b.Scalar(name)); err == nil {
		b.SetText(name, FormatDuration(d))
	}
	if alias == "" || b.Has(name) {
		return
	}
	n, err := strconv.ParseInt(b.Scalar(alias), 10, 64)
	if err == nil && n > 0 && n <= int64(MaxDuration/time.Second) {
		b.SetText(alias, FormatDuration(time.Duration(n)*time.Second))
		b.Rename(alias, name)
	}
}
