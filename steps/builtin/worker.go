package builtin

import (
	"log/slog"

	"github.com/nats-io/nats.go"

	"cordum.dev/cordum/sdk/go"
	"cordum.dev/cordum/steps"
)

// DefaultID is the built-in worker's name where there is one process.
const DefaultID = "cordum-builtin"

// defaultCapacity is how many notifications may be on their way together.
const defaultCapacity = 64

// Config says how the built-in worker is reached.
type Config struct {
	// Conn is the connection it serves on, of this process; it stays its owner's.
	Conn *nats.Conn
	// ID names it on the wire; every process needs its own. Default DefaultID.
	ID string
	// Capacity is how many of its jobs run together. Default 64.
	Capacity int
	// Logger gets the messages of the channel "log". Default slog.Default().
	Logger *slog.Logger
}

// NewWorker makes the built-in worker. Nothing is started: that is Run's.
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
	w, err := cordum.NewWorker(cordum.WorkerConfig{
		Conn: cfg.Conn, ID: cfg.ID, Capacity: cfg.Capacity, Logger: cfg.Logger,
		Labels: map[string]string{"cordum.builtin": "true"},
	})
	if err != nil {
		return nil, err
	}
	cordum.Register(w, steps.NotifyPack, steps.NotifyTool, notifier{cfg.Logger}.notify)
	return w, nil
}
