package id

import (
	"errors"
	"strings"
	"testing"

	"github.com/oklog/ulid/v2"
	"pgregory.net/rapid"
)

func drawRun(t *rapid.T) (run string, partition int) {
	var u ulid.ULID
	copy(u[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "ulid"))
	partition = rapid.IntRange(0, MaxPartitions-1).Draw(t, "partition")
	return Run(partition, u), partition
}

// TestRoundTrip: what an id was made of is read from it, and from everything that begins with it.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		run, p := drawRun(t)
		step := rapid.StringMatching(`[a-z0-9][a-z0-9_-]{0,62}`).Draw(t, "step")
		item := rapid.IntRange(0, 100_000).Draw(t, "item")
		n := rapid.IntRange(1, 1000).Draw(t, "n")
		job := Job(run, step, item)
		attempt := Attempt(job, n)
		if n == 1 && attempt != job {
			t.Fatalf("the first attempt is %q, not the job's id", attempt)
		}
		want := JobRef{Partition: p, Run: run, Step: step, Iteration: item, Attempt: n}
		if ref, err := ParseJob(attempt); err != nil || ref != want {
			t.Fatalf("%q reads as %+v, %v", attempt, ref, err)
		}
		if !IsRun(run) || IsRun(job) || RunOf(attempt) != run {
			t.Fatalf("%q, %q: run %q", run, job, RunOf(attempt))
		}
		for _, s := range []string{run, job, attempt} {
			if got, err := Partition(s); err != nil || got != p {
				t.Fatalf("partition of %q is %d, %v", s, got, err)
			}
		}
	})
}

// TestMalformed are strings that look like ids; the error shows at most a part of them.
func TestMalformed(t *testing.T) {
	const run = "0701ARZ3NDEKTSV4RRFFQ69G5FAV"
	for _, s := range []string{
		"", ".", "~", run, run + ".", run + ".a", run + ".a~", run + ".~0", run + ".a~-1", run + ".a~01", run + ".a~+1", run + ".a~0@1",
		run + ".a~0@0", run + ".a~0@02", run + ".a~0@", run + ".a~0@2@3", run + ".a~99999999999999999999", strings.ToLower(run) + ".a~0",
		"G7" + run[2:] + ".a~0", run[:27] + ".a~0", run + "X.a~0", "07" + strings.Repeat("Z", 26) + ".a~0", run[:27] + "I.a~0",
		strings.Repeat("x", 1<<16),
	} {
		ref, err := ParseJob(s)
		if !errors.Is(err, ErrMalformed) || ref != (JobRef{}) {
			t.Errorf("%.80q reads as %+v, %v", s, ref, err)
			continue
		}
		if len(err.Error()) > 200 {
			t.Errorf("the error repeats %d bytes", len(err.Error()))
		}
	}
	for _, s := range []string{"", "backup", strings.ToLower(run), run[:27], run + "0", "0g" + run[2:]} {
		if _, err := Partition(s); !errors.Is(err, ErrMalformed) || IsRun(s) {
			t.Errorf("%q is taken for a run: %v", s, err)
		}
	}
}

// TestHashPartition: the same name lands in the same place for ever (golden), and names spread.
func TestHashPartition(t *testing.T) {
	for name, want := range map[string]int{"": 5, "orders": 44} {
		if got := HashPartition(name, 64); got != want {
			t.Errorf("%q lands in %d, want %d", name, got, want)
		}
	}
	used := map[int]int{}
	for i := range 6400 {
		used[HashPartition(strings.Repeat("k", i%7)+string(rune('a'+i%26))+strings.Repeat("z", i/26%40), 64)]++
	}
	if len(used) < 60 {
		t.Errorf("names land in %d of 64 partitions", len(used))
	}
}

// FuzzParseJob: what is read as a job's id is written back the same.
func FuzzParseJob(f *testing.F) {
	f.Add("0701ARZ3NDEKTSV4RRFFQ69G5FAV.backup-db~0@2")
	f.Fuzz(func(t *testing.T, s string) {
		ref, err := ParseJob(s)
		if err != nil {
			return
		}
		if back := Attempt(Job(ref.Run, ref.Step, ref.Iteration), ref.Attempt); back != s {
			t.Fatalf("%q reads as %+v and is written %q", s, ref, back)
		}
	})
}
