package dag

import (
	"regexp"
	"strings"
)

// Rules about ids.
const (
	RuleInvalidID   = "invalid_id"
	RuleDuplicateID = "duplicate_id"
)

var (
	workflowID = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,62}$`)
	stepID     = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,62}$`)
	// deviceName are the names that are no files on Windows, with any ending: ids become file names there.
	deviceName = regexp.MustCompile(`^(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?$`)
)

// ValidWorkflowID says whether s may be a workflow's id: up to 63 of a-z, 0-9, dot, hyphen and underscore, beginning
// with a letter or a digit, no dot beside a dot or at the end, and no name of a device.
func ValidWorkflowID(s string) bool {
	return workflowID.MatchString(s) && !strings.Contains(s, "..") && !strings.HasSuffix(s, ".") && !deviceName.MatchString(s)
}

// ValidStepID says whether s may be a step's id: as a workflow's, without dots.
func ValidStepID(s string) bool { return stepID.MatchString(s) && !deviceName.MatchString(s) }

// IDFromName derives a workflow's id from its name: lower case, a hyphen for whatever an id cannot hold. It is "" when
// nothing is left.
func IDFromName(name string) string {
	var out strings.Builder
	gap := false
	for _, c := range strings.ToLower(name) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			gap = true
			continue
		}
		if gap && out.Len() > 0 {
			out.WriteByte('-')
		}
		gap = false
		out.WriteRune(c)
	}
	id := strings.TrimRight(out.String()[:min(out.Len(), MaxIDLength)], "-")
	if !ValidWorkflowID(id) {
		return ""
	}
	return id
}
