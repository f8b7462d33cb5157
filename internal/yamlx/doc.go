// Package yamlx turns a YAML or JSON document into one tree of positioned nodes, and a value into its one canonical
// text.
//
// It owns what is common to every file people write for us: the encoding, the depth, duplicate keys, tags, aliases,
// which scalars are numbers. It never knows what a document means: that is for the reader of the tree. It is the only
// package that imports a YAML library.
//
// A document that is refused is refused by one *Error with a rule, a message and a place. Nothing here recurses deeper
// than MaxDepth levels of the document, and nothing an alias repeats is built twice.
//
// A Document is the other way to hold a document: for writing it again as people wrote it, comments and all. It judges
// nothing; who changes one parses what came out.
//
// Begin with Parse, then json.go and yaml.go; canonical.go is the way back to text, edit.go and write.go are Document.
package yamlx
