// Package arch is the import map of the project as data, and the check that the code follows it.
//
// It owns which package may import which (arrows.go), which packages are pure and what that forbids (purity.go), and
// which external module has its one home (homes.go). It reads source files and never runs or changes them. A package
// that the map does not name is a violation: a new folder is added here on purpose, with its arrows.
//
// Begin reading at arrows.go.
package arch
