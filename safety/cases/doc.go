// Package cases runs policy test files: each case is a set of bundles, a request, and what must be decided.
//
//	cases, problems := Parse(file, read)
//	report := Run(files, read)
//
// It owns the format (docs/policy.md) and the comparison; what is decided is package safety's. It never reads a file: the
// caller brings them in. Nothing in it depends on a clock or on chance.
//
// Begin reading at case.go (what a case is), then parse.go and run.go.
package cases
