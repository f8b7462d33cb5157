package arch

import "strings"

// homes says where an external module may be imported. A module that is not listed may be imported by every package
// that is not pure. Replacing a module is then a change in its home.
var homes = map[string][]string{
	"gopkg.in/yaml.v3":                      {"internal/yamlx"},
	"github.com/expr-lang/expr":             {"steps/expr"},
	"github.com/santhosh-tekuri/jsonschema": {"dag", "steps", "steps/expr"},
	"github.com/oklog/ulid":                 {"internal/id", "engine/runner"},
	"github.com/cockroachdb/pebble":         {"store/pebble"},
	"github.com/nats-io/nats-server":        {"bus"},
	"github.com/nats-io/nats.go":            {"bus", "sdk/go", "steps/builtin", "cmd/*"},
	"github.com/danielgtaylor/huma":         {"gateway"},
	"github.com/gorilla/websocket":          {"gateway", "cmd/*"},
	"github.com/spf13/cobra":                {"cmd/*"},
	"google.golang.org/protobuf":            {"bus/wire", "bus/wire/*", "sdk/go", "engine/runner"},
	"github.com/Shopify/toxiproxy":          {"internal/outside"}, // tests
	"github.com/anishathalye/porcupine":     {"internal/outside"}, // tests
	"github.com/rs/zerolog":                 {"internal/outside"}, // tests: a logger for toxiproxy
	"google.golang.org/grpc":                {"bus/wire/kernel", "safety/remote"},
}

// testOnly may be imported by tests and by the suites that only tests use.
var testOnly = []string{"testing", "testing/*", "pgregory.net/rapid"}

// suites are packages made for tests; nothing but tests and other suites imports them.
var suites = []string{"store/storetest", "store/faults", "internal/freeport", "internal/redisd", "internal/cputime"}

// home finds the module that an import belongs to and where it may be imported.
func home(path string) (module string, allowed []string, ok bool) {
	for module, allowed := range homes {
		if path == module || strings.HasPrefix(path, module+"/") {
			return module, allowed, true
		}
	}
	return "", nil, false
}

// isStandard tells whether an import path is of the standard library: its first element has no dot.
func isStandard(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return !strings.Contains(first, ".")
}
