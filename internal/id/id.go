package id

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"
)

// ErrMalformed says a string is not an identifier of the kind asked for.
var ErrMalformed = errors.New("malformed id")

// MaxPartitions is how many partitions two hexadecimal digits can name.
const MaxPartitions = 256

const runLen = 2 + ulid.EncodedSize

// Run makes the id of a run in a partition. The ULID brings time and randomness.
func Run(partition int, u ulid.ULID) string {
	return fmt.Sprintf("%02X%s", partition, u)
}

// Partition reads the partition of a run id or of anything that begins with one.
func Partition(s string) (int, error) {
	run := RunOf(s)
	if len(run) != runLen {
		return 0, fmt.Errorf("%w: %q is no run id", ErrMalformed, clip(s))
	}
	p, err := strconv.ParseUint(run[:2], 16, 8)
	if err != nil || run[:2] != strings.ToUpper(run[:2]) {
		return 0, fmt.Errorf("%w: %q is no run id", ErrMalformed, clip(s))
	}
	if _, err := ulid.ParseStrict(run[2:]); err != nil || run[2:] != strings.ToUpper(run[2:]) {
		return 0, fmt.Errorf("%w: %q is no run id", ErrMalformed, clip(s))
	}
	return int(p), nil
}

// IsRun tells whether s is exactly a run id.
func IsRun(s string) bool {
	if len(s) != runLen {
		return false
	}
	_, err := Partition(s)
	return err == nil
}

// RunOf cuts an id of a job or attempt down to its run's.
func RunOf(s string) string {
	run, _, _ := strings.Cut(s, ".")
	return run
}

// Job makes the id of the work of one step iteration.
func Job(run, step string, iteration int) string {
	return run + "." + step + "~" + strconv.Itoa(iteration)
}

// Attempt makes the id that goes on the wire: the bare job id for the first attempt, so that a plain CAP worker sees
// the job's own name, and @n after it.
func Attempt(job string, n int) string {
	if n <= 1 {
		return job
	}
	return job + "@" + strconv.Itoa(n)
}

// JobRef is a job or attempt id taken apart.
type JobRef struct {
	Partition int
	Run       string
	Step      string
	Iteration int
	Attempt   int // 1 when the id names none
}

// ParseJob takes a job or attempt id apart.
func ParseJob(s string) (JobRef, error) {
	bad := fmt.Errorf("%w: %q is no job id", ErrMalformed, clip(s))
	run, rest, ok := strings.Cut(s, ".")
	if !ok || !IsRun(run) {
		return JobRef{}, bad
	}
	p, _ := Partition(run)
	ref := JobRef{Partition: p, Run: run, Attempt: 1}
	if job, n, has := strings.Cut(rest, "@"); has {
		a, err := number(n)
		if err != nil || a < 2 {
			return JobRef{}, bad
		}
		rest, ref.Attempt = job, a
	}
	step, iter, ok := strings.Cut(rest, "~")
	if !ok || step == "" {
		return JobRef{}, bad
	}
	i, err := number(iter)
	if err != nil {
		return JobRef{}, bad
	}
	ref.Step, ref.Iteration = step, i
	return ref, nil
}

// HashPartition places a name (an idempotency key, a limit, a pool) in one of n partitions; the same everywhere.
func HashPartition(name string, n int) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(name))
	return int(h.Sum32() % uint32(n))
}

// number reads digits as they are written by us: no sign, no leading zero.
func number(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 || strconv.Itoa(n) != s {
		return 0, ErrMalformed
	}
	return n, nil
}

func clip(s string) string {
	if len(s) > 64 {
		return s[:64] + "…"
	}
	return s
}

// Child makes the id of the run that is an attempt of a step of another run: always the same for the same one, and in the
// same partition. At is when the other run started; it stands in the id where every run's does.
func Child(run string, node, attempt int, at time.Time) string {
	sum := sha256.Sum256([]byte(run + "/" + strconv.Itoa(node) + "@" + strconv.Itoa(attempt)))
	var u ulid.ULID
	_ = u.SetTime(ulid.Timestamp(at)) // fails only in the year 10889
	_ = u.SetEntropy(sum[:10])        // its length is right
	return run[:2] + u.String()
}
