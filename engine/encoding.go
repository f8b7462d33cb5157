package engine

import "cordum.dev/cordum/internal/codec"

// This file is the stored encoding of facts: the order of fields is the format. Fields are only added at the end.

// Fields describes the stored form.
func (f *RunStarted) Fields(c *codec.Codec) {
	c.String(&f.Tenant)
	c.String(&f.Workflow)
	c.String(&f.Digest)
	codec.Enum(c, &f.RunKind)
	c.String(&f.RerunOf)
	c.Strings(&f.Labels)
	f.Input.fields(c)
	f.Context.fields(c)
	c.Time(&f.TimeoutAt)
	f.Parent.fields(c)
	c.String(&f.ForkOf)
	codec.List(c, &f.Reused, func(c *codec.Codec, r *Reused) {
		c.Int32(&r.Step)
		codec.Enum(c, &r.State)
		codec.Enum(c, &r.Reason)
		r.Output.fields(c)
	})
	c.String(&f.Key)
	c.Bool(&f.Queued)
	codec.List(c, &f.Roles, (*codec.Codec).String)
	c.String(&f.ActorType)
	c.Bool(&f.Keyed)
	c.String(&f.Owner)
	c.String(&f.Author)
	if c.Reading() || f.Build != "" { // from a level of the store on
		c.String(&f.Build)
	}
}

// Fields describes the stored form.
func (*RunAdmitted) Fields(*codec.Codec) {}

// Fields describes the stored form.
func (*RunPaused) Fields(*codec.Codec) {}

// Fields describes the stored form.
func (*RunResumed) Fields(*codec.Codec) {}

// Fields describes the stored form.
func (f *StopBegun) Fields(c *codec.Codec) {
	codec.Enum(c, &f.Stop)
	c.Int32(&f.Step)
	c.Bool(&f.Handlers)
	c.Bool(&f.Rollback)
	f.Target.fields(c)
}

// Fields describes the stored form.
func (f *RunEnded) Fields(c *codec.Codec) {
	codec.Enum(c, &f.State)
	f.Output.fields(c)
	f.Failure.Fields(c)
}

// Fields describes the stored form.
func (f *RunFaultedFact) Fields(c *codec.Codec) { c.String(&f.Error) }

// Fields describes the stored form.
func (f *JobAsked) Fields(c *codec.Codec) {
	c.Int32(&f.Step)
	c.Int32(&f.Attempt)
	c.String(&f.Topic)
	c.String(&f.Pack)
	c.String(&f.Tool)
	f.Input.fields(c)
	c.Time(&f.TotalAt)
	c.String(&f.Lock)
}

// Fields describes the stored form.
func (f *ApprovalAsked) Fields(c *codec.Codec) {
	c.Int32(&f.Step)
	c.String(&f.Title)
	codec.Raw(c, &f.Context)
	c.Time(&f.ExpiresAt)
}

// Fields describes the stored form.
func (f *DelaySet) Fields(c *codec.Codec) {
	c.Int32(&f.Step)
	c.Time(&f.Due)
}

// Fields describes the stored form.
func (f *StepSucceededFact) Fields(c *codec.Codec) {
	c.Int32(&f.Step)
	f.Output.fields(c)
	codec.List(c, &f.Chosen, (*codec.Codec).String)
}

// Fields describes the stored form.
func (f *StepEnded) Fields(c *codec.Codec) {
	c.Int32(&f.Step)
	codec.Enum(c, &f.State)
	f.Failure.Fields(c)
	c.Bool(&f.Effect)
	f.Output.fields(c)
	c.Bool(&f.Settles)
}

// Fields describes the stored form.
func (f *StepSkippedFact) Fields(c *codec.Codec) {
	c.Int32(&f.Step)
	codec.Enum(c, &f.Reason)
}

// Fields describes the stored form.
func (f *RetrySet) Fields(c *codec.Codec) {
	c.Int32(&f.Step)
	f.Failure.Fields(c)
	c.Time(&f.Due)
	c.Bool(&f.Effect)
	f.Output.fields(c)
	c.Bool(&f.Settles)
}

// Fields describes the stored form.
func (f *RetryDue) Fields(c *codec.Codec) { c.Int32(&f.Step) }

