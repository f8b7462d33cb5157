package engine

// Payloads visits every payload that a fact carries, so that the runner can fill in what is kept as a blob.
func Payloads(f Fact, visit func(*Payload) error) error {
	var all []*Payload
	switch f := f.(type) {
	case *RunStarted:
		all = []*Payload{&f.Input, &f.Context}
		for i := range f.Reused {
			all = append(all, &f.Reused[i].Output)
		}
	case *RunEnded:
		all = []*Payload{&f.Output}
	case *JobAsked:
		all = []*Payload{&f.Input}
	case *StepSucceededFact:
		all = []*Payload{&f.Output}
	case *StepEnded:
		all = []*Payload{&f.Output}
	case *RetrySet:
		all = []*Payload{&f.Output}
	case *LateResult:
		all = []*Payload{&f.Output}
	case *FannedOut:
		all = []*Payload{&f.Items}
	case *ChildAsked:
		all = []*Payload{&f.Input}
	case *InputEdited:
		all = []*Payload{&f.Input}
	case *OutputHeld:
		all = []*Payload{&f.Output}
	case *SignalReceived:
		all = []*Payload{&f.Payload}
	}
	return visitAll(all, visit)
}

// Payloads visits every payload of a run's state.
func (r *Run) Payloads(visit func(*Payload) error) error {
	all := []*Payload{&r.Input, &r.Context, &r.Output}
	for i := range r.Signals {
		all = append(all, &r.Signals[i].Payload)
	}
	for i := range r.Steps {
		all = append(all, &r.Steps[i].Input, &r.Steps[i].Output)
		if p := r.Steps[i].parts; p != nil {
			all = append(all, &p.items)
		}
	}
	return visitAll(all, visit)
}

func visitAll(all []*Payload, visit func(*Payload) error) error {
	for _, p := range all {
		if err := visit(p); err != nil {
			return err
		}
	}
	return nil
}
