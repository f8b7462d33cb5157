// Command worker is the worker of the migration example: three tools on real files in a folder of its own.
//
// Begin reading at main.go, which registers them; database.go has the data file and its two formats, archive.go the
// snapshot, sample.go what an empty folder is filled with.
package main
