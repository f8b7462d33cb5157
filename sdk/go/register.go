package cordum

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// tool is a registered function without its types.
type tool func(ctx context.Context, job Job, input []byte) (output []byte, err error)

// Register makes fn the tool of a pack: it serves the topic job.<pack>.<tool>. All tools are registered before Run; a
// mistake is reported by Run.
//
// The input is decoded from JSON into In, what fn returns is encoded as the job's output. fn runs on a goroutine of its
// own, up to the worker's capacity at once. Its context ends when the job is cancelled, when the attempt's timeout
// passes, and when the worker's drain timeout passes; context.Cause says which: a *CancelledError, ErrTimedOut or
// ErrStopped. A tool that gives up because of that returns the context's error, wrapped or not, and by that says that
// it left nothing behind. A tool that finishes all the same returns its output: it counts.
func Register[In, Out any](w *Worker, pack, toolName string, fn func(ctx context.Context, job Job, in In) (Out, error)) {
	if pack == "" || toolName == "" {
		w.problems = append(w.problems, fmt.Errorf("cordum: a tool needs a pack and a name, not %q and %q", pack, toolName))
		return
	}
	RegisterTopic(w, "job."+pack+"."+toolName, fn)
}

// RegisterTopic makes fn the tool that serves a topic, "job.demo.echo". See Register.
func RegisterTopic[In, Out any](w *Worker, topic string, fn func(ctx context.Context, job Job, in In) (Out, error)) {
	if err := checkTopic(topic); err != nil {
		w.problems = append(w.problems, err)
		return
	}
	if w.tools[topic] != nil {
		w.problems = append(w.problems, fmt.Errorf("cordum: two tools for the topic %q", topic))
		return
	}
	w.tools[topic] = func(ctx context.Context, job Job, input []byte) ([]byte, error) {
		var in In
		if len(input) > 0 {
			if err := json.Unmarshal(input, &in); err != nil {
				return nil, Fatal(CodeInvalidInput, describe(err))
			}
		}
		out, err := fn(ctx, job, in)
		if err != nil {
			return nil, err
		}
		output, err := json.Marshal(out)
		if err != nil {
			return nil, Fatal(CodeInvalidOutput, err)
		}
		return output, nil
	}
}

// describe says what is wrong with an input without repeating any of its values.
func describe(err error) error {
	var wrongType *json.UnmarshalTypeError
	if errors.As(err, &wrongType) {
		return fmt.Errorf("input field %q is of the wrong type, want %s", wrongType.Field, wrongType.Type)
	}
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return fmt.Errorf("input is not JSON, at byte %d", syntax.Offset)
	}
	return errors.New("input does not decode into what the tool takes")
}

func checkTopic(topic string) error {
	rest, ok := strings.CutPrefix(topic, "job.")
	if !ok || strings.ContainsAny(topic, " \t\r\n*>") || !utf8.ValidString(topic) {
		return fmt.Errorf("cordum: %q is no topic: want job.<name>, no wildcards and no white space", topic)
	}
	for token := range strings.SplitSeq(rest, ".") {
		if token == "" {
			return fmt.Errorf("cordum: %q is no topic: it has an empty part", topic)
		}
	}
	return nil
}
