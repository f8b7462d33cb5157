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
	w.publish(wire.SubjectWorkerHeartbeat(w.cfg.ID), &wire.BusPacket{Payload: &wire.BusPacket_Heartbeat{Heartbeat: w.heartbeat(leaving)}})
}

// greet says which topics the worker is ready for; a new connection says so anew.
func (w *Worker) greet() {
	if !w.conn.IsConnected() {
		return
	}
	w.publish(wire.SubjectWorkerHandshake(w.cfg.ID), &wire.BusPacket{Payload: &wire.BusPacket_Handshake{Handshake: &wire.Handshake{
		ComponentId: w.cfg.ID, Role: wire.ComponentRole_COMPONENT_ROLE_WORKER, SupportedVersions: []int32{wire.ProtocolVersion},
		ReadyTopics: slices.Sorted(maps.Keys(w.tools)), SdkVersion: sdkVersion,
	}}})
}

// sdkVersion is what a handshake says of the library.
const sdkVersion = "cordum-go/1"

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
		CpuLoad:         w.cpu.load(),
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
