// Package expr compiles and runs the expressions of workflows, and the templates that hold them.
//
// It owns what an expression may say (names, functions, size), what it may cost, and what a template renders to. The
// language is that of github.com/expr-lang/expr; this package takes from it whatever is not deterministic or not
// bounded: there is no clock, no randomness and no environment, every loop and every operation on data is counted,
// arithmetic that overflows or divides by zero is an error, and nothing a person writes can end the process or keep
// it busy for long. It never knows runs or workflows: who evaluates says what the names mean, in an Env.
//
// A secret has no value here. ${secrets.TOKEN}, where a scope allows it, renders to the object {"$secret": "TOKEN"}, and
// within a text to {"$secret": ["Bearer ", {"$secret": "TOKEN"}]}: the pieces of the text in order. Whoever executes puts
// the values in (ResolveSecrets), in memory, at the last moment. Such objects come from templates alone: one that a run's
// input or a worker's answer has fails the template that would pass it on, and one that is written out is refused, so
// nobody but the workflow's author decides where a secret goes.
//
// What is declared (schemas of the input and of outputs, Scope) is checked when an expression is compiled: fields that
// do not exist, and operations that cannot be right whatever the values are. Null is never taken for a mistake.
//
// Values are those of JSON: nil, bool, int64, float64, string, []any, map[string]any. They are never changed once
// given or returned, and may be shared.
//
// Begin with scope.go (the names), then compile.go (the way from text to program), session.go (a run), template.go. types.go
// is the check against schemas, secret.go all about secrets.
package expr
