package builtin

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"

	"cordum.dev/cordum/sdk/go"
	"cordum.dev/cordum/steps"
)

// DefaultID is the built-in worker's name where there is one process.
const DefaultID = "cordum-builtin"

// Config says how the built-in worker is reached, and what it may reach.
type Config struct {
	// Conn is the connection it serves on, of this process; it stays its owner's.
	Conn *nats.Conn
	// ID names it on the wire; every process needs its own. Default DefaultID.
	ID string
	// Capacity is how many of its jobs run together. Default 64.
	Capacity int
	// Egress says where its calls may lead. Default: public addresses.
	Egress Egress
	// Channels are where notifications go besides the log. Default: nowhere.
	Channels Channels
	// Secrets is where the values of secrets.NAME are. Default: nowhere, and jobs that need one fail.
	Secrets Secrets
	// DrainTimeout is how long what it does may take when it stops. Default: the SDK's, 30 s.
	DrainTimeout time.Duration
	// Logger gets the messages of the channel "log". Default slog.Default().
	Logger *slog.Logger
}

// Check says what is wrong with what an operator configured: Egress, Channels and Secrets. It calls nobody. The error
// holds no credential.
func (cfg Config) Check() error {
	guard, err := newGuard(cfg.Egress)
	if err != nil {
		return err
	}
	if _, err := newNotifier(cfg.Channels, guard, slog.New(slog.DiscardHandler), time.Now); err != nil {
		return err
	}
	return cfg.Secrets.check()
}

// NewWorker checks the configuration and makes the built-in worker. Nothing is started: that is Run's.
func NewWorker(cfg Config) (*cordum.Worker, error) {
	if cfg.ID == "" {
		cfg.ID = DefaultID
	}
	if cfg.Capacity == 0 {
		cfg.Capacity = defaultCapacity
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	guard, err := newGuard(cfg.Egress)
	if err != nil {
		return nil, err
	}
	notifier, err := newNotifier(cfg.Channels, guard, cfg.Logger, time.Now)
	if err != nil {
		return nil, err
	}
	w, err := cordum.NewWorker(cordum.WorkerConfig{
		Conn: cfg.Conn, ID: cfg.ID, Capacity: cfg.Capacity, Logger: cfg.Logger, DrainTimeout: cfg.DrainTimeout,
		Labels: map[string]string{"cordum.builtin": "true"},
	})
	if err != nil {
		return nil, err
	}
	register(w, steps.NotifyPack, steps.NotifyTool, cfg.Secrets, notifier.notify)
	register(w, steps.HTTPPack, steps.HTTPTool, cfg.Secrets, newCaller(guard).call)
	return w, nil
}

// register makes fn a tool that gets its secrets and gives none away: references in its input are resolved right before
// it runs, and what it returns is searched for their values.
func register[In, Out any](w *cordum.Worker, pack, tool string, secrets Secrets, fn func(context.Context, cordum.Job, In, *redactor) (Out, error)) {
	cordum.Register(w, pack, tool, func(ctx context.Context, job cordum.Job, raw json.RawMessage) (json.RawMessage, error) {
		revealed, hide, err := secrets.reveal(job.Tenant, raw)
		if err != nil {
			return nil, hide.error(err)
		}
		var in In
		if err := json.Unmarshal(revealed, &in); err != nil {
			return nil, invalid(misfit(err))
		}
		may := allowedBy(job)
		out, err := fn(may.within(ctx), job, in, hide)
		if err != nil {
			return nil, hide.error(err)
		}
		if err := may.prove(job); err != nil {
			return nil, hide.error(err)
		}
		encoded, err := json.Marshal(out)
		if err != nil {
			return nil, cordum.Fatal(cordum.CodeInvalidOutput, errors.New("the output cannot be encoded"))
		}
		return hide.json(encoded)
	})
}

// misfit says which field of an input is of another type than the tool takes; it repeats no value.
func misfit(err error) error {
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) && wrong.Field != "" {
		return errors.New("the field " + clipName(wrong.Field) + " is of the wrong type")
	}
	return errors.New("the input is not an object with the tool's fields")
}
