// Package examples holds workflows to begin from, each in a folder with its tests and a page that says what it shows.
//
// It has no code of its own but the test that lints every workflow and policy and runs every test file here, as `cordum
// workflow lint --strict`, `cordum workflow test` and `cordum policy test` do. The one example with a worker is migration. Begin reading at README.md.
package examples
