package arch

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// ErrNothing says that the tree holds no Go package: the check looked in the wrong place.
var ErrNothing = errors.New("arch: no Go packages found")

// Violation is one place where the code leaves the map.
type Violation struct {
	Where string // file:line below the module's root, or a folder
	What  string
}

// String is the violation as one line.
func (v Violation) String() string { return v.Where + ": " + v.What }

// finding is a violation before its position has become a name.
type finding struct {
	pos  token.Pos
	what string
}

// Check reads every Go file of the module whose root is fsys and returns what breaks the map, in order of place.
// Folders with a go.mod of their own, testdata and hidden folders are not the module's. A file that does not parse is
// an error.
func Check(fsys fs.FS, module string) ([]Violation, error) {
	packages, err := folders(fsys)
	if err != nil {
		return nil, err
	}
	if len(packages) == 0 {
		return nil, ErrNothing
	}
	var violations []Violation
	for _, pkg := range packages {
		found, err := checkPackage(fsys, module, pkg)
		if err != nil {
			return nil, err
		}
		violations = append(violations, found...)
	}
	slices.SortFunc(violations, func(a, b Violation) int { return strings.Compare(a.Where, b.Where) })
	return violations, nil
}

// folders lists the folders below the root that hold Go files of this module.
func folders(fsys fs.FS) ([]string, error) {
	var found []string
	err := fs.WalkDir(fsys, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if name != "." && foreign(fsys, name) {
				return fs.SkipDir
			}
			return nil
		}
		dir := path.Dir(name)
		if strings.HasSuffix(name, ".go") && !slices.Contains(found, dir) {
			found = append(found, dir)
		}
		return nil
	})
	return found, err
}

// foreign tells whether a folder is not part of the module's code.
func foreign(fsys fs.FS, dir string) bool {
	base := path.Base(dir)
	if strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") || base == "testdata" || base == "node_modules" {
		return true
	}
	_, err := fs.Stat(fsys, path.Join(dir, "go.mod"))
	return err == nil
}

// checkPackage checks the files of one folder.
func checkPackage(fsys fs.FS, module, pkg string) ([]Violation, error) {
	names, err := fs.Glob(fsys, path.Join(pkg, "*.go"))
	if err != nil {
		return nil, err
	}
	var violations []Violation
	if _, ok := rule(pkg); !ok {
		violations = append(violations, Violation{pkg, "the package is not on the map; give it its arrows in internal/arch/arrows.go"})
	}
	if !slices.Contains(names, path.Join(pkg, "doc.go")) && !slices.ContainsFunc(names, documentedMain(fsys)) {
		violations = append(violations, Violation{pkg, "the package has no doc.go"})
	}
	for _, name := range names {
		found, err := checkFile(fsys, module, pkg, name)
		if err != nil {
			return nil, err
		}
		violations = append(violations, found...)
	}
	return violations, nil
}

// documentedMain matches a main.go that begins with a package comment: a command needs no doc.go beside it.
func documentedMain(fsys fs.FS) func(string) bool {
	return func(name string) bool {
		if path.Base(name) != "main.go" {
			return false
		}
		src, err := fs.ReadFile(fsys, name)
		if err != nil {
			return false
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, src, parser.PackageClauseOnly|parser.ParseComments)
		return err == nil && file.Doc != nil
	}
}

// checkFile checks one file.
func checkFile(fsys fs.FS, module, pkg, name string) ([]Violation, error) {
	src, err := fs.ReadFile(fsys, name)
	if err != nil {
		return nil, err
	}
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, name, src, parser.SkipObjectResolution)
	if err != nil {
		return nil, fmt.Errorf("arch: %w", err)
	}
	found := checkImports(file, module, pkg, strings.HasSuffix(name, "_test.go"))
	if matchesAny(pkg, pure) && !strings.HasSuffix(name, "_test.go") {
		found = append(found, impurities(file)...)
	}
	violations := make([]Violation, len(found))
	for i, f := range found {
		at := files.Position(f.pos)
		violations[i] = Violation{fmt.Sprintf("%s:%d", at.Filename, at.Line), f.what}
	}
	return violations, nil
}

// checkImports checks what a file imports. Tests may reach further into the module and use what is made for tests;
// the homes of modules hold for them as well, except that a test may drive its package through its real transport.
func checkImports(file *ast.File, module, pkg string, test bool) []finding {
	var found []finding
	for _, spec := range file.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			continue
		}
		if what := checkImport(imported, module, pkg, test); what != "" {
			found = append(found, finding{spec.Pos(), what})
		}
	}
	return found
}

// checkImport says what is wrong with one import, or nothing.
func checkImport(imported, module, pkg string, test bool) string {
	if imported == module || strings.HasPrefix(imported, module+"/") {
		if test {
			return ""
		}
		return checkArrow(pkg, strings.TrimPrefix(strings.TrimPrefix(imported, module), "/"))
	}
	if matchesAny(imported, testOnly) {
		if test || matchesAny(pkg, suites) {
			return ""
		}
		return fmt.Sprintf("%s is imported outside tests", imported)
	}
	if isStandard(imported) {
		return ""
	}
	name, allowed, has := home(imported)
	switch {
	case has && !matchesAny(pkg, allowed) && (!test || name == "gopkg.in/yaml.v3"):
		return fmt.Sprintf("%s is imported only in %s", name, strings.Join(allowed, ", "))
	case !has && !test && matchesAny(pkg, pure):
		return fmt.Sprintf("a pure package imports the module of %s, which has no home there", imported)
	}
	return ""
}

// checkArrow says what is wrong with an import inside the module, or nothing.
func checkArrow(importer, imported string) string {
	if matchesAny(imported, suites) && !matchesAny(importer, suites) {
		return fmt.Sprintf("%s is imported outside tests", imported)
	}
	if _, known := rule(importer); !known || mayImport(importer, imported) {
		return "" // an unknown importer has been reported once, as a whole
	}
	return fmt.Sprintf("%s must not import %s", importer, imported)
}
