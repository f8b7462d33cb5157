package config

import (
	"maps"
	"strings"
	"time"

	"cordum.dev/cordum/internal/yamlx"
)

// Timeouts are how long things may take that do not say so themselves: the content of timeouts.yaml. What a step or a
// workflow says of itself goes first. It is not changed once it is read.
type Timeouts struct {
	Topics    map[string]TopicTimeouts // as in Fleet.Topics
	Workflows map[string]WorkflowTimeouts

	patterns *patterns // of Topics; nil in one that was not read: they are looked through
}

// TopicTimeouts are those of a topic's jobs; a zero field says nothing.
type TopicTimeouts struct {
	Dispatch    time.Duration // waiting for a worker: a step's queue_timeout
	Execution   time.Duration // one attempt: a step's timeout
	MaxAttempts int           // of a step without retry
}

// WorkflowTimeouts are those of a workflow; a zero field says nothing.
type WorkflowTimeouts struct {
	Step        time.Duration // one attempt of a step whose topic says nothing
	Run         time.Duration // the whole run
	MaxAttempts int           // of a step without retry whose topic says nothing
}

// Topic finds what is said of a topic: by its own entry, else that of the longest pattern that covers it, else DefaultTopic's.
func (t *Timeouts) Topic(name string) TopicTimeouts {
	found, ok := own(t.Topics, t.patterns, name)
	if !ok {
		found = t.Topics[DefaultTopic]
	}
	return found
}

// Job is what a topic's jobs in a workflow ("" for a job by itself) have: the topic's, and where it says nothing the
// workflow's.
func (t *Timeouts) Job(topic, workflow string) TopicTimeouts {
	out, w := t.Topic(topic), t.Workflows[workflow]
	if out.Execution == 0 {
		out.Execution = w.Step
	}
	if out.MaxAttempts == 0 {
		out.MaxAttempts = w.MaxAttempts
	}
	return out
}

// ParseTimeouts reads timeouts.yaml, with durations ("30s") or whole seconds ("timeout_seconds: 30"); name is what the problems
// call it. The error is a [Problems].
//
//	topics:
//	  job.db.postgres.backup: {dispatch_timeout: 30s, execution_timeout: 5m}
//	  job.default: {timeout_seconds: 120, max_retries: 2}
//	workflows:
//	  db-migration: {step_timeout: 10m, run_timeout: 1h}
//
// Of those under it, if any, everything is kept that the text does not name; they are not changed.
func ParseTimeouts(src []byte, name string, under ...*Timeouts) (*Timeouts, error) {
	r, root := open(src, name)
	t := &Timeouts{Topics: map[string]TopicTimeouts{}, Workflows: map[string]WorkflowTimeouts{}}
	for _, base := range under {
		if base != nil {
			maps.Copy(t.Topics, base.Topics)
			maps.Copy(t.Workflows, base.Workflows)
		}
	}
	r.known(root, "topics", "workflows", "reconciler")
	r.entries(root.Get("topics"), "topics", func(e yamlx.Field) { t.Topics[e.Key] = r.topicTimeouts(e) })
	r.entries(root.Get("workflows"), "workflows", func(e yamlx.Field) { t.Workflows[e.Key] = r.workflowTimeouts(e) })
	r.reconciler(root.Get("reconciler"))
	if err := r.err(); err != nil {
		return nil, err
	}
	t.patterns = indexPatterns(t.Topics)
	return t, nil
}

func (r *reader) topicTimeouts(e yamlx.Field) (t TopicTimeouts) {
	r.checkTopic(e)
	if !r.known(e.Value, "dispatch_timeout", "dispatch_timeout_seconds", "execution_timeout", "timeout_seconds", "max_retries") {
		return t
	}
	t.Dispatch = r.either(e.Value, "dispatch_timeout", "dispatch_timeout_seconds")
	t.Execution = r.either(e.Value, "execution_timeout", "timeout_seconds")
	t.MaxAttempts = r.attempts(e.Value)
	return t
}

func (r *reader) workflowTimeouts(e yamlx.Field) (t WorkflowTimeouts) {
	r.checkName(e, "workflow")
	if !r.known(e.Value, "step_timeout", "child_timeout_seconds", "run_timeout", "total_timeout_seconds", "max_retries") {
		return t
	}
	t.Step = r.either(e.Value, "step_timeout", "child_timeout_seconds")
	t.Run = r.either(e.Value, "run_timeout", "total_timeout_seconds")
	t.MaxAttempts = r.attempts(e.Value)
	return t
}

// attempts reads max_retries: one attempt more than that.
func (r *reader) attempts(n *yamlx.Node) int {
	at := n.Get("max_retries")
	if at == nil {
		return 0
	}
	return r.count(at, "max_retries", 0, 999) + 1
}

// reconciler checks the intervals that public Cordum scans its jobs in. They have no effect here: what is due wakes up by
// itself.
func (r *reader) reconciler(n *yamlx.Node) {
	if n == nil {
		return
	}
	r.entries(n, "reconciler", func(e yamlx.Field) {
		if strings.HasSuffix(e.Key, "_seconds") {
			r.whole(e.Value, e.Key, maxSeconds)
			return
		}
		r.duration(e.Value, e.Key)
	})
}
