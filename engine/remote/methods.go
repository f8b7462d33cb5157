package remote

import (
	"context"
	"reflect"

	"cordum.dev/cordum/engine/runner"
)

// repeat says how a call may be sent again to an owner who does not know that it was sent before.
type repeat uint8

const (
	// once is not: whether the first owner did it is unknown then. The server that it was sent to knows it again.
	once repeat = iota
	// byCommand is a call whose effect the partition knows again by the caller's command id; the client gives one where the
	// caller has none.
	byCommand
	// always is a call that reads, or whose second time changes nothing.
	always
)

// method is a call of the API: what does it in the process that owns what it is about, where that is, and whether it may be
// sent again. fn is a method of *runner.Runner as a function; behind the runner it takes a context, and its last result may
// be an error.
type method struct {
	fn    any
	at    place
	again repeat
}

// here is an engine in this process.
type here = *runner.Runner

// methods is the table of all calls that are answered at once. What the argument numbers of places count are the arguments
// behind the context, from 0.
var methods = map[string]method{
	// Documents of the installation: read from the store, which every engine has, and written by one.
	"Doc":        {here.Doc, anywhere, always},
	"Docs":       {here.Docs, anywhere, always},
	"ChangeDocs": {here.ChangeDocs, system, once},

	// The audit log. What is asked of all chains is read from the store, which every engine has.
	"AuditRecords":  {here.AuditRecords, anywhere, always},
	"VerifyAudit":   {here.VerifyAudit, anywhere, always},
	"AuditHeads":    {here.AuditHeads, anywhere, always},
	"TakeAuditHead": {here.TakeAuditHead, system, once},
	"Evidence":      {here.Evidence, ofRun(1), always},
	"PlanRetention": {here.PlanRetention, anywhere, always},
	"LegalHolds":    {here.LegalHolds, system, always},
	"SetLegalHold":  {here.SetLegalHold, system, once},
	"LiftLegalHold": {here.LiftLegalHold, system, once},

	// Schemas, topics and credentials of workers are documents.
	"PutSchema":              {here.PutSchema, system, once},
	"Schema":                 {here.Schema, system, always},
	"Schemas":                {here.Schemas, system, always},
	"DeleteSchema":           {here.DeleteSchema, system, once},
	"CreateTopic":            {here.CreateTopic, system, once},
	"PutTopic":               {here.PutTopic, system, once},
	"Topic":                  {here.Topic, system, always},
	"Topics":                 {here.Topics, system, always},
	"DeleteTopic":            {here.DeleteTopic, system, once},
	"CreateWorkerCredential": {here.CreateWorkerCredential, system, once},
	"RotateWorkerCredential": {here.RotateWorkerCredential, system, once},
	"WorkerCredential":       {here.WorkerCredential, system, always},
	"WorkerCredentials":      {here.WorkerCredentials, system, always},
	"RevokeWorkerCredential": {here.RevokeWorkerCredential, system, once},

	// Definitions. Storing the same one again changes nothing.
	"PutWorkflow":   {here.PutWorkflow, system, always},
	"CheckWorkflow": {here.CheckWorkflow, anywhere, always},
	"Workflow":      {here.Workflow, system, always},
	"Workflows":     {here.Workflows, system, always},

	// Runs.
	"Start":      {here.Start, ofNewRun(startKeys["Start"]), byCommand},
	"Seen":       {here.Seen, anywhere, always},
	"Rerun":      {here.Rerun, ofNewRun(startKeys["Rerun"]), byCommand},
	"Fork":       {here.Fork, ofNewRun(startKeys["Fork"]), byCommand},
	"PrepareJob": {here.PrepareJob, system, always},
	"Submit":     {here.Submit, ofNewRun(startKeys["Submit"]), byCommand},
	"Command":    {here.Command, ofRun(1), byCommand},
	"View":       {here.View, ofRun(1), always},
	"WaitRun":    {here.WaitRun, ofRun(1), always},
	"LatestRun":  {here.LatestRun, anywhere, always},
	"Runs":       {here.Runs, anywhere, always},
	"Timeline":   {here.Timeline, ofRun(1), always},
	"Effects":    {here.Effects, ofRun(1), always},
	"Logs":       {here.Logs, ofLogs, always},
	"Iterations": {here.Iterations, ofRun(1), always},
	"Held":       {here.Held, anywhere, always},

	// Jobs: their ids begin with their runs'.
	"Job":          {here.Job, ofRun(1), always},
	"Jobs":         {here.Jobs, anywhere, always},
	"CancelJob":    {here.CancelJob, ofRun(1), byCommand},
	"DeleteJob":    {here.DeleteJob, ofRun(1), always},
	"JobDecisions": {here.JobDecisions, ofRun(1), always},

	// Approvals: so do theirs.
	"Approvals":  {here.Approvals, anywhere, always},
	"Approval":   {here.Approval, ofRun(1), always},
	"Decide":     {here.Decide, ofRun(1), byCommand},
	"EditJob":    {here.EditJob, ofRun(1), byCommand},
	"Delegate":   {here.Delegate, ofRun(1), byCommand},
	"Deliveries": {here.Deliveries, ofRun(1), always},

	// Dead letters are named by their jobs. Redrives are the installation's.
	"DeadLetters":  {here.DeadLetters, anywhere, always},
	"DeadGroups":   {here.DeadGroups, anywhere, always},
	"DeadLetter":   {here.DeadLetter, ofRun(1), always},
	"RetryDead":    {here.RetryDead, ofRun(1), byCommand},
	"DeleteDead":   {here.DeleteDead, ofRun(1), once},
	"PurgeDead":    {here.PurgeDead, system, always},
	"StartRedrive": {here.StartRedrive, system, byCommand},
	"Redrive":      {here.Redrive, system, always},
	"Redrives":     {here.Redrives, system, always},
	"StopRedrive":  {here.StopRedrive, system, always},

	// Holds, and the fleet, whose one place is with partition 0.
	"Holds":             {here.Holds, system, always},
	"SetHold":           {here.SetHold, system, once},
	"LiftHold":          {here.LiftHold, system, once},
	"Workers":           {here.Workers, system, always},
	"Pools":             {here.Pools, system, always},
	"Drains":            {here.Drains, system, always},
	"SetDrain":          {here.SetDrain, system, always},
	"LiftDrain":         {here.LiftDrain, system, always},
	"ConfigDocument":    {here.ConfigDocument, system, always},
	"PutConfigDocument": {here.PutConfigDocument, system, once},

	// Locks live where their names say. Who asks again for one that it has gets the same grant.
	"AcquireLock": {here.AcquireLock, ofLockRequest, always},
	"RenewLock":   {here.RenewLock, ofLockRequest, always},
	"ReleaseLock": {here.ReleaseLock, ofLockRequest, always},
	"Lock":        {here.Lock, ofLock, always},
	"LocksAt":     {locksAt, ofPartition, always},

	// For the processes themselves.
	"Partitions":    {countPartitions, system, always},
	"Owners":        {owners, system, always},
	"PolicyChanged": {here.PolicyChanged, anywhere, always},
}

