package kernel

// Status is what a person wants to know of the policy in force.
type Status struct {
	Version Version // the newest that was published; its number is 0 before the first
	// InForce tells whether the snapshot of Version is; if not, no job starts.
	InForce           bool
	Base              string      // the file or address; "" none
	Shadow            *ShadowInfo // nil: none
	Alert             *Alert      // what was wrong at the last look; nil: nothing
	SignatureRequired bool
	Keys              []string // ids of the public keys
	MaxBytes          int
}

// Status says what is in force and what is wrong.
func (k *Kernel) Status() Status {
	st := k.state.Load()
	s := Status{
		Version: st.version, InForce: k.Ready(), Alert: k.alarm.Load(),
		SignatureRequired: k.cfg.SignatureRequired, Keys: k.cfg.Keys.IDs(), MaxBytes: k.cfg.MaxBytes,
	}
	if k.cfg.Base != nil {
		s.Base = k.baseName()
	}
	if shadow := k.shadow.Load(); shadow != nil {
		info := shadow.info
		s.Shadow = &info
	}
	return s
}
