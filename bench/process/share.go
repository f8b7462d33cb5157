package process

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// A Share gives its processes a part of a core and no more, by a group of the kernel's: so two of them have twice what one has,
// also on a machine where cores are few.
type Share struct{ folder string }

// cgroups is where Linux shows its groups.
const cgroups = "/sys/fs/cgroup"

// sharePeriod is how often a share is dealt out, in µs: often, so that nothing waits long for the next one.
const sharePeriod = 10_000

// NewShare makes a share. ErrUnknown: this system has none, or does not let this user make one.
func NewShare(cores float64) (*Share, error) {
	quota := int(cores * sharePeriod)
	parent, limit := filepath.Join(cgroups, "cpu"), map[string]string{
		"cpu.cfs_period_us": strconv.Itoa(sharePeriod), "cpu.cfs_quota_us": strconv.Itoa(quota),
	}
	if given, err := os.ReadFile(filepath.Join(cgroups, "cgroup.subtree_control")); err == nil {
		if !strings.Contains(" "+strings.TrimSpace(string(given))+" ", " cpu ") {
			return nil, fmt.Errorf("%w: its groups have no share of the processor", ErrUnknown)
		}
		parent, limit = cgroups, map[string]string{"cpu.max": fmt.Sprintf("%d %d", quota, sharePeriod)}
	}
	folder, err := os.MkdirTemp(parent, "cordum-bench-")
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnknown, err)
	}
	s := &Share{folder: folder}
	for file, value := range limit {
		if err := os.WriteFile(filepath.Join(folder, file), []byte(value), 0); err != nil {
			return nil, errors.Join(fmt.Errorf("%w: %w", ErrUnknown, err), s.Close())
		}
	}
	return s, nil
}

// Hold puts a process into the share, with all of its threads.
func (s *Share) Hold(p *Process) error {
	return os.WriteFile(filepath.Join(s.folder, "cgroup.procs"), []byte(strconv.Itoa(p.cmd.Process.Pid)), 0)
}

// Close removes the share. Its processes must have ended.
func (s *Share) Close() error {
	if err := os.Remove(s.folder); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
