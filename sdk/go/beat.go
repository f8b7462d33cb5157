package cordum

import (
	"maps"
	"slices"

	"cordum.dev/cordum/bus/wire"
)

// beatSoon makes the loop beat at once; several wishes are one beat.
func (w *Worker) beatSoon() {
	select {
	case w.beatNow <- struct{}{}:
	default:
	}
}

// beat says what the worker is and what it has: also finished work whose result is not acknowledged, for nobody should
// repeat it. A leaving worker's beat is its last. Without a connection there is none: a new connection brings one.
func (w *Worker) beat(leaving bool) {
	if !w.conn.IsConnected() {
		return
	}
	w.publish(wire.SubjectHeartbeat, &wire.BusPacket{Payload: &wire.BusPacket_Heartbeat{Heartbeat: w.heartbeat(leaving)}})
}

func (w *Worker) heartbeat(leaving bool) *wire.Heartbeat {
	w.mu.Lock()
	defer w.mu.Unlock()
	jobs := make([]*wire.JobHold, 0, len(w.held))
	for _, a := range w.held {
		jobs = append(jobs, &wire.JobHold{JobId: a.request.GetJobId(), Token: a.request.GetToken()})
	}
	return &wire.Heartbeat{
		WorkerId:        w.cfg.ID,
		ActiveJobs:      int32(w.active),
		Capabilities:    w.cfg.Capabilities,
		Pool:            w.cfg.Pool,
		MaxParallelJobs: int32(w.cfg.Capacity),
		Labels:          w.cfg.Labels,
		Direct:          true,
		Topics:          slices.Sorted(maps.Keys(w.tools)),
		Jobs:            jobs,
		ListsJobs:       true,
		Draining:        w.draining,
		Incarnation:     w.incarnation,
		Leaving:         leaving,
	}
}
