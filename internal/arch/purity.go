package arch

import (
	"go/ast"
	"strconv"
	"strings"
)

// pure are the packages that take values and return values: time and randomness arrive as arguments.
var pure = []string{
	"dag", "steps", "steps/expr", "saga", "engine", "engine/plan", "engine/plan/trial", "safety", "safety/scan", "safety/cases", "scheduler", "config",
	"internal/id", "internal/yamlx", "internal/codec",
}

// impureImports may not be imported by a pure package; "x/*" means sub-packages.
var impureImports = []string{
	"context", "net", "net/*", "os", "os/*", "log", "log/*", "math/rand", "math/rand/*", "crypto/rand", "syscall",
	"runtime", "runtime/*", "sync/atomic",
}

// clockCalls are the functions of package time that read or wait for the machine's clock.
var clockCalls = []string{
	"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "NewTimer", "NewTicker", "Tick",
}

// impurities lists what a file of a pure package does that a pure package must not, tests aside.
func impurities(file *ast.File) []finding {
	var found []finding
	clock := ""
	for _, spec := range file.Imports {
		path, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			continue
		}
		if matchesAny(path, impureImports) {
			found = append(found, finding{spec.Pos(), "a pure package imports " + path})
		}
		if path == "time" {
			clock = localName(spec, "time")
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			found = append(found, finding{n.Pos(), "a pure package starts a goroutine"})
		case *ast.SelectorExpr:
			if pkg, ok := n.X.(*ast.Ident); ok && clock != "" && pkg.Name == clock && matchesAny(n.Sel.Name, clockCalls) {
				found = append(found, finding{n.Pos(), "a pure package calls time." + n.Sel.Name})
			}
		}
		return true
	})
	return found
}

// localName is the name by which a file knows an import.
func localName(spec *ast.ImportSpec, path string) string {
	if spec.Name != nil {
		return spec.Name.Name
	}
	return path[strings.LastIndexByte(path, '/')+1:]
}
