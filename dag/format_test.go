package dag_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/internal/yamlx"
)

func TestFormat(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, src, want string }{
		{"order, aliases and comments", `# what this is for

name: Orders # shown
id: orders
timeout_sec: 3600

# the work
steps:
    # first
    -   topic: job.reserve
        id: reserve   # holds stock
        timeout: PT90S

        retry: {max_retries: 2, jitter: none, initial_backoff_sec: 5}
        compensate:
            when_unknown: hold
            topic: job.release


    # then
    - {id: charge, depends_on: [reserve], condition: true, topic: job.charge}
    # the end
`, `# what this is for

id: orders
name: Orders # shown
timeout: 1h

# the work
steps:
  # first
  - id: reserve # holds stock
    topic: job.reserve

    retry: {max_attempts: 3, initial: 5s, jitter: none}
    timeout: 1m30s
    compensate:
      topic: job.release
      when_unknown: hold

  # then
  - {id: charge, depends_on: [reserve], when: true, topic: job.charge}
  # the end
`},
		{"loops, kinds and texts", `steps:
  poll:
    steps:
      ask: {topic: job.x, heartbeat_timeout: 1000ms}
    until: "steps.ask.output.done"
    type: loop
  pause: {delay_sec: 60, type: delay}
  ok:
    escalate: [{to: 'role:sre', after: 60m}]
    type: approval
    expires: 24h
  is: {condition: 'input.x', type: condition}
  tell:
    message: |
      # no comment

      two
    type: notify
id: wf
`, `id: wf
steps:
  poll:
    type: loop
    until: "steps.ask.output.done"
    steps:
      ask: {topic: job.x, heartbeat_timeout: 1s}
  pause: {type: delay, for: 1m}
  ok:
    type: approval
    escalate: [{to: 'role:sre', after: 1h}]
    expires: 1d
  is: {type: condition, condition: 'input.x'}
  tell:
    type: notify
    message: |
      # no comment

      two
`},
		{"anchors keep their order", `steps:
  a: &base
    topic: job.x
    timeout_sec: 90
  b:
      <<: *base
      depends_on: [a]
id: wf
`, `steps:
  a: &base
    topic: job.x
    timeout_sec: 90
  b:
    <<: *base
    depends_on: [a]
id: wf
`},
		{"JSON", `{"steps": [{"topic": "job.x", "id": "a", "timeout_sec": 90, "retry": {"max_retries": 0}, "input": {"n": 1.50, "t": "1", "e": [], "o": {}, "z": null}}],
 "id": "wf"}`, `{
  "id": "wf",
  "steps": [
    {
      "id": "a",
      "topic": "job.x",
      "input": {
        "n": 1.50,
        "t": "1",
        "e": [],
        "o": {},
        "z": null
      },
      "retry": {
        "max_attempts": 1
      },
      "timeout": "1m30s"
    }
  ]
}
`},
		{"what is no number of YAML 1.2 stays", "id: wf\nsteps:\n  a: {topic: job.x, input: {d: 2026-01-31, o: 010, n: no, u: 1_000, t: \"1\", e: 1e3}}\n", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if tt.want == "" {
				tt.want = tt.src
			}
			got, list := dag.Format([]byte(tt.src), yamlx.Auto)
			if string(got) != tt.want {
				t.Errorf("%v got\n%s\nwant\n%s", list, got, tt.want)
			}
			checkFormat(t, tt.src)
		})
	}
}

// fataler is what *testing.T and *rapid.T have in common.
type fataler interface {
	Fatalf(format string, args ...any)
}

// checkFormat checks what holds for every definition.
func checkFormat(t fataler, src string) {
	before, list := dag.ParseOneShot([]byte(src), yamlx.Auto)
	once, _ := dag.Format([]byte(src), yamlx.Auto)
	if before == nil {
		if once != nil {
			t.Fatalf("%v is formatted as\n%s", list, once)
		}
		return
	}
	after, list := dag.ParseOneShot(once, yamlx.Auto)
	if after == nil || after.Digest != before.Digest {
		t.Fatalf("%v\n%s\nmeans something else as\n%s", list, src, once)
	}
	twice, _ := dag.Format(once, yamlx.Auto)
	if string(twice) != string(once) {
		t.Fatalf("\n%s\nis formatted as\n%s\nwhich is formatted as\n%s", src, once, twice)
	}
}

func TestFormatKeepsTheMeaning(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawTwins(t)
		var inJSON, inYAML strings.Builder
		writeJSON(&inJSON, a)
		writeYAML(&inYAML, b, "")
		checkFormat(t, inJSON.String())
		checkFormat(t, inYAML.String())
	})
}

// Comments are kept wherever they stand, or the document is left as it is.
func TestFormatKeepsComments(t *testing.T) {
	t.Parallel()
	lines := strings.Split("id: wf\ntimeout_sec: 60\nlabels:\n  team: x\nsteps:\n  - topic: job.x\n    id: a\n    input:\n      - 1\n      - x: 2\n    retry:\n      max_retries: 1\n  - id: b\n    topic: job.x\n    depends_on: [a]", "\n")
	rapid.Check(t, func(t *rapid.T) {
		var src strings.Builder
		comments := 0
		for _, line := range lines {
			for range rapid.IntRange(0, 2).Draw(t, "above") {
				switch rapid.IntRange(0, 2).Draw(t, "what") {
				case 0:
					src.WriteString("\n")
				case 1:
					src.WriteString(strings.Repeat(" ", rapid.IntRange(0, 6).Draw(t, "indent")))
					comments++
					src.WriteString("# comment\n")
				}
			}
			src.WriteString(line)
			if rapid.IntRange(0, 3).Draw(t, "behind") == 0 {
				comments++
				src.WriteString(" # comment")
			}
			src.WriteString("\n")
		}
		once, list := dag.Format([]byte(src.String()), yamlx.YAML)
		if n := strings.Count(string(once), "# comment"); n != comments {
			t.Fatalf("%v %d comments became %d in\n%s\nof\n%s", list, comments, n, once, src.String())
		}
		checkFormat(t, src.String())
	})
}
