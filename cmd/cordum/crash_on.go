//go:build crashtest

package main

import (
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
)

// crashHook dies by SIGKILL where CORDUM_TEST_CRASH says: "CP5:2" is the second time that the runner passes CP5.
func crashHook() func(string) {
	point, nth, ok := strings.Cut(os.Getenv("CORDUM_TEST_CRASH"), ":")
	n, err := strconv.ParseInt(nth, 10, 64)
	if !ok || err != nil {
		return nil
	}
	var hits atomic.Int64
	return func(at string) {
		if at == point && hits.Add(1) == n {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {} // nothing runs behind this point
		}
	}
}
