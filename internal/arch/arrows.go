package arch

import "strings"

// everyone may be imported from anywhere in the module.
var everyone = []string{"internal/id", "internal/yamlx", "internal/codec"}

// arrows says which packages of the module a package may import, tests aside. The key and the values are folders
// below the module's root; "x/*" means x's direct and indirect sub-packages. The first matching rule of a list that is
// searched from the most exact name on decides; a package without a rule is a violation.
var arrows = map[string][]string{
	// The centre: pure values.
	"dag":               {},
	"steps/expr":        {},
	"config":            {},
	"saga":              {"dag"},
	"steps":             {"dag", "steps/expr"},
	"safety":            {"steps/expr", "safety/scan"},
	"safety/scan":       {},
	"engine":            {"dag", "saga", "steps", "steps/expr"},
	"engine/plan":       {"engine", "dag", "steps", "steps/expr", "saga", "safety"},
	"engine/plan/trial": {"engine", "engine/plan", "dag", "steps", "steps/expr", "saga", "safety", "scheduler"},
	"scheduler":         {"dag", "safety", "config"},
	"safety/cases":      {"safety", "dag"},
	"safety/channel":    {},
	"safety/kernel":     {"safety", "steps/expr"},
	"safety/remote":     {"safety", "steps/expr", "bus/wire", "bus/wire/kernel"},

	// The shells around it.
	"store":          {},
	"store/*":        {"store"},
	"store/backup":   {"store", "store/pebble"},
	"bus":            {"bus/wire"},
	"bus/wire":       {},
	"bus/pointers":   {},
	"bus/wire/*":     {"bus/wire"},
	"engine/runner":  {"engine", "dag", "steps", "steps/expr", "scheduler", "safety", "safety/scan", "config", "store", "bus", "bus/wire", "store/audit"},
	"engine/remote":  {"engine", "engine/runner", "dag", "safety", "store", "bus"},
	"packs":          {"dag", "steps", "safety", "config", "store"},
	"sdk/go":         {"bus/wire"},
	"sdk/go/exec":    {"sdk/go"},
	"sdk/go/api":     {}, // generated of a document: it knows no package of the server
	"steps/builtin":  {"steps", "steps/expr", "sdk/go"},
	"gateway":        {"engine", "engine/plan", "engine/runner", "scheduler", "safety", "safety/kernel", "saga", "steps", "dag", "store", "config", "packs"},
	"openapi":        {"gateway"}, // generation and its test
	"openapi/*":      {"gateway", "openapi"},
	"web":            {},
	"internal/id":    {},
	"internal/yamlx": {},
	"internal/codec": {},
	"internal/arch":  {},
	"internal/sim":   {}, // tests only: they wire the whole system

	// Addresses for the tests that start processes.
	"internal/freeport": {},

	// What work costs, for the tests that bound it.
	"internal/cputime": {},

	// Write pages of the docs from the code's own tables.
	"internal/statesdoc":    {"engine", "scheduler", "safety"},
	"internal/semanticsdoc": {"engine", "saga", "steps", "steps/expr", "dag"},

	// What strangers read first: an example imports what a user would.
	"examples":   {}, // its test runs them all
	"examples/*": {"sdk/go"},
	"deploy":     {}, // its test compares and runs what is there

	// Records of long checks, and what keeps them: many games, and faults planted into a copy of the tree.
	"internal/proof":            {}, // records and the page of what was measured
	"internal/proof/scoreboard": {"internal/proof"},
	"internal/proof/tests":      {"internal/proof"},                       // reads what the test runs said
	"internal/sim/order":        {},                                       // the runtime by which a seed is played the same each time
	"internal/sim/soak":         {"internal/proof", "internal/sim/order"}, // plays many
	"internal/mutants":          {"internal/proof", "internal/sim/order"},
	"internal/outside":          {}, // tests only: they start binaries, and import no package of the server

	// Starts Redis servers for tests, which alone import it.
	"internal/redisd": {"internal/freeport"},

	// Wiring.
	"cmd/*": {"*"},
}

// generators are main packages below a folder that write files of it; they may import the folder they belong to and
// what it may import. Nothing imports them.
const generators = "/gen"

// rule finds the arrows of a package: its own, else those of the nearest "parent/*".
func rule(pkg string) (allowed []string, ok bool) {
	if allowed, ok = arrows[pkg]; ok {
		return allowed, true
	}
	if owner, isGen := strings.CutSuffix(pkg, generators); isGen {
		if allowed, ok = arrows[owner]; ok {
			return append([]string{owner, owner + "/*"}, allowed...), true
		}
	}
	for parent := pkg; ; {
		cut := strings.LastIndexByte(parent, '/')
		if cut < 0 {
			return nil, false
		}
		parent = parent[:cut]
		if allowed, ok = arrows[parent+"/*"]; ok {
			return allowed, true
		}
	}
}

// mayImport tells whether the arrows let importer import imported.
func mayImport(importer, imported string) bool {
	allowed, _ := rule(importer)
	return matchesAny(imported, allowed) || matchesAny(imported, everyone)
}

// matchesAny tells whether a package is one of the patterns ("a", "a/*" or "*").
func matchesAny(pkg string, patterns []string) bool {
	for _, pattern := range patterns {
		if pattern == "*" || pattern == pkg {
			return true
		}
		if parent, ok := strings.CutSuffix(pattern, "/*"); ok && strings.HasPrefix(pkg, parent+"/") {
			return true
		}
	}
	return false
}
