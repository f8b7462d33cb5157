// Package codec is the one compact encoding of stored facts and snapshots: unsigned varints, zig-zag integers, length
// prefixed bytes.
//
// A type describes its fields once, in order, in a method Fields(*Codec); the same method encodes and decodes. Fields
// are only ever added at the end: what an older binary wrote decodes with the new fields at their zero values. The
// reader of a record knows its length, so a record cut in the middle of a field is an error, never a guess.
//
// It owns no types and no versions: which record is which is its caller's. engine, scheduler and safety describe their
// facts with it, and none of them can own it.
package codec
