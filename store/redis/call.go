package redis

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/redis/go-redis/v9"

	"cordum.dev/cordum/store"
)

// request is one script for one partition. Every script of ours may be sent again: what it did, it does not do twice.
type request struct {
	p      store.Partition
	script script
	keys   []string // behind the partition's head
	args   []any    // behind the store's id and the lowest generation
	bytes  int      // how much goes over the wire, roughly

	// tries counts how often it was sent; doubt says that one of those may have been carried out.
	tries int
	doubt bool
	// source says that the server needs the script's source.
	source bool
}

// command is the request as it is sent now, with the generation that was seen last.
func (s *Store) command(ctx context.Context, r *request) *redis.Cmd {
	r.tries++
	line := make([]any, 0, len(r.keys)+len(r.args)+6)
	if r.source {
		line = append(line, "eval", r.script.source)
	} else {
		line = append(line, "evalsha", r.script.digest)
	}
	line = append(line, len(r.keys)+1, s.names.head(r.p))
	for _, k := range r.keys {
		line = append(line, k)
	}
	line = append(line, s.meta.head(), strconv.FormatUint(s.parts[r.p].seen.Load(), 10))
	line = append(line, r.args...)
	return redis.NewCmd(ctx, line...)
}

// eval sends a request until it is answered or patience ends, and answers what the script says behind its generation.
func (s *Store) eval(ctx context.Context, r *request) (says string, rest []any, err error) {
	ctx, cancel := within(ctx, s.patience, 2*r.bytes)
	defer cancel()
	node, err := s.link.node(ctx, s.names.head(r.p))
	asking := false
	var why error
	for pauses := 0; ; {
		var answer any
		if err == nil {
			answer, err = s.try(ctx, node, r, asking)
		}
		f := r.note(err)
		why = telling(why, err)
		switch f {
		case answered:
			return s.hear(r.p, answer)
		case refused, broken:
			return "", nil, s.blame(r, err)
		case unloaded:
			r.source = true
			err = nil
			continue
		}
		if !pause(ctx, pauses) {
			return "", nil, s.blame(r, why)
		}
		pauses++
		asking = f == asked
		node, err = s.reroute(ctx, r.p, err)
	}
}

// try sends a request to a node once; asking tells it to take one for a slot that is about to be its own.
func (s *Store) try(ctx context.Context, node *redis.Client, r *request, asking bool) (any, error) {
	ctx, cancel := within(ctx, s.call, r.bytes)
	defer cancel()
	cmd := s.command(ctx, r)
	if asking {
		pipe := node.Pipeline()
		_ = pipe.Process(ctx, redis.NewStatusCmd(ctx, "asking"))
		_ = pipe.Process(ctx, cmd)
		_, err := pipe.Exec(ctx)
		return result(cmd, err)
	}
	err := node.Process(ctx, cmd)
	return result(cmd, err)
}

// errNothing is for a command that has neither an answer nor an error.
var errNothing = errors.New("the client gave no answer")

// result is a command's answer, or why there is none. The client leaves commands of a pipeline without either when it
// could not connect: then the reason is the pipeline's.
func result(cmd *redis.Cmd, sending error) (any, error) {
	answer, err := cmd.Result()
	if answer == nil && err == nil {
		err = sending
	}
	if answer == nil && err == nil {
		err = errNothing
	}
	return answer, err
}

// note remembers what an attempt leaves open.
func (r *request) note(err error) fate {
	f := fateOf(err)
	if f == silent || f == broken {
		r.doubt = true
	}
	return f
}

// reroute is the node for the next try: the one that the error names, or the one that has the partition now.
func (s *Store) reroute(ctx context.Context, p store.Partition, err error) (*redis.Client, error) {
	addr, named := redis.IsMovedError(err)
	if !named {
		addr, named = redis.IsAskError(err)
	}
	if named {
		if node, err := s.link.at(ctx, addr); err == nil {
			return node, nil
		}
	}
	if s.link.cluster != nil {
		s.link.cluster.ReloadState(ctx)
	}
	return s.link.node(ctx, s.names.head(p))
}

// blame is why a request was given up.
func (s *Store) blame(r *request, err error) error {
	if s.closing.Load() && errors.Is(err, redis.ErrClosed) {
		return store.ErrClosed
	}
	if r.doubt {
		return fmt.Errorf("%w: after %d tries: %w", ErrUnknown, r.tries, err)
	}
	return explain(err)
}

// hear reads what a script answered. That the store is not the one it was makes it unusable.
func (s *Store) hear(p store.Partition, answer any) (says string, rest []any, err error) {
	list, _ := answer.([]any)
	if len(list) > 0 {
		says, _ = list[0].(string)
	}
	switch {
	case says == saysOther:
		return says, nil, s.fail(fmt.Errorf("partition %d is empty, of another store, or was restored: this process knows generation %d of store %s", p, s.Identity().Generation, s.meta.ID))
	case len(list) < 2:
		return says, nil, fmt.Errorf("%w: a script answered %.100v", ErrUnknown, answer)
	}
	text, _ := list[1].(string)
	gen, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return says, nil, fmt.Errorf("%w: a script answered generation %.100q", ErrUnknown, text)
	}
	if says == saysBack {
		return says, nil, s.fail(fmt.Errorf("partition %d has generation %d, this process has seen %d: acknowledged writes are gone", p, gen, s.parts[p].seen.Load()))
	}
	s.parts[p].saw(gen)
	return says, list[2:], nil
}

// text is an element of a script's answer; ok is false for none.
func text(rest []any, i int) (v string, ok bool) {
	if i >= len(rest) {
		return "", false
	}
	v, ok = rest[i].(string)
	return v, ok
}
