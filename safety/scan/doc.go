// Package scan finds in a result what should not leave it: keys and passwords, personal data, text that is meant to steer
// a model. It owns the named patterns, what is checked behind each of them, and how a match is taken out of JSON.
//
// It never decides: what a finding means is for the rules that asked for it. A finding says what was found, where and how
// often, and never the value. Nothing here reads a clock or keeps anything; a [Set] may be used in many goroutines at once.
//
// A match depends on a bounded stretch of text around it, so text that comes in pieces gives what it gives in one
// ([Stream]). JSON is looked at as what it means: texts and the names of fields after their escapes are resolved, numbers
// as they are written. Time is linear in the text: one pass looks for the first four bytes of every pattern at once
// (lead.go), and only where they stand the pattern's expression (RE2) is tried, and then its check.
//
// Begin reading at pattern.go (what a pattern is) and the tables secrets.go, pii.go and injection.go; find.go is the pass
// over a text, json.go the one over a document, redact.go what is put in the place of a match, remove.go what is taken out
// by its name.
package scan
