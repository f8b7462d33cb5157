package load

import (
	"context"
	"fmt"
	"time"
)

// What plain CAP workers are measured with, and what the lines of logs are.
const (
	capInFlight = 64
	linesJobs   = 400
)

// measureCAP measures the same chains with a plain CAP worker and with a native one.
func measureCAP(ctx context.Context, s *system, payloads string) (Beside, error) {
	b := Beside{InFlight: capInFlight}
	if _, err := s.startChild(ctx, RoleCAP, payloads); err != nil {
		return b, err
	}
	if err := s.untilKnown(ctx, capID); err != nil {
		return b, err
	}
	if err := s.freshWorker(ctx); err != nil {
		return b, err
	}
	length := s.cfg.For / 2
	native, err := measureThroughput(ctx, s.client, toolNoop, capInFlight, length)
	if err != nil {
		return b, err
	}
	plain, err := measureThroughput(ctx, s.client, toolCAP, capInFlight, length)
	b.Native, b.NativeRuns = native.StepsPerSecond, native.Runs
	b.CAP, b.CAPRuns = plain.StepsPerSecond, plain.Runs
	return b, err
}

// measureLines lets jobs write to their logs and waits until they have ended: then all of it is stored. The worker of
// measureCAP does it.
func measureLines(ctx context.Context, s *system) (Lines, error) {
	const workflow = "bench-lines"
	lines := Lines{Sent: linesJobs * linesPerJob}
	if err := s.client.register(ctx, fanDefinition(workflow, toolLines, linesJobs)); err != nil {
		return lines, err
	}
	ends, err := watchEnds(ctx, s.client, workflow)
	if err != nil {
		return lines, err
	}
	defer ends.close()
	const kept = `cordum_job_log_lines_total{result="kept"}`
	before, err := s.client.metric(ctx, kept)
	if err != nil {
		return lines, err
	}
	began := time.Now()
	if _, err := runOnce(ctx, s.client, ends, workflow, fanInput(linesJobs)); err != nil {
		return lines, fmt.Errorf("jobs that write lines: %w", err)
	}
	took := time.Since(began)
	after, err := s.client.metric(ctx, kept)
	lines.Dropped = lines.Sent - int(after-before)
	lines.PerSecond = (after - before) / took.Seconds()
	return lines, err
}
