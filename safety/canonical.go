package safety

import (
	"cmp"
	"slices"

	"cordum.dev/cordum/internal/yamlx"
)

// canonicalSet writes a set in its one spelling: bundles and rules by name, plural fields, every value a list, each list
// sorted, defaults left out.
func canonicalSet(fallback Verdict, base, overlays []*bundle) ([]byte, error) {
	doc := map[string]any{"default": fallback.String()}
	for key, bundles := range map[string][]*bundle{"bundles": base, "overlays": overlays} {
		if len(bundles) > 0 {
			doc[key] = documents(bundles)
		}
	}
	return yamlx.AppendCanonical(nil, doc)
}

// sortedBundles are bundles by name.
func sortedBundles(bundles []*bundle) []*bundle {
	return slices.SortedFunc(slices.Values(bundles), func(a, b *bundle) int { return cmp.Compare(a.name, b.name) })
}

func documents(bundles []*bundle) []any {
	out := make([]any, 0, len(bundles))
	for _, b := range sortedBundles(bundles) {
		rules := make([]any, 0, len(b.rules))
		for _, r := range b.rules {
			rules = append(rules, r.document())
		}
		doc := map[string]any{"name": b.name, "rules": rules}
		b.addOutputRules(doc)
		out = append(out, doc)
	}
	return out
}

func (r *rule) document() map[string]any {
	out := map[string]any{"id": r.id, "match": r.matchDocument(), "decision": r.verdict.String()}
	if r.reason != "" {
		out["reason"] = r.reason
	}
	if len(r.constraints) > 0 {
		list := make([]any, 0, len(r.constraints))
		for i := range r.constraints {
			list = append(list, r.constraints[i].document())
		}
		out["constraints"] = list
	}
	if r.approval != nil {
		out["approval"] = r.approval.document()
	}
	return out
}

// fieldNames are the names of fields in a match, or in its mcp.
var fieldNames = func() map[field]string {
	names := map[field]string{}
	for _, table := range []map[string]field{matchFields, mcpFields} {
		for name, f := range table {
			names[f] = name
		}
	}
	return names
}()

func (r *rule) matchDocument() map[string]any {
	out, tags, mcp := map[string]any{}, map[string]any{}, map[string]any{}
	for i := range r.criteria {
		c := &r.criteria[i]
		values := anyList(c.patterns.texts)
		switch {
		case c.field == fieldTag:
			tags[c.key] = values
		case c.field.isMCP():
			mcp[fieldNames[c.field]] = values
		default:
			out[fieldNames[c.field]] = values
		}
	}
	if len(tags) > 0 {
		out["tags"] = tags
	}
	if len(mcp) > 0 {
		out["mcp"] = mcp
	}
	if r.when != nil {
		out["when"] = r.when.source
	}
	return out
}

func (a *RequiredApproval) document() map[string]any {
	out := map[string]any{"quorum": int64(a.Quorum), "deny_quorum": int64(a.DenyQuorum), "on_expiry": a.OnExpiry}
	if len(a.Approvers) > 0 {
		out["approvers"] = anyList(a.Approvers)
	}
	if a.Expires > 0 {
		out["expires"] = formatDuration(a.Expires)
	}
	if a.FourEyes != Unset {
		out["four_eyes"] = a.FourEyes == On
	}
	if a.ExcludeAuthor {
		out["exclude_author"] = true
	}
	if len(a.Escalate) > 0 {
		hops := make([]any, 0, len(a.Escalate))
		for _, e := range a.Escalate {
			hops = append(hops, map[string]any{"after": formatDuration(e.After), "to": anyList(e.To)})
		}
		out["escalate"] = hops
	}
	return out
}
