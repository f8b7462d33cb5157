package runner

import (
	"strings"

	"cordum.dev/cordum/scheduler"
)

// Labels of a job that say where it runs. No other label does: a label that is only there to be found by places nothing.
const (
	// labelPlacement begins the name of a condition: "placement.zone: eu" is for workers whose label zone is eu.
	labelPlacement = "placement."
	// labelWorker and labelPool are the same as the step's preferred_worker_id and preferred_pool, which count before them.
	labelWorker = "preferred_worker_id"
	labelPool   = "preferred_pool"
	// labelFairness is whose turn a job takes among those of its tenant.
	labelFairness = "fairness_key"
)

// placed reads what labels say of where a job runs.
func placed(r *scheduler.Request, labels map[string]string) {
	if r.PreferredWorker == "" {
		r.PreferredWorker = labels[labelWorker]
	}
	if r.PreferredPool == "" {
		r.PreferredPool = labels[labelPool]
	}
	r.Fairness = labels[labelFairness]
	for name, value := range labels {
		key, is := strings.CutPrefix(name, labelPlacement)
		if !is || key == "" {
			continue
		}
		if r.Placement == nil {
			r.Placement = make(map[string]string)
		}
		r.Placement[key] = value
	}
}

// placementOf says why a job's worker has it, or had it last, as recorded; of one that waits it is still to be asked for.
func (lr *live) placementOf(step int32) *PlacementView {
	switch j := lr.jobs[step]; {
	case j.State == scheduler.JobScheduled && !lr.run.Paused:
		return &PlacementView{attempt: lr.attemptID(step)}
	case j.Why != "" && j.State != scheduler.JobScheduled:
		return &PlacementView{Reason: scheduler.WhyGranted, Why: j.Why}
	}
	return nil
}

// ask completes a view of a job that waits.
func (p *PlacementView) ask(d *dispatch) {
	if p != nil && p.attempt != "" {
		p.Reason, p.Why = d.why(p.attempt)
		p.attempt = ""
	}
}

// placements completes the view of a run; of very many jobs that wait, the first few.
func (r *Runner) placements(steps []StepView) {
	left := maxPlacements
	for i := range steps {
		steps[i].Placement = steps[i].Placement.askOf(r.dispatch, &left)
	}
}

// askOf is ask as long as there are some left to ask; then who waits says nothing.
func (p *PlacementView) askOf(d *dispatch, left *int) *PlacementView {
	switch {
	case p == nil || p.attempt == "":
	case *left == 0:
		return nil
	default:
		*left--
		p.ask(d)
	}
	return p
}