// Fields describes the stored form.
func (f *JobStopAsked) Fields(c *codec.Codec) {
	c.Int32(&f.Step)
	c.Bool(&f.Force)
}

// Fields describes the stored form.
func (f *SignalReceived) Fields(c *codec.Codec) {
	c.String(&f.Name)
	f.Payload.fields(c)
}

// Fields describes the stored form.
func (f *LateResult) Fields(c *codec.Codec) {
	c.Int32(&f.Step)
	c.Int32(&f.Attempt)
	c.String(&f.Outcome)
	c.Bool(&f.Settles)
	c.Bool(&f.Effect)
	f.Output.fields(c)
}

// Fields describes the stored form.
func (f *Swept) Fields(c *codec.Codec) { c.Int32(&f.Next) }

// Fields describes the stored form.
func (f *FannedOut) Fields(c *codec.Codec) {
	c.Int32(&f.Step)
	c.Int32(&f.Count)
	f.Items.fields(c)
}

// Fields describes the stored form.
func (f *RoundBegun) Fields(c *codec.Codec) { c.Int32(&f.Step) }

// Fields describes the stored form.
func (f *Reopened) Fields(c *codec.Codec) { c.Int32(&f.Step) }

// Fields describes the stored form.
func (f *ClosingBegun) Fields(c *codec.Codec) {
	c.Int32(&f.Step)
	c.Bool(&f.Hard)
}

// Fields describes the stored form.
func (f *SignalAwaited) Fields(c *codec.Codec) {
	c.Int32(&f.Step)
	c.String(&f.Signal)
	c.Time(&f.Due)
}

// Fields describes the stored form.
func (f *SignalTaken) Fields(c *codec.Codec) {
	c.Int32(&f.Step)
	c.Int32(&f.Index)
}

// Fields describes the stored form.
func (f *ChildAsked) Fields(c *codec.Codec) {
	c.Int32(&f.Step)
	c.Int32(&f.Attempt)
	c.String(&f.Run)
	c.String(&f.Workflow)
	c.String(&f.Version)
	f.Input.fields(c)
	c.Int32(&f.Depth)
	c.Time(&f.DueAt)
	c.Time(&f.TotalAt)
}

// Fields describes the stored form.
func (f *ChildNoted) Fields(c *codec.Codec) {
	c.Int32(&f.Step)
	c.Bool(&f.Idle)
}

// Fields describes the stored form.
func (f *ChildStopAsked) Fields(c *codec.Codec) {
	c.Int32(&f.Step)
	c.Bool(&f.Overdue)
	c.Time(&f.GraceAt)
}

// Fields describes the stored form.
func (f *UndoingBegun) Fields(c *codec.Codec) { f.Target.fields(c) }

// Fields describes the stored form.
func (f *UndoBegun) Fields(c *codec.Codec) { c.Int32(&f.Target) }

// Fields describes the stored form.
func (f *UndoHeld) Fields(c *codec.Codec) {
	c.Int32(&f.Step)
	f.Failure.Fields(c)
}

// Fields describes the stored form.
func (f *UndoRearmed) Fields(c *codec.Codec) { c.Int32(&f.Step) }

// Fields describes the stored form.
func (f *UndoSettled) Fields(c *codec.Codec) {
	c.Int32(&f.Step)
	codec.Enum(c, &f.How)
}

// Fields describes the stored form.
func (f *ChildUndoAsked) Fields(c *codec.Codec) {
	c.Int32(&f.Step)
	c.Int32(&f.Attempt)
	c.String(&f.Run)
}

// Fields describes the stored form.
func (f *UndoingEnded) Fields(c *codec.Codec) {
	c.Int32(&f.Undone)
	codec.List(c, &f.Kept, (*codec.Codec).Int32)
}

// Fields describes the stored form.
func (f *SetBack) Fields(c *codec.Codec) {
	f.Target.fields(c)
	c.Bool(&f.Paused)
}

// Fields describes the stored form.
func (f *ChildUndoNoted) Fields(c *codec.Codec) {
	c.Int32(&f.Step)
	c.Bool(&f.Undone)
}

// Fields describes the stored form.
func (f *JobNoted) Fields(c *codec.Codec) {
	c.Int32(&f.Step)
	c.Bool(&f.Idle)
}
