// Package storetest is the one suite that every implementation of [cordum.dev/cordum/store.Store] passes. It owns what
// the contract's sentences mean when something goes wrong, a small model to compare with, and nothing else: no test in
// it knows which store it runs on.
//
// Begin reading at [Run], then model.go, which is the contract in its shortest form.
package storetest
