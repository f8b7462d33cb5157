// Package backup takes copies of a store, checks them and puts them back, and moves a store to one of another kind.
//
// A backup is a folder: a manifest (manifest.go) and beside it the files of an embedded store as they were at one moment
// (create.go: the server goes on meanwhile). It is whole or it is not there: it gets its name when everything in it is on disk.
// An export (export.go) is lines of JSON with everything that a store of any kind keeps, and a digest at its end.
//
// Both come back as a store of a higher generation (restore.go, import.go), so that whatever was handed out under the one before
// counts no more. What the records mean is not known here: whoever does hands its own check to [Verify].
//
// It never changes what it copies, never writes into a folder that holds something, and deletes nothing but what it left unfinished
// itself.
//
// Begin reading at [Create], then [Verify] and [Restore]. A server's own backups are kept by a [Shelf].
package backup
