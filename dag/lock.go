package dag

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// MaxLockName is how many bytes the name of a lock has at most: with a tenant's and a job's it fits into a key of the store.
const MaxLockName = 200

// CheckLockName says what is wrong with the name of a resource lock; nil when nothing is. A name is a line of text.
func CheckLockName(name string) error {
	switch {
	case name == "":
		return fmt.Errorf("resource_lock gives no name: it has 1 to %d bytes", MaxLockName)
	case len(name) > MaxLockName:
		return fmt.Errorf("resource_lock gives a name of %d bytes, at most %d", len(name), MaxLockName)
	case !utf8.ValidString(name) || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return fmt.Errorf("resource_lock gives a name that is no line of text")
	}
	return nil
}
