package safety

import "cordum.dev/cordum/internal/yamlx"

// The older shape of constraints is an object of groups, whose names and units are those of the wire's
// PolicyConstraints. It is read into the constraints of the list's shape, so nobody else knows of it.

// olderFields says which constraint a field of a group means.
var olderFields = map[string]map[string]string{
	"budgets":   {"max_runtime_ms": MaxTimeout, "max_retries": MaxRetries, "max_artifact_bytes": MaxArtifactBytes, "max_concurrent_jobs": MaxConcurrent},
	"toolchain": {"allowed_tools": AllowedTools},
	"diff":      {"max_files": MaxDiffFiles, "max_lines": MaxDiffLines, "deny_path_globs": DenyPaths},
	"sandbox":   {"isolated": "isolated", "network_allowlist": "network", "fs_read_only": "fs_read_only", "fs_read_write": "fs_read_write"},
}

// olderRedaction is the one field that stands in no group.
const olderRedaction = "redaction_level"

// older reads an object of groups.
func (r *reader) older(n *yamlx.Node, at place) []Constraint {
	r.known(n, at, "constraints object", append(yamlx.SortedKeys(olderFields), olderRedaction)...)
	var out []Constraint
	for _, f := range n.Fields {
		below := at.below(f.Key, f.Value.Pos)
		fields, known := olderFields[f.Key]
		switch {
		case f.Key == olderRedaction:
			out = append(out, r.redaction(f.Value, below)...)
		case !known || !r.object(f.Value, below, f.Key):
		case f.Key == "sandbox":
			out = append(out, r.olderSandbox(f.Value, below, fields))
		default:
			out = append(out, r.olderGroup(f.Key, f.Value, below, fields)...)
		}
	}
	if len(out) == 0 && !r.refused {
		r.errorf(RuleMissingField, at, "no constraint is named; leave the field out where there is none")
	}
	return out
}

func (r *reader) olderGroup(group string, n *yamlx.Node, at place, fields map[string]string) []Constraint {
	r.known(n, at, group, yamlx.SortedKeys(fields)...)
	var out []Constraint
	for _, f := range n.Fields {
		kind, known := fields[f.Key]
		if !known {
			continue
		}
		c := Constraint{Type: kind}
		if r.value(&c, families[kind], f.Value, at.below(f.Key, f.Value.Pos)) {
			if f.Key == "max_runtime_ms" {
				c.Max = wholeSeconds(c.Max)
			}
			out = append(out, c)
		}
	}
	return out
}

// wholeSeconds never gives more time than was written, and some time where some was.
func wholeSeconds(ms int64) int64 {
	if ms > 0 && ms < 1000 {
		return 1
	}
	return ms / 1000
}

func (r *reader) olderSandbox(n *yamlx.Node, at place, fields map[string]string) Constraint {
	r.known(n, at, "sandbox", yamlx.SortedKeys(fields)...)
	renamed := &yamlx.Node{Kind: yamlx.Map, Pos: n.Pos}
	for _, f := range n.Fields {
		if name, known := fields[f.Key]; known {
			f.Key = name
			renamed.Fields = append(renamed.Fields, f)
		}
	}
	return Constraint{Type: SandboxType, Sandbox: r.sandbox(renamed, at)}
}

// redaction is one word in the older shape.
func (r *reader) redaction(n *yamlx.Node, at place) []Constraint {
	if text(n) == "" || len(n.Str) > MaxPattern {
		r.errorf(RuleBadValue, at, "%s is text of 1 to %d bytes", olderRedaction, MaxPattern)
		return nil
	}
	return []Constraint{{Type: Redact, List: []string{n.Str}}}
}
