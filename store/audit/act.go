package audit

// Act is a kind of security-relevant act (docs/audit.md). Its text is part of what is hashed: never change one.
type Act string

// actCodes are the acts that are written as a number, from 1 on, in rows. The order is part of the stored form: only add.
var actCodes = [...]Act{
	RunStart, Decision, Release, Result, Approval, Override, Signal, Quarantine, PolicyPublish, PolicyRollback, PolicyDraft, PolicyAlert,
	ConfigChange, PackInstall, Login, KeyCreate, KeyRevoke, Replay, Export, HoldSet, HoldLift, BreakGlass, Retention,
	Backup, Restore,
}

// appendAct writes an act as its number, or as 0 and its text.
func appendAct(b []byte, a Act) []byte {
	for i, known := range actCodes {
		if a == known {
			return append(b, byte(i+1))
		}
	}
	return appendString(append(b, 0), string(a))
}

// The acts. What a worker, the engine or a person did in a run has a fact there, which the record names.
const (
	RunStart   Act = "run.start"  // a run was asked for
	Decision   Act = "decision"   // the policy's answer on a job
	Release    Act = "release"    // a job may be sent from here on, or may not any more
	Result     Act = "result"     // how an attempt, a step or a run ended
	Approval   Act = "approval"   // asked, answered, escalated, delegated, used up, withdrawn
	Override   Act = "override"   // a person changed a run's course: paused, cancelled, retried, rolled back, skipped
	Signal     Act = "signal"     // a person or a system sent a run a signal
	Quarantine Act = "quarantine" // an output was held back by policy, or let go

	PolicyPublish  Act = "policy.publish"
	PolicyRollback Act = "policy.rollback"
	PolicyDraft    Act = "policy.draft"
	PolicyAlert    Act = "policy.alert"
	ConfigChange   Act = "config.change"
	PackInstall    Act = "pack.install"
	Login          Act = "login"
	KeyCreate      Act = "key.create"
	KeyRevoke      Act = "key.revoke"
	Replay         Act = "replay"
	Export         Act = "export"
	HoldSet        Act = "hold.set"
	HoldLift       Act = "hold.lift"
	BreakGlass     Act = "break_glass"
	// Retention: old segments were removed. The record says up to where.
	Retention Act = "retention"

	Backup  Act = "backup"  // a copy of the store was asked for
	Restore Act = "restore" // the store was put back from a copy: what came after the copy is gone
)
