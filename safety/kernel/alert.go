package kernel

import (
	"context"
	"slices"
	"time"
)

// Alert is something that is wrong with the policy while what was in force stays.
type Alert struct {
	At      time.Time `json:"at"`
	Subject string    `json:"subject"` // what it is about: the file's name, a version
	Message string    `json:"message"`
}

// raise says that something is wrong: in the log, in the metric, in the status, and with the next tell in the audit log.
// With the turn.
func (k *Kernel) raise(subject string, err error) {
	a := Alert{At: time.Now().UTC(), Subject: subject, Message: err.Error()}
	k.log.Error("policy alert", "subject", subject, "error", err)
	k.meters.alerts.Inc()
	k.alarm.Store(&a)
	if len(k.untold) == maxUntold {
		k.untold = slices.Delete(k.untold, 0, 1)
	}
	k.untold = append(k.untold, a)
}

// tell writes the alerts that are not yet there into the audit log. With the turn, and only while documents can be changed.
func (k *Kernel) tell(ctx context.Context) {
	for len(k.untold) > 0 {
		if err := k.cfg.Documents.ChangeDocs(ctx, k.itself(k.untold[0].Message), ActAlert, k.untold[0].Subject); err != nil {
			k.log.Warn("policy alert not in the audit log yet", "error", err)
			return
		}
		k.untold = k.untold[1:]
	}
}

// itself is who does what nobody asked for.
func (k *Kernel) itself(reason string) Who {
	return Who{Tenant: k.cfg.Tenant, Actor: systemActor, Reason: clip(reason, MaxReason), ActorType: "service"}
}

// clip shortens a text to n bytes, at the beginning of a character.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xc0 == 0x80 {
		n--
	}
	return s[:n]
}
