//go:build unix && !linux

package exec

import (
	"errors"
	"syscall"
)

func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// restrict sets no limits where they cannot be set from outside.
func restrict(_ int, l Limits) error {
	if l != (Limits{}) {
		return errors.New("limits need Linux")
	}
	return nil
}
