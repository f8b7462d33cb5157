// Command worker is the worker of the migration example: five tools on real files in a folder of its own. Two of them undo
// what a failed migration did, from the backups; -fail makes one fail.
//
// Begin reading at main.go, which registers them; database.go has the data file and its two formats, archive.go the
// snapshot, restore.go the way back, broken.go the migration that fails, sample.go what an empty folder is filled with.
package main