// countPartitions answers how many partitions the store has.
//
//nolint:revive // as in a method expression, the receiver comes first
func countPartitions(r *runner.Runner, _ context.Context) (int, error) {
	return r.Partitions(), nil
}

// owners answers who owns which partition, as far as the asked one knows.
//
//nolint:revive // as in a method expression, the receiver comes first
func owners(r *runner.Runner, _ context.Context) ([]string, error) {
	return r.Owners(), nil
}

// locksAt answers the locks that live with the owner of a partition.
//
//nolint:revive // as in a method expression, the receiver comes first
func locksAt(r *runner.Runner, ctx context.Context, _ int, c runner.Caller, prefix, cursor string, limit int) ([]runner.LockView, string, error) {
	return r.Locks(ctx, c, prefix, cursor, limit)
}

var errorType = reflect.TypeFor[error]()

// signature is what of a method's arguments and results goes over the bus.
func (m *method) signature() (args, results []reflect.Type, fails bool) {
	t := reflect.TypeOf(m.fn)
	for i := 2; i < t.NumIn(); i++ { // behind the runner and the context
		args = append(args, t.In(i))
	}
	for i := range t.NumOut() {
		if t.Out(i) == errorType {
			return args, results, true
		}
		results = append(results, t.Out(i))
	}
	return args, results, false
}

// do calls the method in this process.
func (m *method) do(ctx context.Context, r *runner.Runner, args []reflect.Value) ([]reflect.Value, error) {
	t := reflect.TypeOf(m.fn)
	in := append([]reflect.Value{reflect.ValueOf(r), reflect.ValueOf(ctx)}, args...)
	f := reflect.ValueOf(m.fn)
	var out []reflect.Value
	if t.IsVariadic() {
		out = f.CallSlice(in)
	} else {
		out = f.Call(in)
	}
	if n := len(out); n > 0 && t.Out(n-1) == errorType {
		err, _ := out[n-1].Interface().(error)
		return out[:n-1], err
	}
	return out, nil
}
