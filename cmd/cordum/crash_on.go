//go:build crashtest

package main

import (
	"fmt"
	"os"
)

// orderedCrash fails where CORDUM_TEST_CRASH says: "CP5:2:exit" is the second time that the server passes CP5.
func orderedCrash() (*crasher, error) {
	text := os.Getenv("CORDUM_TEST_CRASH")
	if text == "" {
		return nil, nil
	}
	plan, err := parseCrash(text)
	return &crasher{plan: plan, told: func(what string) { fmt.Fprintf(os.Stderr, "crash: %s\n", what) }}, err
}
