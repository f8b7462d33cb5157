package load

import (
	"context"

	cordum "cordum.dev/cordum/sdk/go"
)

// workerCapacity is more than the most steps that a measurement has in flight.
const workerCapacity = 1024

// RunWorker is the worker's process: it does nothing, quickly, until ctx ends.
func RunWorker(ctx context.Context, natsURL string, ready func()) error {
	w, err := cordum.NewWorker(cordum.WorkerConfig{URL: natsURL, ID: workerID, Pool: "bench", Capacity: workerCapacity})
	if err != nil {
		return err
	}
	cordum.Register(w, noopPack, noopTool, func(context.Context, cordum.Job, struct{}) (struct{}, error) {
		return struct{}{}, nil
	})
	ready()
	return w.Run(ctx)
}
