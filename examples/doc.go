// Package examples holds workflows to begin from, each in a folder with its tests and a page that says what it shows.
//
// It has no code of its own but the test that lints every workflow and runs every test file here, as `cordum workflow
// lint --strict` and `cordum workflow test` do. The one example with a worker is migration. Begin reading at README.md.
package examples
