package plan

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	"cordum.dev/cordum/dag"
)

// The format is SARIF 2.1.0, an OASIS standard: what code hosts show beside a change.
const (
	sarifVersion = "2.1.0"
	sarifSchema  = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
	// docsRoot is where the pages of the rules are: SARIF wants whole addresses.
	docsRoot = "https://cordum.dev/"
)

type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool       sarifTool     `json:"tool"`
		ColumnKind string        `json:"columnKind"`
		Results    []sarifResult `json:"results"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name           string      `json:"name"`
		Version        string      `json:"version,omitempty"`
		InformationURI string      `json:"informationUri"`
		Rules          []sarifRule `json:"rules"`
	}
	sarifText struct {
		Text string `json:"text"`
	}
	sarifRule struct {
		ID      string    `json:"id"`
		Name    string    `json:"name"`
		Short   sarifText `json:"shortDescription"`
		Full    sarifText `json:"fullDescription"`
		HelpURI string    `json:"helpUri"`
		Default struct {
			Level string `json:"level"`
		} `json:"defaultConfiguration"`
	}
	sarifResult struct {
		RuleID    string          `json:"ruleId"`
		RuleIndex int             `json:"ruleIndex"`
		Level     string          `json:"level"`
		Message   sarifText       `json:"message"`
		Locations []sarifLocation `json:"locations"`
	}
	sarifLocation struct {
		Physical sarifPhysical  `json:"physicalLocation"`
		Logical  []sarifLogical `json:"logicalLocations,omitempty"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   *sarifRegion  `json:"region,omitempty"`
	}
	sarifArtifact struct {
		URI string `json:"uri"`
	}
	sarifRegion struct {
		StartLine   int `json:"startLine"`
		StartColumn int `json:"startColumn,omitempty"`
	}
	sarifLogical struct {
		FullyQualifiedName string `json:"fullyQualifiedName"`
	}
)

// SARIF is all findings as a SARIF 2.1.0 log of one run, of the tool in the given version ("" when it has none).
func SARIF(list []Finding, version string) ([]byte, error) {
	run := sarifRun{
		Tool:       sarifTool{sarifDriver{Name: "cordum", Version: version, InformationURI: docsRoot, Rules: []sarifRule{}}},
		ColumnKind: "unicodeCodePoints", Results: []sarifResult{},
	}
	index := sarifRules(list, &run.Tool.Driver)
	for _, f := range list {
		run.Results = append(run.Results, sarifResult{
			RuleID: sarifID(f), RuleIndex: index[sarifID(f)], Level: f.Severity,
			Message: sarifText{sarifMessage(f)}, Locations: []sarifLocation{sarifPlace(f)},
		})
	}
	out, err := json.MarshalIndent(sarifLog{sarifSchema, sarifVersion, []sarifRun{run}}, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("writing SARIF: %w", err)
	}
	return append(out, '\n'), nil
}

func sarifID(f Finding) string {
	if f.Code == "" {
		return f.Rule
	}
	return f.Code
}

// sarifRules describes the rules that the findings name, by id, and answers where each stands.
func sarifRules(list []Finding, driver *sarifDriver) map[string]int {
	named := map[string]Rule{}
	for _, f := range list {
		r, known := RuleNamed(f.Rule)
		if !known {
			r = Rule{Code: f.Rule, Name: f.Rule, Title: f.Rule, About: f.Rule}
		}
		named[r.Code] = r
	}
	for _, r := range named {
		d := sarifRule{ID: r.Code, Name: r.Name, Short: sarifText{r.Title}, Full: sarifText{r.About}, HelpURI: docsRoot + r.Docs()}
		d.Default.Level = r.Severity.String()
		driver.Rules = append(driver.Rules, d)
	}
	slices.SortFunc(driver.Rules, func(a, b sarifRule) int { return strings.Compare(a.ID, b.ID) })
	index := map[string]int{}
	for i, r := range driver.Rules {
		index[r.ID] = i
	}
	return index
}

func sarifMessage(f Finding) string {
	if f.Hint == "" {
		return f.Message
	}
	return fmt.Sprintf("%s (did you mean %q?)", f.Message, f.Hint)
}

func sarifPlace(f Finding) sarifLocation {
	at := sarifLocation{Physical: sarifPhysical{Artifact: sarifArtifact{fileURI(f.File)}}}
	if f.Line > 0 {
		at.Physical.Region = &sarifRegion{f.Line, f.Column}
	}
	if f.Location != "" {
		at.Logical = []sarifLogical{{f.Location}}
	}
	return at
}

// fileURI writes a file's name as a reference relative to where the tool runs, or as a file URI when it is absolute.
func fileURI(name string) string {
	if name == "" || name == "-" {
		name = "stdin"
	}
	absolute := strings.HasPrefix(name, "/")
	if name = path.Clean(name); absolute {
		return "file://" + escapePath(name)
	}
	return escapePath(name)
}

// escapePath percent-encodes what a path of a URI may not hold. A colon could be taken for the end of a scheme.
func escapePath(name string) string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/@+,="
	var out strings.Builder
	for i := range len(name) {
		if c := name[i]; strings.IndexByte(plain, c) >= 0 {
			out.WriteByte(c)
		} else {
			fmt.Fprintf(&out, "%%%02X", c)
		}
	}
	return out.String()
}

// Refused says whether findings refuse a definition: errors do, and warnings too when they are taken strictly.
func Refused(list []Finding, strict bool) bool {
	return slices.ContainsFunc(list, func(f Finding) bool { return strict || f.Severity == dag.Error.String() })
}
